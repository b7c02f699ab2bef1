"""DNS on the wire, as much of it as a forwarder has to read (RFC 1035 section 4).

A query is its header, its question and what EDNS says; a response is cut into its
sections, so that times to live can be patched without reading the records' insides.
Whole records of our own are made by dnslib.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from .errors import MalformedQuery

HEADER = struct.Struct("!6H")
FIXED = struct.Struct("!HHIH")  # type, class, time to live, length
NAME_AT_MOST = 255  # octets
LABEL_AT_MOST = 63
RECORDS_AT_MOST = 512  # of one message; no honest one has more
POINTERS_AT_MOST = 32

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
DO = 0x8000  # in the flags of EDNS
OPCODE = 0x7800
OUR_PAYLOAD = 1232  # octets: fits in any path's MTU (DNS flag day 2020)
PLAIN_PAYLOAD = 512  # without EDNS


class Rcode(IntEnum):
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class Type(IntEnum):
    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    HINFO = 13
    TXT = 16
    AAAA = 28
    OPT = 41
    IXFR = 251
    AXFR = 252
    ANY = 255


IN = 1


@dataclass(frozen=True, slots=True)
class Edns:
    """What the OPT record of a query says (RFC 6891)."""

    payload: int
    version: int = 0
    dnssec_ok: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question and how it was asked."""

    id: int
    flags: int
    name: bytes
    """In labels, as it was written."""
    qtype: int
    qclass: int
    edns: Edns | None = None

    @classmethod
    def parse(cls, octets: bytes) -> "Query":
        """Read a query; raises MalformedQuery."""
        if len(octets) < HEADER.size:
            raise MalformedQuery("shorter than a header", answerable=False)
        number, flags, questions, answers, authorities, more = HEADER.unpack_from(
            octets
        )
        if flags & QR:
            raise MalformedQuery("a response", answerable=False)
        if questions != 1:
            raise MalformedQuery(f"{questions} questions")
        end = skip_name(octets, HEADER.size, pointers=False)
        name = octets[HEADER.size : end]
        if end + 4 > len(octets):
            raise MalformedQuery("the question is cut")
        qtype, qclass = struct.unpack_from("!HH", octets, end)
        edns = None
        if more and not answers and not authorities:
            edns = _find_edns(octets, end + 4, more)
        return cls(number, flags, name, qtype, qclass, edns)

    @property
    def lowered(self) -> bytes:
        """The name for comparisons: length octets are below any letter's."""
        return self.name.lower()

    @property
    def question(self) -> bytes:
        return self.name + struct.pack("!HH", self.qtype, self.qclass)

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE) >> 11

    @property
    def room(self) -> int:
        """How many octets a UDP answer may have."""
        if self.edns is None:
            return PLAIN_PAYLOAD
        return max(PLAIN_PAYLOAD, min(self.edns.payload, OUR_PAYLOAD))

    @property
    def dnssec_ok(self) -> bool:
        return self.edns is not None and self.edns.dnssec_ok


def skip_name(octets: bytes, at: int, *, pointers: bool = True) -> int:
    """Return where the name at *at* ends; raises MalformedQuery."""
    start = at
    while True:
        if at >= len(octets):
            raise MalformedQuery("a name is cut")
        length = octets[at]
        if length == 0:
            return at + 1
        if length > LABEL_AT_MOST:
            if pointers and length >= 0xC0 and at + 1 < len(octets):
                return at + 2
            raise MalformedQuery("a label of more than 63 octets")
        at += 1 + length
        if at - start >= NAME_AT_MOST:
            raise MalformedQuery("a name of more than 255 octets")


def _find_edns(octets: bytes, at: int, records: int) -> Edns | None:
    found: Edns | None = None
    for _ in range(min(records, RECORDS_AT_MOST)):
        end = skip_name(octets, at)
        if end + FIXED.size > len(octets):
            raise MalformedQuery("an additional record is cut")
        kind, payload, more, length = FIXED.unpack_from(octets, end)
        if kind == Type.OPT:
            if found is not None or end != at + 1:
                raise MalformedQuery("more than one OPT, or one with a name")
            found = Edns(payload, more >> 16 & 0xFF, bool(more & DO))
        at = end + FIXED.size + length
        if at > len(octets):
            raise MalformedQuery("an additional record is cut")
    return found


def encode_opt(*, dnssec_ok: bool, rcode: int = 0) -> bytes:
    """Return our OPT record: no option crosses us (RFC 6891 section 6.1)."""
    more = (rcode >> 4) << 24 | (DO if dnssec_ok else 0)
    return b"\0" + FIXED.pack(Type.OPT, OUR_PAYLOAD, more, 0)


def encode_query(query: Query, number: int, name: bytes, *, edns: bool = True) -> bytes:
    """Return what is asked of an upstream in *query*'s stead, with *name*'s letters."""
    flags = query.flags & (RD | CD | AD)
    head = HEADER.pack(number, flags, 1, 0, 0, int(edns))
    opt = encode_opt(dnssec_ok=query.dnssec_ok) if edns else b""
    return head + name + query.question[len(query.name) :] + opt


@dataclass(frozen=True, slots=True)
class Body:
    """A response's sections after its question, without OPT."""

    flags: int
    rcode: int
    counts: tuple[int, int, int]
    records: bytes
    lifetimes: tuple[tuple[int, int], ...]
    """Where in *records* each time to live is, and what it was, in seconds."""
    addresses: tuple[bytes, ...] = ()
    """The A and AAAA records' values."""
    minimum: int | None = None
    """What a SOA in the authority section says of negative answers, in seconds."""


def parse_body(octets: bytes, question: bytes) -> Body:
    """Cut a response to *question* into its sections; raises MalformedQuery."""
    _, flags, questions, *counts = HEADER.unpack_from(octets)
    start = HEADER.size + len(question)
    if questions != 1 or len(octets) < start:
        raise MalformedQuery("no such question")
    at, rcode = start, flags & 15
    lifetimes, addresses = [], []
    minimum: int | None = None
    end_of_records = len(octets)
    total = sum(counts)
    if total > RECORDS_AT_MOST:
        raise MalformedQuery("too many records")
    kept = list(counts)
    for number in range(total):
        end = skip_name(octets, at)
        if end + FIXED.size > len(octets):
            raise MalformedQuery("a record is cut")
        kind, _, lifetime, length = FIXED.unpack_from(octets, end)
        value = end + FIXED.size
        if value + length > len(octets):
            raise MalformedQuery("a record is cut")
        if kind == Type.OPT:
            if number != total - 1:
                raise MalformedQuery("an OPT before other records")
            rcode |= lifetime >> 24 << 4
            kept[2] -= 1
            end_of_records = at
        else:
            lifetimes.append((end + 4 - start, lifetime))
            if kind in (Type.A, Type.AAAA):
                addresses.append(octets[value : value + length])
            if kind == Type.SOA and counts[0] <= number < counts[0] + counts[1]:
                minimum = struct.unpack_from("!I", octets, value + length - 4)[0]
        at = value + length
    return Body(
        flags,
        rcode,
        (kept[0], kept[1], kept[2]),
        octets[start : min(at, end_of_records)],
        tuple(lifetimes),
        tuple(addresses),
        minimum,
    )
