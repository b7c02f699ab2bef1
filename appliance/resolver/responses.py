"""Answers in octets: header, the question as it was asked, records, OPT."""

import struct
from dataclasses import dataclass

from .wire import AA
from .wire import AD
from .wire import CD
from .wire import HEADER
from .wire import OPCODE
from .wire import QR
from .wire import RA
from .wire import RD
from .wire import TC
from .wire import Body
from .wire import Query
from .wire import Rcode
from .wire import encode_opt


@dataclass(frozen=True, slots=True)
class Records:
    """Records of our own, encoded; names in them are whole or point at the question."""

    answers: tuple[bytes, ...] = ()
    authorities: tuple[bytes, ...] = ()


def encode_local(
    query: Query, rcode: Rcode, records: Records = Records(), *, room: int
) -> bytes:
    """Return an answer of our own, with AA where it is one."""
    aa = AA if rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) else 0
    body = b"".join((*records.answers, *records.authorities))
    counts = (len(records.answers), len(records.authorities), 0)
    return _encode(query, aa, rcode, counts, body, room)


def encode_cached(query: Query, body: Body, age: int, *, room: int) -> bytes:
    """Return an upstream's answer that is *age* seconds old."""
    records = body.records
    if age and body.lifetimes:
        patched = bytearray(records)
        for at, lifetime in body.lifetimes:
            struct.pack_into("!I", patched, at, max(0, lifetime - age))
        records = bytes(patched)
    return _encode(
        query, body.flags & (AD | TC), body.rcode, body.counts, records, room
    )


def encode_error(octets: bytes, rcode: Rcode) -> bytes:
    """Return an error for a query that was not understood: its header alone."""
    number, flags = struct.unpack_from("!HH", octets)
    flags = QR | RA | flags & (OPCODE | RD | CD) | rcode
    return HEADER.pack(number, flags, 0, 0, 0, 0)


def _encode(
    query: Query,
    more: int,
    rcode: int,
    counts: tuple[int, int, int],
    records: bytes,
    room: int,
) -> bytes:
    flags = QR | RA | query.flags & (OPCODE | RD | CD) | more | rcode & 15
    opt = b""
    if query.edns is not None:
        opt = encode_opt(dnssec_ok=query.dnssec_ok, rcode=rcode)
    size = HEADER.size + len(query.question) + len(records) + len(opt)
    if size > room:  # all or nothing: half an RRset would be a lie (RFC 2181 5.2)
        flags, counts, records = flags | TC, (0, 0, 0), b""
    answers, authorities, additionals = counts
    head = HEADER.pack(
        query.id, flags, 1, answers, authorities, additionals + bool(opt)
    )
    return head + query.question + records + opt
