"""`metalease leases`: what the pool has given away."""

import math
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.leases import compose
from appliance.pool_state import read_clock
from dhcp.lease import Hold
from dhcp.lease import Use
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import listed
from tests.appliance.house import mac

POOL = '\n[dhcp]\npool = ["10.0.0.200-10.0.0.203"]\n'
FIRST = IPv4Address("10.0.0.200")
HEADS = "IP          MAC                STATE        UNTIL"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path, N1 + POOL)
    house.files.own.mkdir(parents=True)
    return house


def write(house: House, *holds: Hold) -> None:
    """Write a journal; the times of *holds* count from now."""
    clock = read_clock(time.monotonic())
    later = [replace(each, until=each.until + clock.now) for each in holds]
    house.files.leases.write_bytes(compose(later, clock))


def hold(number: int, use: Use = Use.LEASED, until: float = 3600.0) -> Hold:
    return Hold(FIRST + number, use, mac(number + 1).octets, until)


def test_without_a_daemon(house: House) -> None:
    """The journal says it, as the daemon would begin with it: without what has expired,
    and without those who are bound by now, or whose address is."""
    house.bind(2, ip="10.0.0.22")
    house.bind(77, ip="10.0.0.202")
    write(
        house,
        hold(0),
        hold(1),
        hold(2),
        replace(hold(3), use=Use.QUARANTINED, hardware=b"", until=math.inf),
    )
    said = house.metalease("leases", "n1")
    assert (said.code, said.err) == (0, "")
    heads, leased, rests = said.out.splitlines()
    assert heads == HEADS
    assert leased.startswith("10.0.0.200  fa:16:3e:00:00:01  leased       20")
    assert rests == "10.0.0.203                     quarantined  never"
    found = listed(house.metalease("leases", "n1", "--json").out)
    assert [each["ip"] for each in found] == ["10.0.0.200", "10.0.0.203"]
    assert found[0]["mac"] == "fa:16:3e:00:00:01"
    assert found[0]["until"] == pytest.approx(time.time() + 3600, abs=5)
    assert found[1] == {
        "mac": None,
        "ip": "10.0.0.203",
        "state": "quarantined",
        "until": None,
    }


def test_what_has_expired_is_not_shown(house: House) -> None:
    write(house, hold(0, until=-1.0))
    said = house.metalease("leases", "n1")
    nothing = "metalease: none of the pool's 4 addresses is held\n"
    assert (said.code, said.out, said.err) == (0, "", nothing)
    assert house.metalease("leases", "n1", "--json").out == "[]\n"


def test_before_the_first_lease(house: House) -> None:
    """No journal is one that says nothing."""
    assert house.metalease("leases", "n1").code == 0


def test_a_network_without_a_pool(tmp_path: Path) -> None:
    """Exit code 1, and the way out."""
    house = House.build(tmp_path)
    said = house.metalease("leases", "n1")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        f"metalease: {house.files.settings}: has no pool:"
        ' [dhcp] pool = ["FIRST-LAST"] makes one\n'
    )
    assert house.metalease("leases", "n2").code == 1


def test_a_journal_that_cannot_be_read(house: House) -> None:
    """Exit code 1, and which file."""
    house.files.leases.mkdir()
    said = house.metalease("leases", "n1")
    assert said.code == 1
    assert said.err == f"metalease: {house.files.leases}: is no regular file\n"


def test_a_daemon_that_runs_is_asked(house: House) -> None:
    """What it says is shown, offers too; and that it sleeps."""
    write(house, hold(3))
    leases = [
        {"mac": str(mac(1)), "ip": "10.0.0.200", "state": "offered", "until": 1e9}
    ]
    told = {"addresses": 4, "asleep": True, "leases": leases}
    with house.running(leases=lambda: told):
        said = house.metalease("leases", "n1")
        found = listed(house.metalease("leases", "n1", "--json").out)
    assert said.code == 0
    assert said.out.splitlines()[1].startswith(
        "10.0.0.200  fa:16:3e:00:00:01  offered  2001-09-09 "
    )
    assert said.err == (
        "metalease: another network shares the bridge: the pool answers nobody\n"
    )
    assert found == leases


def test_a_daemon_that_was_started_without_a_pool(house: House) -> None:
    """Exit code 1: what is shown must not be what is not in force."""
    with house.running():
        said = house.metalease("leases", "n1")
    assert said.code == 1
    assert said.err == (
        "metalease: network n1: its daemon: was started without a pool: restart it\n"
    )


def test_explain_shows_what_the_pool_would_do(house: House) -> None:
    """Offline: an address that is free, or the lease; without a probe."""
    write(house, hold(0))
    said = house.metalease("explain", "n1", "dhcp", mac(1), "--json")
    found = listed(said.out)
    assert (found["answer"], found["address"]) == ("OFFER", "10.0.0.200")
    assert found["because"] == f"10.0.0.200 is the pool's, for {mac(1)}"
    assert "probe" not in found
    found = listed(house.metalease("explain", "n1", "dhcp", mac(9), "--json").out)
    assert (found["answer"], found["address"]) == ("OFFER", "10.0.0.201")
    assert found["probe"] == "10.0.0.201: first it is asked for on the link"
    words = ("--type", "request", "--requested", "10.0.0.200")
    said = house.metalease("explain", "n1", "dhcp", mac(9), *words, "--json")
    assert listed(said.out)["answer"] == "silence: unknown_client"
