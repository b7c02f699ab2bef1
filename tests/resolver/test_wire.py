"""Reading queries: what is read, what is refused, and that nothing else can happen."""

import pytest

from appliance.resolver.errors import MalformedQuery
from appliance.resolver.wire import RECORDS_AT_MOST
from appliance.resolver.wire import Edns
from appliance.resolver.wire import Query
from appliance.resolver.wire import encode_query
from appliance.resolver.wire import skip_name

from .room import query

HEAD = "1234 0100 0001 0000 0000 0000"
LABEL = "3f" + "61" * 63
NAME = "03777777076578616d706c6500"  # www.example
OPT = "00 0029 04d0 00 00 8000 0000"


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def test_a_query_is_its_header_its_question_and_its_edns() -> None:
    """dns 10: id, flags, name, type, class; payload, version and DO of the OPT."""
    head = HEAD[:-4] + "0001"
    found = Query.parse(octets(f"{head} {NAME} 0041 0001 {OPT}"))
    assert found == Query(
        0x1234, 0x0100, octets(NAME), 65, 1, Edns(1232, dnssec_ok=True)
    )
    assert Query.parse(octets(f"{HEAD} {NAME} 0001 0001")).edns is None


NAMES = {
    "the root": "00",
    "one letter": "016100",
    "letters of both cases": "0357775703657859 00",
    "a dot, a zero, a space, high bits in a label": "052e002020ff 0161 00",
    "63 octets": "3f" + "61" * 63 + "00",
    "255 octets": ("3f" + "61" * 63) * 3 + "3d" + "61" * 61 + "00",
    "127 labels": "0161" * 127 + "00",
}


@pytest.mark.parametrize("case", NAMES)
def test_every_name_is_kept_as_it_is(case: str) -> None:
    """dns 1, 15: a name of up to 255 octets, of any octets, is read and kept."""
    found = Query.parse(octets(f"{HEAD} {NAMES[case]} 0001 0001"))
    assert found.name == octets(NAMES[case])
    assert found.lowered == found.name.lower()


MALFORMED = {
    "no question": f"1234 0100 0000 0000 0000 0000 {NAME} 0001 0001",
    "two questions": f"1234 0100 0002 0000 0000 0000 {NAME} 0001 0001 {NAME} 0001 0001",
    "no name": HEAD,
    "a name without its end": f"{HEAD} 03777777",
    "a label that is cut": f"{HEAD} 037777",
    "no type": f"{HEAD} {NAME}",
    "no class": f"{HEAD} {NAME} 0001",
    "half a class": f"{HEAD} {NAME} 0001 00",
    "a label of 64 octets": f"{HEAD} 40 {'61' * 64} 00 0001 0001",
    "a label of type 10": f"{HEAD} 80 00 0001 0001",
    "a pointer": f"{HEAD} c00c 0001 0001",
    "a pointer to the header": f"{HEAD} 0161 c000 0001 0001",
    "a name of 256 octets": f"{HEAD} {LABEL * 3} 3e {'61' * 62} 0000010001",
    "128 labels": f"{HEAD} {'0161' * 128} 00 0001 0001",
    "no record where one is counted": f"{HEAD[:-4]}0001 {NAME} 0001 0001",
    "a record that is cut": f"{HEAD[:-4]}0001 {NAME} 0001 0001 00 0029 04d0 0000",
    "a record's value that is cut": f"{HEAD[:-4]}0001 {NAME} 0001 0001 {OPT[:-4]}0001",
    "two OPT": f"{HEAD[:-4]}0002 {NAME} 0001 0001 {OPT} {OPT}",
    "an OPT with a name": f"{HEAD[:-4]}0001 {NAME} 0001 0001 0161 {OPT}",
    "an OPT among the answers": f"1234 0100 0001 0001 0000 0000 {NAME} 00010001 {OPT}",
    "60,000 records": f"1234 0100 0001 0000 0000 ea60 {NAME} 0001 0001 {OPT}",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_read_is_answered_with_an_error(case: str) -> None:
    """dns 6, 15: QDCOUNT other than 1, pointers, long labels and names, cut records."""
    with pytest.raises(MalformedQuery) as problem:
        Query.parse(octets(MALFORMED[case]))
    assert problem.value.answerable


@pytest.mark.parametrize("count", [RECORDS_AT_MOST, RECORDS_AT_MOST + 1])
def test_so_many_records_are_skipped(count: int) -> None:
    """dns 15: a query of more records than anybody sends is not read to its end."""
    record = "00 0001 0001 00000000 0000"
    whole = octets(f"{HEAD[:-4]}{count:04x} {NAME} 0001 0001 {record * count}")
    if count <= RECORDS_AT_MOST:
        assert Query.parse(whole).edns is None
        return
    with pytest.raises(MalformedQuery) as problem:
        Query.parse(whole)
    assert problem.value.answerable


@pytest.mark.parametrize("length", range(12))
def test_less_than_a_header_is_silence(length: int) -> None:
    """dns 15: shorter than 12 octets: dropped."""
    with pytest.raises(MalformedQuery) as problem:
        Query.parse(query("www.example")[:length])
    assert not problem.value.answerable


def test_a_response_is_silence() -> None:
    """dns 15: QR=1 is dropped, or two servers would talk for ever."""
    with pytest.raises(MalformedQuery) as problem:
        Query.parse(octets(f"1234 8100 0001 0000 0000 0000 {NAME} 0001 0001"))
    assert not problem.value.answerable


def test_what_comes_after_the_last_record_is_no_matter() -> None:
    """dns 15: trailing garbage is tolerated."""
    whole = query("www.example", edns=4096)
    assert Query.parse(whole + b"garbage") == Query.parse(whole)


@pytest.mark.parametrize("edns", [None, 1232])
def test_every_truncation_is_malformed(edns: int | None) -> None:
    """dns 15: cut anywhere, a query is malformed."""
    whole = query("www.example", edns=edns)
    for length in range(len(whole)):
        with pytest.raises(MalformedQuery):
            Query.parse(whole[:length])


ROOMS = {None: 512, 0: 512, 511: 512, 512: 512, 513: 513, 1232: 1232, 1233: 1232,
         4096: 1232, 65535: 1232}  # fmt: skip


@pytest.mark.parametrize("payload", ROOMS)
def test_an_answer_has_the_clients_room_and_no_more_than_ours(
    payload: int | None,
) -> None:
    """dns 10: 512 octets without EDNS; with it at least 512 and at most 1232."""
    edns = None if payload is None else Edns(payload)
    assert Query(1, 0, b"\0", 1, 1, edns).room == ROOMS[payload]


RECORD_NAMES = {
    "root": ("00", 0, 1),
    "a pointer": ("00 c000", 1, 3),
    "labels and a pointer": ("00 0161 c000", 1, 5),
}


@pytest.mark.parametrize("case", RECORD_NAMES)
def test_a_records_name_ends_at_a_pointer(case: str) -> None:
    """dns 15: a pointer is not followed."""
    text, at, end = RECORD_NAMES[case]
    assert skip_name(octets(text), at) == end


@pytest.mark.parametrize("text", ["c000", "c001", "0161c000", "c0", "ffff", "40", "80"])
def test_a_pointer_leads_to_what_is_before(text: str) -> None:
    """dns 15: no pointer leads to itself or after: no loop can be made of them."""
    with pytest.raises(MalformedQuery):
        skip_name(octets(text), 0)


def test_what_is_asked_of_an_upstream() -> None:
    """dns 8, 10: new id, RD, CD as it was; options do not cross; DO and our payload."""
    asked = Query.parse(query("www.example", edns=4096, dnssec=True, flags=0x10))
    sent = Query.parse(encode_query(asked, 7, b"\3wWw\7eXample\0"))
    assert (sent.id, sent.name) == (7, b"\3wWw\7eXample\0")
    assert (sent.qtype, sent.qclass) == (1, 1)
    assert sent.flags == 0x0130
    assert sent.edns == Edns(1232, dnssec_ok=True)
    assert Query.parse(encode_query(asked, 7, asked.name, edns=False)).edns is None
