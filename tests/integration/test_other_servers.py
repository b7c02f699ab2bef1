"""A second DHCP server on the bridge is seen, named and told; our own is not one."""

import json
from typing import Any

import pytest

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Event
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .test_two_networks import N2

pytestmark = pytest.mark.machine

ROGUE, ROGUE_MAC = "10.0.0.99", "52:54:00:00:00:99"
SEEN_WITHIN = 15.0  # seconds, on a busy machine
BOOT_WITHIN = 30.0  # seconds
BROADCAST = ("udhcpc", "-B", "-n", "-q", "-i", "eth0")  # asks for answers by broadcast
UNICAST = ("udhcpc", "-n", "-q", "-i", "eth0")


def dnsmasq(machine: Machine) -> Process:
    """Start a DHCP server as somebody's guest might: it gives itself as the router."""
    require("dnsmasq", "udhcpc")
    rogue = machine.add_guest("rogue", ROGUE_MAC, bridge="br0")
    rogue.ip("address", "add", f"{ROGUE}/24", "dev", "eth0")
    started = rogue.start(
        [
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--user=root",
            "--dhcp-range=10.0.0.150,10.0.0.160,1h",
            "--dhcp-authoritative",
            "--no-ping",
            "--log-facility=-",
            "--dhcp-leasefile=/run/leases",
        ]
    )
    until(
        lambda: "DHCP, IP range" in started.output(),
        "dnsmasq serves",
        within=SEEN_WITHIN,
        log=started.output,
    )
    return started


def told(daemon: Daemon) -> list[Event]:
    return [event for event in daemon.events() if event.kind == "other_server"]


def status(installation: Installation, network: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        installation.succeed("status", network, "--json")
    )
    return found


def test_a_second_server_is_seen_and_named(
    installation: Installation, machine: Machine, daemon: Daemon, guest: Guest
) -> None:
    """dhcp 72: dnsmasq is heard of when a client turns to it, and named with its MAC
    when its answer is a broadcast: a line each, a number, status with the way out."""
    dnsmasq(machine)
    assert guest.run(UNICAST).returncode == 0
    until(lambda: told(daemon), "it is told", within=SEEN_WITHIN, log=daemon.log)
    assert [(each["server"], each["mac"]) for each in told(daemon)] == [
        (ROGUE, "unknown")
    ]
    assert guest.run(BROADCAST).returncode == 0
    until(
        lambda: len(told(daemon)) == 2,
        "its MAC is told",
        within=SEEN_WITHIN,
        log=daemon.log,
    )
    assert (told(daemon)[1]["server"], told(daemon)[1]["mac"]) == (ROGUE, ROGUE_MAC)
    (found,) = status(installation, "n1")["other_servers"]
    assert (found["server_id"], found["mac"]) == (ROGUE, ROGUE_MAC)
    assert found["count"] >= 4  # two REQUESTs, and a broadcast OFFER and ACK
    said = installation.succeed("status", "n1")
    assert f"other server {ROGUE} {ROGUE_MAC}: answers guests" in said
    assert "bridge fdb show" in said


def test_our_own_guests_are_served_beside_it(
    installation: Installation, machine: Machine, daemon: Daemon, guest: Guest
) -> None:
    """dhcp 74, 69: what is seen of another server changes no answer."""
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    dnsmasq(machine)
    stranger = machine.add_guest("g2", "fa:16:3e:00:00:22", bridge="br0")
    assert stranger.run(BROADCAST).returncode == 0
    until(lambda: told(daemon), "it is told", within=SEEN_WITHIN, log=daemon.log)
    assert guest.run(BROADCAST).returncode == 0
    answers = [event["reply"] for event in daemon.events() if event["reply"]]
    assert "OFFER" in answers
    assert "NAK" not in answers


def test_our_other_network_is_no_stranger(
    installation: Installation, machine: Machine, daemon: Daemon
) -> None:
    """dhcp 72, 74: two networks on one bridge do not tell of each other, however their
    guests ask; each hears the other's guests and answers all the same."""
    machine.add_gateway("10.2.0.1/24", bridge="br0", name="gateway2")
    installation.succeed("net", "add", "n2", "-", stdin=N2)
    second = installation.start("n2")
    daemons = {"n1": daemon, "n2": second}
    for network, ip in (("n1", "10.0.0.11"), ("n2", "10.2.0.11")):
        mac = f"fa:16:3e:00:00:{network.replace('n', '0')}"
        installation.succeed("put", network, ip, "--mac", mac)
        guest = machine.add_guest(network, mac, bridge="br0")
        assert guest.run(BROADCAST).returncode == 0
        guest.power_cycle()
        assert boot(CLIENTS["dhclient"], guest).wait(BOOT_WITHIN) == 0
    # what comes after all that is told, so all that was looked at before
    dnsmasq(machine)
    other = machine.add_guest("g3", "fa:16:3e:00:00:33", bridge="br0")
    assert other.run(BROADCAST).returncode == 0
    for network, each in daemons.items():
        until(lambda: told(each), "dnsmasq is told", within=SEEN_WITHIN, log=each.log)  # noqa: B023 - called in this turn
        assert {event["server"] for event in told(each)} == {ROGUE}
        found = status(installation, network)["other_servers"]
        assert {server["server_id"] for server in found} == {ROGUE}
