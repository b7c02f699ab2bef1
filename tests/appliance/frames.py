"""Frames that guests send, and ears that hear what arrives where."""

import socket
import struct
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

from appliance import namespace
from appliance.attachment import METADATA_ADDRESS
from appliance.attachment import Attachment
from appliance.veth import Pair
from dhcp.hardware import HardwareAddress
from tests.appliance.plumbing import Guest

BROADCAST = HardwareAddress(b"\xff" * 6)
ARP = 0x0806
MARK = 0x88B5  # an ethertype for experiments: nobody else sends it
PORT = 5000
EAR_SECONDS = 10.0

_ETH_P_ALL = 3


def frame(
    to: HardwareAddress, sender: HardwareAddress, kind: int, payload: bytes = b""
) -> bytes:
    return (to.octets + sender.octets + struct.pack("!H", kind) + payload).ljust(
        60, b"\0"
    )


def question(
    wanted: IPv4Address, sender: HardwareAddress, address: IPv4Address
) -> bytes:
    """Ask by ARP who has *wanted*."""
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    claim = sender.octets + address.packed
    return frame(BROADCAST, sender, ARP, head + claim + bytes(6) + wanted.packed)


class Ear:
    """A packet socket on one device of one namespace."""

    def __init__(self, path: Path, device: str) -> None:
        with namespace.entered(path):
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)
            )
        self._socket.bind((device, _ETH_P_ALL))
        self._socket.settimeout(EAR_SECONDS)

    def send(self, octets: bytes) -> None:
        self._socket.send(octets)

    def heard(self, mark: bytes) -> list[bytes]:
        """List what came in before the frame that carries *mark*."""
        return list(self._until(mark))

    def _until(self, mark: bytes) -> Iterator[bytes]:
        deadline = time.monotonic() + EAR_SECONDS
        while time.monotonic() < deadline:
            octets, origin = self._socket.recvfrom(2048)
            if origin[2] == socket.PACKET_OUTGOING:
                continue
            if octets[12:14] == struct.pack("!H", MARK) and mark in octets:
                return
            yield octets
        raise AssertionError(f"{mark!r} has not come in {EAR_SECONDS:.0f} s")


def udp(path: Path, address: tuple[str, int] = ("", 0)) -> socket.socket:
    """Open a UDP socket in a namespace."""
    with namespace.entered(path):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.settimeout(EAR_SECONDS)
    if any(address):
        opened.bind(address)
    return opened


def mac(of: Guest) -> HardwareAddress:
    return HardwareAddress.parse(of.mac)


def server(attachment: Attachment) -> socket.socket:
    """Listen at 169.254.169.254, where the daemon will."""
    return udp(Pair.of(attachment).namespace, (str(METADATA_ADDRESS), PORT))


def ask(client: socket.socket, words: bytes) -> None:
    client.sendto(words, (str(METADATA_ADDRESS), PORT))


def converse(client: socket.socket, served: socket.socket, words: bytes) -> None:
    """Fail unless *words* go from *client* to *served*, and back."""
    ask(client, words)
    heard, peer = served.recvfrom(100)
    assert heard == words
    served.sendto(words, peer)
    assert client.recv(100) == words
