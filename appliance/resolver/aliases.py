"""CNAMEs of ours before what an upstream says of the name that they lead to.

A stub resolver follows no CNAME itself, so the whole chain has to be in one answer; the
upstream's names point into a message that is no more, so dnslib writes them anew.
"""

import struct

from dnslib import QTYPE
from dnslib import RR
from dnslib import DNSBuffer
from dnslib import DNSError
from dnslib import DNSRecord

from .body import parse_body
from .errors import MalformedQuery
from .wire import AD
from .wire import HEADER
from .wire import Query

UNREADABLE = (
    DNSError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
    TypeError,
    RecursionError,
    struct.error,
)
"""What dnslib lets out of records that it cannot read or write again."""


def behind_aliases(
    query: Query, aliases: tuple[bytes, ...], asked: Query, reply: bytes
) -> bytes:
    """Return *reply*, to *asked*, as one to *query*; raises MalformedQuery."""
    parse_body(reply, asked.question)
    _, flags, *_ = HEADER.unpack_from(reply)
    flags &= ~AD  # nobody has signed our CNAMEs (RFC 4035 section 3.2.3)
    try:
        found = DNSRecord.parse(reply)
        sections: list[list[RR]] = [
            [each for each in section if each.rtype != QTYPE.OPT]
            for section in (found.rr, found.auth, found.ar)
        ]
        counts = [len(section) for section in sections]
        buffer = DNSBuffer()
        buffer.append(HEADER.pack(0, flags, 1, len(aliases) + counts[0], *counts[1:]))
        buffer.append(query.question + b"".join(aliases))
        for section in sections:
            for each in section:
                each.pack(buffer)
    except UNREADABLE as problem:
        raise MalformedQuery(f"dnslib cannot read it: {problem}") from None
    return bytes(buffer.data)
