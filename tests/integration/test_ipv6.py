"""Metadata by IPv6, from guests with a link-local address alone (issue 5.8)."""

import json
import socket
import struct
import sys
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Gateway
from appliance.lab.machine import Machine
from appliance.link_local import METADATA_LINK_LOCAL
from appliance.link_local import METADATA_UNIQUE_LOCAL

from .imds import DOCUMENT
from .imds import METADATA
from .imds import TOKEN_PATH
from .imds import TTL
from .imds import bearing
from .imds import bind
from .imds import configure
from .imds import mac_of
from .imds import token_for
from .ipv6 import LINK_LOCAL
from .ipv6 import UNIQUE_LOCAL
from .ipv6 import advertise
from .ipv6 import be_called
from .ipv6 import connected
from .ipv6 import frames_so_far
from .ipv6 import link_local_of
from .ipv6 import plug_ipv6
from .ipv6 import status_of
from .ipv6 import tapped
from .packets import read_answer
from .packets import receive_all
from .packets import take_address

pytestmark = pytest.mark.machine

TIMED_OUT, RESET = 28, 56  # curl
LISTENING = "0A"  # in /proc/net/tcp6
SOLICITATION, SYN_ACK = 135, 0x12
HEAD = "HTTP/1.1\r\nHost: x\r\n"
ORDINARY = 64
SCAN = """
import json, socket, sys
scope = socket.if_nametoindex("eth0")
found = []
for port in range(1, 65536):
    with socket.socket(socket.AF_INET6) as asking:
        asking.settimeout(0.2)
        if asking.connect_ex((sys.argv[1], port, 0, scope)) == 0:
            found.append(port)
print(json.dumps(found))
"""


def write(installation: Installation, number: int) -> None:
    """Bind a guest, whether a daemon runs or not."""
    named = ("--mac", mac_of(number), "--instance-id", f"i-{number}")
    done = installation.metalease("put", "n1", f"10.0.0.{number}", *named)
    assert done.returncode in (0, 3), done


@pytest.fixture
def one(installation: Installation, machine: Machine) -> Guest:
    write(installation, 11)
    return plug_ipv6(machine, 11)


@pytest.fixture
def other(installation: Installation, machine: Machine) -> Guest:
    write(installation, 12)
    return plug_ipv6(machine, 12)


def test_a_link_local_address_is_enough(installation: Installation, one: Guest) -> None:
    """issue 5.8: a guest with no IPv4 at all gets its own documents at both addresses
    and both ports, from the first request after the start on: nobody waits for
    duplicate-address detection."""
    daemon = installation.start("n1")
    first = one.get(LINK_LOCAL + DOCUMENT, "-g", "--max-time", "2")
    assert (first.returncode, first.stdout) == (0, "i-11"), daemon.log()
    address = one.get(f"{LINK_LOCAL}:1180/latest/meta-data/local-ipv4", "-g")
    assert address.stdout == "10.0.0.11"
    words = ("file", "put", "n1", "10.0.0.11", "user-data", "-")
    installation.succeed(*words, stdin=b"its own")
    assert one.get(f"{LINK_LOCAL}/latest/user-data", "-g").stdout == "its own"
    one.ip("-6", "route", "add", str(METADATA_UNIQUE_LOCAL), "dev", "eth0")
    for port in ("", ":1180"):
        asked = one.get(UNIQUE_LOCAL + port + DOCUMENT, "-g")
        assert (asked.returncode, asked.stdout) == (0, "i-11"), daemon.log()


def test_who_is_not_bound(
    installation: Installation, daemon: Daemon, machine: Machine
) -> None:
    """issue 5.8: an unbound MAC gets 404, and so does a bound one under an address
    that is not made of it, by IPv6 as by IPv4."""
    stranger = plug_ipv6(machine, 13)
    assert status_of(stranger, LINK_LOCAL + DOCUMENT) == (0, "404")
    bind(installation, 13)
    assert status_of(stranger, LINK_LOCAL + DOCUMENT) == (0, "200")
    be_called(stranger, "fe80::1234")
    assert status_of(stranger, LINK_LOCAL + DOCUMENT) == (0, "404")


@pytest.mark.parametrize("on", [True, False])
def test_a_borrowed_address(on: bool, daemon: Daemon, one: Guest, other: Guest) -> None:
    """issue 5.6, 5.8: with its neighbour's address, the neighbour on or off, a guest
    completes no handshake and sees no answer.

    A bridge floods what is for a guest that is off: our SYN-ACK is seen, not heard.
    """
    victim = link_local_of(one)
    if not on:
        one.ip("link", "set", "eth0", "down")
    be_called(other, victim)
    # who is not answered by ND needs no answer: whatever MAC it sends to is ours (R3)
    ours = (str(METADATA_LINK_LOCAL), "lladdr", one.mac, "dev", "eth0")
    other.ip("neigh", "replace", *ours, "nud", "permanent")
    with tapped(other) as raw:
        asked = status_of(other, LINK_LOCAL + DOCUMENT, "--max-time", "2")
        seen = frames_so_far(raw)
    assert (asked[0] != 0, asked[1]) == (True, "000")
    segments = [each for each in seen if each[20] == socket.IPPROTO_TCP]
    assert not [each for each in segments if each[67] != SYN_ACK or on]
    assert on or segments, "the question never came"


@pytest.mark.parametrize("when", ["before", "during"])
def test_poisoned_neighbours(
    when: str, daemon: Daemon, one: Guest, other: Guest
) -> None:
    """issue 5.6, 5.8, host H22: a guest that says it has its neighbour's address gets
    nothing of its neighbour's answer; the neighbour gets all of it."""
    secret = f"GET {DOCUMENT} {HEAD}Connection: close\r\n\r\n".encode()
    with tapped(other) as raw:

        def lie() -> None:
            for to in ("ff02::1", str(METADATA_LINK_LOCAL)):
                advertise(raw, claimed=link_local_of(one), mac=other.mac, to=to)

        if when == "before":
            lie()
        with connected(one) as opened:
            if when == "during":
                lie()
            opened.sendall(secret[:10])
            lie()
            opened.sendall(secret[10:])
            answer = receive_all(opened)
        seen = frames_so_far(raw)
    assert read_answer(answer)[:2] == (200, "i-11")
    assert not [frame for frame in seen if frame[20] == socket.IPPROTO_TCP], seen


def test_a_guest_is_one_guest(
    installation: Installation, daemon: Daemon, one: Guest, other: Guest
) -> None:
    """metadata U13, issue 5.8: a token is the binding's: by IPv4 or by IPv6 it holds by
    the other too, and never for another guest."""
    bind(installation, 11, "--tokens", "required")
    bind(installation, 12, "--tokens", "required")
    take_address(one, "10.0.0.11", server="10.0.0.2")
    by_ipv4 = token_for(one)
    put = ("-g", "-X", "PUT", "-H", f"{TTL}: 60")
    by_ipv6 = one.get(LINK_LOCAL + TOKEN_PATH, *put).stdout
    for token in (by_ipv4, by_ipv6):
        for url in (METADATA, LINK_LOCAL):
            assert one.get(url + DOCUMENT, "-g", "-H", bearing(token)).stdout == "i-11"
        said = ("-H", bearing(token))
        assert status_of(other, LINK_LOCAL + DOCUMENT, *said) == (0, "401")
    assert status_of(one, LINK_LOCAL + DOCUMENT) == (0, "401")


def test_connections_are_counted_together(
    installation: Installation, one: Guest
) -> None:
    """issue 5.7, 5.8: by IPv4 and by IPv6 a guest holds no more than by one of them."""
    configure(installation, "[limits]\nconnections_per_ip = 1\n")
    installation.start("n1")
    take_address(one, "10.0.0.11", server="10.0.0.2")
    assert status_of(one, METADATA + DOCUMENT) == (0, "200")
    with connected(one) as opened:
        opened.sendall(f"GET {DOCUMENT} {HEAD}\r\n".encode())
        assert read_answer(opened.recv(65536))[0] == 200
        assert status_of(one, METADATA + DOCUMENT) == (0, "503")


@pytest.mark.parametrize("hops", [1, 2])
def test_hop_limit(hops: int, installation: Installation, one: Guest) -> None:
    """metadata 1.4, issue 5.8: on one connection the GET's packets have 64, and the
    PUT's, which end it, what hop_limit says."""
    if hops > 1:
        configure(installation, f"[metadata]\nhop_limit = {hops}\n")
    installation.start("n1")
    put = f"PUT {TOKEN_PATH} {HEAD}{TTL}: 60\r\n\r\n".encode()
    with tapped(one) as raw, connected(one) as opened:
        opened.sendall(f"GET {DOCUMENT} {HEAD}\r\n".encode())
        get = opened.recv(65536)
        assert read_answer(get)[0] == 200
        opened.sendall(put)
        token = receive_all(opened)
        assert read_answer(token)[0] == 200
        seen = [frame for frame in frames_so_far(raw) if frame[20] == 6]
    limits: dict[bytes, set[int]] = {}
    for frame in seen:
        start = 54 + (frame[66] >> 4) * 4
        (length,) = struct.unpack("!H", frame[18:20])
        limits.setdefault(frame[start : 54 + length], set()).add(frame[21])
    assert limits[get] == {ORDINARY}
    assert limits[token] == {hops}


def test_nobody_else_hears(
    gateway: Gateway, installation: Installation, one: Guest, other: Guest
) -> None:
    """issue 5.8, host R3, R4: a guest's question for our addresses, and what it sends
    to them by whatever MAC, reach us alone."""
    daemon = installation.start("n1")
    with tapped(gateway) as wire, tapped(other) as beside:
        one.ip("-6", "route", "add", "fd00:ec2::254", "dev", "eth0")
        for url in (LINK_LOCAL, UNIQUE_LOCAL):
            assert one.get(url + DOCUMENT, "-g").stdout == "i-11", daemon.log()
        for claimed in (METADATA_LINK_LOCAL, METADATA_UNIQUE_LOCAL):
            wrong = ("lladdr", gateway.mac, "dev", "eth0", "nud", "permanent")
            one.ip("neigh", "replace", str(claimed), *wrong)
        for url in (LINK_LOCAL, UNIQUE_LOCAL):
            assert one.get(url + DOCUMENT, "-g").stdout == "i-11", daemon.log()
        heard = frames_so_far(wire) + frames_so_far(beside)
    ours = {METADATA_LINK_LOCAL, METADATA_UNIQUE_LOCAL}
    asked = {
        IPv6Address(frame[62:78])
        for frame in heard
        if frame[20] == socket.IPPROTO_ICMPV6 and frame[54] == SOLICITATION
    }
    assert not asked & ours
    assert not [frame for frame in heard if frame[20] == socket.IPPROTO_TCP]


def test_nothing_else_is_there(daemon: Daemon, one: Guest) -> None:
    """design, privilege, issue 5.8: by IPv6 a guest reaches the metadata ports of two
    addresses; who asks everybody is not answered, and there is no route out."""
    process = Path(f"/proc/{daemon.serving()[0]}/net")
    rows = [line.split() for line in (process / "tcp6").read_text().splitlines()[1:]]
    listening = {row[1].split(":")[1] for row in rows if row[3] == LISTENING}
    assert listening == {f"{port:04X}" for port in (80, 1180)}
    assert len(rows) == 4
    for table in ("udp6", "raw6"):
        assert (process / table).read_text().count("\n") == 1
    found = [line.split() for line in (process / "if_inet6").read_text().splitlines()]
    assert {row[0] for row in found} == {
        address.packed.hex() for address in (METADATA_LINK_LOCAL, METADATA_UNIQUE_LOCAL)
    }
    default = "0" * 32
    routes = [
        line.split() for line in (process / "ipv6_route").read_text().splitlines()
    ]
    assert not [row for row in routes if row[0] == default and row[9] != "lo"]
    everybody = one.run(["ping", "-6", "-c", "2", "-W", "1", "ff02::1%eth0"])
    assert "a9fe:a9fe" not in everybody.stdout
    scan = [sys.executable, "-I", "-S", "-c", SCAN, str(METADATA_LINK_LOCAL)]
    assert json.loads(one.run(scan, within=60.0).stdout) == [80, 1180]


@pytest.mark.parametrize("words", ["ipv6 = false", 'identity = "ip"'])
def test_switched_off(words: str, installation: Installation, one: Guest) -> None:
    """issue 5.8: it is not there where it is switched off, nor where the IP alone tells
    who asks."""
    configure(installation, f"[metadata]\n{words}\n")
    daemon = installation.start("n1")
    process = Path(f"/proc/{daemon.serving()[0]}/net")
    assert (process / "tcp6").read_text().count("\n") == 1
    assert (process / "if_inet6").read_text() == ""
    asked = status_of(one, LINK_LOCAL + DOCUMENT, "--max-time", "2")
    assert asked[1] == "000"
