"""The packet socket of one device: whole frames in, whole frames out.

A kernel filter lets only DHCP to servers through, and a memory-mapped ring holds a
burst of 1,000 guests (packet(7), PACKET_RX_RING): the default receive buffer holds
167, and a daemon without CAP_NET_ADMIN cannot raise it.  Ordinary UDP sockets stay
bound to port 67 with a filter that drops all, or the kernel would answer unicast
renewals with "port unreachable".
"""

import ctypes
import errno
import mmap
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Self

import trio

from .backlog import Received
from .codes import SERVER_PORT
from .frames import TYPE_IPV4
from .hardware import HardwareAddress

FRAMES = 1024
FRAME_OCTETS = 4096
BLOCK_OCTETS = 1 << 16
LOOK_EVERY = 1.0  # seconds between looks at the device, when nothing arrives

SOL_PACKET = 263
PACKET_RX_RING = 5
PACKET_STATISTICS = 6
PACKET_VERSION = 10
TPACKET_V2 = 1
SO_ATTACH_FILTER = 26
STATUS_USER = 1
STATUS_CSUM_NOT_READY = 8
RING_HEADER = struct.Struct("IIIHH")  # status, length, snapped, mac, net
STATUS = struct.Struct("I")

# Not for another station, IPv4, UDP, unfragmented or first, destination port 67:
# (code, jump if true, jump if false, k) as in linux/filter.h.
TO_SERVER = (
    (0x30, 0, 0, 0xFFFFF004),
    (0x15, 10, 0, 3),
    (0x28, 0, 0, 12),
    (0x15, 0, 8, TYPE_IPV4),
    (0x30, 0, 0, 23),
    (0x15, 0, 6, 17),
    (0x28, 0, 0, 20),
    (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14),
    (0x48, 0, 0, 16),
    (0x15, 0, 1, SERVER_PORT),
    (0x06, 0, 0, 0x40000),
    (0x06, 0, 0, 0),
)
NOTHING = ((0x06, 0, 0, 0),)


class RawPort:
    """A packet socket on one device, and what keeps the kernel quiet beside it.

    Resource handling: `close` gives everything back; `open` leaves nothing open when
    it fails, with the OSError of the step that failed.
    """

    def __init__(self, packets: socket.socket, silent: list[socket.socket]) -> None:
        self._packets = packets
        self._silent = silent
        self._ring = mmap.mmap(packets.fileno(), FRAMES * FRAME_OCTETS)
        self._next = 0
        self.hardware = HardwareAddress(packets.getsockname()[4])

    @classmethod
    def open(cls, device: str, server_ids: Iterable[IPv4Address]) -> Self:
        """Listen on *device*, whose addresses are *server_ids*."""
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        silent: list[socket.socket] = []
        try:
            packets.setblocking(False)
            _attach(packets, TO_SERVER)
            packets.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
            ring = struct.pack(
                "IIII",
                BLOCK_OCTETS,
                FRAMES * FRAME_OCTETS // BLOCK_OCTETS,
                FRAME_OCTETS,
                FRAMES,
            )
            packets.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
            # bound last: nothing unfiltered is ever queued
            packets.bind((device, TYPE_IPV4))
            for server_id in server_ids:
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                silent.append(udp)
                _attach(udp, NOTHING)
                udp.setsockopt(
                    socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode()
                )
                udp.bind((str(server_id), SERVER_PORT))
            return cls(packets, silent)
        except BaseException:
            for each in (packets, *silent):
                each.close()
            raise

    async def wait(self) -> None:
        """Wait until something has arrived.

        Raises OSError when the device is gone; one that is only down is waited for.
        """
        while True:
            # a device that is down wakes us; that it is then removed, nobody tells
            with trio.move_on_after(LOOK_EVERY):
                await trio.lowlevel.wait_readable(self._packets)
            (status,) = STATUS.unpack_from(self._ring, self._next * FRAME_OCTETS)
            if status & STATUS_USER:
                return
            failure = self._packets.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure not in (0, errno.ENETDOWN):
                raise OSError(failure, "the DHCP socket failed")
            if not self._packets.getsockname()[0]:
                raise OSError(errno.ENODEV, "the device of the DHCP socket is gone")

    def drain(self) -> list[Received]:
        """Return what has arrived, and give its room back."""
        ring, at, batch = self._ring, self._next, []
        for _ in range(FRAMES):
            start = at * FRAME_OCTETS
            status, _, snapped, mac, _ = RING_HEADER.unpack_from(ring, start)
            if not status & STATUS_USER:
                break
            # one that was cut to the ring's frame fails to parse, and is counted
            first = start + mac
            batch.append(
                (ring[first : first + snapped], not status & STATUS_CSUM_NOT_READY)
            )
            STATUS.pack_into(ring, start, 0)
            at = (at + 1) % FRAMES
        self._next = at
        return batch

    def send(self, frame: bytes) -> bool:
        """Send *frame*; False where the device cannot take it now.

        The guest asks again, so nothing waits here.
        """
        try:
            self._packets.send(frame)
        except OSError as problem:
            if problem.errno in (
                errno.EAGAIN,
                errno.ENOBUFS,
                errno.ENETDOWN,
                errno.EMSGSIZE,
            ):
                return False
            raise
        return True

    def lost(self) -> int:
        """Return how many frames the ring had no room for since the last call."""
        counts = self._packets.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        return int(struct.unpack("II", counts)[1])

    def close(self) -> None:
        self._ring.close()
        for each in (self._packets, *self._silent):
            each.close()


def _attach(
    each: socket.socket, instructions: Iterable[tuple[int, int, int, int]]
) -> None:
    packed = [struct.pack("HBBI", *each) for each in instructions]
    program = ctypes.create_string_buffer(b"".join(packed))
    pointer = struct.pack("HP", len(packed), ctypes.addressof(program))
    each.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
