"""The TTL of what carries a token, as the guest's interface sees it (metadata 1.4).

A token must not reach what the guest forwards for: the packets of the PUT's answer die
at the first router, those of all other answers do not.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.namespace import entered

from .imds import DOCUMENT
from .imds import METADATA
from .imds import TOKEN_PATH
from .imds import TTL
from .imds import bearing
from .imds import bind
from .imds import configure
from .imds import plug
from .imds import token_for
from .packets import Wire
from .packets import packet_socket
from .packets import read_answer
from .packets import receive_all

pytestmark = [pytest.mark.machine, pytest.mark.long]

ORDINARY = 64
FIN, SYN = 0x01, 0x02
SEEN_WITHIN = 10.0  # seconds for what is sent again to come
TIMED_OUT = 28  # curl
HEAD = "HTTP/1.1\r\nHost: x\r\n"
GET = f"GET {DOCUMENT} {HEAD}\r\n".encode()
PUT = f"PUT {TOKEN_PATH} {HEAD}{TTL}: 60\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class Segment:
    """What a packet of the metadata service says."""

    ttl: int
    flags: int
    sequence: int
    octets: bytes

    @classmethod
    def parse(cls, frame: bytes) -> "Segment | None":
        """Parse a frame; None for one that is not from the metadata's port 80."""
        packet = frame[14:]
        if len(packet) < 40 or packet[9] != socket.IPPROTO_TCP:
            return None
        (length,) = struct.unpack("!H", packet[2:4])
        tcp = packet[(packet[0] & 15) * 4 : length]
        if socket.inet_ntoa(packet[12:16]) != "169.254.169.254" or tcp[:2] != b"\0P":
            return None
        (sequence,) = struct.unpack("!I", tcp[4:8])
        return cls(packet[8], tcp[13], sequence, tcp[(tcp[12] >> 4) * 4 :])

    @property
    def telling(self) -> bool:
        """Whether it is of an answer: octets, or the end."""
        return bool(self.octets) or bool(self.flags & FIN)


class Tap:
    """What comes in at a guest's interface from the metadata service."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    def until_end(self) -> list[Segment]:
        """Return the segments up to the one that ends the connection."""
        found: list[Segment] = []
        while not (found and found[-1].flags & FIN):
            found += self._next()
        return found

    def times(self, number: int) -> list[Segment]:
        """Return the segments until one with octets came *number* times."""
        found: list[Segment] = []
        while sum(bool(each.octets) for each in found) < number:
            found += self._next()
        return found

    def _next(self) -> list[Segment]:
        segment = Segment.parse(self._raw.recv(65536))
        return [] if segment is None else [segment]


@contextmanager
def tapped(guest: Guest) -> Iterator[Tap]:
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        raw = packet_socket(guest.interface)
    with raw:
        raw.settimeout(SEEN_WITHIN)
        yield Tap(raw)


@pytest.fixture
def bound(installation: Installation, machine: Machine) -> Guest:
    guest = plug(machine, 11)
    installation.metalease("put", "n1", "10.0.0.11", "--mac", guest.mac)
    return guest


@pytest.mark.parametrize("hops", [1, 2])
def test_only_a_tokens_packets(
    hops: int, installation: Installation, bound: Guest
) -> None:
    """metadata 1.4: on one connection the GET's packets have 64, and the PUT's, which
    end it as they say, what hop_limit says; so has a refusal of the PUT 64."""
    if hops > 1:
        configure(installation, f"[metadata]\nhop_limit = {hops}\n")
    installation.start("n1")
    with tapped(bound) as tap, Wire(bound) as wire, wire.connected() as opened:
        opened.sendall(GET)
        assert read_answer(opened.recv(65536))[0] == 200
        opened.sendall(PUT)
        answer = receive_all(opened)
        assert read_answer(answer)[0] == 200
        assert b"\r\nConnection: close\r\n" in answer
        segments = tap.until_end()
    syn, *others = segments
    assert (syn.flags & SYN, syn.ttl) == (SYN, ORDINARY)
    get, *put = [each for each in others if each.telling]
    assert get.octets.startswith(b"HTTP/1.1 200 ")
    assert get.ttl == ORDINARY
    assert b"".join(each.octets for each in put) == answer
    assert {each.ttl for each in put} == {hops}
    with tapped(bound) as tap, Wire(bound) as wire, wire.connected() as opened:
        opened.sendall(f"PUT {TOKEN_PATH} {HEAD}Connection: close\r\n\r\n".encode())
        assert read_answer(receive_all(opened))[0] == 400
        assert {each.ttl for each in tap.until_end()} == {ORDINARY}


def test_what_is_sent_again(daemon: Daemon, bound: Guest) -> None:
    """metadata 1.4: a lost answer is sent again with the same TTL, its end too."""
    with tapped(bound) as tap, Wire(bound) as wire, wire.connected() as opened:
        nft(bound, "add table ip lossy")
        nft(bound, "add chain ip lossy in { type filter hook input priority 0; }")
        nft(bound, "add rule ip lossy in tcp sport 80 drop")
        opened.sendall(PUT)
        segments = [each for each in tap.times(3) if each.telling]
        nft(bound, "delete table ip lossy")
        assert read_answer(receive_all(opened))[0] == 200
    assert len({each.sequence for each in segments if each.octets}) == 1
    assert {each.ttl for each in segments} == {1}


def nft(guest: Guest, words: str) -> None:
    done = guest.run(["nft", words])
    assert done.returncode == 0, done


@pytest.fixture
def inner(machine: Machine, bound: Guest) -> Guest:
    """A container in the guest, which forwards for it as Docker's bridge does."""
    machine.add_bridge("br1")
    peer = ("peer", "name", "eth1", "netns", f"/proc/{bound.pid}/ns/net")
    machine.ip("link", "add", "tap-inner", "type", "veth", *peer)
    machine.ip("link", "set", "tap-inner", "master", "br1", "up")
    bound.ip("link", "set", "eth1", "up")
    bound.ip("address", "add", "172.17.0.1/24", "dev", "eth1")
    bound.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
    nft(bound, "add table ip nat")
    nft(bound, "add chain ip nat out { type nat hook postrouting priority 100; }")
    nft(bound, "add rule ip nat out oifname eth0 masquerade")
    inner = machine.add_guest("c1", "fa:16:3e:00:01:01", bridge="br1")
    inner.ip("address", "add", "172.17.0.2/24", "dev", "eth0")
    inner.ip("route", "add", "default", "via", "172.17.0.1")
    return inner


@pytest.mark.parametrize("hops", [1, 2])
def test_behind_a_router(
    hops: int, installation: Installation, bound: Guest, inner: Guest
) -> None:
    """metadata 1.4: a container gets no token while hop_limit is 1, and documents by
    the token of its guest; with 2 it gets its own."""
    if hops > 1:
        configure(installation, f"[metadata]\nhop_limit = {hops}\n")
    installation.start("n1")
    bind(installation, 11, "--tokens", "required")
    document = METADATA + DOCUMENT
    bare = inner.get(document, "-w", "%{http_code}", "-o", "/dev/null")
    assert bare.stdout == "401"
    read = inner.get(document, "-H", bearing(token_for(bound)))
    assert (read.returncode, read.stdout) == (0, "i-11")
    put = ("-X", "PUT", "-H", f"{TTL}: 60", "--max-time", "2")
    asked = inner.get(METADATA + TOKEN_PATH, *put)
    if hops == 1:
        assert (asked.returncode, asked.stdout) == (TIMED_OUT, "")
    else:
        assert asked.returncode == 0
        again = inner.get(document, "-H", bearing(asked.stdout))
        assert again.stdout == "i-11"
