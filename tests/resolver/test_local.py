"""Names that are known here: what exists, what does not, and what lies between."""

from ipaddress import IPv4Address

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from appliance.resolver.policy import Answer
from appliance.resolver.policy import Forward
from appliance.resolver.policy import Resolver
from appliance.resolver.policy import Source

from .room import GUESTS
from .room import Guest
from .room import answer
from .room import query
from .room import resolver
from .room import texts


def ask(
    name: str, kind: str = "A", at: Resolver | None = None, number: int = 0
) -> dns.message.Message:
    """Return the local answer."""
    decision = (at or resolver()).decide(query(name, kind, id=number), 0.0)
    assert isinstance(decision, Answer)
    assert decision.source is Source.LOCAL
    return answer(decision)


FOUND = {
    ("web.net1.example", "A"): ["10.0.0.5"],
    ("web", "A"): ["10.0.0.5"],
    ("db.net1.example", "A"): ["10.0.0.6", "10.0.0.7"],
    ("5.0.0.10.in-addr.arpa", "PTR"): ["web.net1.example."],
    ("6.0.0.10.in-addr.arpa", "PTR"): ["db.net1.example."],
    ("7.0.0.10.in-addr.arpa", "PTR"): ["db.net1.example."],
    ("metadata", "A"): ["169.254.169.254"],
    ("metadata.net1.example", "A"): ["169.254.169.254"],
    ("metadata.google.internal", "A"): ["169.254.169.254"],
    ("data-server", "A"): ["10.0.0.2"],
    ("localhost", "A"): ["127.0.0.1"],
    ("localhost", "AAAA"): ["::1"],
    ("any.thing.localhost", "A"): ["127.0.0.1"],
    ("six.net1.example", "AAAA"): ["::5"],
    ("text.net1.example", "TXT"): ['"hello"'],
    ("net1.example", "MX"): ["10 web.net1.example."],
    ("_sip._tcp.net1.example", "SRV"): ["0 0 0 web.net1.example."],
    ("pinned.outside.example", "A"): ["10.0.0.8"],
    ("www.net1.example", "CNAME"): ["web.net1.example."],
    ("net1.example", "SOA"): ["metalease. hostmaster. 1 3600 600 86400 10"],
}


@pytest.mark.parametrize(("name", "kind"), FOUND)
def test_names_that_are_here(name: str, kind: str) -> None:
    """dns 1, 2, 5: A, PTR and what the operator added: aa, ra, a small TTL."""
    found = ask(name, kind)
    assert found.rcode() == 0
    assert found.flags & dns.flags.AA
    assert found.flags & dns.flags.RA
    assert texts(found.answer) == sorted(
        f"{name}. {kind} {value}" for value in FOUND[name, kind]
    )
    assert {rrset.ttl for rrset in found.answer} == {10}
    assert not found.authority


NODATA = [
    ("web.net1.example", "AAAA"),  # what musl asks beside A
    ("web", "AAAA"),
    ("web.net1.example", "TXT"),
    ("web.net1.example", "TYPE65"),
    ("web.net1.example", "TYPE65280"),
    ("web.net1.example", "SOA"),
    ("web.net1.example", "DS"),
    ("home.arpa", "A"),
    ("metadata", "AAAA"),
    ("localhost", "MX"),
    ("a.localhost", "TXT"),
    ("six.net1.example", "A"),
    ("pinned.outside.example", "AAAA"),
    ("5.0.0.10.in-addr.arpa", "A"),
    # empty non-terminals (RFC 8020): something is below
    ("lab.net1.example", "A"),
    ("lab.net1.example", "AAAA"),
    ("_tcp.net1.example", "SRV"),
    ("0.0.10.in-addr.arpa", "PTR"),
    ("0.10.in-addr.arpa", "PTR"),
    # the zones themselves
    ("net1.example", "A"),
    ("net1.example", "NS"),
    ("10.in-addr.arpa", "PTR"),
    ("168.192.in-addr.arpa", "NS"),
]


@pytest.mark.parametrize(("name", "kind"), NODATA)
def test_a_name_without_that_type_is_no_error(name: str, kind: str) -> None:
    """dns 4: NOERROR, nothing, and a SOA: never NXDOMAIN, or musl finds no A either."""
    found = ask(name, kind)
    assert found.rcode() == 0
    assert not found.answer
    (soa,) = found.authority
    assert (soa.rdtype, soa.ttl, soa[0].minimum) == (dns.rdatatype.SOA, 10, 10)
    assert found.question[0].name.is_subdomain(soa.name)


NXDOMAIN = {
    ("nobody.net1.example", "A"): "net1.example.",
    ("nobody.net1.example", "AAAA"): "net1.example.",
    ("below.web.net1.example", "A"): "net1.example.",
    ("a.b.c.net1.example", "TXT"): "net1.example.",
    ("nobody", "A"): ".",
    ("nobody", "AAAA"): ".",
    ("nobody", "MX"): ".",
    ("4.0.0.10.in-addr.arpa", "PTR"): "0.0.10.in-addr.arpa.",
    ("5.0.0.10.in-addr.arpa.net1.example", "PTR"): "net1.example.",
    ("1.1.168.192.in-addr.arpa", "PTR"): "168.192.in-addr.arpa.",
    ("lb._dns-sd._udp.0.1.10.in-addr.arpa", "PTR"): "10.in-addr.arpa.",
    ("printer.local", "A"): "local.",
    ("x.test", "A"): "test.",
    ("x.invalid", "A"): "invalid.",
    ("x.onion", "A"): "onion.",
    ("_dns.resolver.arpa", "TYPE64"): "resolver.arpa.",
    ("host.home.arpa", "A"): "home.arpa.",
    ("local", "DS"): "local.",
    ("local", "SOA"): "local.",  # nss-mdns asks, and leaves mDNS where there is one
    ("use-application-dns.net", "A"): "use-application-dns.net.",
    ("f.e.d.c.d.f.ip6.arpa", "PTR"): "d.f.ip6.arpa.",
}


@pytest.mark.parametrize(("name", "kind"), NXDOMAIN)
def test_a_name_that_cannot_be_elsewhere_is_not(name: str, kind: str) -> None:
    """dns 2, 4, 5: NXDOMAIN and the zone's SOA; nothing of it is forwarded."""
    found = ask(name, kind)
    assert found.rcode() == 3
    assert not found.answer
    assert found.flags & dns.flags.AA
    (soa,) = found.authority
    assert str(soa.name) == NXDOMAIN[name, kind]


OUTSIDE = [
    ("example", "NS"),
    ("com", "DS"),
    ("com", "DNSKEY"),
    (".", "NS"),
    (".", "A"),
    ("example.com", "A"),
    ("example", "SOA"),
    ("outside.example", "A"),  # an empty non-terminal, but not of ours
    ("google.internal", "A"),
    ("internal.example.org", "A"),
    ("xnet1.example", "A"),
    ("net1.example.org", "A"),
    ("in-addr.arpa", "NS"),
    ("8.8.8.8.in-addr.arpa", "PTR"),
    ("1.0.32.172.in-addr.arpa", "PTR"),
    ("1.0.0.11.in-addr.arpa", "PTR"),
    ("x10.in-addr.arpa", "PTR"),
    ("1.0.0.2.ip6.arpa", "PTR"),
    ("net1.exam\\000ple", "A"),
    ("web\\.net1.example", "A"),  # one label: "web.net1"
]


@pytest.mark.parametrize(("name", "kind"), OUTSIDE)
def test_other_names_are_asked_elsewhere(name: str, kind: str) -> None:
    """dns 5: what is not ours is forwarded, also where our names are below it."""
    assert isinstance(resolver().decide(query(name, kind), 0.0), Forward)


def test_the_questions_letters_come_back() -> None:
    """dns 1: matched in any case, answered in the question's (0x20)."""
    for name in (
        "WEB.nEt1.eXample",
        "wEB",
        "5.0.0.10.IN-addr.ARPA",
        "NoBody.NET1.example",
    ):
        question = query(name, "ANY")
        decision = resolver().decide(question, 0.0)
        assert isinstance(decision, Answer)
        assert decision.octets[12 : len(question)] == question[12:]
    found = ask("WEB.nEt1.eXample")
    assert str(found.answer[0].name) == "WEB.nEt1.eXample."


def test_several_guests_of_one_name_are_all_answered_in_turn() -> None:
    """dns 3: two of one name: both addresses, each first once."""
    firsts = [str(ask("db", number=number).answer[0][0]) for number in (1, 2, 3, 4)]
    assert sorted(set(firsts)) == ["10.0.0.6", "10.0.0.7"]
    assert firsts[0] != firsts[1]
    decision = resolver().decide(query("db"), 0.0)
    assert isinstance(decision, Answer)
    assert decision.seconds == 0  # a remembered one would not turn


CHAINS = {
    "www.net1.example": [
        "www.net1.example. CNAME web.net1.example.",
        "web.net1.example. A 10.0.0.5",
    ],
    "first.net1.example": [
        "first.net1.example. CNAME www.net1.example.",
        "www.net1.example. CNAME web.net1.example.",
        "web.net1.example. A 10.0.0.5",
    ],
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_cname_brings_what_it_leads_to(name: str) -> None:
    """dns 1: CNAMEs of the zone file are followed, within one answer."""
    found = ask(name)
    assert texts(found.answer) == sorted(CHAINS[name])
    nodata = ask(name, "AAAA")
    assert texts(nodata.answer) == sorted(CHAINS[name][:-1])
    assert nodata.rcode() == 0
    assert len(nodata.authority) == 1


def test_a_cname_to_nobody_is_nxdomain() -> None:
    """dns 4: the response code is of the last name (RFC 6604)."""
    found = ask("gone.net1.example")
    assert found.rcode() == 3
    assert texts(found.answer) == ["gone.net1.example. CNAME nobody.net1.example."]
    assert len(found.authority) == 1


def test_a_circle_of_cnames_ends() -> None:
    """dns 15: CNAMEs in a circle (a zone file has none) are SERVFAIL, and soon."""
    at = resolver()
    name = b"\4ring\0"
    at.names.add(name, 5, name)
    decision = at.decide(query("ring"), 0.0)
    assert isinstance(decision, Answer)
    assert decision.rcode == 2


@pytest.mark.parametrize("name", ["web", "www.net1.example", "net1.example"])
def test_any_is_one_small_record(name: str) -> None:
    """dns 6: ANY is a HINFO that says so (RFC 8482)."""
    found = ask(name, "ANY")
    assert [rrset.rdtype for rrset in found.answer] == [dns.rdatatype.HINFO]
    assert ask("nobody.net1.example", "ANY").rcode() == 3


def test_names_come_and_go_one_by_one() -> None:
    """dns 1, 16: a guest's names are there with the next query, and gone with it."""
    at = resolver(guests=())
    before = at.names
    assert ask("web", at=at).rcode() == 3
    from appliance.resolver.names import encode_name
    from appliance.resolver.names import guest_records

    for guest in GUESTS:
        for record in guest_records(guest, encode_name("net1.example")):
            before.add(*record)
    assert ask("web", at=at).answer
    for guest in GUESTS[1:]:
        for record in guest_records(guest, encode_name("net1.example")):
            before.remove(*record)
    assert ask("db", at=at).rcode() == 3
    assert ask("6.0.0.10.in-addr.arpa", "PTR", at=at).rcode() == 3
    assert ask("web", at=at).answer


LONG = "a" * 63


def test_the_longest_names_are_answered() -> None:
    """dns 3: a host of 63 octets in a domain; with too long a domain it has no name."""
    at = resolver(guests=(Guest(LONG, IPv4Address("10.0.0.77")),))
    assert ask(f"{LONG}.net1.example", at=at).answer
    assert ask(LONG, at=at).answer
