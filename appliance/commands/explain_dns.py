"""`metalease explain NET dns IP NAME`: what a guest would be told, and why."""

import argparse
from ipaddress import IPv4Address
from ipaddress import ip_address
from typing import Any

import dnslib

from ..errors import SettingsError
from ..layout import Layout
from ..naming import Naming
from ..naming import routes
from ..resolver.names import decode_name
from ..resolver.names import encode_name
from ..resolver.policy import Answer
from ..resolver.policy import Forward
from ..resolver.upstreams import Routes
from ..resolver.wire import Query
from ..resolver.wire import Rcode
from ..resolver.zones import ROOT
from ..state import Change
from .explanation import print_explanation
from .explanation import read_state


def explain_dns(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    settings, state = read_state(files)
    try:
        address = IPv4Address(options.ip)
        name, kind = _question(options.name, options.type.upper())
        if name != ".":
            encode_name(name)
        question = bytes(dnslib.DNSRecord.question(name, kind).pack())
    except dnslib.DNSError:
        known = "is no type: write A, PTR, SRV .. or TYPE65"
        raise SettingsError("explain dns", f"{options.type!r} {known}") from None
    except (ValueError, UnicodeError) as problem:
        raise SettingsError("explain dns", str(problem)) from None
    naming = Naming(settings, files)
    naming.follow(Change(put=tuple(state.records.values())))
    found: dict[str, Any] = {"guest": str(address), "asks": f"{name} {kind}"}
    if not settings.dns.enabled:
        found["answer"] = "silence: [dns] enabled = false"
    elif settings.network.range_of(address) is None:
        found["answer"] = "silence: this address is not in the network"
    else:
        decision = naming.resolver.decide(question, 0.0)
        ways = routes(settings)
        if isinstance(decision, Forward):
            upstreams = ways.choose(decision.asked.lowered)
            found["answer"] = f"asked of {', '.join(map(str, upstreams))}"
            found["because"] = _why_elsewhere(decision, ways)
        elif isinstance(decision, Answer):
            reply = dnslib.DNSRecord.parse(decision.octets)
            found["answer"] = dnslib.RCODE[reply.header.rcode]
            found["records"] = [str(each) for each in reply.rr]
            found["from"] = decision.source.value
            found["because"] = _why_here(Query.parse(question), decision, naming)
    print_explanation(found, as_json=options.json)
    return 0


def _question(name: str, kind: str) -> tuple[str, str]:
    """Return what is asked; of an address its name, as `dig -x` does."""
    try:
        return ip_address(name).reverse_pointer, "PTR"
    except ValueError:
        return name, kind


def _why_elsewhere(decision: Forward, ways: Routes) -> str:
    domain = ways.domain_of(decision.asked.lowered)
    key = f'[dns.domains] "{decode_name(domain)}"' if domain else "[dns] upstream"
    alias = f", of {decode_name(decision.asked.name)}" if decision.aliases else ""
    return key + alias


def _why_here(query: Query, answer: Answer, naming: Naming) -> str:
    """Return who brought the name, or why nobody else is asked for it."""
    zone = naming.zones.of(query.lowered)
    if answer.rcode == Rcode.REFUSED:
        return "no upstream knows it" if zone is None else "this type is not served"
    origins = naming.origins(query.lowered)
    if origins:
        return ", ".join(origins)
    if zone is None or zone == ROOT:
        return "one label alone is asked nowhere else"
    if answer.octets[6:8] != bytes(2):  # answers: a SOA, or of every name in it
        return f"{decode_name(zone)} is ours"
    return f"{decode_name(zone)} is ours, and has nothing there"
