"""A domain with upstreams of its own."""

from ipaddress import IPv4Address

import pytest

from appliance.resolver.policy import Answer
from appliance.resolver.policy import Forward

from .room import query
from .room import resolver

SPLIT = {
    "x.corp.example": "192.0.2.54",  # a domain of its own
    "nobody.net1.example": None,  # ours is longer than "example"
    "x.other.example": "192.0.2.54",
    "x.deep.net1.example": "192.0.2.54",  # longer than ours
    "host.corp.local": "192.0.2.54",
    "host.local": None,
    "4.3.2.10.in-addr.arpa": "192.0.2.54",
    "4.0.0.10.in-addr.arpa": None,  # our range is longer than 10
    "lone": "192.0.2.54",
    "x.example.org": "192.0.2.53",
}


@pytest.mark.parametrize("name", SPLIT)
def test_a_domain_has_upstreams_of_its_own(name: str) -> None:
    """dns 5, 7: the longest domain wins, the operator's before a special one."""
    corporate = (IPv4Address("192.0.2.54"),)
    domains = ("corp.example", "example", "deep.net1.example", "corp.local",
               "10.in-addr.arpa", "lone")  # fmt: skip
    at = resolver(domains=dict.fromkeys(domains, corporate))
    decision = at.decide(query(name), 0.0)
    expected = SPLIT[name]
    assert isinstance(decision, Answer if expected is None else Forward)
    if isinstance(decision, Forward):
        (chosen,) = at._routes.choose(decision.asked.lowered)
        assert str(chosen) == expected
