"""What is refused, and what gets no answer at all."""

import dns.flags
import dns.message
import pytest

from appliance.resolver.policy import Answer
from appliance.resolver.policy import Unread

from .room import NAME
from .room import answer
from .room import query
from .room import read
from .room import resolver


def with_header(octets: bytes, **words: int) -> bytes:
    at = {"flags": 2, "questions": 4}
    for word, value in words.items():
        octets = octets[: at[word]] + value.to_bytes(2, "big") + octets[at[word] + 2 :]
    return octets


def with_class(octets: bytes, number: int) -> bytes:
    return octets[:-2] + number.to_bytes(2, "big")


REFUSALS = {
    "CHAOS": (with_class(query("version.bind", "TXT"), 3), 5),
    "class ANY": (with_class(query("web"), 255), 5),
    "AXFR": (query("net1.example", "AXFR"), 5),
    "IXFR": (query("net1.example", "IXFR"), 5),
    "type 0": (query("web", "TYPE0"), 5),
    "type OPT": (query("web", "OPT"), 5),
    "type TKEY": (query("web", "TYPE249"), 5),
    "IQUERY": (with_header(query("web"), flags=0x0800), 4),
    "STATUS": (with_header(query("web"), flags=0x1000), 4),
    "NOTIFY": (with_header(query("web"), flags=0x2000), 4),
    "UPDATE": (with_header(query("web"), flags=0x2800), 4),
    "UPDATE of four zones": (with_header(query("web"), flags=0x2800, questions=4), 4),
    "opcode 15": (with_header(query("web"), flags=0x7800), 4),
    "no question": (with_header(query("web"), questions=0), 1),
    "two questions": (with_header(query("web"), questions=2), 1),
    "cut": (query("web")[:-1], 1),
    "RD=0 of an outside name": (query(NAME, rd=False), 5),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_refused(case: str) -> None:
    """dns 6, 8, 15: other classes and types REFUSED, opcodes NOTIMP, else FORMERR."""
    octets, rcode = REFUSALS[case]
    decision = resolver().decide(octets, 0.0)
    assert isinstance(decision, Answer)
    assert decision.rcode == rcode
    found = read(decision.octets)
    assert found.rcode() == rcode
    assert found.flags & dns.flags.QR
    assert found.id == 0x1234
    assert not found.answer
    assert found.opcode() == int.from_bytes(octets[2:4], "big") >> 11 & 15


def test_another_version_of_edns() -> None:
    """dns 10: BADVERS, with an OPT of version 0 (RFC 6891 section 6.1.3)."""
    octets = bytearray(query("web", edns=1232))
    octets[-5] = 1
    found = answer(resolver().decide(bytes(octets), 0.0))
    assert found.rcode() == 16
    assert found.edns == 0
    assert not found.answer


def test_silence() -> None:
    """dns 15: less than a header, and responses, are dropped."""
    at = resolver()
    assert at.decide(b"", 0.0) is Unread.DROPPED
    assert at.decide(query("web")[:11], 0.0) is Unread.DROPPED
    assert at.decide(with_header(query("web"), flags=0x8100), 0.0) is Unread.DROPPED
