"""The rules of a network: its own first, then its presets, or an error at the start."""

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import SettingsError
from appliance.rules import known_presets
from appliance.rules import load_rules
from appliance.settings import PRESETS
from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet

from .house import N1
from .house import House


def rules(house: House, settings: str = "", own: str | None = None) -> RuleSet:
    house.files.settings.write_text(N1 + settings)
    if own is not None:
        house.files.rules.write_text(own)
    return load_rules(house.settings(), house.files)


def target(rules: RuleSet, path: str) -> tuple[str | None, str] | None:
    asked = Asked(path, IPv4Address("10.0.0.5"), facts={"network": "n1"})
    found = rules.apply(asked)
    return None if found is None else (found.target, found.origin.partition(":")[0])


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def test_the_presets_are_there() -> None:
    """Every dialect is a rules file, not Python; a network has four of itself."""
    more = {"cloudstack", "digitalocean", "gce", "hetzner", "vultr"}
    assert set(known_presets()) == {*PRESETS, *more}


# dialect: a path that it alone serves, or serves first
OWN_PATHS = {
    "ec2": "/latest/meta-data/instance-id",
    "openstack": "/openstack/latest/meta_data.json",
    "nocloud": "/nocloud/meta-data",
    "zstack": "/any/meta-data/instance-id",
}


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_alone(house: House, preset: str) -> None:
    found = rules(house, f'[metadata]\npresets = ["{preset}"]\n')
    for each, path in OWN_PATHS.items():
        served = target(found, path)
        if each == preset:
            assert served is not None
            assert served[1] == f"preset {preset}"
        elif preset != "zstack":  # whose tree takes any prefix for a version
            assert served is None


@pytest.mark.parametrize("absent", ["ec2", "openstack", "nocloud"])
def test_one_preset_taken_out(house: House, absent: str) -> None:
    """Exactly that dialect is 404."""
    names = [name for name in PRESETS if name not in (absent, "zstack")]
    found = rules(house, f"[metadata]\npresets = {names}\n".replace("'", '"'))
    served = {
        each
        for each in OWN_PATHS
        if each != "zstack" and target(found, OWN_PATHS[each])
    }
    assert served == set(names)


def test_a_preset_that_is_not_there(house: House) -> None:
    """A preset that is named and missing is an error at the start."""
    with pytest.raises(SettingsError) as raised:
        rules(house, '[metadata]\npresets = ["ec2", "azure"]\n')
    assert str(raised.value) == (
        f"{house.files.settings}: metadata.presets: 'azure' is not there:"
        " cloudstack, digitalocean, ec2, gce, hetzner, nocloud, openstack, vultr,"
        " zstack are"
    )


def test_the_operators_rules_come_first(house: House) -> None:
    """[[metadata.rewrite]], then the .rules file, then the presets."""
    found = rules(
        house,
        "[[metadata.rewrite]]\nmatch = '^/nocloud/user-data$'\nto = '/default/toml'\n",
        'url.rewrite-once = ("^/nocloud/(user|vendor)-data$" => "/default/file")\n',
    )
    assert target(found, "/nocloud/user-data") == (
        "/default/toml",
        str(house.files.settings),
    )
    assert target(found, "/nocloud/vendor-data") == (
        "/default/file",
        str(house.files.rules),
    )
    assert target(found, "/nocloud/meta-data") == (
        "/10.0.0.5/nocloud/meta-data",
        "preset nocloud",
    )


def test_a_rule_in_toml_can_hold_quotes(house: House) -> None:
    found = rules(
        house, "[[metadata.rewrite]]\nmatch = '^/a\"b$'\nto = '/shared/a\"b'\n"
    )
    served = target(found, '/a"b')
    assert served is not None
    assert served[0] == '/shared/a"b'


@pytest.mark.parametrize(
    ("own", "where"),
    [
        ('url.rewrite-once = ("^/a(" => "/b")\n', ":1:"),
        ("\nnonsense\n", ":2:"),
        ('url.rewrite-once = ("^/a$" => "/$9")\n', ":1:"),
        ('url.rewrite-once = ("^/a$" => "/${nobody}")\n', ":1:"),
    ],
)
def test_a_bad_rule_says_where(house: House, own: str, where: str) -> None:
    with pytest.raises(SettingsError) as raised:
        rules(house, own=own)
    assert str(raised.value).startswith(f"{house.files.rules}{where}")


def test_a_bad_rule_in_toml_says_where(house: House) -> None:
    with pytest.raises(SettingsError) as raised:
        rules(house, "[[metadata.rewrite]]\nmatch = '('\nto = '/a'\n")
    assert str(raised.value).startswith(f"{house.files.settings}: metadata.rewrite:1:")


def test_rules_that_are_no_text(house: House) -> None:
    house.files.rules.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"n1\.rules: "):
        rules(house)


def test_a_rule_in_toml_has_every_key(house: House) -> None:
    """[[metadata.rewrite]] says what a rules file says, and a mistake names its key
    (issue 6.1: the same rules in TOML)."""
    found = rules(
        house,
        "[[metadata.rewrite]]\nmatch = '^/a$'\nto = '/shared/a'\nmethod = 'GET'\n"
        "header = { X-A = '^1$' }\nheaders = { X-B = '2' }\nif_missing = 'next'\n",
    )
    asked = Asked("/a", IPv4Address("10.0.0.5"), headers={"x-a": "1"})
    served = found.apply(asked)
    assert served is not None
    assert (served.target, served.headers) == ("/shared/a", (("X-B", "2"),))
    assert found.headers >= {"x-a"}
    assert target(found, "/a") is None
    with pytest.raises(
        SettingsError, match=r"metadata\.rewrite:1:1: if_mising: is not"
    ):
        rules(house, "[[metadata.rewrite]]\nmatch = '^/a$'\nif_mising = '404'\n")


def test_a_file_that_is_included(house: House) -> None:
    """include reads what is beside the .rules file, and nothing else (issue 6.1)."""
    beside = house.files.rules.parent / "more.inc"
    beside.write_text('url.rewrite-once = ("^/a$" => "/shared/a")\n')
    found = rules(house, own='include "more.inc"\n')
    assert target(found, "/a") == ("/shared/a", str(beside))
    with pytest.raises(SettingsError, match="only a file beside this one"):
        rules(house, own='include "../more.inc"\n')
    with pytest.raises(SettingsError, match="there is no file"):
        rules(house, own='include "none.inc"\n')
