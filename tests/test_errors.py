"""Every mistake that an operator can make has its one line: the file, the key, the
value, and the way out.  What is written here is what is said.
"""

import os
from pathlib import Path

import pytest

from appliance.errors import NOT_RUNNING
from appliance.errors import REFUSED
from appliance.errors import SettingsError
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import mac

# what is replaced in a good network's file, and by what; what is said then
NETWORK = {
    ("[network]", "[netwrk]"): "netwrk: is not a known key: did you mean 'network'?",
    ("subnet =", "subnt ="): "network.subnet: is missing",
    ("gateway =", "gatway ="): (
        "network.gatway: is not a known key: did you mean 'gateway'?"
    ),
    ("10.0.0.0/24", "10.0.0.5/24"): (
        "network.subnet: '10.0.0.5/24': 10.0.0.5/24 has host bits set"
    ),
    (
        '"10.0.0.2"',
        '"10.1.0.2"',
    ): "network.dhcp_address: 10.1.0.2 is not in 10.0.0.0/24",
    ('"10.0.0.2"', '"10.0.0.0"'): (
        "network.dhcp_address: 10.0.0.0 is 10.0.0.0/24's own, no host can have it"
    ),
    ('"10.0.0.2"', '"10.0.0.1"'): (
        "network.dhcp_address: 10.0.0.1 is the gateway's already"
    ),
    ('"10.0.0.2"', '"ten"'): "network.dhcp_address: 'ten': Expected 4 octets in 'ten'",
    ('"10.0.0.2"', "2"): "network.dhcp_address: 2: has to be text",
    ('"10.0.0.1"', '"10.1.0.1"'): "network.gateway: 10.1.0.1 is not in 10.0.0.0/24",
    ('["10.0.0.53"]', '"10.0.0.53"'): ("network.dns: '10.0.0.53': has to be a list"),
    ("[attach]", "mtu = 67\n[attach]"): "network.mtu: 67: has to be 68 to 65535",
    ("[attach]", 'routes = ["10.9.0.0/16"]\n[attach]'): (
        "network.routes: ['10.9.0.0/16']: '10.9.0.0/16' is not like"
        " '10.9.0.0/16 via 10.0.0.9'"
    ),
    ("[attach]", 'routes = ["10.9.0.0/16 via 10.1.0.9"]\n[attach]'): (
        "network.routes: 10.1.0.9 is not on this network's link"
    ),
    (
        'device = "eth0"',
        "",
    ): "attach.bridge: one of bridge and device is needed, not both",
    ('device = "eth0"', 'device = "eth0"\nbridge = "br0"'): (
        "attach.bridge: one of bridge and device is needed, not both"
    ),
    ('device = "eth0"', 'device = "eth0"\nuplink = "eth1"'): (
        "attach.uplink: is a port of a bridge: a device has none"
    ),
    ('device = "eth0"', 'device = "a/b"'): (
        "attach.device: 'a/b': is no link's name: at most 15 letters, no /"
    ),
    ('device = "eth0"', 'bridge = "b"\nnamespace = ".."'): (
        "attach.namespace: '..': is no namespace's name: no /, at most 255 letters"
    ),
}
# what is added to it
MORE = {
    "[dhcp]\nenabled = 1": "dhcp.enabled: 1: has to be true or false",
    '[dhcp]\nlease_time = "1w"': (
        "dhcp.lease_time: '1w': has to be like 1d, 12h, 30m or 90s, or infinite"
    ),
    '[dhcp]\nreply = "unicast"': (
        "dhcp.reply: 'unicast': has to be one of auto, broadcast"
    ),
    "[dhcp]\nalways = [300]": "dhcp.always: [300]: has to be 1 to 254",
    "[metadata]\nports = []": "metadata.ports: needs at least one port",
    "[metadata]\nports = [0]": "metadata.ports: [0]: has to be 1 to 65535",
    '[metadata]\nidentity = "mac"': (
        "metadata.identity: 'mac': has to be one of ip+mac, ip"
    ),
    "[metadata]\nunknown = 404": "metadata.unknown: 404: has to be one of 404, default",
    "[metadata]\nrewrite = 5": "metadata.rewrite: has to be a list of tables",
    "[[metadata.rewrite]]\nmatch = '^/a$'": "metadata.rewrite[0].to: is missing",
    "[limits]\nconnections_per_ip = 0": (
        "limits.connections_per_ip: 0: has to be 1 to 1000000"
    ),
    "[limits]\nconnection_total = 5": (
        "limits.connection_total: is not a known key: did you mean 'connections_total'?"
    ),
    "[pool]\nenabled = true": (
        "pool: is not a known key:"
        " known here are network, attach, dhcp, metadata, limits, dns"
    ),
    '[[network.also]]\nsubnet = "10.0.0.128/25"\ndhcp_address = "10.0.0.130"': (
        "network.also[0].subnet: 10.0.0.128/25 overlaps 10.0.0.0/24"
    ),
    '[[network.also]]\nsubnet = "10.0.1.0/24"': (
        "network.also[0].dhcp_address: is missing"
    ),
    '[[network.also]]\nsubnet = "169.254.0.0/16"\ndhcp_address = "169.254.169.254"': (
        "network.also[0].dhcp_address: 169.254.169.254 is where metadata are served"
    ),
}
TEXTS = {
    **{N1.replace(*change): what for change, what in NETWORK.items()},
    **{f"{N1}{more}\n": what for more, what in MORE.items()},
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


@pytest.mark.parametrize(("text", "what"), TEXTS.items(), ids=TEXTS.values())
def test_mistakes_in_a_networks_file(house: House, text: str, what: str) -> None:
    """Every command that reads it says the same."""
    assert text != N1
    house.files.settings.write_text(text)
    for words in (("net", "show", "n1"), ("ls", "n1"), ("run", "n1")):
        said = house.metalease(*words)
        assert (said.code, said.out) == (1, "")
        assert said.err == f"metalease: {house.files.settings}: {what}\n"


@pytest.mark.parametrize(
    "text",
    [
        *("x", "[network", 'a = "\n', "[a]\n[a]", "= 5", "[]"),
        "[network]\n[[network]]",
        "x = " + "[" * 3000,
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_toml(house: House, text: str) -> None:
    """The library lets more than its own error out: they all come as one."""
    house.files.settings.write_text(text)
    said = house.metalease("net", "show", "n1")
    assert said.code == 1
    assert said.err.startswith(f"metalease: {house.files.settings}: is not TOML: ")


def test_a_networks_file_that_cannot_be_read(house: House) -> None:
    house.files.settings.write_bytes(b"\xff")
    said = house.metalease("net", "show", "n1")
    assert said.err.startswith(f"metalease: {house.files.settings}: is not UTF-8 text")
    house.files.settings.unlink()
    house.files.settings.mkdir()
    said = house.metalease("net", "show", "n1")
    assert said.code == 1
    assert "is no regular file" in said.err
    house.files.settings.rmdir()
    house.files.settings.symlink_to("/dev/zero")
    assert "is no regular file" in house.metalease("net", "show", "n1").err
    house.files.settings.unlink()
    os.mkfifo(house.files.settings)
    assert "is no regular file" in house.metalease("net", "show", "n1").err
    house.files.settings.unlink()
    house.files.settings.symlink_to("/nowhere")
    assert "is a link to nothing" in house.metalease("net", "show", "n1").err


def test_a_network_that_is_not_there(house: House) -> None:
    said = house.metalease("ls", "n9")
    files = house.layout.network("n9")
    assert said.err == (
        f"metalease: {files.settings}: there is no network 'n9': metalease net add n9\n"
    )


# what a binding's file says
BINDINGS = {
    "{": ": is not JSON: Expecting property name enclosed in double quotes: line 1"
    " column 2 (char 1)",
    "[]": ": has to be a table",
    '{"ip": "10.0.0.5"}': ": mac: is missing",
    '{"mac": "fa:16:3e:00:00:05", "ip": null}': ": ip: None: has to be text",
    '{"mac": "fa:16:3e:00:00:06", "ip": "10.0.0.5"}': (
        ": mac: fa:16:3e:00:00:06 is not the MAC in the file's name"
    ),
    '{"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.2"}': (
        ": ip: 10.0.0.2 is our DHCP address: choose another"
    ),
    '{"mac": "fa:16:3e:00:00:05", "ip": "10.9.0.2"}': (
        ": ip: 10.9.0.2 is not in this network (10.0.0.0/24)"
    ),
    '{"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5", "host_name": "a"}': (
        ": host_name: is not a known key: did you mean 'hostname'?"
    ),
    '{"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5", "admin_pass": "hunter\\n2"}': (
        ": admin_pass: has to be one line of text"
    ),
}


@pytest.mark.parametrize(("text", "what"), BINDINGS.items())
def test_mistakes_in_a_bindings_file(house: House, text: str, what: str) -> None:
    """Listed with its file; by `show`; and by `net check`, in the same words."""
    house.file(5).write_text(text)
    line = f"{house.file(5)}{what}"
    assert house.metalease("ls", "n1").err.splitlines()[-1] == f"metalease: {line}"
    assert house.metalease("show", "n1", mac(5)).err == f"metalease: {line}\n"
    assert f"  {line}\n" in house.metalease("net", "check", "n1").out


def test_an_error_is_a_place_and_a_reason() -> None:
    problem = SettingsError(Path("/f"), "is wrong")
    assert str(problem) == "/f: is wrong"
    assert (problem.where, problem.what) == ("/f", "is wrong")
    assert problem.exit_code == REFUSED == 1
    assert SettingsError("f", "x", exit_code=NOT_RUNNING).exit_code == 3


def test_rules_that_are_a_link_to_nothing(house: House) -> None:
    """Rules that an operator meant are never left out in silence."""
    house.files.rules.symlink_to("/nowhere")
    said = house.metalease("net", "check", "n1")
    assert said.code == 1
    assert f"{house.files.rules}: is a link to nothing" in said.out


def test_odd_characters_are_shown_and_not_sent(house: House) -> None:
    """What a file says reaches a terminal as text."""
    text = '{"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5", "\\u001b[31m\\ud800": 1}'
    house.file(5).write_text(text)
    said = house.metalease("net", "check", "n1")
    assert said.code == 1
    assert "\x1b" not in said.out
    assert "\\x1b[31m\\ud800" in said.out
