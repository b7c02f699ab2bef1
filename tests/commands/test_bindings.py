"""`metalease ls`, `show`, `rm` and `accept`."""

import json
import os
from pathlib import Path

import pytest

from appliance.activity import Activity
from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import listed
from tests.appliance.house import mac

NOTHING = "metalease: network n1: nothing is bound to {}: metalease ls n1\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5, hostname="web")
    house.drop(ip(5), "user-data", b"own")
    return house


def test_ls_without_a_daemon(house: House) -> None:
    """The files are the truth; what the daemon has heard is not known."""
    house.bind(40, default_network=False)
    assert house.metalease("ls", "n1") == (
        Said(
            0,
            "IP         MAC                HOSTNAME      KIND         LAST ACK\n"
            "10.0.0.5   fa:16:3e:00:00:05  web                        (not running)\n"
            "10.0.0.40  fa:16:3e:00:00:28  ip-10-0-0-40  further NIC  (not running)\n",
            "",
            house.metalease("ls", "n1").octets,
        )
    )


def test_ls_says_what_was_heard(house: House) -> None:
    house.bind(6)
    house.bind(7)
    with house.running() as control:
        known = control.observation.activity
        known[mac(5).octets] = Activity(control.started - 60)
        known[mac(6).octets] = Activity(None, "in use by another")
        said = house.metalease("ls", "n1")
        assert said.code == 0
        heard = [line.split("  ")[-1] for line in said.out.splitlines()[1:]]
        assert heard[0].endswith(" s ago")
        assert heard[1:] == ["conflict: in use by another", "never"]
        as_json = listed(house.metalease("ls", "n1", "--json").out)
    assert as_json[0] == {
        "mac": "fa:16:3e:00:00:05",
        "ip": "10.0.0.5",
        "hostname": "web",
        "default_network": True,
        "acknowledged": control.started - 60,
        "conflict": None,
    }
    assert [each["ip"] for each in as_json] == ["10.0.0.5", "10.0.0.6", "10.0.0.7"]


def test_ls_names_bad_files_and_lists_the_others(house: House) -> None:
    """Exit code 1: something has to be mended."""
    house.file(6).write_text("{")
    said = house.metalease("ls", "n1", "--json")
    assert said.code == 1
    assert [each["ip"] for each in listed(said.out)] == ["10.0.0.5"]
    assert said.err.startswith(f"metalease: {house.file(6)}: is not JSON: ")
    assert said.err.count("\n") == 1


def test_ls_of_nothing(house: House) -> None:
    house.file(5).unlink()
    said = house.metalease("ls", "n1")
    hint = "metalease: no bindings yet: metalease put n1 IP --mac MAC\n"
    assert said == Said(0, "", hint)
    assert listed(house.metalease("ls", "n1", "--json").out) == []


@pytest.mark.parametrize("who", [str(ip(5)), str(mac(5)), mac(5).digits])
def test_show(house: House, who: str) -> None:
    """What the file says, what follows from it, and its documents."""
    said = house.metalease("show", "n1", who, "--json")
    assert said.code == 0
    assert listed(said.out) == {
        "mac": "fa:16:3e:00:00:05",
        "ip": "10.0.0.5",
        "hostname": "web",
        "instance_id": "190cf164-a8db-5a9c-9e3e-0714e9166bb0",
        "documents": {"user-data": 3},
    }
    text = house.metalease("show", "n1", who).out.splitlines()
    assert text[0] == "mac              fa:16:3e:00:00:05"
    assert text[-1] == "document         user-data (3 octets)"


def test_show_documents(house: House) -> None:
    """issue 5.3: each path that the guest can be served, and where it comes from."""
    house.drop(ip(5), "meta-data/local-hostname", b"own")
    house.drop(ip(5), "meta-data/placement", b"hides a directory of default/")
    house.drop(ip(5), "half.tmp", b"no document")
    house.drop("default", "meta-data/local-hostname", b"hidden by its own")
    house.drop("default", "vendor-data", b"default")
    house.drop("default", "large", b"x" * 300_000)
    said = house.metalease("show", "n1", ip(5), "--documents", "--json")
    found = {each["path"]: (each["from"], each["octets"]) for each in listed(said.out)}
    assert found["user-data"] == ("own", 3)
    assert found["meta-data/local-hostname"] == ("own", 3)
    assert found["meta-data/placement"] == ("own", 29)
    assert found["vendor-data"] == ("default", 7)
    assert found["large"] == ("default", 300_000)
    assert found["meta-data/local-ipv4"] == ("made", 8)
    assert found["meta_data.json"][0] == "made"
    assert not {"half.tmp", "meta-data/public-keys"} & found.keys()
    assert [each["path"] for each in listed(said.out)] == sorted(found)
    table = house.metalease("show", "n1", ip(5), "--documents").out.splitlines()
    assert table[0].split() == ["PATH", "FROM", "OCTETS"]
    assert ["user-data", "own", "3"] in [line.split() for line in table]
    assert len(table) == len(found) + 1


def test_show_of_a_bad_file(house: House) -> None:
    house.bind(5, mtu=1)
    said = house.metalease("show", "n1", mac(5))
    assert (said.code, said.out) == (1, "")
    assert said.err == f"metalease: {house.file(5)}: mtu: 1: has to be 68 to 65535\n"


@pytest.mark.parametrize("word", ["show", "rm"])
@pytest.mark.parametrize("who", [str(ip(6)), str(mac(6))])
def test_nothing_is_bound(house: House, word: str, who: str) -> None:
    assert house.metalease(word, "n1", who) == Said(1, "", NOTHING.format(who))


@pytest.mark.parametrize("word", ["show", "rm"])
def test_neither_ip_nor_mac(house: House, word: str) -> None:
    said = house.metalease(word, "n1", "web")
    assert said == Said(1, "", "metalease: web: is neither an IP nor a MAC\n")


@pytest.mark.parametrize("who", [str(ip(5)), str(mac(5))])
def test_rm_takes_the_documents_along(house: House, who: str) -> None:
    """A freed address keeps nothing for its next guest; others' stay."""
    house.bind(6)
    house.drop(ip(6), "user-data", b"other")
    with house.running() as control:
        assert house.metalease("rm", "n1", who) == Said(0, "", "")
        assert control.state.at(ip(5)) is None
    assert os.listdir(house.files.bindings) == [house.file(6).name]
    assert os.listdir(house.files.metadata) == ["10.0.0.6"]


def test_rm_without_a_daemon(house: House) -> None:
    """Exit code 3: it is removed all the same."""
    said = house.metalease("rm", "n1", ip(5))
    assert said.code == 3
    assert said.err == (
        "metalease: network n1: fa:16:3e:00:00:05 is removed on disk; its daemon is"
        " not running and will find it: metalease run n1\n"
    )
    assert os.listdir(house.files.bindings) == []


@pytest.mark.parametrize("running", [False, True])
def test_rm_of_one_that_was_refused(house: House, running: bool) -> None:
    """Its file says another's address: that one's documents stay."""
    os.utime(house.file(5), ns=(1, 1))
    house.bind(6, ip="10.0.0.5")
    if running:
        with house.running():
            assert house.metalease("rm", "n1", mac(6)).code == 0
    else:
        assert house.metalease("rm", "n1", mac(6)).code == 3
    assert not house.file(6).exists()
    assert (house.files.metadata / "10.0.0.5/user-data").read_bytes() == b"own"


@pytest.mark.parametrize("running", [False, True])
def test_rm_by_address_means_who_has_it(house: House, running: bool) -> None:
    """Two files say it: the one in force, which is the older at a start."""
    os.utime(house.bind(255, mac=str(mac(6)), ip="10.0.0.5"), ns=(1, 1))
    house.file(255).rename(house.file(6))
    if running:
        with house.running():
            assert house.metalease("rm", "n1", ip(5)).code == 0
    else:
        assert house.metalease("rm", "n1", ip(5)).code == 3
    assert os.listdir(house.files.bindings) == [house.file(5).name]


def test_rm_of_a_bad_file(house: House) -> None:
    house.file(6).write_text("{")
    assert house.metalease("rm", "n1", mac(6)).code == 3
    assert not house.file(6).exists()
    assert (house.files.metadata / "10.0.0.5/user-data").exists()


def test_accept(house: House) -> None:
    for number in range(6, 46):
        house.bind(number)
    with house.running() as control:
        for number in range(5, 46):
            house.file(number).unlink()
        assert house.metalease("status", "n1").code == 0
        assert house.metalease("accept", "n1") == (
            Said(0, "41 bindings let go\n", "", b"41 bindings let go\n")
        )
        assert len(control.state.table) == 0
        assert house.metalease("accept", "n1").out == "0 bindings let go\n"


def test_accept_without_a_daemon(house: House) -> None:
    said = house.metalease("accept", "n1")
    assert said == Said(
        3,
        "",
        "metalease: network n1: its daemon is not running, so nothing is held back:"
        " metalease ls n1 shows what is bound\n",
    )


@pytest.mark.parametrize(
    "words",
    [("ls",), ("show", "10.0.0.5"), ("rm", "10.0.0.5"), ("accept",), ("status",)],
)
def test_no_such_network(house: House, words: tuple[str, ...]) -> None:
    """It says so, and makes no directory for it."""
    word, *rest = words
    said = house.metalease(word, "n9", *rest)
    assert said.code == 1
    assert "there is no network 'n9'" in said.err
    assert said.err.count("\n") == 1
    assert not house.layout.network("n9").state.exists()


def test_json_is_stable(house: House) -> None:
    """The same twice, and no octet beside it."""
    house.bind(6, hostname="a")
    for words in (("ls", "n1"), ("show", "n1", "10.0.0.5"), ("net", "show", "n1")):
        first = house.metalease(*words, "--json")
        assert first.out == house.metalease(*words, "--json").out
        assert first.out == json.dumps(listed(first.out), indent=1) + "\n"
