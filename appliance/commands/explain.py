"""`metalease explain`: what a guest would be answered now, and why.

Offline: the same pure functions as the daemon's, over the same files.
"""

import argparse
import re
from ipaddress import IPv4Address
from typing import Any

from httpd.errors import BadRequest
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.messages import Response
from httpd.paths import parse_target
from httpd.respond import refuse
from rewrite.ruleset import Rewrite
from rewrite.ruleset import Tried

from ..errors import SettingsError
from ..layout import Layout
from ..rules import load_rules
from .explanation import print_explanation
from .explanation import read_state

TYPES = ("discover", "request", "inform", "decline", "release", "bootp")


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    kinds = parser.add_subparsers(required=True, metavar="dhcp|http|dns")
    dhcp = kinds.add_parser(
        "dhcp", help="what DHCP message a client would get", allow_abbrev=False
    )
    _describe_dhcp(dhcp)
    http = kinds.add_parser(
        "http", help="what a guest would be served", allow_abbrev=False
    )
    http.add_argument("ip", metavar="IP")
    http.add_argument("method", metavar="METHOD")
    http.add_argument("url", metavar="URL")
    http.add_argument(
        "--header",
        metavar="NAME:VALUE",
        action="append",
        default=[],
        help="of the request; may be repeated",
    )
    http.add_argument(
        "--at",
        metavar="IP[:PORT]",
        default="169.254.169.254",
        help="whom it asks (default: 169.254.169.254)",
    )
    http.set_defaults(act=explain_http)
    dns = kinds.add_parser("dns", help="what a name is answered", allow_abbrev=False)
    dns.add_argument("ip", metavar="IP")
    dns.add_argument("name", metavar="NAME")
    dns.add_argument("type", metavar="TYPE", nargs="?", default="A")
    dns.set_defaults(act=_explain_dns)
    for each in (dhcp, http, dns):
        each.add_argument("--json", action="store_true")


def _describe_dhcp(dhcp: argparse.ArgumentParser) -> None:
    dhcp.add_argument("mac", metavar="MAC")
    dhcp.add_argument(
        "--type",
        default="discover",
        choices=TYPES,
        help="of the client's message",
    )
    dhcp.add_argument(
        "--prl", metavar="CODES", help="what it asks for: 1,3,6,121 (default: nothing)"
    )
    for flag, metavar, text in (
        ("--requested", "IP", "option 50 of a request"),
        ("--ciaddr", "IP", "its address, when renewing"),
        (
            "--server",
            "IP",
            "option 54: the server that it has chosen (of a release, a decline: ours)",
        ),
        ("--relay", "IP", "giaddr: it comes by this relay"),
        ("--vendor-class", "TEXT", "option 60, like PXEClient"),
        ("--user-class", "TEXT", "option 77, like iPXE"),
        ("--architecture", "WHICH", "option 93: bios, efi64, arm64 ... or a number"),
        ("--client-id", "HEX", "option 61"),
    ):
        dhcp.add_argument(flag, metavar=metavar, help=text)
    dhcp.add_argument(
        "--send",
        metavar="CODE=HEX",
        action="append",
        default=[],
        help="any other option of its message; may be repeated",
    )
    dhcp.add_argument(
        "--broadcast", action="store_true", help="it wants a broadcast answer"
    )
    dhcp.set_defaults(act=_explain_dhcp)


def _explain_dhcp(options: argparse.Namespace, layout: Layout) -> int:
    from .explain_dhcp import explain_dhcp

    return explain_dhcp(options, layout)


def _explain_dns(options: argparse.Namespace, layout: Layout) -> int:
    from .explain_dns import explain_dns

    return explain_dns(options, layout)


def explain_http(options: argparse.Namespace, layout: Layout) -> int:
    from ..metadata import UNKNOWN
    from ..metadata import Metadata
    from ..metadata import Outcome
    from ..token_key import look_at_gate
    from ..writeback import is_kept

    files = layout.network(options.network)
    settings, state = read_state(files)
    rules = load_rules(settings, files)
    try:
        address = IPv4Address(options.ip)
    except ValueError as problem:
        raise SettingsError("IP", str(problem)) from None
    at = _at(options.at)
    record = state.at(address)
    found: dict[str, Any] = {
        "guest": f"{address} ({record.mac})" if record else f"{address} (not bound)",
        "asks": f"{options.method} {options.url}",
    }
    try:
        path, query = parse_target(options.url)
        found["path"] = path
        # as every client says it
        headers = {"host": options.at, **dict(map(_header, options.header))}
        request = Request(options.method, options.url, path, query, headers)
        metadata = Metadata(settings, rules, state, files, look_at_gate(files))
        refusal = metadata.stop(request, address, record, at)
        if refusal is not None:
            if refusal.origin != UNKNOWN:
                found["gate"] = _told(refusal)
            outcome = Outcome(refusal)
        else:
            told = rules.explain(metadata.ruling.asked(request, address, record, at))
            found["tried"] = [_tried(each) for each in told.tried]
            outcome = metadata.resolve(request, address, record, wait=True, at=at)
    except BadRequest as problem:
        outcome = Outcome(refuse(problem.status, problem.what))
    response, rule = outcome.response, outcome.rule
    if rule is None:
        found["rule"] = "none"
    else:
        found["rule"] = rule.origin
        found["target"] = _meant(rule)
        if rule.proxy is not None and record is not None:
            found["document"] = "what the upstream answers; it is not asked now"
            print_explanation(found, as_json=options.json)
            return 0
        if record is not None and is_kept(request, rule):
            found["document"] = "none: the body is kept, and nothing is written now"
            print_explanation(found, as_json=options.json)
            return 0
    found["document"] = response.origin or "none"
    found["status"] = response.status
    found["headers"] = dict(response.headers)
    found["octets"] = response.length
    if isinstance(response.body, FileBody):
        import os

        os.close(response.body.descriptor)
    print_explanation(found, as_json=options.json)
    return 0


def _tried(step: Tried) -> dict[str, Any]:
    row: dict[str, Any] = {
        "at": step.where.origin,
        "what": step.what,
        "matched": step.matched,
    }
    if step.captures:
        row["captures"] = list(step.captures)
    if step.target is not None:
        row["target"] = step.target
    return row


def _meant(rule: Rewrite) -> str:
    if rule.refusal is not None:
        return f"refused, {rule.refusal.status}: {rule.refusal.what}"
    if rule.redirect is not None:
        return f"elsewhere, {rule.redirect.status}: {rule.redirect.location}"
    if rule.spool is not None:
        return f"the spool, as {rule.spool}"
    if rule.proxy is not None:
        return f"{rule.target} of {rule.proxy}, from the host's side"
    return rule.target or "a listing"


def _told(stopped: Response) -> str:
    """Return what the gate says; a token is the guest's, and not shown."""
    if stopped.origin == "token":
        return f"a token, in packets of TTL {stopped.hop_limit}"
    assert isinstance(stopped.body, bytes), "a refusal is a line"
    return stopped.body.decode().strip()


def _at(text: str) -> str:
    """Return address and port, as a socket says whom it was asked."""
    host, _, port = text.partition(":")
    try:
        IPv4Address(host)
    except ValueError as problem:
        raise SettingsError("--at", str(problem)) from None
    if not re.fullmatch("[0-9]{0,5}", port):
        raise SettingsError("--at", f"{text!r} is not like 10.0.0.2 or 10.0.0.2:80")
    return f"{host}:{port or 80}"


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise SettingsError("--header", f"{text!r} is not like Accept: text/plain")
    return name.strip().lower(), value.strip()
