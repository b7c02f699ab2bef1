"""DNS on the wire, as much of it as a forwarder has to read (RFC 1035 section 4).

A query is its header, its question and what EDNS says; what else is in it is skipped,
but has to be there.  Names are octets: no letter of a question is lost.
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
POINTER = 0xC0  # a label's first two bits, and then it is none (RFC 1035 4.1.4)

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
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    NAPTR = 35
    OPT = 41
    DS = 43
    DNSKEY = 48
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    ANY = 255
    CAA = 257


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
        if answers or authorities or more:
            edns = _find_edns(octets, end + 4, answers + authorities, more)
        return cls(number, flags, name, qtype, qclass, edns)

    @property
    def lowered(self) -> bytes:
        """The name for comparisons: length octets are below any letter's."""
        return self.name.lower()

    @property
    def question(self) -> bytes:
        return self.name + struct.pack("!HH", self.qtype, self.qclass)

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
    """Return where the name at *at* ends; raises MalformedQuery.

    A pointer ends a name, and is not followed: no loop can be made of them.
    """
    start = at
    while True:
        if at >= len(octets):
            raise MalformedQuery("a name is cut")
        length = octets[at]
        if length == 0:
            return at + 1
        if length > LABEL_AT_MOST:
            if not pointers or length < POINTER:
                raise MalformedQuery("a label of more than 63 octets")
            if at + 2 > len(octets):
                raise MalformedQuery("a name is cut")
            if (length & 0x3F) << 8 | octets[at + 1] >= start:
                raise MalformedQuery("a pointer that leads nowhere before it")
            return at + 2
        at += 1 + length
        if at - start >= NAME_AT_MOST:
            raise MalformedQuery("a name of more than 255 octets")


def is_same_question(one: bytes, other: bytes) -> bool:
    """Whether two questions differ in the letters' case at most."""
    return one[-4:] == other[-4:] and one[:-4].lower() == other[:-4].lower()


def _find_edns(octets: bytes, at: int, others: int, more: int) -> Edns | None:
    """Return what the OPT among *more* records says, after *others* of no matter."""
    if others + more > RECORDS_AT_MOST:
        raise MalformedQuery("too many records")
    found: Edns | None = None
    for number in range(others + more):
        end = skip_name(octets, at)
        if end + FIXED.size > len(octets):
            raise MalformedQuery("a record is cut")
        kind, payload, flags, length = FIXED.unpack_from(octets, end)
        if kind == Type.OPT:
            if found is not None or end != at + 1 or number < others:
                raise MalformedQuery("an OPT where none can be, or with a name")
            found = Edns(payload, flags >> 16 & 0xFF, bool(flags & DO))
        at = end + FIXED.size + length
        if at > len(octets):
            raise MalformedQuery("a record is cut")
    return found


def encode_opt(*, dnssec_ok: bool, rcode: int = 0) -> bytes:
    """Return our OPT record: no option crosses us (RFC 6891 section 6.1)."""
    more = (rcode >> 4) << 24 | (DO if dnssec_ok else 0)
    return b"\0" + FIXED.pack(Type.OPT, OUR_PAYLOAD, more, 0)


def encode_query(query: Query, number: int, name: bytes, *, edns: bool = True) -> bytes:
    """Return what is asked elsewhere in *query*'s stead, with *name* for its name.

    AD is always wished for, as an answer may be for more than one asker (RFC 6840 5.7).
    """
    flags = RD | AD | query.flags & CD
    head = HEADER.pack(number, flags, 1, 0, 0, int(edns))
    opt = encode_opt(dnssec_ok=query.dnssec_ok) if edns else b""
    return head + name + struct.pack("!HH", query.qtype, query.qclass) + opt
