"""Netlink messages: what the kernel and the host side say to each other.

A datagram is a run of messages; each is a header of 16 octets (length, kind, flags,
sequence, port) and a body padded to four. A body is a fixed part, which depends on
the kind, then attributes: length, type, value, padded to four. All of it is in the
machine's own byte order. Here are only bytes; the sockets are in kernel.py.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3

NLM_F_REQUEST: Final = 0x1
NLM_F_ACK: Final = 0x4
NLM_F_DUMP_INTR: Final = 0x10
"""In an answer: the table changed while it was read, so the dump is of no moment."""
NLM_F_REPLACE: Final = 0x100
NLM_F_DUMP: Final = 0x300
NLM_F_CREATE: Final = 0x400

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_TYPE_MASK: Final = 0x3FFF  # the two bits above say "nested" and "network byte order"


class NetlinkSyntaxError(ValueError):
    """Octets that no kernel sends."""


def _padded(octets: int) -> int:
    return (octets + 3) & ~3


@dataclass(frozen=True, slots=True)
class Message:
    """One netlink message, its body as octets."""

    kind: int
    body: bytes = b""
    flags: int = NLM_F_REQUEST
    sequence: int = 0

    def pack(self) -> bytes:
        length = _HEADER.size + len(self.body)
        header = _HEADER.pack(length, self.kind, self.flags, self.sequence, 0)
        return (header + self.body).ljust(_padded(length), b"\0")

    @property
    def errno(self) -> int:
        """The error that an NLMSG_ERROR carries: 0 is an acknowledgement."""
        if len(self.body) < 4:
            raise NetlinkSyntaxError(f"an error of {len(self.body)} octets")
        (negative,) = struct.unpack_from("=i", self.body)
        return -int(negative)


def parse(datagram: bytes) -> Iterator[Message]:
    """Yield each message of *datagram*. Raises NetlinkSyntaxError."""
    offset = 0
    while offset < len(datagram):
        if len(datagram) - offset < _HEADER.size:
            raise NetlinkSyntaxError(
                f"{len(datagram) - offset} octets where a header is"
            )
        length, kind, flags, sequence, _ = _HEADER.unpack_from(datagram, offset)
        if not _HEADER.size <= length <= len(datagram) - offset:
            raise NetlinkSyntaxError(f"a message of {length} octets")
        body = datagram[offset + _HEADER.size : offset + length]
        yield Message(kind, body, flags, sequence)
        offset += _padded(length)


def attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return (_ATTRIBUTE.pack(length, kind) + value).ljust(_padded(length), b"\0")


def attributes(octets: bytes, offset: int = 0) -> dict[int, bytes]:
    """Read the attributes of *octets* from *offset* on. Raises NetlinkSyntaxError."""
    found = {}
    end = len(octets)
    while end - offset >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(octets, offset)
        if not _ATTRIBUTE.size <= length <= end - offset:
            raise NetlinkSyntaxError(f"an attribute of {length} octets")
        found[kind & _TYPE_MASK] = octets[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def text(value: bytes) -> str:
    """Read a string attribute: the kernel ends it with a zero."""
    return value.rstrip(b"\0").decode(errors="surrogateescape")


def number(value: bytes) -> int:
    """Read an attribute of four octets without a sign. Raises NetlinkSyntaxError."""
    return _integer("=I", value)


def signed(value: bytes) -> int:
    """Read an attribute of four octets with a sign. Raises NetlinkSyntaxError."""
    return _integer("=i", value)


def _integer(form: str, value: bytes) -> int:
    if len(value) != 4:
        raise NetlinkSyntaxError(f"a number of {len(value)} octets")
    return int(struct.unpack(form, value)[0])
