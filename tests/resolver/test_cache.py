"""What is kept, for how long, and how much of it."""

import pytest

from appliance.resolver.body import FAILURE
from appliance.resolver.body import Body
from appliance.resolver.body import parse_body
from appliance.resolver.cache import OCTETS_AT_MOST
from appliance.resolver.cache import Cache
from appliance.resolver.cache import Key
from appliance.resolver.cache import lifetime
from appliance.resolver.wire import Query

from .room import query
from .room import reply

ASKED = query("www.example")
POSITIVE = "www.example 300 A 192.0.2.1"


def body(*records: str, **more: object) -> Body:
    wire = reply(ASKED, *records, **more)  # type: ignore[arg-type] # of reply
    return parse_body(wire, Query.parse(ASKED).question)


def soa(lifetime: int, minimum: int) -> tuple[str]:
    return (f"example {lifetime} SOA ns.example. a.example. 1 2 3 4 {minimum}",)


LIFETIMES = {
    "the shortest TTL": (body(POSITIVE, "www.example 30 MX 1 ."), 30),
    "a day at most": (body("www.example 604800 A 192.0.2.1"), 86_400),
    "TTL 0": (body("www.example 0 A 192.0.2.1"), 0),
    "NXDOMAIN: the SOA's minimum": (
        body(rcode="NXDOMAIN", authority=soa(300, 60)), 60),
    "NXDOMAIN: the SOA's TTL": (body(rcode="NXDOMAIN", authority=soa(20, 60)), 20),
    "NODATA": (body(authority=soa(300, 60)), 60),
    "an hour at most": (body(authority=soa(86_400, 86_400)), 3_600),
    "minimum 0": (body(authority=soa(300, 0)), 0),
    "NODATA behind a CNAME": (
        body("www.example 300 CNAME a.example", authority=soa(300, 60)), 60),
    "NXDOMAIN without a SOA": (body(rcode="NXDOMAIN"), 0),
    "NXDOMAIN behind a CNAME without a SOA": (
        body("www.example 300 CNAME a.example", rcode="NXDOMAIN"), 0),
    "NODATA without a SOA": (body(), 0),
    "truncated": (body(POSITIVE, tc=True), 0),
    "SERVFAIL": (body(rcode="SERVFAIL"), 5),
    "nobody answered": (FAILURE, 5),
    "REFUSED": (body(rcode="REFUSED"), 0),
    "NOTIMP": (body(rcode="NOTIMP"), 0),
    "large": (body(*[f"www.example 300 TXT {'x' * 200}{n}" for n in range(30)]), 0),
}  # fmt: skip


@pytest.mark.parametrize("case", LIFETIMES)
def test_how_long_an_answer_holds(case: str) -> None:
    """dns 7, 11: TTL and its caps; SOA minimum; failures for 5 seconds; TC never."""
    found, seconds = LIFETIMES[case]
    assert lifetime(found) == seconds
    assert OCTETS_AT_MOST == 4096


def key(number: int) -> Key:
    return (b"%d" % number, 1, 1, False, False)


def test_an_answer_is_gone_when_its_time_is_over() -> None:
    """dns 11: kept until exactly its lifetime is over."""
    cache = Cache(10)
    cache.keep(key(1), body(POSITIVE), 100.0)
    assert cache.find(key(1), 399.9)
    assert cache.find(key(1), 400.0) is None
    assert len(cache) == 0


def test_what_is_not_kept_replaces_what_was() -> None:
    """dns 11: a newer answer with TTL 0 does not leave an older one behind."""
    cache = Cache(10)
    cache.keep(key(1), body(POSITIVE), 100.0)
    cache.keep(key(1), body("www.example 0 A 192.0.2.9"), 101.0)
    assert cache.find(key(1), 102.0) is None


def test_the_one_not_asked_for_longest_goes_first() -> None:
    """dns 11: bound by entries; least recently used goes."""
    cache = Cache(3)
    for number in (1, 2, 3):
        cache.keep(key(number), body(POSITIVE), 0.0)
    assert cache.find(key(1), 1.0)
    cache.keep(key(4), body(POSITIVE), 1.0)
    assert [bool(cache.find(key(number), 1.0)) for number in (1, 2, 3, 4)] == [
        True,
        False,
        True,
        True,
    ]
    for number in range(1000):
        cache.keep(key(number), body(POSITIVE), 1.0)
    assert len(cache) == 3


def test_a_cache_of_none_keeps_nothing() -> None:
    """dns 11: `cache = 0` turns it off."""
    cache = Cache(0)
    cache.keep(key(1), body(POSITIVE), 0.0)
    assert len(cache) == 0
