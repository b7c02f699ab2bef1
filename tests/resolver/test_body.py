"""Cutting upstreams' responses, and sending them again in what room there is."""

from collections.abc import Callable

import dns.flags
import dns.message
import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.resolver.body import Body
from appliance.resolver.body import parse_body
from appliance.resolver.errors import MalformedQuery
from appliance.resolver.responses import encode_answer
from appliance.resolver.responses import encode_error
from appliance.resolver.responses import fit
from appliance.resolver.wire import RECORDS_AT_MOST
from appliance.resolver.wire import Query
from appliance.resolver.wire import Rcode

from .room import SOA
from .room import query
from .room import read
from .room import reply
from .room import rrset
from .room import texts

NAME = "www.example"
ASKED = query(NAME, edns=4096)
QUESTION = Query.parse(ASKED).question


def body(*records: str, **more: object) -> Body:
    return parse_body(reply(ASKED, *records, **more), QUESTION)  # type: ignore[arg-type] # of reply


def again(
    found: Body, asked: bytes = ASKED, *, room: int = 1232, age: int = 0
) -> bytes:
    return encode_answer(Query.parse(asked), found, room=room, age=age)


RECORDS = {
    "an address": [f"{NAME} 300 A 192.0.2.1"],
    "three addresses": [f"{NAME} 300 A 192.0.2.{n}" for n in (1, 2, 3)],
    "a chain": [f"{NAME} 300 CNAME edge.example", "edge.example 60 AAAA 2001:db8::1"],
    "names inside": [f"{NAME} 300 MX 5 mail.{NAME}", f"{NAME} 300 SRV 1 2 3 {NAME}"],
    "an unknown type": [f"{NAME} 300 TYPE65280 \\# 4 c00cffff"],
    "a service": [f'{NAME} 300 HTTPS 1 . alpn="h2"'],
    "nothing": [],
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_response_is_sent_again_as_it_was(case: str) -> None:
    """dns 10: records of any type pass unread; OPT is ours, letters are the asker's."""
    loud = query(NAME.upper(), edns=1400, id=99)
    found = read(again(body(*RECORDS[case]), loud))
    assert found.answer == read(reply(ASKED, *RECORDS[case])).answer
    assert found.id == 99
    assert str(found.question[0].name) == "WWW.EXAMPLE."
    assert (found.edns, found.payload, found.options) == (0, 1232, ())


def test_an_opt_is_answered_only_to_an_opt() -> None:
    """dns 10: OPT only if the query had one, DO as it was."""
    found = body(f"{NAME} 300 A 192.0.2.1")
    assert read(again(found, query(NAME))).edns == -1
    assert read(again(found, query(NAME, edns=512))).edns == 0
    assert not read(again(found, query(NAME, edns=512))).ednsflags
    dnssec = query(NAME, edns=512, dnssec=True)
    assert read(again(found, dnssec)).ednsflags == dns.flags.DO


def test_ad_is_for_those_who_know_it() -> None:
    """dns 10: AD passes to who sent AD or DO; CD is as in the query (RFC 6840)."""
    found = body(f"{NAME} 300 A 192.0.2.1", flags=dns.flags.AD)
    plain, ad, cd = (
        query(NAME),
        query(NAME, flags=dns.flags.AD),
        query(NAME, flags=0x10),
    )
    assert not read(again(found, plain)).flags & dns.flags.AD
    assert read(again(found, ad)).flags & dns.flags.AD
    assert read(again(found, query(NAME, edns=512, dnssec=True))).flags & dns.flags.AD
    assert read(again(found, cd)).flags & dns.flags.CD
    assert not read(again(found, plain)).flags & (dns.flags.CD | dns.flags.AA)


def test_an_opt_may_stand_before_other_records() -> None:
    """dns 10: an OPT that is not the last is left out, with what comes after it."""
    message = dns.message.from_wire(reply(ASKED, f"{NAME} 300 A 192.0.2.1", edns=False))
    glue = reply(ASKED, f"{NAME} 9 A 192.0.2.9", edns=False)[len(ASKED) - 11 :]
    wire = bytearray(message.to_wire())
    wire[11] = 2
    opt = bytes.fromhex("00 0029 04d0 00000000 0000")
    found = parse_body(bytes(wire) + opt + glue, QUESTION)
    assert found.counts == (1, 0, 0)
    assert texts(read(again(found)).answer) == [f"{NAME}. A 192.0.2.1"]


def broken(change: Callable[[bytearray], None]) -> bytes:
    whole = bytearray(reply(ASKED, f"{NAME} 300 A 192.0.2.1", authority=(SOA,)))
    change(whole)
    return bytes(whole)


def put(at: int, octets: bytes) -> Callable[[bytearray], None]:
    def change(whole: bytearray) -> None:
        whole[at : at + len(octets)] = octets

    return change


ANSWER_AT = 12 + len(QUESTION)
BROKEN = {
    "no question": put(4, b"\0\0"),
    "two questions": put(4, b"\0\2"),
    "another question": put(13, b"xxx"),
    "another type": put(ANSWER_AT - 3, b"\x1c"),
    "more answers than there are": put(6, b"\0\3"),
    "60,000 answers": put(6, b"\xea\x60"),
    "a pointer to itself": put(ANSWER_AT, bytes([0xC0, ANSWER_AT])),
    "a pointer ahead": put(ANSWER_AT, b"\xc0\xff"),
    "a bad label": put(ANSWER_AT, b"\x80\x0c"),
    "a value beyond the end": put(ANSWER_AT + 10, b"\xff\xff"),
    "an OPT among the answers": put(ANSWER_AT + 2, b"\0\x29"),
    "a SOA of four octets": lambda whole: whole.__setitem__(
        slice(6, 10), b"\0\0\0\1"
    ) or whole.__setitem__(slice(ANSWER_AT + 2, ANSWER_AT + 4), b"\0\6"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_response_is_an_error(case: str) -> None:
    """dns 15: whatever is wrong with a response, it is MalformedQuery."""
    with pytest.raises(MalformedQuery):
        parse_body(broken(BROKEN[case]), QUESTION)


@pytest.mark.parametrize("count", [RECORDS_AT_MOST, RECORDS_AT_MOST + 1])
def test_so_many_records_are_read(count: int) -> None:
    """dns 15: a response of more records than anybody sends is an error."""
    record = b"\0" + bytes.fromhex("0010 0001 0000003c 0000")
    whole = reply(ASKED, edns=False)
    wire = whole[:6] + count.to_bytes(2, "big") + whole[8:] + record * count
    if count <= RECORDS_AT_MOST:
        assert parse_body(wire, QUESTION).counts == (count, 0, 0)
        return
    with pytest.raises(MalformedQuery):
        parse_body(wire, QUESTION)


def test_every_truncation_of_a_response_is_an_error() -> None:
    """dns 15: a response that is cut anywhere is malformed."""
    whole = reply(ASKED, f"{NAME} 300 CNAME a.{NAME}", f"a.{NAME} 60 A 192.0.2.1")
    for length in range(len(whole)):
        with pytest.raises(MalformedQuery):
            parse_body(whole[:length], QUESTION)


@given(st.integers(0, 120), st.binary(max_size=6), st.integers(0, 6))
def test_a_changed_response_is_read_or_an_error(at: int, new: bytes, gone: int) -> None:
    """dns 15: octets changed, added or taken: a body, or MalformedQuery."""
    whole = reply(ASKED, f"{NAME} 300 CNAME a.{NAME}", authority=(SOA,))
    try:
        found = parse_body(whole[:at] + new + whole[at + gone :], QUESTION)
    except MalformedQuery:
        return
    sent = encode_answer(Query.parse(ASKED), found, room=1232, age=7)
    assert len(sent) <= 1232


def test_lifetimes_go_down_and_have_a_cap() -> None:
    """dns 11: TTLs are decremented by the age, down to 0; a day is the most."""
    found = body(f"{NAME} 300 A 192.0.2.1", f"{NAME} 604800 TXT x", f"{NAME} 9 MX 1 .")
    lifetimes = {rrset.rdtype.name: rrset.ttl for rrset in read(again(found)).answer}
    assert lifetimes == {"A": 300, "TXT": 86_400, "MX": 9}
    older = read(again(found, age=10)).answer
    assert {each.rdtype.name: each.ttl for each in older} == {
        "A": 290,
        "TXT": 86_390,
        "MX": 0,
    }
    assert found.least == 9


def test_a_negative_lifetime_is_zero() -> None:
    """dns 11: a TTL with its highest bit set is 0 (RFC 2181 section 8)."""
    wire = bytearray(reply(ASKED, f"{NAME} 300 A 192.0.2.1"))
    wire[ANSWER_AT + 6] = 0x80
    assert parse_body(bytes(wire), QUESTION).least == 0


SOAS = {(300, 60): 60, (20, 60): 20, (90_000, 90_000): 3_600, (300, 0): 0}


@pytest.mark.parametrize(("lifetime", "minimum"), SOAS)
def test_what_is_not_there_is_told_for_no_longer_than_it_holds(
    lifetime: int, minimum: int
) -> None:
    """dns 11: a SOA of a negative answer lasts as long as we keep it, an hour at most:
    who keeps it after us begins to count anew (RFC 2308 sections 3 and 5)."""
    soa = f"example {lifetime} SOA ns.example. a.example. 1 2 3 4 {minimum}"
    found = body(authority=(soa,))
    assert read(again(found)).authority[0].ttl == SOAS[lifetime, minimum]
    assert found.least == SOAS[lifetime, minimum]
    old = read(again(found, age=15)).authority[0].ttl
    assert old == max(0, SOAS[lifetime, minimum] - 15)


def test_a_soa_that_was_asked_for_keeps_its_lifetime() -> None:
    """dns 11: only what denies is cut to the minimum."""
    found = body("example 300 SOA ns.example. a.example. 1 2 3 4 60")
    assert found.least == 300
    assert not found.has_soa


MANY = [f"{NAME} 300 A 192.0.2.{n}" for n in range(30)]  # of 16 octets
MORE = [f"edge.example 300 AAAA 2001:db8::{n}" for n in range(30)]  # of 28


def test_truncation_keeps_whole_rrsets() -> None:
    """dns 10: what does not fit goes by whole RRsets, with TC, and OPT stays."""
    chain = body(f"{NAME} 300 CNAME edge.example", *MORE)
    for asked, room in ((query(NAME), 512), (query(NAME, edns=512), 512)):
        wire = again(chain, asked, room=room)
        found = read(wire)
        assert found.flags & dns.flags.TC
        assert texts(found.answer) == [f"{NAME}. CNAME edge.example."]
        assert len(wire) <= room
        assert (found.edns == 0) is (asked != query(NAME))


def test_the_room_is_used_to_the_last_octet() -> None:
    """dns 10: an answer of exactly the room is whole; of one more, it is cut."""
    found = body(*MANY)
    size = len(again(found, room=65_535))
    assert not read(again(found, room=size)).flags & dns.flags.TC
    cut = read(again(found, room=size - 1))
    assert cut.flags & dns.flags.TC
    assert not cut.answer


def test_additional_records_go_silently() -> None:
    """dns 10: TC is for what was asked, not for what is additional (RFC 2181 9)."""
    message = dns.message.from_wire(reply(ASKED, f"{NAME} 300 MX 1 edge.example"))
    message.additional += [rrset(text) for text in MORE]
    found = parse_body(message.to_wire(), QUESTION)
    assert found.counts == (1, 0, 30)
    cut = read(again(found, query(NAME), room=512))
    assert not cut.flags & dns.flags.TC
    assert texts(cut.answer) == [f"{NAME}. MX 1 edge.example."]
    assert not cut.additional


def test_a_negative_answer_without_its_soa_is_cut() -> None:
    """dns 10: the SOA of a negative answer is needed: without it TC."""
    long = ". 300 SOA " + "x" * 63 + ".example. " + "y" * 63 + ".example. 1 2 3 4 60"
    found = body(authority=(long,))
    cut = read(again(found, room=150))
    assert cut.flags & dns.flags.TC
    assert not cut.authority


@given(st.integers(0, 700))
def test_what_fits_is_a_prefix(space: int) -> None:
    """dns 10: never more than the room, and always whole records."""
    found = body(f"{NAME} 300 CNAME edge.example", *MORE[:10], authority=(SOA,))
    counts, size, cut = fit(found, space)
    assert size <= space
    assert cut is (counts != found.counts)
    if not cut:
        assert size == len(found.records)


def test_an_error_is_a_header() -> None:
    """dns 6, 15: what could not be read gets its id, opcode, RD, CD and an rcode."""
    assert encode_error(bytes.fromhex("abcd 2110 ffff ffff"), Rcode.NOTIMP).hex() == (
        "abcda1940000000000000000"
    )


def test_dnslib_reads_it_too() -> None:
    """dns 1: another library reads the same."""
    wire = again(body(*RECORDS["a chain"], authority=(SOA,)))
    parsed = dnslib.DNSRecord.parse(wire)
    assert [str(each.rname) for each in parsed.rr] == [f"{NAME}.", "edge.example."]
    assert parsed.pack()[:4] == wire[:4]
