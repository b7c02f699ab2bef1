"""Decisions: refusals, forwarding, the cache, and what upstreams say."""

from collections.abc import Callable
from ipaddress import IPv4Network

import dns.flags
import dns.message
import pytest

from appliance.resolver.body import Body
from appliance.resolver.policy import Answer
from appliance.resolver.policy import Decision
from appliance.resolver.policy import Forward
from appliance.resolver.policy import Resolver
from appliance.resolver.policy import Source
from appliance.resolver.wire import encode_query
from appliance.resolver.zones import PRIVATE

from .room import ADDRESS
from .room import CORPORATE
from .room import NAME
from .room import SOA
from .room import answer
from .room import forward
from .room import query
from .room import read
from .room import reply
from .room import resolver
from .room import texts


def landed(
    at: Resolver, asked: bytes, said: Callable[[bytes], bytes | None], now: float = 0.0
) -> tuple[Forward, Body]:
    """Ask, and let an upstream say something."""
    ahead = forward(at.decide(asked, now))
    sent = encode_query(ahead.asked, 7, ahead.asked.lowered)
    return ahead, at.accept(ahead, said(sent), now)


def finished(
    asked: bytes, said: Callable[[bytes], bytes | None], at: Resolver | None = None
) -> dns.message.Message:
    at = at or resolver()
    ahead, body = landed(at, asked, said)
    return read(at.finish(ahead.query, body, tcp=False).octets)


def test_without_upstreams_other_names_are_refused() -> None:
    """dns 7: nobody to ask: REFUSED."""
    assert answer(resolver(upstreams=()).decide(query(NAME), 0.0)).rcode() == 5


def test_local_names_need_no_recursion() -> None:
    """dns 1: RD=0 is answered all the same where we know."""
    assert answer(resolver().decide(query("web", rd=False), 0.0)).answer


def test_an_answer_from_elsewhere() -> None:
    """dns 10, 11: the upstream's records; not aa; then from the cache, older."""
    at = resolver()
    asked = query(NAME.upper(), edns=1232)
    ahead, body = landed(at, asked, lambda sent: reply(sent, ADDRESS), 100.0)
    first = at.finish(ahead.query, body, tcp=False)
    assert first.source is Source.UPSTREAM
    found = read(first.octets)
    assert texts(found.answer) == [f"{NAME.upper()}. A 192.0.2.80"]
    assert found.flags & (dns.flags.AA | dns.flags.RA) == dns.flags.RA
    later = at.decide(query(NAME, id=9), 110.5)
    assert isinstance(later, Answer)
    assert later.source is Source.CACHE
    assert read(later.octets).answer[0].ttl == 290
    assert later.seconds == pytest.approx(0.5)
    assert isinstance(at.decide(query(NAME), 400.0), Forward)


KEYS = [
    query(NAME, "AAAA"),
    query(NAME, edns=1232, dnssec=True),
    query(NAME, flags=0x10),
    query("x" + NAME),
]


@pytest.mark.parametrize("asked", KEYS)
def test_the_key_of_the_cache(asked: bytes) -> None:
    """dns 11: name, type, class, DO and CD; letters and EDNS are no matter."""
    at = resolver()
    landed(at, query(NAME), lambda sent: reply(sent, ADDRESS))
    assert isinstance(at.decide(asked, 1.0), Forward)
    assert isinstance(at.decide(query(NAME.upper(), edns=512), 1.0), Answer)


SAID: dict[str, tuple[Callable[[bytes], bytes | None], int]] = {
    "nothing": (lambda sent: None, 2),
    "an empty message": (lambda sent: b"", 2),
    "half a message": (lambda sent: reply(sent, ADDRESS)[:40], 2),
    "an answer to something else": (lambda sent: reply(query("a.example")), 2),
    "NXDOMAIN": (lambda sent: reply(sent, rcode="NXDOMAIN", authority=(SOA,)), 3),
    "REFUSED": (lambda sent: reply(sent, rcode="REFUSED"), 5),
    "an rcode of EDNS": (lambda sent: reply(sent, rcode="BADVERS"), 2),
}


@pytest.mark.parametrize("case", SAID)
def test_what_an_upstream_may_say(case: str) -> None:
    """dns 7, 15: what cannot be read is SERVFAIL; other codes pass."""
    said, rcode = SAID[case]
    assert finished(query(NAME), said).rcode() == rcode


def test_a_failure_is_kept_for_five_seconds() -> None:
    """dns 7: SERVFAIL is cached, not longer (RFC 9520)."""
    at = resolver()
    landed(at, query(NAME), lambda sent: None)
    assert answer(at.decide(query(NAME), 4.9)).rcode() == 2
    assert isinstance(at.decide(query(NAME), 5.0), Forward)


def test_tc_passes_through() -> None:
    """dns 9: a truncated answer is one to UDP clients, and is not kept."""
    at = resolver()
    found = finished(query(NAME), lambda sent: reply(sent, ADDRESS, tc=True), at)
    assert found.flags & dns.flags.TC
    assert isinstance(at.decide(query(NAME), 0.0, tcp=True), Forward)


def test_tc_that_is_cut_within_a_record() -> None:
    """dns 9: what is truncated in the middle of a record is truncated, no failure."""
    at = resolver()
    cut = finished(
        query(NAME), lambda sent: reply(sent, ADDRESS, tc=True, edns=False)[:-3], at
    )
    assert cut.rcode() == 0
    assert cut.flags & dns.flags.TC
    assert isinstance(at.decide(query(NAME), 0.0, tcp=True), Forward)


def test_a_client_of_tcp_has_room() -> None:
    """dns 9: what is truncated by UDP is whole by TCP, of the same cache."""
    at = resolver()
    many = [f"{NAME} 300 A 192.0.2.{number}" for number in range(100)]
    landed(at, query(NAME, edns=1232), lambda sent: reply(sent, *many))
    cut = answer(at.decide(query(NAME, edns=1232), 1.0))
    assert cut.flags & dns.flags.TC
    whole = answer(at.decide(query(NAME, edns=1232), 1.0, tcp=True))
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 100


REBINDING = {
    "10.1.2.3": False,
    "192.168.0.1": False,
    "127.0.0.1": False,
    "169.254.169.254": False,
    "100.64.0.1": False,
    "0.0.0.0": False,
    "203.0.114.5": False,  # our own range
    "8.8.8.8": True,
    "::": False,
    "::1": False,
    "fd00::1": False,
    "fe80::1": False,
    "::ffff:10.0.0.1": False,
    "::ffff:8.8.8.8": True,
    "2001:4860::1": True,
}


@pytest.mark.parametrize("address", REBINDING)
def test_rebinding(address: str) -> None:
    """dns 12: an outside name has no private address, nor one of ours, if so set."""
    kind = "AAAA" if ":" in address else "A"
    at = resolver(rebinding=(*PRIVATE, IPv4Network("203.0.114.0/24")))
    asked = query(NAME, kind)
    record = f"{NAME} 300 {kind} {address}"
    good = f"{NAME} 300 {kind} {'2001:4860::2' if kind == 'AAAA' else '8.8.4.4'}"
    found = finished(asked, lambda sent: reply(sent, good, record), at)
    assert found.rcode() == 0
    assert bool(found.answer) is REBINDING[address]
    assert finished(asked, lambda sent: reply(sent, record), resolver()).answer


def test_a_domain_whose_upstreams_were_named_may_be_private() -> None:
    """dns 12: who named an upstream for a domain knows that its names are private."""
    at = resolver(domains={"example.org": (CORPORATE,)}, rebinding=PRIVATE)
    record = f"{NAME} 300 A 10.1.2.3"
    assert finished(query(NAME), lambda sent: reply(sent, record), at).answer
    other = query("www.example.net")
    assert not finished(
        other, lambda sent: reply(sent, "www.example.net 300 A 10.1.2.3"), at
    ).answer


CDN = "cdn.net1.example"
EDGE = "edge.cdn.invalid-not.example"


def test_a_cname_to_the_outside_is_asked_after() -> None:
    """dns 1: a stub follows no CNAME: the target is asked elsewhere, in one answer."""
    at = resolver()
    asked = query(CDN, edns=1232)
    ahead, body = landed(
        at,
        asked,
        lambda sent: reply(
            sent, f"{EDGE} 300 CNAME a.{EDGE}", f"a.{EDGE} 30 A 192.0.2.7"
        ),
    )
    assert ahead.asked.name == b"\4edge\3cdn\x0binvalid-not\7example\0"
    for found in (
        read(at.finish(ahead.query, body, tcp=False).octets),
        answer(at.decide(asked, 1.0)),
    ):
        assert texts(found.answer) == [
            f"a.{EDGE}. A 192.0.2.7",
            f"{CDN}. CNAME {EDGE}.",
            f"{EDGE}. CNAME a.{EDGE}.",
        ]
        assert str(found.question[0].name) == f"{CDN}."
    assert isinstance(at.decide(asked, 11.0), Forward)  # ours holds for 10 seconds


def test_a_cname_to_an_outside_name_that_is_not() -> None:
    """dns 4: NXDOMAIN of the target is the answer's, with the CNAME (RFC 6604)."""
    found = finished(
        query(CDN), lambda sent: reply(sent, rcode="NXDOMAIN", authority=(SOA,))
    )
    assert found.rcode() == 3
    assert texts(found.answer) == [f"{CDN}. CNAME {EDGE}."]
    assert len(found.authority) == 1


@pytest.mark.parametrize("said", [None, b"", b"\0" * 40, reply(query(EDGE))[:-3]])
def test_a_cname_to_an_outside_name_that_fails(said: bytes | None) -> None:
    """dns 7: what cannot be had or read is SERVFAIL."""
    assert finished(query(CDN), lambda sent: said).rcode() == 2


def test_without_upstreams_a_cname_is_all_there_is() -> None:
    """dns 5: nobody to ask: the CNAME alone."""
    found = answer(resolver(upstreams=()).decide(query(CDN), 0.0))
    assert texts(found.answer) == [f"{CDN}. CNAME {EDGE}."]


def test_a_decision_for_each_name_of_odd_octets() -> None:
    """dns 15: labels may hold any octets; they are forwarded, and kept, as they are."""
    at = resolver()
    asked = query("a\\000b\\.c\\255.example.org")
    found = finished(asked, lambda sent: reply(sent), at)
    assert found.question == dns.message.from_wire(asked).question


def test_decisions_are_values() -> None:
    """dns 11: equal queries are equal decisions: a flight is found by its key."""
    at = resolver()
    one: Decision = at.decide(query(NAME), 0.0)
    assert one == at.decide(query(NAME), 1.0)
