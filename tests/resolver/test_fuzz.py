"""One property: whatever a guest sends, there is a decision, soon, and it is sane."""

from time import process_time

import dnslib
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from appliance.resolver.policy import Answer
from appliance.resolver.policy import Forward
from appliance.resolver.policy import Unread
from appliance.resolver.wire import encode_query

from .room import query
from .room import read
from .room import reply
from .room import resolver

AT = resolver()
READ: set[bytes] = set()


def decided(octets: bytes, *, tcp: bool = False) -> str:
    """Check a decision, and say which it is."""
    decision = AT.decide(octets, 0.0, tcp=tcp)
    if isinstance(decision, Unread):
        return "silence"
    if isinstance(decision, Forward):
        return "forward"
    sent = decision.octets
    assert sent[:2] == octets[:2]
    assert sent[2] & 0x80
    assert len(sent) <= (65_535 if tcp else 1232)
    if sent[2:] not in READ:  # most are like others, and to read them takes time
        READ.add(sent[2:])
        read(sent)
        if sent[12:].isascii():  # dnslib reads names of no other octets
            dnslib.DNSRecord.parse(sent)
    again = AT.decide(b"zz" + octets[2:], 0.0, tcp=tcp)
    assert isinstance(again, Answer)
    if decision.seconds:
        assert again.octets[2:] == sent[2:]
    return str(decision.rcode)


KINDS = {
    "local": query("web.net1.example", edns=1232),
    "reverse": query("5.0.0.10.in-addr.arpa", "PTR"),
    "alias": query("first.net1.example", "AAAA", edns=4096, dnssec=True),
    "outside": query("www.example.org"),
    "root": query(".", "NS", edns=512),
}


@given(st.binary(max_size=600), st.booleans())
@settings(max_examples=500)
def test_any_octets(octets: bytes, tcp: bool) -> None:
    """dns 15: any octets are decided on."""
    decided(octets, tcp=tcp)


@given(st.binary(max_size=300), st.sampled_from([0, 0x0100, 0x0110]))
@settings(max_examples=500)
def test_any_octets_after_a_header(octets: bytes, flags: int) -> None:
    """dns 15: any octets after a good header are decided on."""
    head = b"ab" + flags.to_bytes(2, "big") + b"\0\1\0\0\0\0\0\1"
    decided(head + octets)


@pytest.mark.parametrize("kind", KINDS)
def test_every_octet_changed(kind: str) -> None:
    """dns 15: every change of one octet of a valid query, to every value."""
    whole = KINDS[kind]
    outcomes = {
        decided(whole[:at] + bytes([new]) + whole[at + 1 :])
        for at in range(len(whole))
        for new in range(256)
    }
    assert {"silence", "1", "4", "5"} < outcomes


@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 60),
    st.binary(max_size=8),
    st.integers(0, 8),
)
@settings(max_examples=500)
def test_octets_replaced_added_and_taken(
    kind: str, at: int, new: bytes, gone: int
) -> None:
    """dns 15: octets replaced, added or taken anywhere are decided on."""
    whole = KINDS[kind]
    decided(whole[:at] + new + whole[at + gone :])


labels = st.lists(st.binary(min_size=1, max_size=63), max_size=6)


@given(labels, st.integers(0, 65_535), st.sampled_from([b"", b"\4net1\7example"]))
@settings(max_examples=500)
def test_any_name_and_type(name: list[bytes], kind: int, below: bytes) -> None:
    """dns 10, 15: any name of any octets, below our domain or not, of any type."""
    octets = b"".join(bytes([len(each)]) + each for each in name) + below + b"\0"
    head = b"ab\1\0\0\1\0\0\0\0\0\0"
    outcome = decided(head + octets + kind.to_bytes(2, "big") + b"\0\1")
    if len(octets) > 255:
        assert outcome == "1"


HOSTILE = {
    "127 labels": b"\1a" * 127 + b"\0\0\1\0\1",
    "127 labels of our domain": b"\1a" * 120 + b"\4net1\7example\0\0\1\0\1",
    "a pointer to itself": b"\xc0\x0c\0\1\0\1",
    "4,000 octets of records": b"\0\0\1\0\1" + b"\0\0\1\0\1\0\0\0\0\0\0" * 360,
    "64 KB of zeros": bytes(65_000),
    "64 KB of ff": b"\xff" * 65_000,
    "64 KB of labels": b"\1a" * 32_000,
    "64 KB of records": b"\0\0\1\0\1" + b"\0\0\1\0\1\0\0\0\0\0\0" * 5_900,
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("more", [0, 1, 512, 65_535])
def test_hostile_octets_cost_little(case: str, more: int) -> None:
    """dns 15: the time for one query is bounded, whatever is in it."""
    octets = b"ab\1\0\0\1\0\0\0\0" + more.to_bytes(2, "big") + HOSTILE[case]
    started = process_time()
    for _ in range(50):
        AT.decide(octets, 0.0, tcp=True)
    assert process_time() - started < 0.5


@given(st.binary(max_size=200), st.integers(0, 65_535))
@settings(max_examples=300)
def test_whatever_an_upstream_says_there_is_an_answer(rest: bytes, flags: int) -> None:
    """dns 15: any octets of an upstream are an answer, or SERVFAIL."""
    for asked in (query("www.example.org", edns=1232), query("cdn.net1.example")):
        decision = AT.decide(asked, 1e9)
        assert isinstance(decision, Forward)
        sent = encode_query(decision.asked, 0, decision.asked.lowered, edns=False)
        counted = sent[:2] + flags.to_bytes(2, "big") + b"\0\1\0\1\0\0\0\0" + sent[12:]
        for said in (counted + rest, reply(sent)[:12] + rest, rest):
            body = AT.accept(decision, said, 0.0)
            octets = AT.finish(decision.query, body, tcp=False).octets
            assert octets[:2] == asked[:2]
            if body.rcode == 2:
                read(octets)
