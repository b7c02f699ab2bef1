"""Answers in octets: header, the question as it was asked, records, OPT."""

import struct

from .body import Body
from .wire import AD
from .wire import CD
from .wire import HEADER
from .wire import OPCODE
from .wire import QR
from .wire import RA
from .wire import RD
from .wire import TC
from .wire import Query
from .wire import Rcode
from .wire import encode_opt

KEPT = OPCODE | RD | CD  # flags that an answer has from its query


def encode_answer(query: Query, body: Body, *, room: int, age: int = 0) -> bytes:
    """Return an answer of at most *room* octets, of records *age* seconds old."""
    flags = QR | RA | query.flags & KEPT | body.flags | body.rcode & 15
    if not (query.flags & AD or query.dnssec_ok):
        flags &= ~AD  # to who knows the flag, and nobody else (RFC 6840 section 5.8)
    opt = b""
    if query.edns is not None:
        opt = encode_opt(dnssec_ok=query.dnssec_ok, rcode=body.rcode)
    question = query.question
    space = room - HEADER.size - len(question) - len(opt)
    counts, size, cut = fit(body, space)
    if cut:
        flags |= TC
    head = HEADER.pack(query.id, flags, 1, counts[0], counts[1], counts[2] + bool(opt))
    return head + question + _aged(body, age)[:size] + opt


def fit(body: Body, space: int) -> tuple[tuple[int, int, int], int, bool]:
    """Return how many records go into *space* octets, their size, and what TC says.

    Additional records go silently, everything else with TC; half an RRset would be a
    lie (RFC 2181 sections 5.2 and 9).
    """
    answers, authorities, _ = body.counts
    if len(body.records) <= space:
        return body.counts, len(body.records), False
    if body.needed <= space:
        return (answers, authorities, 0), body.needed, False
    for count, end in reversed(body.sets):
        if end <= space:
            return (count, 0, 0), end, True
    return (0, 0, 0), 0, True


def encode_error(octets: bytes, rcode: Rcode) -> bytes:
    """Return an error for a query that was not understood: its header alone."""
    number, flags = struct.unpack_from("!HH", octets)
    return HEADER.pack(number, QR | RA | flags & KEPT | rcode, 0, 0, 0, 0)


def _aged(body: Body, age: int) -> bytes:
    if not age or not body.lifetimes:
        return body.records
    patched = bytearray(body.records)
    for at in body.lifetimes:
        (lifetime,) = struct.unpack_from("!I", patched, at)
        struct.pack_into("!I", patched, at, max(0, lifetime - age))
    return bytes(patched)
