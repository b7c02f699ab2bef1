"""`metalease explain`: what a guest would be answered now, and why.

Offline: the same pure functions as the daemon's, over the same files.
"""

import argparse
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.codes import OptionCode
from dhcp.decision import Reply
from dhcp.decision import name_of
from dhcp.destination import Arrival
from dhcp.hardware import HardwareAddress
from dhcp.levels import levels
from dhcp.message import Message
from dhcp.option_text import describe_option
from dhcp.options import Options
from dhcp.responder import Responder
from httpd.errors import BadRequest
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.paths import parse_target
from httpd.respond import refuse

from ..errors import SettingsError
from ..hosted import Surroundings
from ..layout import Layout
from ..rules import load_rules
from ..settings import Settings
from ..state import State
from .explanation import print_explanation
from .explanation import read_state

NOBODY = HardwareAddress(bytes(5) + b"\x02")  # our own MAC, which the question has not
ANYWHERE = IPv4Address(0)


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    kinds = parser.add_subparsers(required=True, metavar="dhcp|http|dns")
    dhcp = kinds.add_parser(
        "dhcp", help="what DHCP message a client would get", allow_abbrev=False
    )
    dhcp.add_argument("mac", metavar="MAC")
    dhcp.add_argument(
        "--type",
        default="discover",
        choices=("discover", "request", "inform"),
        help="of the client's message",
    )
    dhcp.add_argument(
        "--prl", metavar="CODES", help="what it asks for: 1,3,6,121 (default: nothing)"
    )
    dhcp.add_argument("--requested", metavar="IP", help="option 50 of a request")
    dhcp.add_argument("--ciaddr", metavar="IP", help="its address, when renewing")
    dhcp.set_defaults(act=explain_dhcp)
    http = kinds.add_parser(
        "http", help="what a guest would be served", allow_abbrev=False
    )
    http.add_argument("ip", metavar="IP")
    http.add_argument("method", metavar="METHOD")
    http.add_argument("url", metavar="URL")
    http.set_defaults(act=explain_http)
    dns = kinds.add_parser("dns", help="what a name is answered", allow_abbrev=False)
    dns.add_argument("ip", metavar="IP")
    dns.add_argument("name", metavar="NAME")
    dns.add_argument("type", metavar="TYPE", nargs="?", default="A")
    dns.set_defaults(act=_explain_dns)
    for each in (dhcp, http, dns):
        each.add_argument("--json", action="store_true")


def explain_dhcp(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    settings, state = read_state(files)
    try:
        mac = HardwareAddress.parse(options.mac)
    except ValueError as problem:
        raise SettingsError("MAC", str(problem)) from None
    request = _message(options, mac)
    source = request.ciaddr
    shared = Surroundings(settings, layout).shared()
    network = replace(settings.network, shares_bridge=shared)
    responder = Responder(network, state.table, NOBODY)
    decision = responder.respond(request, Arrival(mac, source), now=0.0)
    found: dict[str, Any] = {"client": str(mac), "asks": options.type.upper()}
    if not settings.dhcp:
        found["answer"] = "silence: [dhcp] enabled = false"
    elif isinstance(decision, Reply):
        found |= _answer(decision, settings, state, mac)
    else:
        found["answer"] = f"silence: {decision.reason.value}"
        bad_file = state.problems.get(f"{mac.digits}.json")
        if bad_file is not None:
            found["because"] = str(bad_file)
    print_explanation(found, as_json=options.json)
    return 0


def _message(options: argparse.Namespace, mac: HardwareAddress) -> Message:
    kind = MessageType[options.type.upper()]
    values: dict[int, bytes] = {OptionCode.MESSAGE_TYPE: bytes([kind])}
    try:
        if options.prl is not None:
            values[OptionCode.PARAMETER_REQUEST_LIST] = _codes(options.prl)
        if options.requested is not None:
            requested = IPv4Address(options.requested)
            values[OptionCode.REQUESTED_IP_ADDRESS] = requested.packed
        ciaddr = IPv4Address(options.ciaddr) if options.ciaddr else ANYWHERE
    except ValueError as problem:
        raise SettingsError("explain dhcp", str(problem)) from None
    return Message(
        op=Op.BOOTREQUEST, chaddr=mac.octets, ciaddr=ciaddr, options=Options(values)
    )


def _codes(text: str) -> bytes:
    words = [word for word in text.split(",") if word]
    if not all(word.isascii() and word.isdigit() and int(word) < 256 for word in words):
        raise SettingsError("--prl", f"{text!r} is not like 1,3,6,121")
    return bytes(map(int, words))


def _answer(
    reply: Reply, settings: Settings, state: State, mac: HardwareAddress
) -> dict[str, Any]:
    to = reply.destination
    message = Message.parse(reply.payload)
    binding = state.table.find(mac.octets)
    place = settings.network.range_of(reply.source)
    assert place is not None  # it answers from one of its own addresses
    origins = {
        code: level
        for level, values in levels(settings.network, place, binding)
        for code in values
    }
    return {
        "answer": name_of(reply.kind),
        "because": reply.text or f"{reply.address} is bound to {mac}",
        "address": str(message.yiaddr),
        "to": f"{to.address} port {to.port}, {to.hardware}",
        "octets": len(reply.payload),
        "options": [
            {
                "code": code,
                "name": OptionCode(code).name.lower(),
                "value": describe_option(code, value),
                "from": origins.get(code, "protocol"),
            }
            for code, value in message.options
        ],
        "left_out": list(reply.dropped),
        "notes": [note.value for note in reply.notes],
    }


def _explain_dns(options: argparse.Namespace, layout: Layout) -> int:
    from .explain_dns import explain_dns

    return explain_dns(options, layout)


def explain_http(options: argparse.Namespace, layout: Layout) -> int:
    from ..metadata import Metadata
    from ..metadata import Outcome

    files = layout.network(options.network)
    settings, state = read_state(files)
    rules = load_rules(settings, files)
    try:
        address = IPv4Address(options.ip)
    except ValueError as problem:
        raise SettingsError("IP", str(problem)) from None
    record = state.at(address)
    found: dict[str, Any] = {
        "guest": f"{address} ({record.mac})" if record else f"{address} (not bound)",
        "asks": f"{options.method} {options.url}",
    }
    try:
        path, query = parse_target(options.url)
        found["path"] = path
        request = Request(options.method, options.url, path, query)
        metadata = Metadata(settings, rules, state, files)
        outcome = metadata.resolve(request, address, record, wait=True)
    except BadRequest as problem:
        outcome = Outcome(refuse(problem.status, problem.what))
    response, rule = outcome.response, outcome.rule
    if rule is None:
        found["rule"] = "none"
    else:
        found["rule"] = rule.origin
        found["target"] = rule.target or "a listing"
    found["document"] = response.origin or "none"
    found["status"] = response.status
    found["headers"] = dict(response.headers)
    found["octets"] = response.length
    if isinstance(response.body, FileBody):
        import os

        os.close(response.body.descriptor)
    print_explanation(found, as_json=options.json)
    return 0
