"""The packet socket for ARP: deaf, but while somebody waits for an answer.

A kernel filter lets ARP about IPv4 on Ethernet through; another one, nothing: a link
that is full of ARP does not wake us when no address is probed.
"""

import socket
from typing import Self

import trio

from .arp import TYPE_ARP
from .filters import NOTHING
from .filters import Program
from .filters import attach
from .hardware import HardwareAddress

PACKETS_AT_ONCE = 256  # before others get their turn
OCTETS_AT_MOST = 256

ARP_OF_IPV4: Program = (
    (0x28, 0, 0, 12),
    (0x15, 0, 5, TYPE_ARP),
    (0x20, 0, 0, 14),
    (0x15, 0, 3, 0x00010800),
    (0x28, 0, 0, 18),
    (0x15, 0, 1, 0x0604),
    (0x06, 0, 0, OCTETS_AT_MOST),
    (0x06, 0, 0, 0),
)


class ArpPort:
    """ARP on one device.

    Resource handling: `close` gives everything back; `open` leaves nothing open when
    it fails, with the OSError of the step that failed.
    """

    def __init__(self, packets: socket.socket) -> None:
        self._packets = packets
        self.hardware = HardwareAddress(packets.getsockname()[4])

    @classmethod
    def open(cls, device: str) -> Self:
        """Open a port on *device* that hears nothing yet."""
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            packets.setblocking(False)
            attach(packets, NOTHING)
            # bound last: nothing unfiltered is ever queued
            packets.bind((device, TYPE_ARP))
            return cls(packets)
        except BaseException:
            packets.close()
            raise

    def listen(self) -> None:
        attach(self._packets, ARP_OF_IPV4)

    def ignore(self) -> None:
        attach(self._packets, NOTHING)

    async def receive(self) -> list[bytes]:
        """Wait until something has arrived, and return it.

        Error handling: an OSError of the device is not told here: whoever serves DHCP
        on it finds it, too.
        """
        while True:
            await trio.lowlevel.wait_readable(self._packets)
            batch = []
            try:
                for _ in range(PACKETS_AT_ONCE):
                    batch.append(self._packets.recv(OCTETS_AT_MOST))
            except OSError:  # no more, or the device is down
                pass
            if batch:
                return batch
            await trio.lowlevel.checkpoint()

    def send(self, frame: bytes) -> bool:
        """Send *frame*; False where the device cannot take it now."""
        try:
            self._packets.send(frame)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._packets.close()
