"""Guests that nobody has bound, on a network with a pool: real clients, real kills."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import Client
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.layout import Layout
from appliance.layout import NetworkLayout
from appliance.namespace import entered
from dhcp.hardware import HardwareAddress
from tests.dhcp.guest import Guest as Speaker

from .packets import packet_socket

pytestmark = [pytest.mark.machine, pytest.mark.long]

POOL = '\n[dhcp]\npool = ["10.0.0.200-10.0.0.203"]\n'
FIRST, SECOND = "10.0.0.200", "10.0.0.201"
BOOT_WITHIN = 30.0  # seconds
PACKET_WITHIN = 10.0  # seconds
FULL_BOOT = [("DISCOVER", "OFFER"), ("REQUEST", "ACK")]
BOUND = "fa:16:3e:00:00:12"
UDHCPC = CLIENTS["udhcpc"]

every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


@pytest.fixture
def files(installation: Installation) -> NetworkLayout:
    """The network, with a pool from now on."""
    files = Layout(installation.root).network("n1")
    with files.settings.open("a") as file:
        file.write(POOL)
    return files


@pytest.fixture
def pooled(installation: Installation, files: NetworkLayout) -> Daemon:
    return installation.start("n1")


def come_up(client: Client, guest: Guest, daemon: Daemon) -> None:
    process = boot(client, guest)
    code = process.wait(BOOT_WITHIN)
    assert code == 0, f"{client.name}: {process.output()}\n{daemon.log()}"


def said(daemon: Daemon, mac: str) -> list[tuple[str, str]]:
    """What was asked by *mac*, and answered."""
    return [
        (each["type"], each["reply"] or each["silence"])
        for each in daemon.events()
        if each.kind == "dhcp" and each["mac"] == mac
    ]


def leases(installation: Installation) -> list[tuple[str, str, str]]:
    """What `metalease leases` says: address, state, MAC."""
    found: list[dict[str, Any]] = json.loads(
        installation.succeed("leases", "n1", "--json")
    )
    return [(each["ip"], each["state"], each["mac"]) for each in found]


@every_client
def test_a_guest_that_is_not_bound_boots(
    client: Client, installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 18: it gets an address of the pool, without asking twice, and all that a
    bound guest gets; at its next boot it has the same one."""
    for _ in range(2):
        come_up(client, guest, pooled)
        assert guest.addresses() == [f"{FIRST}/24"]
        assert guest.routes()["default"] == "10.0.0.1"
        guest.power_cycle()
    assert said(pooled, guest.mac)[:2] == FULL_BOOT
    assert {reply for _, reply in said(pooled, guest.mac)} <= {
        "OFFER",
        "ACK",
        "released",
    }
    assert (FIRST, "leased", guest.mac) in leases(installation)


def test_an_address_in_use_is_left_alone(
    installation: Installation, pooled: Daemon, guest: Guest, machine: Machine
) -> None:
    """dhcp 34: who has taken an address by hand keeps it; it rests, and is told."""
    squatter = machine.add_guest("g2", "fa:16:3e:00:00:77", bridge="br0")
    squatter.ip("address", "add", f"{FIRST}/24", "dev", "eth0")
    come_up(UDHCPC, guest, pooled)
    assert guest.addresses() == [f"{SECOND}/24"]
    assert said(pooled, guest.mac) == FULL_BOOT
    (told,) = [each for each in pooled.events() if each.kind == "address_in_use"]
    assert (told["ip"], told["by"]) == (FIRST, squatter.mac)
    assert [each[:2] for each in leases(installation)] == [
        (FIRST, "quarantined"),
        (SECOND, "leased"),
    ]


def test_a_release_frees(
    installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 35: what a client gives back is nobody's, now and after a restart."""
    come_up(UDHCPC, guest, pooled)
    assert leases(installation) == [(FIRST, "leased", guest.mac)]
    guest.run(UDHCPC.release)
    until(
        lambda: ("RELEASE", "released") in said(pooled, guest.mac),
        "RELEASE arrives",
        within=PACKET_WITHIN,
        log=pooled.log,
    )
    assert leases(installation) == []
    pooled.process.kill()
    until(lambda: not pooled.serving(), "all of it is dead", within=PACKET_WITHIN)
    assert leases(installation) == []


@contextmanager
def spoken(guest: Guest) -> Iterator[Any]:
    """Yield what says a message from inside *guest*."""
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        raw = packet_socket(guest.interface)
    with raw:
        yield lambda message, speaker: raw.send(speaker.frame(message))


def test_a_decline_is_a_quarantine(
    installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 34: an address that a client declines rests; it is offered another."""
    come_up(UDHCPC, guest, pooled)
    speaker = Speaker(HardwareAddress.parse(guest.mac))
    with spoken(guest) as say:
        say(speaker.decline(IPv4Address(FIRST)), speaker)
    until(
        lambda: ("DECLINE", "quarantined") in said(pooled, guest.mac),
        "DECLINE arrives",
        within=PACKET_WITHIN,
        log=pooled.log,
    )
    assert leases(installation) == [(FIRST, "quarantined", guest.mac)]
    guest.power_cycle()
    come_up(UDHCPC, guest, pooled)
    assert guest.addresses() == [f"{SECOND}/24"]


@pytest.mark.parametrize("client", [UDHCPC, CLIENTS["networkd"]], ids=lambda c: c.name)
def test_a_lease_outlives_the_daemon(
    client: Client, installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 29: kill -9 between ACK and renewal: the lease is known before and after a
    restart, the renewal is an ACK at once, and nobody else gets the address."""
    come_up(client, guest, pooled)
    pooled.process.kill()
    until(lambda: not pooled.serving(), "all of it is dead", within=PACKET_WITHIN)
    assert leases(installation) == [(FIRST, "leased", guest.mac)]
    restarted = installation.start("n1")
    assert leases(installation) == [(FIRST, "leased", guest.mac)]
    assert client.renew is not None
    assert guest.run(client.renew).returncode == 0
    until(
        lambda: said(restarted, guest.mac),
        "the client renews",
        within=2 * PACKET_WITHIN,
        log=restarted.log,
    )
    assert said(restarted, guest.mac) == [("REQUEST", "ACK")]
    assert guest.addresses() == [f"{FIRST}/24"]


def test_a_journal_that_was_lost(
    installation: Installation, files: NetworkLayout, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 29: who has an address of the pool from before keeps it at its renewal,
    after a probe that only it answers: no NAK."""
    come_up(UDHCPC, guest, pooled)
    pooled.process.kill()
    until(lambda: not pooled.serving(), "all of it is dead", within=PACKET_WITHIN)
    files.leases.unlink()
    restarted = installation.start("n1")
    assert guest.run(UDHCPC.renew or ()).returncode == 0
    until(
        lambda: said(restarted, guest.mac),
        "the client renews",
        within=2 * PACKET_WITHIN,
        log=restarted.log,
    )
    assert said(restarted, guest.mac) == [("REQUEST", "ACK")]
    assert leases(installation) == [(FIRST, "leased", guest.mac)]


def test_a_journal_that_cannot_be_written(
    installation: Installation, files: NetworkLayout, guest: Guest, machine: Machine
) -> None:
    """dhcp 69: bound guests boot as ever; others get silence, counted and told."""
    files.leases.mkdir(parents=True)
    daemon = installation.start("n1")
    installation.succeed("put", "n1", "10.0.0.12", "--mac", BOUND)
    client = guest.run(["udhcpc", "-n", "-t", "2", "-T", "2", "-i", "eth0"])
    assert client.returncode == 1
    assert ("REQUEST", "lease_not_recorded") in said(daemon, guest.mac)
    assert "ACK" not in {reply for _, reply in said(daemon, guest.mac)}
    bound = machine.add_guest("g2", BOUND, bridge="br0")
    come_up(UDHCPC, bound, daemon)
    assert bound.addresses() == ["10.0.0.12/24"]
    assert said(daemon, BOUND) == FULL_BOOT
    (told, *_) = [each for each in daemon.events() if each.kind == "lease_journal"]
    assert str(files.leases.name) in told["what"]


def test_a_binding_takes_the_address_of_a_lease(
    installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 30: its leaseholder gets a NAK at its renewal, and another address."""
    come_up(UDHCPC, guest, pooled)
    installation.succeed("put", "n1", FIRST, "--mac", BOUND)
    assert guest.run(UDHCPC.renew or ()).returncode == 0
    until(
        lambda: guest.addresses() == [f"{SECOND}/24"],
        "the guest has another address",
        within=2 * PACKET_WITHIN,
        log=pooled.log,
    )
    assert [reply for _, reply in said(pooled, guest.mac)][2:] == [
        "NAK",
        "OFFER",
        "ACK",
    ]
    assert leases(installation) == [(SECOND, "leased", guest.mac)]


def test_a_leaseholder_that_is_bound(
    installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 30: the binding is in force at once, and its lease is free."""
    come_up(UDHCPC, guest, pooled)
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    assert leases(installation) == []
    assert guest.run(UDHCPC.renew or ()).returncode == 0
    until(
        lambda: guest.addresses() == ["10.0.0.11/24"],
        "the guest has the address that it is bound to",
        within=2 * PACKET_WITHIN,
        log=pooled.log,
    )


N2 = b"""\
[network]
subnet = "10.2.0.0/24"
dhcp_address = "10.2.0.2"

[attach]
bridge = "br0"
"""


def test_a_pool_sleeps_beside_another_network(
    installation: Installation, pooled: Daemon, guest: Guest
) -> None:
    """dhcp 74: a stranger may be the other network's guest: no answer, until it is
    gone; then the pool is awake again."""
    installation.succeed("net", "add", "n2", "-", stdin=N2)
    until(
        lambda: any(each.kind == "pool" and each["state"] for each in pooled.events()),
        "the pool falls asleep",
        within=PACKET_WITHIN,
        log=pooled.log,
    )
    client = guest.run(["udhcpc", "-n", "-t", "2", "-T", "1", "-i", "eth0"])
    assert client.returncode == 1
    assert {reply for _, reply in said(pooled, guest.mac)} <= {"unknown_client"}
    installation.succeed("net", "rm", "n2")
    until(
        lambda: (
            len([e for e in pooled.events() if e.kind == "pool" and e["state"]]) > 1
        ),
        "the pool wakes up",
        within=PACKET_WITHIN,
        log=pooled.log,
    )
    come_up(UDHCPC, guest, pooled)
    assert guest.addresses() == [f"{FIRST}/24"]
