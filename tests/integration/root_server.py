"""An upstream that knows the whole of a small world: run as a program.

    python root_server.py ADDRESS ORIGIN=FILE ...

Each zone file is as ldns-signzone writes it, or plain.  What is not there is denied
with all the NSEC records of its zone: they are few.  An answer to a name that begins
with `held.` waits until there is a file RELEASE.
"""

import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdatatype import RdataType

RELEASE = Path("/run/release")

Records = list[dns.rrset.RRset]


def read_zones(words: Iterable[str]) -> list[dns.zone.Zone]:
    """Return the zones that ORIGIN=FILE names, the deepest first."""
    zones = [
        dns.zone.from_text(
            Path(path).read_text(), origin, relativize=False, check_origin=False
        )
        for origin, _, path in (word.partition("=") for word in words)
    ]
    return sorted(zones, key=lambda zone: -len(origin_of(zone)))


def origin_of(zone: dns.zone.Zone) -> dns.name.Name:
    assert zone.origin is not None
    return zone.origin


def rrsets(
    zone: dns.zone.Zone, name: dns.name.Name, kind: RdataType, *, signed: bool
) -> Records:
    """Return what *name* has of *kind*, with its signatures if *signed*."""
    node = zone.get_node(name)
    found: Records = []
    for each in () if node is None else node.rdatasets:
        covered = each.rdtype == RdataType.RRSIG and each.covers == kind
        if each.rdtype == kind or (covered and signed):
            found.append(dns.rrset.from_rdata_list(name, each.ttl, list(each)))
    return found


def answer(
    query: dns.message.Message, zones: list[dns.zone.Zone]
) -> dns.message.Message:
    """Return what a resolver that may ask everybody says to *query*."""
    name, kind = query.question[0].name, query.question[0].rdtype
    signed = bool(query.ednsflags & dns.flags.DO)
    said = dns.message.make_response(query, recursion_available=True)
    above = name.parent() if kind == RdataType.DS and name != dns.name.root else name
    holding = [each for each in zones if above.is_subdomain(origin_of(each))]
    if not holding:
        said.set_rcode(dns.rcode.REFUSED)
        return said
    zone = holding[0]
    said.answer = rrsets(zone, name, kind, signed=signed)
    if not said.answer:
        names = list(zone.nodes)
        if not any(each.is_subdomain(name) for each in names):
            said.set_rcode(dns.rcode.NXDOMAIN)
        said.authority = rrsets(zone, origin_of(zone), RdataType.SOA, signed=signed)
        for each in names if signed else ():
            said.authority += rrsets(zone, each, RdataType.NSEC, signed=True)
    return said


def main(address: str, *words: str) -> None:
    zones = read_zones(words)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((address, 53))
        print("started", flush=True)
        while True:
            octets, peer = datagrams.recvfrom(4096)
            query = dns.message.from_wire(octets)
            asked = query.question[0].to_text().lower()
            print("asked", asked, flush=True)
            while asked.startswith("held.") and not RELEASE.exists():
                time.sleep(0.01)
            datagrams.sendto(answer(query, zones).to_wire(max_size=4096), peer)


if __name__ == "__main__":
    main(*sys.argv[1:])
