"""A network of 10,000 guests: each of them is answered as if it were alone.

The guests are one machine that speaks with 10,000 MACs.
"""

import json
import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import NOT_RUNNING
from appliance.lab.cell import ENVIRONMENT
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .packets import OFFER
from .packets import Wire
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

GUESTS = 10_000
BURST = 1_000
REMOVED = 6_000
FIRST_ADDRESS = IPv4Address("10.8.1.0")
BIG = b"""\
[network]
subnet = "10.8.0.0/16"
gateway = "10.8.0.1"
dhcp_address = "10.8.0.2"

[attach]
bridge = "br1"
"""
SEEN_WITHIN = 30.0  # seconds for files that nobody told of, on a busy machine


def mac(number: int) -> str:
    return f"fa:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def address(number: int) -> str:
    return str(FIRST_ADDRESS + number)


def expected(numbers: range) -> dict[str, str]:
    return {mac(number): address(number) for number in numbers}


def file(installation: Installation, owner: str) -> Path:
    bindings = installation.root / "var/lib/metalease/big/bindings"
    return bindings / f"{owner.replace(':', '')}.json"


@pytest.fixture
def crowded(installation: Installation, machine: Machine) -> Installation:
    """The network `big`, its 10,000 files dropped by hand, and no daemon yet."""
    machine.add_bridge("br1")
    installation.succeed("net", "add", "big", "-", stdin=BIG)
    first = installation.metalease("put", "big", address(0), "--mac", mac(0))
    assert first.returncode == NOT_RUNNING
    for owner, ip in expected(range(1, GUESTS)).items():
        binding = json.dumps({"mac": owner, "ip": ip})
        file(installation, owner).write_text(binding)
    return installation


@pytest.fixture
def big(crowded: Installation) -> Daemon:
    return crowded.start("big")


@pytest.fixture
def crowd(machine: Machine, big: Daemon) -> Guest:
    """A guest on the bridge of `big`; it owns the first binding."""
    return machine.add_guest("crowd", mac(0), bridge="br1")


def status(installation: Installation) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        installation.succeed("status", "big", "--json")
    )
    return found


def neighbours(daemon: Daemon) -> dict[str, str]:
    """The permanent neighbours where guests are served, by address."""
    inside = ["nsenter", "-t", str(daemon.serving()[0]), "-n"]
    shown = subprocess.check_output(
        [*inside, "ip", "-4", "-j", "neighbour", "show", "nud", "permanent"],
        env=ENVIRONMENT,
    )
    return {each["dst"]: each["lladdr"] for each in json.loads(shown)}


def addresses_offered(wire: Wire, macs: list[str]) -> dict[str, str]:
    """Send a DISCOVER of each, back to back; return who was offered what, once."""
    whose = wire.send_together(macs)
    answers = wire.receive_until(whose)
    assert len(answers) == len(whose), "an xid was answered twice"
    assert {each.kind for each in answers} == {OFFER}
    return {whose[each.xid]: each.address for each in answers}


def test_each_of_them_is_answered(
    crowded: Installation, big: Daemon, crowd: Guest
) -> None:
    """All 10,000 bindings are in force after a start (dhcp 68), and the address of each
    is its own MAC's in the kernel, for good (host H7, H22)."""
    found = status(crowded)
    assert (found["bindings"], found["bad_files"]) == (GUESTS, [])
    everyone = expected(range(GUESTS))
    assert neighbours(big) == {ip: owner for owner, ip in everyone.items()}
    with Wire(crowd) as wire:
        offered: dict[str, str] = {}
        for first in range(0, GUESTS, 500):
            some = [mac(number) for number in range(first, first + 500)]
            offered |= addresses_offered(wire, some)
    assert offered == everyone
    assert status(crowded)["lost_frames"] == 0


def test_a_burst_is_held(crowded: Installation, crowd: Guest) -> None:
    """1,000 guests that ask in one moment, as after a power cut, are all answered: the
    ring holds them (design, how a packet travels)."""
    with Wire(crowd) as wire:
        for turn in range(3):
            asking = range(turn * BURST, (turn + 1) * BURST)
            offered = addresses_offered(wire, [mac(number) for number in asking])
            assert offered == expected(asking)
    found = status(crowded)
    assert found["lost_frames"] == 0
    assert found["dhcp"] == {"DISCOVER OFFER": 3 * BURST}


def test_a_put_among_them_is_in_force(
    crowded: Installation, big: Daemon, crowd: Guest
) -> None:
    """One more and one changed cost nobody else anything: the next packet and request
    see them (dhcp 67)."""
    take_address(crowd, address(0), server="10.8.0.2", prefix=16)
    newcomer, ip = mac(GUESTS), address(GUESTS)
    with Wire(crowd) as wire:
        crowded.succeed("put", "big", ip, "--mac", newcomer)
        assert wire.ask(newcomer).address == ip
        assert neighbours(big)[ip] == newcomer
        crowded.succeed("put", "big", address(0), "--hostname", "renamed")
        assert wire.ask(mac(0)).hostname == "renamed"
        document = "/latest/meta-data/local-hostname"
        assert wire.get(document) == (200, "renamed")
        crowded.succeed("rm", "big", ip)
        silent = wire.send(newcomer)
        answers = wire.receive_until([wire.send(mac(1))])
        assert silent not in {each.xid for each in answers}
        assert ip not in neighbours(big)
    assert status(crowded)["bindings"] == GUESTS


def test_a_mass_removal_waits_for_a_word(
    crowded: Installation, big: Daemon, crowd: Guest
) -> None:
    """When most files vanish and no command did it, all stay in force, and a put beside
    them works; `accept` lets them go (design, a change)."""
    lost = [mac(number) for number in range(GUESTS - REMOVED, GUESTS)]
    for owner in lost:
        file(crowded, owner).unlink()
    until(
        lambda: status(crowded)["vanished"] == REMOVED,
        "the daemon sees what vanished",
        within=SEEN_WITHIN,
        log=big.log,
    )
    said = crowded.succeed("status", "big")
    assert f"{REMOVED} bindings lost their files" in said
    assert "metalease accept big" in said
    crowded.succeed("put", "big", address(1), "--hostname", "still-here")
    with Wire(crowd) as wire:
        offered = addresses_offered(wire, lost[::60])
        assert offered == {owner: expected(range(GUESTS))[owner] for owner in offered}
        assert wire.ask(mac(1)).hostname == "still-here"
        assert len(neighbours(big)) == GUESTS

        assert f"{REMOVED} bindings let go" in crowded.succeed("accept", "big")
        silent = {wire.send(owner) for owner in lost[::60]}
        answers = wire.receive_until([wire.send(mac(0))])
        assert silent.isdisjoint(each.xid for each in answers)
    assert len(neighbours(big)) == GUESTS - REMOVED
    found = status(crowded)
    assert (found["bindings"], found["vanished"]) == (GUESTS - REMOVED, 0)
