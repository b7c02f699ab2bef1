"""What all guests of a network say, prepared, and what they must be told.

A guest says what udhcpc and Windows say: a client identifier (its MAC), a list of
seven options, no broadcast flag. Guests stand in an order of no meaning, as after a
power cut.
"""

import ctypes
import mmap
import random
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from .bench import address
from .bench import mac
from .ring import header
from .ring import word

DISCOVER, REQUEST = 1, 3
EVERYONE = b"\xff" * 6
ASKED = bytes([55, 7, 1, 3, 6, 12, 15, 26, 121])
COOKIE = b"\x63\x82\x53\x63"
BOOTP = struct.Struct("!BBBBI20x6s10x192x")
MESSAGE_OCTETS = 300
UDP_OCTETS = 8 + MESSAGE_OCTETS
IP = struct.Struct("!BBHIBBH8s")
UDP = struct.Struct("!HHHH")
VECTOR = struct.Struct("PN")
SLOT = 384  # octets from one frame to the next
SEED = 1
PLACES_AT_LEAST = 1000


def xid(place: int, kind: int) -> int:
    """Return the transaction id of the DISCOVER or REQUEST at a place: all differ."""
    return 0x40000000 | place << 1 | (kind == REQUEST)


def places(count: int) -> list[int]:
    """Return the guests' numbers in the order in which they come.

    Few come again and again, as if they had more than one exchange at a time.
    """
    numbers = list(range(count))
    random.Random(SEED).shuffle(numbers)
    return numbers * max(1, PLACES_AT_LEAST // count)


def frame(
    number: int, kind: int, transaction: int, server: IPv4Address, own: str
) -> bytes:
    """Return what guest *number*, whose address is *own*, broadcasts."""
    hardware = bytes.fromhex(mac(number).replace(":", ""))
    options = bytes([53, 1, kind, 61, 7, 1]) + hardware
    if kind == REQUEST:
        options += bytes([50, 4]) + IPv4Address(own).packed
        options += bytes([54, 4]) + server.packed
    message = BOOTP.pack(1, 1, 6, 0, transaction, hardware) + COOKIE
    message += options + ASKED + b"\xff"
    return enclose(EVERYONE + hardware, (68, 67), bytes(4) + b"\xff" * 4, message)


def enclose(stations: bytes, ports: tuple[int, int], ends: bytes, text: bytes) -> bytes:
    """Return the frame of a message: to and from *stations*, from and to *ends*."""
    text = text.ljust(MESSAGE_OCTETS, b"\0")
    bare = UDP.pack(*ports, UDP_OCTETS, 0)
    pseudo = ends + struct.pack("!HH", 17, UDP_OCTETS)
    udp = UDP.pack(*ports, UDP_OCTETS, _complement(pseudo + bare + text))
    words = (0x45, 0, 20 + UDP_OCTETS, 0, 64, 17)
    head = IP.pack(*words, 0, ends)
    head = IP.pack(*words, _complement(head), ends)
    return b"".join((stations, b"\x08\x00", head, udp, text))


def _complement(octets: bytes) -> int:
    # a one's complement sum of 16-bit words is the big number modulo 65535; 0 would
    # say that there is no checksum (RFC 768), and no sum here is 0
    return 0xFFFF - int.from_bytes(octets, "big") % 0xFFFF


class Frames:
    """Frames at fixed places of the memory, for the kernel to read again and again."""

    def __init__(self, frames: list[bytes]) -> None:
        self._octets = mmap.mmap(-1, max(1, len(frames)) * SLOT)
        self._vectors = mmap.mmap(-1, max(1, len(frames)) * VECTOR.size)
        octets = ctypes.addressof(ctypes.c_char.from_buffer(self._octets))
        vectors = ctypes.addressof(ctypes.c_char.from_buffer(self._vectors))
        for place, each in enumerate(frames):
            self._octets[place * SLOT : place * SLOT + len(each)] = each
            VECTOR.pack_into(
                self._vectors, place * VECTOR.size, octets + place * SLOT, len(each)
            )
        self.headers = [
            header(vectors + place * VECTOR.size) for place in range(len(frames))
        ]
        """What `Ring.send` takes, for each."""


@dataclass(frozen=True, slots=True)
class Guests:
    """The guests of one network, in the order in which they come."""

    bindings: int
    """How many there are: so many are different, then they come again."""
    discover: list[bytes]
    """What sends a guest's DISCOVER."""
    request: list[bytes]
    """What sends its REQUEST."""
    offers: list[int]
    """The xid, as a word, of the answer to its DISCOVER."""
    acks: list[int]
    """And to its REQUEST."""
    address_of: dict[int, int]
    """The right yiaddr for each xid, as words."""
    frames: Frames
    """Keeps the memory."""

    @classmethod
    def of(cls, count: int, server: IPv4Address) -> "Guests":
        """Prepare *count* guests of *server*."""
        numbers = places(count)
        frames, words, address_of = [], [], {}
        for kind in (DISCOVER, REQUEST):
            for place, number in enumerate(numbers):
                own, transaction = address(number), xid(place, kind)
                frames.append(frame(number, kind, transaction, server, own))
                words.append(word(transaction.to_bytes(4, "big")))
                address_of[words[-1]] = word(IPv4Address(own).packed)
        kept, half = Frames(frames), len(numbers)
        return cls(
            count,
            kept.headers[:half],
            kept.headers[half:],
            words[:half],
            words[half:],
            address_of,
            kept,
        )

    def __len__(self) -> int:
        return len(self.discover)
