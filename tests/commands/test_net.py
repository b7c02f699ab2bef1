"""`metalease net`: the networks of this host."""

import os
from pathlib import Path

import pytest
import toml

from appliance.layout import Layout
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import listed
from tests.appliance.house import mac

BRIDGED = N1.replace('device = "eth0"', 'bridge = "br0"')
N2 = BRIDGED.replace("10.0.0.", "10.2.0.")
FLAGS = ("--subnet", "10.2.0.0/24", "--dhcp-address", "10.2.0.2")


@pytest.fixture
def bare(tmp_path: Path) -> House:
    """Nothing at all."""
    layout = Layout(tmp_path)
    return House(layout, layout.network("n1"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A network n1 on br0."""
    return House.build(tmp_path, BRIDGED)


def refused(said: Said) -> str:
    assert said.code == 1
    assert said.err.count("\n") == 1
    return said.err.removeprefix("metalease: ").rstrip("\n")


def test_add_from_a_file(bare: House, tmp_path: Path) -> None:
    """The operator's file as he wrote it, comments and all, for everybody to read."""
    text = "# é, by hand\n" + N1
    (tmp_path / "mine.toml").write_text(text)
    assert bare.metalease("net", "add", "n1", tmp_path / "mine.toml") == Said(0, "", "")
    assert bare.files.settings.read_text() == text
    assert bare.files.settings.stat().st_mode & 0o777 == 0o644
    assert os.listdir(bare.layout.networks) == ["n1.toml"]


def test_add_from_standard_input(bare: House) -> None:
    assert bare.metalease("net", "add", "n1", "-", stdin=N1.encode()).code == 0
    assert bare.files.settings.read_text() == N1


def test_add_by_options(bare: House) -> None:
    words = (
        *("--gateway", "10.2.0.1", "--bridge", "br0", "--mtu", 1400),
        *("--dns", "10.2.0.53", "--domain", "n.example", "--lease-time", "12h"),
        "--route",
    )
    route = "10.9.0.0/16 via 10.2.0.9"
    assert bare.metalease("net", "add", "n1", *FLAGS, *words, route) == Said(0, "", "")
    assert toml.loads(bare.files.settings.read_text()) == {
        "network": {
            "subnet": "10.2.0.0/24",
            "gateway": "10.2.0.1",
            "dhcp_address": "10.2.0.2",
            "mtu": 1400,
            "dns": ["10.2.0.53"],
            "domain": "n.example",
            "routes": [route],
        },
        "attach": {"bridge": "br0"},
        "dhcp": {"lease_time": "12h"},
    }


def test_an_existing_file_is_never_rewritten(house: House) -> None:
    """It is the operator's; the same again is no error and no write."""
    before = house.files.settings.stat()
    assert house.metalease("net", "add", "n1", "-", stdin=BRIDGED.encode()).code == 0
    other = BRIDGED.replace("n1.example", "other.example")
    assert refused(house.metalease("net", "add", "n1", "-", stdin=other.encode())) == (
        f"{house.files.settings}: is there already and yours: edit it, or net rm first"
    )
    assert house.files.settings.stat() == before


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("gateway", "gatway", "network.gatway: is not a known key: did you mean 'gat"),
        ("[attach]", "[atach]", "atach: is not a known key: did you mean 'attach'?"),
        ('"10.2.0.2"', '"10.3.0.2"', "network.dhcp_address: 10.3.0.2 is not in 10.2."),
        ("br0", "b" * 16, "attach.bridge: 'bbbbbbbbbbbbbbbb': is no link's name"),
        ("[network]", "[network", "is not TOML: "),
        ("example", "\udcff", "is not UTF-8 text"),
    ],
)
def test_add_of_a_bad_file(house: House, old: str, new: str, what: str) -> None:
    """The error names the file that was given, the key and the value; nothing is
    written.
    """
    text = N2.replace(old, new).encode("utf-8", "surrogateescape")
    said = house.metalease("net", "add", "n2", "-", stdin=text)
    assert refused(said).startswith(f"standard input: {what}")
    assert house.layout.network_names() == ["n1"]


@pytest.mark.parametrize(
    "words", [(), ("f", *FLAGS)], ids=["nothing", "a file and options"]
)
def test_add_of_one_or_the_other(house: House, words: tuple[str, ...]) -> None:
    said = house.metalease("net", "add", "n2", *words)
    assert refused(said) == "net add: give a FILE, - or options like --subnet"


def test_add_by_too_few_options(house: House) -> None:
    said = house.metalease("net", "add", "n2", "--subnet", "10.2.0.0/24")
    assert refused(said) == "net add: network.dhcp_address: is missing"


def test_no_two_networks_overlap_on_a_bridge(house: House) -> None:
    """dhcp 74: each has its own addresses; another bridge is another link."""
    text = BRIDGED.replace("10.0.0.0/24", "10.0.0.0/25")
    assert refused(house.metalease("net", "add", "n2", "-", stdin=text.encode())) == (
        "standard input: network.subnet: 10.0.0.0/25 overlaps network n1, which is on"
        " the same link"
    )
    elsewhere = text.replace("br0", "br1").encode()
    assert house.metalease("net", "add", "n2", "-", stdin=elsewhere).code == 0
    assert house.metalease("net", "add", "n3", "-", stdin=N2.encode()).code == 0


def test_no_two_networks_have_one_namespace(house: House) -> None:
    text = N2 + 'namespace = "br0_n1"\n'
    assert refused(house.metalease("net", "add", "n2", "-", stdin=text.encode())) == (
        "standard input: attach.namespace: 'br0_n1' is network n1's: choose another"
    )


def test_a_bad_neighbour_is_told_and_hurts_nobody(house: House) -> None:
    house.files.settings.write_text("nonsense")
    said = house.metalease("net", "add", "n2", "-", stdin=N2.encode())
    assert said.code == 0
    assert said.err.startswith(f"metalease: {house.files.settings}: is not TOML")


@pytest.mark.parametrize("name", ["N2", "../n2", "a" * 33, ""])
def test_names_that_are_none(house: House, name: str) -> None:
    said = house.metalease("net", "add", name, "-", stdin=N2.encode())
    assert "a network's name is 1 to 32 of" in refused(said)


def test_ls(house: House) -> None:
    house.layout.network("n2").settings.write_text(N2)
    with house.running():
        said = house.metalease("net", "ls")
        as_json = listed(house.metalease("net", "ls", "--json").out)
    assert said.code == 0
    assert said.out == (
        "NETWORK  SUBNETS      ATTACHED    DAEMON\n"
        "n1       10.0.0.0/24  bridge br0  running\n"
        "n2       10.2.0.0/24  bridge br0  not running\n"
    )
    assert as_json[0] == {
        "network": "n1",
        "subnets": ["10.0.0.0/24"],
        "attached": "bridge br0",
        "running": True,
    }


def test_ls_names_bad_files(house: House) -> None:
    house.layout.network("n0").settings.write_text("nonsense")
    said = house.metalease("net", "ls")
    assert said.code == 1
    assert "n0.toml: is not TOML" in said.err
    assert said.out.splitlines()[1].startswith("n1 ")


def test_ls_of_nothing(bare: House) -> None:
    said = bare.metalease("net", "ls")
    assert said == Said(
        0, "", "metalease: no networks yet: metalease net add NET FILE\n"
    )
    assert listed(bare.metalease("net", "ls", "--json").out) == []


def test_show(house: House) -> None:
    found = listed(house.metalease("net", "show", "n1", "--json").out)
    assert found["ranges"] == [
        {"subnet": "10.0.0.0/24", "gateway": "10.0.0.1", "dhcp_address": "10.0.0.2"}
    ]
    assert found["namespace"] == "br0_n1"
    assert found["lease_time"] == 86_400
    text = house.metalease("net", "show", "n1").out
    assert "domain               n1.example\n" in text


def test_check_says_everything_that_is_wrong(tmp_path: Path) -> None:
    """Files, rules, bindings: exit code 1 where anything is."""
    house = House.build(tmp_path)
    house.bind(5, mtu=1)
    house.bind(6, ip="10.0.0.1")
    said = house.metalease("net", "check", "n1", "--json")
    assert said.code == 1
    problems = listed(said.out)["n1"]["problems"]
    assert f"{house.file(5)}: mtu: 1: has to be 68 to 65535" in problems
    assert any("10.0.0.1 is the gateway's" in each for each in problems)
    house.files.rules.write_text("nonsense")
    said = house.metalease("net", "check")
    assert said.code == 1
    assert said.out.startswith(f"n1: 1 problem\n  {house.files.rules}:1:")
    said = house.metalease("net", "check", "n9")
    assert said.code == 1
    assert "there is no network 'n9'" in said.out


@pytest.fixture
def device(tmp_path: Path) -> House:
    """A network on a device, which nobody made and nobody unmakes."""
    return House.build(tmp_path)


def test_rm(device: House) -> None:
    device.layout.network("n2").settings.write_text(N2)
    assert device.metalease("net", "rm", "n1") == Said(0, "", "")
    assert device.layout.network_names() == ["n2"]
    assert not device.files.state.exists()
    assert "there is no network 'n1'" in refused(device.metalease("net", "rm", "n1"))


def test_rm_loses_nothing_unasked(device: House) -> None:
    """With bindings or documents it is refused, unless --force."""
    device.bind(5)
    device.drop(ip(5), "user-data", b"")
    device.drop("default", "vendor-data", b"")
    assert refused(device.metalease("net", "rm", "n1")) == (
        "network n1: has 1 binding and 2 documents: remove them first, or --force"
    )
    device.file(5).unlink()
    assert "has 0 bindings and 2 documents" in refused(
        device.metalease("net", "rm", "n1")
    )
    assert device.files.settings.exists()
    assert device.metalease("net", "rm", "n1", "--force").code == 0
    assert os.listdir(device.files.state.parent) == []


def test_rm_of_one_that_runs(device: House) -> None:
    with device.running():
        said = device.metalease("net", "rm", "n1", "--force")
    assert refused(said) == "network n1: its daemon is running: stop it first"
    assert device.files.settings.exists()


def test_what_net_add_writes_is_what_put_reads(bare: House) -> None:
    """From nothing to a bound guest: two commands."""
    bare.metalease("net", "add", "n1", "-", stdin=N1.encode())
    assert bare.metalease("put", "n1", ip(5), "--mac", mac(5)).code == 3
    assert listed(bare.metalease("ls", "n1", "--json").out)[0]["ip"] == "10.0.0.5"
