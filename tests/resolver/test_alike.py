"""Guests that are all called the same."""

from ipaddress import IPv4Address

import dns.flags

from appliance.resolver.local import VALUES_AT_MOST

from .room import SUBNET
from .room import Guest
from .room import answer
from .room import query
from .room import resolver

FIRST = SUBNET.network_address


def addresses(count: int, number: int) -> list[str]:
    """Return what is answered, when *count* guests are called `node`."""
    guests = tuple(Guest("node", FIRST + octet) for octet in range(count))
    asked = query("node.net1.example", edns=1232, id=number)
    found = answer(resolver(guests=guests).decide(asked, 0.0))
    assert not found.flags & dns.flags.TC
    return [str(each) for each in found.answer[0]]


def test_as_many_as_have_room() -> None:
    """dns 3: all of them, up to 64, in one answer by UDP."""
    found = addresses(VALUES_AT_MOST, 7)
    assert len(set(found)) == VALUES_AT_MOST
    assert found[0] == str(FIRST + 7)


def test_more_than_have_room() -> None:
    """dns 3: of more than 64 each has its turn: no answer has none, by UDP or by TCP,
    and what one costs does not grow with their number."""
    count = VALUES_AT_MOST + 1
    seen: set[IPv4Address] = set()
    for number in range(count):
        found = addresses(count, number)
        assert len(set(found)) == VALUES_AT_MOST
        assert found[0] == str(FIRST + number)
        seen.update(map(IPv4Address, found))
    assert len(seen) == count
