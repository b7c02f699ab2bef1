"""The packet socket that watches what other servers say to clients (dhcp 72).

It is apart from the one that answers, and never in its way: a small buffer that may
overflow, a bounded number of frames, then a pause.  A server that is missed once is
seen the next time.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import NoReturn
from typing import Protocol
from typing import Self

import trio

from .codes import CLIENT_PORT
from .codes import SERVER_PORT
from .errors import MalformedMessage
from .filters import Program
from .filters import attach
from .frames import FRAGMENTED
from .frames import PROTOCOL_UDP
from .frames import TYPE_IPV4
from .frames import Frame
from .hardware import HardwareAddress
from .message import Message
from .sightings import server_of

FRAMES_AT_ONCE = 32
PAUSE = 0.25  # seconds, after each time
FRAME_OCTETS = 2048
BUFFER = 64 * 1024  # octets


def to_clients(ours: HardwareAddress) -> Program:
    """Let through what others say to clients: broadcast or to us, UDP 67 to 68, whole.

    What is for another station is left alone: frames of other VLANs look so, too.
    """
    high = int.from_bytes(ours.octets[:4], "big")
    low = int.from_bytes(ours.octets[4:], "big")
    return (
        (0x30, 0, 0, 0xFFFFF004),
        (0x15, 14, 0, 3),
        (0x28, 0, 0, 12),
        (0x15, 0, 12, TYPE_IPV4),
        (0x30, 0, 0, 23),
        (0x15, 0, 10, PROTOCOL_UDP),
        (0x28, 0, 0, 20),
        (0x45, 8, 0, FRAGMENTED),
        (0xB1, 0, 0, 14),
        (0x40, 0, 0, 14),
        (0x15, 0, 5, SERVER_PORT << 16 | CLIENT_PORT),
        (0x20, 0, 0, 6),
        (0x15, 0, 2, high),
        (0x28, 0, 0, 10),
        (0x15, 1, 0, low),
        (0x06, 0, 0, FRAME_OCTETS),
        (0x06, 0, 0, 0),
    )


class Source(Protocol):
    """Where frames come from: a `Lookout`, or a list in a test."""

    async def receive(self) -> list[bytes]: ...


class Lookout:
    """What others say to clients, on one device.

    Resource handling: `close` gives everything back; `open` leaves nothing open when
    it fails, with the OSError of the step that failed.
    """

    def __init__(self, packets: socket.socket) -> None:
        self._packets = packets

    @classmethod
    def open(cls, device: str, ours: HardwareAddress) -> Self:
        """Watch *device*, whose MAC is *ours*."""
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            packets.setblocking(False)
            packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            attach(packets, to_clients(ours))
            # bound last: nothing unfiltered is ever queued
            packets.bind((device, TYPE_IPV4))
            return cls(packets)
        except BaseException:
            packets.close()
            raise

    async def receive(self) -> list[bytes]:
        """Wait until something has arrived, and return some of it.

        Error handling: an OSError of the device is not told here: whoever serves DHCP
        on it finds it, too.
        """
        await trio.lowlevel.wait_readable(self._packets)
        batch: list[bytes] = []
        try:
            while len(batch) < FRAMES_AT_ONCE:
                batch.append(self._packets.recv(FRAME_OCTETS))
        except OSError:  # no more, or the device is down
            pass
        return batch

    def close(self) -> None:
        self._packets.close()


async def watch(
    source: Source, see: Callable[[IPv4Address, HardwareAddress], None]
) -> NoReturn:
    """Call *see* with each answer's server and the MAC it came from, until cancelled.

    What is no answer of a server is nothing that concerns us.
    """
    while True:
        for octets in await source.receive():
            try:
                # nobody acts on it: a checksum that is left to a device may stay so
                frame = Frame.parse(octets, checksum_ready=False)
                message = Message.parse(frame.payload)
            except MalformedMessage:
                continue
            server_id = server_of(frame, message)
            if server_id is not None:
                see(server_id, frame.source_hardware)
        await trio.sleep(PAUSE)
