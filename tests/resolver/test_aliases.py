"""CNAMEs of ours before what an upstream says, whatever it says."""

import struct
from random import Random

import dns.flags
import dns.message
import dns.rrset
import pytest

from appliance.resolver.aliases import behind_aliases
from appliance.resolver.errors import MalformedQuery
from appliance.resolver.local import encode_record
from appliance.resolver.names import encode_name
from appliance.resolver.wire import HEADER
from appliance.resolver.wire import IN
from appliance.resolver.wire import QR
from appliance.resolver.wire import RD
from appliance.resolver.wire import Query
from appliance.resolver.wire import Type

from .room import read

OURS, TARGET = "cdn.net1.example", "www.example.org"
CNAME = encode_record(b"\xc0\x0c", Type.CNAME, encode_name(TARGET))
QUERY = Query(7, RD, encode_name(OURS), Type.ANY, IN)
ASKED = Query(0, RD, encode_name(TARGET), Type.ANY, IN)
RECORDS = (
    "A 192.0.2.1", "AAAA 2001:db8::1", "MX 5 mx.example.org.", "PTR Mixed.example.org.",
    'CAA 0 issue "ca.example"', "SRV 1 2 3 a.example.org.", "NS ns.example.org.",
    'NAPTR 1 2 "u" "x" "!a!b!" .', r'TXT "a" "b\200\255" ""', "HTTPS 1 . alpn=h2",
    "RRSIG A 8 2 3600 20380101000000 20200101000000 1 Example.org. AAAA",
    "NSEC a.example.org. A MX RRSIG", "DNSKEY 257 3 8 AwEAAQ==",
    "NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr", r"TYPE65400 \# 3 010203",
)  # fmt: skip


def said(*records: str) -> bytes:
    """Return what an upstream says of the target."""
    message = dns.message.make_response(dns.message.make_query(TARGET, "ANY"))
    for record in records:
        kind, value = record.split(" ", 1)
        message.answer.append(dns.rrset.from_text(f"{TARGET}.", 60, "IN", kind, value))
    return message.to_wire()


def behind(reply: bytes) -> dns.message.Message:
    return read(behind_aliases(QUERY, (CNAME,), ASKED, reply))


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_is_the_same_behind_a_cname(record: str) -> None:
    """dns 10: written again after our CNAME, a record says what it said (RFC 3597)."""
    found = behind(said(record)).answer
    assert [f"{each.name}" for each in found] == [f"{OURS}.", f"{TARGET}."]
    assert found[1] == dns.message.from_wire(said(record)).answer[0]


def test_nobody_signed_our_cname() -> None:
    """dns 10: AD of what is behind our CNAME is not the chain's (RFC 4035 3.2.3)."""
    reply = bytearray(said("A 192.0.2.1"))
    reply[3] |= dns.flags.AD
    assert not behind(bytes(reply)).flags & dns.flags.AD


def crafted(*records: tuple[Type | int, bytes]) -> bytes:
    """Return a response whose records are octets."""
    head = HEADER.pack(0, QR | RD, 1, len(records), 0, 0) + ASKED.question
    return head + b"".join(
        encode_record(b"\xc0\x0c", kind, value) for kind, value in records
    )


def pointers(count: int) -> bytes:
    """Return a CNAME that is behind *count* pointers, one after the other."""
    start = HEADER.size + len(ASKED.question) + 12
    targets = (12, *range(start, start + 2 * count, 2))
    chain = b"".join(struct.pack("!H", 0xC000 | at) for at in targets[:-1])
    last = struct.pack("!H", 0xC000 | targets[-1])
    return crafted((65400, chain), (Type.CNAME, last))


NSEC = 47
UNREADABLE = {
    "NSEC of no types": crafted((NSEC, encode_name("a.example.org"))),
    "NSEC of an empty window": crafted((NSEC, encode_name("a.example.org") + bytes(2))),
    "2,000 pointers": pointers(2_000),
    "a pointer to itself": crafted((Type.CNAME, struct.pack("!H", 0xC000 | 45))),
    "a short A": crafted((Type.A, b"\1")),
    "an empty MX": crafted((Type.MX, b"")),
}


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_dnslib_cannot_read(reply: bytes) -> None:
    """dns 15: whoever owns the target of a CNAME writes what is read here: whatever it
    is, it is this one error, and never the daemon's end."""
    with pytest.raises(MalformedQuery):
        behind_aliases(QUERY, (CNAME,), ASKED, reply)


def test_changed_octets() -> None:
    """dns 15: the same of well-formed answers with some octets changed."""
    whole = said(*RECORDS)
    chance = Random(1)
    first = HEADER.size + len(ASKED.question)
    for _ in range(5_000):
        octets = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 5))):
            value = chance.choice((0, 0xC0, 0xFF, chance.randrange(256)))
            octets[chance.randrange(first, len(octets))] = value
        try:
            behind_aliases(QUERY, (CNAME,), ASKED, bytes(octets))
        except MalformedQuery:
            pass
