"""Whatever frames a guest sends, it reads its own alone, or nothing (issue 5.6)."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Event
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.namespace import entered

from .imds import DOCUMENT
from .imds import METADATA
from .imds import bind
from .imds import plug
from .ipv6 import frames_so_far
from .ipv6 import octets_of
from .ipv6 import status_of
from .packets import Wire
from .packets import packet_socket
from .packets import read_answer
from .packets import receive_all
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

WITHIN = 10.0  # seconds

ETH_P_ARP = 0x0806
PROTOCOL_AT = 23  # octets of Ethernet and IP
FLAGS_AT, SYN_ACK = 47, 0x12
REPLY = 2
RESET = {7, 56}  # curl: before it has sent, after
NEIGHBOURS = Path("/proc/sys/net/ipv4/neigh")
COOKIES = Path("/proc/sys/net/ipv4/tcp_syncookies")
REQUEST = f"GET {DOCUMENT} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
QUICK = ("--max-time", "2")


@pytest.fixture
def owner(installation: Installation, machine: Machine, daemon: Daemon) -> Guest:
    bind(installation, 11)
    return plug(machine, 11)


@pytest.fixture
def thief(installation: Installation, machine: Machine, owner: Guest) -> Guest:
    """A bound guest with an address of its own, on the same bridge."""
    bind(installation, 12)
    return plug(machine, 12)


@contextmanager
def tapped(guest: Guest) -> Iterator[socket.socket]:
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        raw = packet_socket(guest.interface)
    with raw:
        yield raw


def segments(raw: socket.socket) -> list[bytes]:
    """Return the TCP frames that have come."""
    seen = frames_so_far(raw)
    return [each for each in seen if each[PROTOCOL_AT] == socket.IPPROTO_TCP]


def borrow(guest: Guest, address: str) -> None:
    guest.ip("address", "flush", "dev", guest.interface)
    take_address(guest, address, server="10.0.0.2")


def lie(raw: socket.socket, thief: Guest, address: str) -> None:
    """Say by ARP to everybody, and to us, that *address* is the thief's."""
    mac, claimed = octets_of(thief.mac), socket.inet_aton(address)
    everybody = b"\xff" * 6
    for target in (claimed, socket.inet_aton("10.0.0.2")):
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, REPLY)
        body += mac + claimed + everybody + target
        raw.send(everybody + mac + struct.pack("!H", ETH_P_ARP) + body)


def test_under_syn_cookies(daemon: Daemon, owner: Guest) -> None:
    """host H21, issue 5.6: a SYN that the kernel did not keep is nobody's: the
    connection is reset without a status, and counted as turned away."""
    assert status_of(owner, METADATA + DOCUMENT) == (0, "200")

    def asked() -> tuple[int, str] | None:
        """Ask while there are cookies: who heals the namespace takes them away."""
        with entered(Path(f"/proc/{daemon.serving()[0]}/ns/net")):
            COOKIES.write_text("2")
        said = status_of(owner, METADATA + DOCUMENT)
        with entered(Path(f"/proc/{daemon.serving()[0]}/ns/net")):
            return said if COOKIES.read_text() == "2\n" else None

    said = until(asked, "cookies all the time", within=WITHIN, log=daemon.log)
    assert said is not None
    code, status = said
    assert (code in RESET, status) == (True, "000")

    def refused() -> list[Event]:
        return [each for each in daemon.events() if each["refused"]]

    until(lambda: bool(refused()), "a line says so", within=WITHIN, log=daemon.log)
    found = {(x["refused"], x["mac"], x["ip"]) for x in refused()}
    assert found == {("identity", "unknown", "10.0.0.11")}
    with entered(Path(f"/proc/{daemon.serving()[0]}/ns/net")):
        COOKIES.write_text("0")
    assert status_of(owner, METADATA + DOCUMENT) == (0, "200")


@pytest.mark.parametrize("on", [True, False])
def test_a_borrowed_address(on: bool, owner: Guest, thief: Guest) -> None:
    """host H22, issue 5.6: with its neighbour's address, the neighbour on or off, a
    guest completes no handshake, and gets nothing of an answer.

    A bridge floods what is for a guest that is off: our SYN-ACK is seen, not heard.
    """
    if not on:
        owner.ip("link", "set", "eth0", "down")
    borrow(thief, "10.0.0.11")
    with tapped(thief) as raw:
        asked = status_of(thief, METADATA + DOCUMENT, *QUICK)
        seen = segments(raw)
    assert not [each for each in seen if each[FLAGS_AT] != SYN_ACK or on]
    assert (asked[0] != 0, asked[1]) == (True, "000")
    if on:
        assert status_of(owner, METADATA + DOCUMENT) == (0, "200")


def test_an_address_of_nobody(owner: Guest, thief: Guest) -> None:
    """design, identity: an address that is not bound gets 404, and so does its own MAC
    under it."""
    borrow(thief, "10.0.0.77")
    assert status_of(thief, METADATA + DOCUMENT) == (0, "404")


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_poisoned_arp(when: str, daemon: Daemon, owner: Guest, thief: Guest) -> None:
    """host H22, issue 5.6: who claims its neighbour's address by ARP gets not a segment
    of its neighbour's; the neighbour gets its document, then and later."""
    with entered(Path(f"/proc/{daemon.serving()[0]}/ns/net")):
        for each in NEIGHBOURS.glob("inner*/locktime"):
            each.write_text("0")  # the kernel would not change its mind within a second
    with tapped(thief) as raw, Wire(owner) as wire:
        assert wire.get(DOCUMENT) == (200, "i-11")
        if when == "before":
            lie(raw, thief, "10.0.0.11")
        with wire.connected() as opened:
            opened.sendall(REQUEST[:10])
            if when == "during":
                lie(raw, thief, "10.0.0.11")
            opened.sendall(REQUEST[10:])
            answer = receive_all(opened)
        if when == "after":
            lie(raw, thief, "10.0.0.11")
        assert wire.get(DOCUMENT) == (200, "i-11")
        assert segments(raw) == []
    assert read_answer(answer)[:2] == (200, "i-11")


def test_a_forged_mac_is_its_owner(owner: Guest, thief: Guest) -> None:
    """host H22, docs/security.md: what a plain bridge cannot stop, as it is: with its
    neighbour's MAC and address a guest is its neighbour, while that is off.

    Only a pinned port stops it: this test turns round when there is one.
    """
    owner.ip("link", "set", "eth0", "down")
    thief.ip("link", "set", "eth0", "address", owner.mac)
    borrow(thief, "10.0.0.11")
    assert thief.get(METADATA + DOCUMENT).stdout == "i-11"
    page = Path(__file__).parents[2] / "docs" / "security.md"
    text = " ".join(page.read_text().split())
    assert "forges its neighbour's MAC *and*" in text
