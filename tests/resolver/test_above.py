"""What the zone above knows of a name, and we do not: its DS, and more of one label."""

from ipaddress import IPv4Address

import pytest

from appliance.resolver.names import NameTable
from appliance.resolver.policy import Forward
from appliance.resolver.policy import Resolver
from appliance.resolver.upstreams import Routes
from appliance.resolver.zones import Zones

from .room import SUBNET
from .room import UPSTREAM
from .room import answer
from .room import query
from .room import resolver

ABOVE = [
    ("net1.example", "DS"),
    ("NET1.example", "DS"),
    ("10.in-addr.arpa", "DS"),
    ("d.f.ip6.arpa", "DS"),
    ("home.arpa", "DS"),
    # a guest's name, or a top-level domain: only the root knows
    *(("web", kind) for kind in ("NS", "SOA", "DS", "DNSKEY")),
    *(("com", kind) for kind in ("NS", "SOA", "DS", "DNSKEY")),
]


@pytest.mark.parametrize(("name", "kind"), ABOVE)
def test_the_zone_above_is_asked(name: str, kind: str) -> None:
    """dns 5: a DS of our domain is its parent's to say (RFC 4035 section 2.4): with its
    proof that there is none a validator believes our names; a guest called `com` does
    not end validation of all below it."""
    assert isinstance(resolver().decide(query(name, kind), 0.0), Forward)


HERE = {
    # name, type: code, whose SOA
    ("0.0.10.in-addr.arpa", "DS"): (0, "10.in-addr.arpa."),  # above is ours too
    ("web.net1.example", "DS"): (0, "net1.example."),
    ("nobody.net1.example", "DS"): (3, "net1.example."),
    ("net1.example", "DNSKEY"): (0, "net1.example."),
    ("net1.example", "RRSIG"): (0, "net1.example."),
    ("web", "RRSIG"): (0, "."),
    ("web", "AAAA"): (0, "."),
    ("local", "DS"): (3, "local."),  # never asked after (RFC 6762 section 22.1)
    ("x.onion", "DS"): (3, "onion."),
}
ALONE = {
    ("example", "DS"): (0, "."),  # something of ours is below
    ("example", "NS"): (0, "."),
    ("com", "DS"): (3, "."),
    ("web", "DNSKEY"): (0, "."),
    ("net1.example", "DS"): (0, "net1.example."),  # RFC 4035 section 3.1.4.1
    ("0.0.10.in-addr.arpa", "DS"): (0, "10.in-addr.arpa."),
}


def denied(at: Resolver, name: str, kind: str) -> tuple[int, str]:
    """Return the code, and whose SOA, of an answer without records."""
    found = answer(at.decide(query(name, kind, edns=1232, dnssec=True), 0.0))
    assert not found.answer
    (soa,) = found.authority
    return int(found.rcode()), str(soa.name)


@pytest.mark.parametrize(("name", "kind"), HERE)
def test_what_is_said_here(name: str, kind: str) -> None:
    """dns 4, 5: all else of our zones, and what is above but ours too."""
    assert denied(resolver(), name, kind) == HERE[name, kind]


@pytest.mark.parametrize(("name", "kind"), ALONE)
def test_with_nobody_to_ask_all_of_it_is_said_here(name: str, kind: str) -> None:
    """dns 5: without upstreams a top-level domain is what its A says that it is; the
    root's SOA without a signature tells a validator that nothing is signed here."""
    assert denied(resolver(upstreams=()), name, kind) == ALONE[name, kind]


def test_the_root_itself_is_refused_without_upstreams() -> None:
    """dns 5: we do not play the root."""
    at = resolver(upstreams=())
    assert answer(at.decide(query(".", "NS"), 0.0)).rcode() == 5
    assert answer(at.decide(query("www.example.org", "DS"), 0.0)).rcode() == 5


def test_a_domain_of_one_label() -> None:
    """dns 5: `lab` is a zone of ours below the root: its DS is the root's to say."""

    def at(*upstreams: IPv4Address) -> Resolver:
        ways = Routes.of(upstreams, {})
        return Resolver(NameTable(), Zones("lab", [SUBNET]), routes=ways, entries=1)

    assert isinstance(at(UPSTREAM).decide(query("lab", "DS"), 0.0), Forward)
    for alone in (at(), at(UPSTREAM)):
        assert denied(alone, "lab", "A") == (0, "lab.")
        assert denied(alone, "x.lab", "A") == (3, "lab.")
    assert denied(at(), "lab", "DS") == (0, ".")
