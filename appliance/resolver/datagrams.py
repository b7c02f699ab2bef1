"""UDP in batches: one system call takes what has come, another sends the answers.

recvmmsg(2) and sendmmsg(2), on memory that is laid out once.  An answer that is known
is sent from where it lies, after the id of its query, which is sent from where that
lies: nothing is copied, and Python writes two words for an answer.

Who asks much from one port - c-ares, nginx, dnsperf - gets the answers of a batch in
one piece, which the kernel cuts into datagrams where they leave (UDP_SEGMENT, Linux
4.18): they pass routing, bridge and firewall once, and not once each.
"""

import ctypes
import mmap
import socket
import sys
from array import array
from collections.abc import Sequence
from typing import Any
from typing import Literal
from typing import NamedTuple
from typing import Self

AT_ONCE = 64  # datagrams
OCTETS_AT_MOST = 4096  # of a datagram; what is longer is cut
SLOT = (
    OCTETS_AT_MOST + 64
)  # octets: at powers of two they would meet in few cache lines
ID = 2  # octets
UDP_SEGMENT = 103

_NOW = int(socket.MSG_DONTWAIT)
_WORD = ctypes.c_void_p  # an address
_libc = ctypes.CDLL(None)
_libc.recvmmsg.argtypes = (ctypes.c_int, _WORD, ctypes.c_uint, ctypes.c_int, _WORD)
_libc.sendmmsg.argtypes = (ctypes.c_int, _WORD, ctypes.c_uint, ctypes.c_int)
_libc.sendmsg.argtypes = (ctypes.c_int, _WORD, ctypes.c_int)


class _Vector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("peer", ctypes.c_void_p),
        ("peer_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _Header), ("octets", ctypes.c_uint))


class _Cut(ctypes.Structure):
    """struct cmsghdr, and of how many octets each datagram is."""

    _fields_ = (
        ("length", ctypes.c_size_t),
        ("level", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("octets", ctypes.c_uint16),
    )


class _Peer(ctypes.Structure):
    """struct sockaddr_in."""

    _fields_ = (
        ("family", ctypes.c_uint16),
        ("port", ctypes.c_uint16),
        ("address", ctypes.c_uint32),
        ("zero", ctypes.c_uint64),
    )


_STARTS = tuple(range(0, AT_ONCE * SLOT, SLOT))
_MESSAGE = ctypes.sizeof(_Message)
_PAIR = 2 * ctypes.sizeof(_Vector)
_CUT = _Cut.octets.offset + _Cut.octets.size
_WORDS = _PAIR // 8  # of a pair: start and length of the id, then of the answer


def client_of(address: str) -> int:
    """Return an address as it lies in memory, as a batch has it."""
    return int.from_bytes(socket.inet_aton(address), sys.byteorder)


def address_of(client: int) -> bytes:
    """Return the four octets of what `client_of` returned."""
    return client.to_bytes(4, sys.byteorder)


class Prepared(NamedTuple):
    """An answer after its id, to be sent often."""

    octets: bytes
    start: int
    """Where *octets* lie, which live as long as we do."""
    length: int

    @classmethod
    def of(cls, octets: bytes) -> Self:
        start = ctypes.cast(ctypes.c_char_p(octets), ctypes.c_void_p)
        return cls(octets, start.value or 0, len(octets))


class Datagrams:
    """What comes by a UDP socket of IPv4, and goes; a batch is there until the next.

    Resource handling: the socket is the caller's to close.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._queries = mmap.mmap(-1, AT_ONCE * SLOT)
        self._peers = (_Peer * AT_ONCE)()
        self._into = (_Vector * AT_ONCE)()
        self._pairs = bytearray(AT_ONCE * _PAIR)
        pairs = (_Vector * (2 * AT_ONCE)).from_buffer(self._pairs)
        words = memoryview(self._pairs).cast("Q")
        self._answer_starts, self._answer_lengths = words[2::_WORDS], words[3::_WORDS]
        self._coming = (_Message * AT_ONCE)()
        self._going = (_Message * AT_ONCE)()
        queries = ctypes.addressof(ctypes.c_char.from_buffer(self._queries))
        for place, start in enumerate(_STARTS):
            self._into[place] = _Vector(queries + start, OCTETS_AT_MOST)
            pairs[2 * place] = _Vector(queries + start, ID)
            peer = ctypes.addressof(self._peers[place]), ctypes.sizeof(_Peer)
            one, two = map(ctypes.addressof, (self._into[place], pairs[2 * place]))
            self._coming[place].header = _Header(*peer, one, 1)
            self._going[place].header = _Header(*peer, two, 2)
        self._coming_at = ctypes.addressof(self._coming)
        self._going_at = ctypes.addressof(self._going)
        self._cut = _Cut(_CUT, socket.SOL_UDP, UDP_SEGMENT, 0)
        head = self._going[0].header
        control = ctypes.addressof(self._cut), ctypes.sizeof(_Cut)
        self._joined = _Header(
            head.peer, head.peer_length, head.vectors, 0, *control, 0
        )
        self._joined_at = ctypes.addressof(self._joined)
        self._joins = _can_join(listener)
        self._ends = _column(self._peers, 0, "Q")
        """Of each, address and port as one word."""
        self._lengths = _column(self._coming, _Message.octets.offset, "I")
        self._clients = _column(self._peers, _Peer.address.offset, "I")

    def receive(self) -> tuple[list[bytes], list[int]]:
        """Return what has come: the queries after their ids, their clients' addresses.

        Of an error nothing is said: it is of an answer, and the next call is without.
        """
        count = _libc.recvmmsg(
            self._listener.fileno(), self._coming_at, AT_ONCE, _NOW, None
        )
        if count <= 0:
            return [], []
        queries, lengths = self._queries, self._lengths[:count].tolist()
        tails = [
            queries[start + ID : start + length]
            for start, length in zip(_STARTS, lengths, strict=False)
        ]
        return tails, self._clients[:count].tolist()

    def query(self, place: int) -> bytes:
        """Return a query of the batch, whole."""
        start = _STARTS[place]
        return self._queries[start : start + self._lengths[place]]

    def peer(self, place: int) -> tuple[str, int]:
        """Return who sent it: its address and port."""
        peer = self._peers[place]
        return socket.inet_ntoa(address_of(peer.address)), socket.ntohs(peer.port)

    def answer(self, answers: Sequence[Prepared | None]) -> None:
        """Send each of the batch its answer, or nothing.

        Error handling: an answer that cannot be sent is lost: the client asks again.
        """
        start = 0
        for place, prepared in enumerate(answers):
            if prepared is None:
                self._send(start, place)
                start = place + 1
            else:
                self._answer_starts[place] = prepared.start
                self._answer_lengths[place] = prepared.length
        self._send(start, len(answers))

    def answer_all(self, starts: Sequence[int], lengths: Sequence[int]) -> None:
        """Send each of the batch an answer that was prepared; errors as above."""
        count = len(starts)
        self._answer_starts[:count] = memoryview(array("Q", starts))
        self._answer_lengths[:count] = memoryview(array("Q", lengths))
        if not self._send_joined(lengths):
            self._send(0, count)

    def _send_joined(self, lengths: Sequence[int]) -> bool:
        """Send the batch in one piece, if it can be cut into its answers again.

        Those are of one length, but for a shorter last; the kernel refuses what is
        longer than 64 KiB in all, and answers that do not fit the link.
        """
        count, length = len(lengths), lengths[0]
        alike = lengths.count(length) + (lengths[-1] < length)
        if alike < count or count == 1 or not self._joins:
            return False
        ends = self._ends[:count].tolist()
        if ends.count(ends[0]) < count:
            return False
        self._cut.octets = ID + length
        self._joined.count = 2 * count
        sent: int = _libc.sendmsg(self._listener.fileno(), self._joined_at, _NOW)
        return sent > 0

    def _send(self, start: int, stop: int) -> None:
        while start < stop:
            sent = _libc.sendmmsg(
                self._listener.fileno(),
                self._going_at + start * _MESSAGE,
                stop - start,
                _NOW,
            )
            start += max(sent, 1)  # an error is the first one's

    def send(self, peer: tuple[str, int], octets: bytes) -> None:
        """Send one answer, later, or the first of its kind; errors as above."""
        try:
            self._listener.sendto(octets, peer)
        except OSError:
            pass


def _can_join(listener: socket.socket) -> bool:
    """Whether the kernel knows UDP_SEGMENT: an old one would send one long datagram."""
    try:
        listener.getsockopt(socket.SOL_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True


def _column(
    records: "ctypes.Array[Any]", offset: int, kind: Literal["I", "Q"]
) -> memoryview:
    """Return the words at *offset* of each of *records*."""
    words = memoryview(records).cast("B").cast(kind)
    step = ctypes.sizeof(records) // len(records) // words.itemsize
    return words[offset // words.itemsize :: step]
