"""`metalease explain NET dns IP NAME`: what a guest would be told, and why."""

import argparse
from ipaddress import IPv4Address
from typing import Any

import dnslib

from ..errors import SettingsError
from ..layout import Layout
from ..naming import Naming
from ..naming import routes
from ..resolver.names import encode_name
from ..resolver.policy import Answer
from ..resolver.policy import Forward
from ..state import Change
from .explanation import print_explanation
from .explanation import read_state


def explain_dns(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    settings, state = read_state(files)
    try:
        address = IPv4Address(options.ip)
        encode_name(options.name)
    except (ValueError, UnicodeError) as problem:
        raise SettingsError("explain dns", str(problem)) from None
    naming = Naming(settings, files)
    naming.follow(Change(put=tuple(state.records.values())))
    question = dnslib.DNSRecord.question(options.name, options.type)
    found: dict[str, Any] = {
        "guest": str(address),
        "asks": f"{options.name} {options.type}",
    }
    if not settings.dns.enabled:
        found["answer"] = "silence: [dns] enabled = false"
    elif settings.network.range_of(address) is None:
        found["answer"] = "silence: this address is not in the network"
    else:
        decision = naming.resolver.decide(bytes(question.pack()), 0.0)
        if isinstance(decision, Forward):
            upstreams = routes(settings).choose(decision.asked.lowered)
            found["answer"] = f"asked of {', '.join(map(str, upstreams))}"
        elif isinstance(decision, Answer):
            reply = dnslib.DNSRecord.parse(decision.octets)
            found["answer"] = dnslib.RCODE[reply.header.rcode]
            found["records"] = [str(each) for each in reply.rr]
            found["from"] = decision.source.value
    print_explanation(found, as_json=options.json)
    return 0
