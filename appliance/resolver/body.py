"""What follows a question: records in sections, ready to be sent again.

An upstream's response is cut into its sections, so that times to live can be patched
and whole RRsets left out, without reading the records' insides (RFC 3597: a type that
nobody here has heard of is as good as any).  OPT is the hop's own, and is left out.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import MalformedQuery
from .wire import AA
from .wire import AD
from .wire import FIXED
from .wire import HEADER
from .wire import POINTER
from .wire import RECORDS_AT_MOST
from .wire import TC
from .wire import Rcode
from .wire import Type
from .wire import is_same_question
from .wire import skip_name

LIFETIME_AT_MOST = 86_400  # seconds, of a record and of an answer
NEGATIVE_AT_MOST = 3_600  # seconds, that there is no such thing (RFC 2308 section 5)
LIFETIME_SIGN = 1 << 31  # a time to live with this bit is zero (RFC 2181 section 8)
SOA_AT_LEAST = 22  # octets: two names and five numbers


@dataclass(frozen=True, slots=True)
class Body:
    """The sections of an answer: answers, authorities, additionals."""

    flags: int = 0
    """Of AA, TC and AD."""
    rcode: int = Rcode.NOERROR
    counts: tuple[int, int, int] = (0, 0, 0)
    records: bytes = b""
    lifetimes: tuple[int, ...] = ()
    """Where in *records* each time to live is."""
    least: int = 0
    """The shortest time to live, in seconds."""
    needed: int = 0
    """Where in *records* the additional ones begin."""
    sets: tuple[tuple[int, int], ...] = ()
    """After each RRset of the answers: how many records, and octets, so far."""
    addresses: tuple[bytes, ...] = ()
    """The A and AAAA records' values."""
    has_soa: bool = False
    """Whether the authority section says for how long there is nothing."""


FAILURE = Body(rcode=Rcode.SERVFAIL)


def of_records(
    rcode: Rcode, answers: Sequence[bytes] = (), authorities: Sequence[bytes] = ()
) -> Body:
    """Return an answer of our own; *answers* after CNAMEs are of one RRset."""
    counts = (len(answers), len(authorities), 0)
    kinds = [_kind(each) for each in answers]
    sets, size = [], 0
    for number, each in enumerate(answers, 1):
        size += len(each)
        if number == len(answers) or kinds[number] != kinds[number - 1]:
            sets.append((number, size))
    records = b"".join((*answers, *authorities))
    flags = AA if rcode in (Rcode.NOERROR, Rcode.NXDOMAIN) else 0
    return Body(flags, rcode, counts, records, needed=len(records), sets=tuple(sets))


def _kind(record: bytes) -> int:
    """Return the type of a record of ours: its name is whole, or a pointer alone."""
    end = 2 if record[0] >= POINTER else skip_name(record, 0)
    return int(FIXED.unpack_from(record, end)[0])


def parse_body(octets: bytes, question: bytes) -> Body:
    """Cut a response to *question* into its sections; raises MalformedQuery."""
    start = HEADER.size + len(question)
    if len(octets) < start:
        raise MalformedQuery("shorter than its question")
    _, flags, questions, *counts = HEADER.unpack_from(octets)
    if questions != 1 or not is_same_question(octets[HEADER.size : start], question):
        raise MalformedQuery("an answer to something else")
    total = sum(counts)
    if total > RECORDS_AT_MOST:
        raise MalformedQuery("too many records")
    before_more = counts[0] + counts[1]
    rcode = flags & 15
    lifetimes: list[int] = []
    addresses: list[bytes] = []
    sets: list[tuple[int, int]] = []
    least, has_soa, last = LIFETIME_AT_MOST, False, -1
    at, number, needed = start, 0, 0
    patched = bytearray(octets)
    while number < total:
        end = skip_name(octets, at)
        if end + FIXED.size > len(octets):
            raise MalformedQuery("a record is cut")
        kind, _, lifetime, length = FIXED.unpack_from(octets, end)
        value = end + FIXED.size
        if value + length > len(octets):
            raise MalformedQuery("a record is cut")
        if kind == Type.OPT:
            if number < before_more:
                raise MalformedQuery("an OPT where none can be")
            rcode |= lifetime >> 24 << 4
            break  # what follows is additional, and may point across the gap
        if lifetime >= LIFETIME_SIGN:
            lifetime = 0
        lifetime = min(lifetime, LIFETIME_AT_MOST)
        if kind == Type.SOA and counts[0] <= number < before_more:
            if length < SOA_AT_LEAST:
                raise MalformedQuery("a SOA is cut")
            minimum = struct.unpack_from("!I", octets, value + length - 4)[0]
            # who keeps it after us keeps it no longer than we do
            lifetime, has_soa = min(lifetime, minimum, NEGATIVE_AT_MOST), True
        struct.pack_into("!I", patched, end + 4, lifetime)
        lifetimes.append(end + 4 - start)
        least = min(least, lifetime)
        if kind in (Type.A, Type.AAAA):
            addresses.append(octets[value : value + length])
        if number < counts[0]:
            if kind == last:
                sets.pop()
            last = kind
            sets.append((number + 1, value + length - start))
        at = value + length
        number += 1
        if number <= before_more:
            needed = at - start
    return Body(
        flags & (TC | AD),
        rcode,
        (counts[0], counts[1], number - before_more),
        bytes(patched[start:at]),
        tuple(lifetimes),
        least if lifetimes else 0,
        needed,
        tuple(sets),
        tuple(addresses),
        has_soa,
    )
