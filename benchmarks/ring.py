"""A packet socket that costs its owner next to nothing for each frame.

Python is slow by the statement, not by the octet, so no statement here is for one
frame: what arrived is read from a memory-mapped ring (packet(7), PACKET_RX_RING) as
columns, all transaction ids and all addresses of a run of frames at once, and what is
sent is a run of message headers, prepared before, that one sendmmsg(2) takes.
"""

import ctypes
import mmap
import select
import socket
import struct
from array import array
from typing import Self

SOL_PACKET = 263
PACKET_RX_RING = 5
PACKET_STATISTICS = 6
PACKET_VERSION = 10
TPACKET_V2 = 1
ETH_P_IP = 0x0800
SO_SNDBUFFORCE = 32
SO_ATTACH_FILTER = 26

FRAMES = 8192
FRAME_OCTETS = 256  # the rest of a frame is cut off: nobody reads it
BLOCK_OCTETS = 1 << 16
RUN = 128  # frames that are looked at together
WORDS = FRAME_OCTETS // 4

# octets from the start of a frame in the ring; an IPv4 header of 20 begins at 80, so
# the fields of a message, 28 octets on, are words too
STATUS, SECONDS, NANOSECONDS, XID, YIADDR = 0, 16, 20, 112, 124
MAC = struct.Struct("12xH")
MAC_AT = 66

SENT_AT_ONCE = 1024  # UIO_MAXIOV
HEADER = struct.Struct("PIPNPNi4xI4x")  # struct mmsghdr
SENT_OCTETS = 16 << 20

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sendmmsg.argtypes = (
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_uint,
    ctypes.c_int,
)


def header(vector: int) -> bytes:
    """Return the message header of the frame whose iovec is at address *vector*."""
    return HEADER.pack(0, 0, vector, 1, 0, 0, 0, 0)


def word(octets: bytes) -> int:
    """Return four octets as a column of the ring shows them."""
    return int.from_bytes(octets, "little")


class Ring:
    """Frames of one device for one UDP port, in runs.

    Resource handling: `close` gives everything back.
    """

    def __init__(self, packets: socket.socket) -> None:
        self._packets = packets
        self._ring = mmap.mmap(packets.fileno(), FRAMES * FRAME_OCTETS)
        self._words = memoryview(self._ring).cast("I")
        self._free = memoryview(array("I", bytes(4 * RUN)))
        self._next = 0
        self._headers = (ctypes.c_char * (SENT_AT_ONCE * HEADER.size))()
        self._outgoing = memoryview(self._headers).cast("B")
        self._poll = select.poll()
        self._poll.register(packets, select.POLLIN)
        self._checked = False

    @classmethod
    def open(cls, device: str, port: int) -> Self:
        """Hear what comes for UDP *port*, on *device* of this thread's namespace."""
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        packets.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SENT_OCTETS)
        _attach(packets, port)
        packets.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        blocks = FRAMES * FRAME_OCTETS // BLOCK_OCTETS
        ring = struct.pack("IIII", BLOCK_OCTETS, blocks, FRAME_OCTETS, FRAMES)
        packets.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
        packets.bind((device, ETH_P_IP))
        return cls(packets)

    def take(self) -> tuple[list[int], list[int]]:
        """Return xid and yiaddr of each message of the next run, as words."""
        first, count = self._arrived()
        if not count:
            return [], []
        xids, addresses = self._column(XID, count), self._column(YIADDR, count)
        self._release(first, count)
        return xids, addresses

    def take_stamped(self) -> tuple[list[int], list[int], list[float]]:
        """Return also when each arrived, in seconds since the epoch."""
        first, count = self._arrived()
        if not count:
            return [], [], []
        xids, addresses = self._column(XID, count), self._column(YIADDR, count)
        seconds, parts = self._column(SECONDS, count), self._column(NANOSECONDS, count)
        self._release(first, count)
        stamps = [
            whole + part / 1e9 for whole, part in zip(seconds, parts, strict=True)
        ]
        return xids, addresses, stamps

    def _arrived(self) -> tuple[int, int]:
        first = self._next
        stop = min(first + RUN, FRAMES)
        statuses = self._words[first * WORDS : stop * WORDS : WORDS].tolist()
        statuses.append(0)
        return first, statuses.index(0)

    def _column(self, offset: int, count: int) -> list[int]:
        start = self._next * WORDS + offset // 4
        return self._words[start : start + (count - 1) * WORDS + 1 : WORDS].tolist()

    def _release(self, first: int, count: int) -> None:
        if not self._checked:
            (at,) = MAC.unpack_from(self._ring, first * FRAME_OCTETS)
            assert at == MAC_AT, f"the kernel lays frames out otherwise: at {at}"
            self._checked = True
        start = first * WORDS
        self._words[start : start + (count - 1) * WORDS + 1 : WORDS] = self._free[
            :count
        ]
        self._next = (first + count) % FRAMES

    def wait(self, seconds: float) -> bool:
        """Wait for a frame; False when none came."""
        return bool(self._poll.poll(seconds * 1e3))

    def send(self, headers: bytes) -> None:
        """Send the frames that *headers*, of `header` each, say."""
        for start in range(0, len(headers), len(self._outgoing)):
            some = headers[start : start + len(self._outgoing)]
            self._outgoing[: len(some)] = some
            count = len(some) // HEADER.size
            sent = 0
            while sent < count:
                done = _libc.sendmmsg(
                    self._packets.fileno(),
                    ctypes.addressof(self._headers) + sent * HEADER.size,
                    count - sent,
                    0,
                )
                if done < 0:
                    raise OSError(ctypes.get_errno(), "sendmmsg")
                sent += done

    def overrun(self) -> int:
        """Return how many frames this ring had no room for since the last call."""
        counts = self._packets.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        return int(struct.unpack("II", counts)[1])

    def close(self) -> None:
        self._words.release()
        self._ring.close()
        self._packets.close()


def _attach(packets: socket.socket, port: int) -> None:
    # protocol UDP, destination port: (code, jump if true, jump if false, k) as in
    # linux/filter.h
    program = (
        (0x30, 0, 0, 23),
        (0x15, 0, 3, 17),
        (0x28, 0, 0, 36),
        (0x15, 0, 1, port),
        (0x06, 0, 0, 0x40000),
        (0x06, 0, 0, 0),
    )
    packed = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *each) for each in program)
    )
    pointer = struct.pack("HP", len(program), ctypes.addressof(packed))
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
