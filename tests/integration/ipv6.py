"""Guests of the lab that speak IPv6, and what comes in at their interfaces."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address
from pathlib import Path

from appliance.lab.guest import Guest
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.link_local import METADATA_LINK_LOCAL
from appliance.link_local import address_of
from appliance.namespace import entered

from .imds import mac_of

ETH_P_IPV6 = 0x86DD
SPEAKS_WITHIN = 20.0  # seconds for a guest's own duplicate-address detection
ANSWER_WITHIN = 10.0
ADVERTISEMENT = 136
OVERRIDE = 0x20000000
LINK_LOCAL = "http://[fe80::a9fe:a9fe%25eth0]"
UNIQUE_LOCAL = "http://[fd00:ec2::254]"


def octets_of(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def link_local_of(guest: Guest) -> str:
    return str(address_of(octets_of(guest.mac)))


def plug_ipv6(machine: Machine, number: int) -> Guest:
    """Plug a guest that has a link-local address, and no other of any kind."""
    guest = machine.add_guest(f"g{number}", mac_of(number), bridge="br0")
    until(lambda: speaks(guest), "the guest's own address holds", within=SPEAKS_WITHIN)
    return guest


def speaks(guest: Guest) -> bool:
    shown = guest.ip("-6", "addr", "show", "dev", guest.interface)
    return link_local_of(guest) in shown and "tentative" not in shown


def be_called(guest: Guest, address: str) -> None:
    """Have *address* in place of the guest's own."""
    guest.ip("-6", "addr", "flush", "dev", guest.interface)
    guest.ip("addr", "add", f"{address}/64", "dev", guest.interface, "nodad")


def status_of(guest: Guest, url: str, *options: str) -> tuple[int, str]:
    """Return curl's exit code, and the status that it got."""
    told = ("-g", "-o", "/dev/null", "-w", "%{http_code}", *options)
    asked = guest.get(url, *told)
    return asked.returncode, asked.stdout


@contextmanager
def tapped(guest: Guest) -> Iterator[socket.socket]:
    """Hold a packet socket for the IPv6 frames that come in at *guest*."""
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6))
    with raw:
        raw.bind((guest.interface, ETH_P_IPV6))
        raw.settimeout(ANSWER_WITHIN)
        yield raw


def frames_so_far(raw: socket.socket) -> list[bytes]:
    """Return what has come to *raw*, which is left without a wait."""
    raw.setblocking(False)
    found: list[bytes] = []
    while True:
        try:
            frame, origin = raw.recvfrom(65536)
        except BlockingIOError:
            return found
        if origin[2] != socket.PACKET_OUTGOING:
            found.append(frame)


@contextmanager
def connected(
    guest: Guest, to: str = str(METADATA_LINK_LOCAL)
) -> Iterator[socket.socket]:
    """Connect to the metadata service as a program in the guest would."""
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        opened = socket.socket(socket.AF_INET6)
        scope = socket.if_nametoindex(guest.interface)
    with opened:
        opened.settimeout(ANSWER_WITHIN)
        opened.connect((to, 80, 0, scope))
        yield opened


def advertise(raw: socket.socket, *, claimed: str, mac: str, to: str) -> None:
    """Tell everybody by *raw* that *claimed* is at *mac*: unasked, and to believe."""
    target = IPv6Address(claimed).packed
    destination = IPv6Address(to).packed
    option = b"\x02\x01" + octets_of(mac)
    body = struct.pack("!I", OVERRIDE) + target + option
    head = struct.pack("!BBH", ADVERTISEMENT, 0, 0)
    whole = head + body
    pseudo = target + destination + struct.pack("!I3xB", len(whole), 58)
    summed = sum(struct.unpack(f"!{len(pseudo + whole) // 2}H", pseudo + whole))
    while summed >> 16:
        summed = (summed & 0xFFFF) + (summed >> 16)
    whole = struct.pack("!BBH", ADVERTISEMENT, 0, ~summed & 0xFFFF) + body
    packet = struct.pack("!IHBB", 6 << 28, len(whole), 58, 255) + target + destination
    everyone = b"\x33\x33\x00\x00\x00\x01"
    frame = everyone + octets_of(mac) + struct.pack("!H", ETH_P_IPV6)
    raw.send(frame + packet + whole)
