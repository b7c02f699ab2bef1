"""A network with a few names, and who asks it: dnspython writes and reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from appliance.resolver.local import LOCALHOST
from appliance.resolver.local import metadata_names
from appliance.resolver.names import NameTable
from appliance.resolver.names import encode_name
from appliance.resolver.names import guest_records
from appliance.resolver.policy import Answer
from appliance.resolver.policy import Decision
from appliance.resolver.policy import Forward
from appliance.resolver.policy import Resolver
from appliance.resolver.upstreams import Routes
from appliance.resolver.wire import Type
from appliance.resolver.zones import Zones

DOMAIN = "net1.example"
SUBNET = IPv4Network("10.0.0.0/24")
SERVER = IPv4Address("10.0.0.2")
METADATA = IPv4Address("169.254.169.254")
UPSTREAM = IPv4Address("192.0.2.53")
CORPORATE = IPv4Address("192.0.2.54")
NAME = "www.example.org"  # a name of the outside
ADDRESS = f"{NAME} 300 A 192.0.2.80"


@dataclass(frozen=True, slots=True)
class Guest:
    """A name and an address."""

    hostname: str
    ip: IPv4Address


GUESTS = (
    Guest("web", IPv4Address("10.0.0.5")),
    Guest("db", IPv4Address("10.0.0.6")),
    Guest("db", IPv4Address("10.0.0.7")),
)
# what an operator adds
ZONE: tuple[tuple[str, Type, bytes], ...] = (
    ("www.net1.example", Type.CNAME, encode_name("web.net1.example")),
    ("first.net1.example", Type.CNAME, encode_name("www.net1.example")),
    ("gone.net1.example", Type.CNAME, encode_name("nobody.net1.example")),
    ("cdn.net1.example", Type.CNAME, encode_name("edge.cdn.invalid-not.example")),
    ("host.lab.net1.example", Type.A, IPv4Address("10.0.0.9").packed),
    ("net1.example", Type.MX, b"\0\x0a" + encode_name("web.net1.example")),
    ("_sip._tcp.net1.example", Type.SRV, bytes(6) + encode_name("web.net1.example")),
    ("text.net1.example", Type.TXT, b"\x05hello"),
    ("six.net1.example", Type.AAAA, bytes(15) + b"\x05"),
    ("pinned.outside.example", Type.A, IPv4Address("10.0.0.8").packed),
)


def names(*guests: Guest) -> NameTable:
    """Return our own names, the zone's, and *guests*'."""
    table = NameTable()
    for record in metadata_names(METADATA, [SERVER], encode_name(DOMAIN)):
        table.add(*record)
    for name, kind, value in ZONE:
        table.add(encode_name(name), kind, value)
    for guest in guests:
        for record in guest_records(guest, encode_name(DOMAIN)):
            table.add(*record)
    table.widen(LOCALHOST)
    return table


def resolver(
    *,
    upstreams: tuple[IPv4Address, ...] = (UPSTREAM,),
    domains: Mapping[str, tuple[IPv4Address, ...]] = {},
    entries: int = 100,
    rebinding: tuple[IPv4Network, ...] = (),
    guests: tuple[Guest, ...] = GUESTS,
) -> Resolver:
    return Resolver(
        names(*guests),
        Zones(DOMAIN, [SUBNET]),
        routes=Routes.of(upstreams, domains),
        entries=entries,
        rebinding=rebinding,
    )


def query(
    name: str,
    kind: str = "A",
    *,
    id: int = 0x1234,  # the header's word for it
    rd: bool = True,
    edns: int | None = None,
    dnssec: bool = False,
    flags: int = 0,
) -> bytes:
    """Return a query; with *edns* for its payload."""
    message = dns.message.make_query(
        name,
        dns.rdatatype.from_text(kind),
        use_edns=False if edns is None else 0,
        payload=edns or 1232,
        want_dnssec=dnssec,
    )
    message.id = id
    message.flags = flags | (dns.flags.RD if rd else 0)
    return message.to_wire()


def read(octets: bytes) -> dns.message.Message:
    """Return what dnspython makes of an answer: all of it, and nothing after it."""
    return dns.message.from_wire(octets, ignore_trailing=False)


def answer(decision: Decision) -> dns.message.Message:
    """Return the answer that a decision is."""
    assert isinstance(decision, Answer), decision
    return read(decision.octets)


def forward(decision: Decision) -> Forward:
    assert isinstance(decision, Forward), decision
    return decision


def rrset(text: str) -> dns.rrset.RRset:
    """Return a record, of a zone file's words: owner, lifetime, type, value."""
    owner, lifetime, kind, value = text.split(" ", 3)
    rdata = dns.rdata.from_text(
        "IN", kind, value, origin=dns.name.root, relativize=False
    )
    return dns.rrset.from_rdata(dns.name.from_text(owner), int(lifetime), rdata)


def reply(
    question: bytes,
    *records: str,
    authority: tuple[str, ...] = (),
    rcode: str = "NOERROR",
    tc: bool = False,
    edns: bool = True,
    flags: int = 0,
) -> bytes:
    """Return what an upstream says to *question*, records in zone file's words."""
    message = dns.message.make_response(dns.message.from_wire(question))
    for section, texts in ((message.answer, records), (message.authority, authority)):
        for text in texts:
            section.append(rrset(text))
    message.flags |= dns.flags.RA | flags | (dns.flags.TC if tc else 0)
    if edns:
        message.use_edns(0, payload=1232)
    else:
        message.use_edns(False)
    message.set_rcode(dns.rcode.from_text(rcode))
    return message.to_wire(max_size=65_535)


SOA = "example. 300 SOA ns.example. admin.example. 1 2 3 4 60"


def texts(section: list[dns.rrset.RRset]) -> list[str]:
    """Return a section's records as a zone file has them, without their lifetimes."""
    return sorted(
        f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {each}"
        for rrset in section
        for each in rrset
    )
