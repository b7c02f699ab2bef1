"""What dnsmasq's settings say, line by line; what is not known becomes a note."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import ip_address
from ipaddress import summarize_address_range
from typing import Any

from ..errors import SettingsError
from .boot import BootLine
from .boot import parse_boot
from .boot import parse_service
from .hosts import Host
from .hosts import parse_host
from .hosts import split_words
from .leases import Lease
from .leases import parse_leases
from .lines import Line
from .lines import Source
from .lines import plain_lines
from .names import address_line
from .names import zone_lines
from .options import Option
from .options import parse_option_line
from .options import plain_tag
from .plan import CHANGES
from .plan import LOST
from .plan import Note
from .ranges import DhcpRange
from .ranges import Span
from .ranges import parse_range
from .tags import TagRules
from .tags import parse_client_rule
from .tags import parse_mac_rule
from .tags import parse_tag_rule
from .verdicts import verdict

DNS_PORT = "53"
KNOWN_ONLY = {frozenset({"!known"})}
BOOTP_NEVER = frozenset({"bootp"})


@dataclass(slots=True)
class Reading:
    """What the lines have said so far; it lives as long as one reading."""

    hosts: list[Host] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    ranges: list[DhcpRange] = field(default_factory=list)
    """What the spans are, when all lines are read."""
    leases: list[Lease] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    listening: list[IPv4Address] = field(default_factory=list)
    rules: TagRules = field(default_factory=TagRules)
    ignored: list[frozenset[str]] = field(default_factory=list)
    boots: list[BootLine] = field(default_factory=list)
    services: list[BootLine] = field(default_factory=list)
    dhcp: dict[str, Any] = field(default_factory=dict)
    dns: dict[str, Any] = field(default_factory=dict)
    """Keys of [dns]."""
    domains: dict[str, list[str]] = field(default_factory=dict)
    domain: str | None = None
    domain_of: dict[IPv4Network, str] = field(default_factory=dict)
    """domain=NAME,SUBNET"""
    port: str = DNS_PORT
    strangers: bool = True
    zone: list[str] = field(default_factory=list)
    """Lines of a zone file, whose short names are of the domain."""
    seen: set[str] = field(default_factory=set)
    """Every key that there was."""

    def tell(self, kind: str, line: Line, what: str) -> None:
        self.notes.append(Note(kind, line.where, what))


def take_line(source: Source, read: Reading, line: Line) -> None:
    """Take one setting; what is not known is a note."""
    read.seen.add(line.key)
    take = _TAKERS.get(line.key)
    if take is not None:
        take(source, read, line)
        return
    known = verdict(line.key)
    if known is not None:
        kind, what = known
        read.tell(kind, line, f"{line.key}{' ' if what[:3] == 'is ' else ': '}{what}")
        return
    what = f"{line.key}={line.value} has no key of ours"
    read.tell(LOST, line, what.replace("= ", " "))


def _take_host(source: Source, read: Reading, line: Line) -> None:
    read.hosts.append(parse_host(line.value, line.where))


def _take_hosts(source: Source, read: Reading, line: Line) -> None:
    for at, text in _named_lines(source, line):
        read.hosts.append(parse_host(text.removeprefix("dhcp-host="), at))


def _take_option(source: Source, read: Reading, line: Line) -> None:
    forced = line.key == "dhcp-option-force"
    _add_option(read, line.value, line.where, forced=forced)


def _take_options(source: Source, read: Reading, line: Line) -> None:
    for at, text in _named_lines(source, line):
        forced = text.startswith("dhcp-option-force=")
        words = re.sub(r"^dhcp-option(-force)?=", "", text)
        _add_option(read, words, at, forced=forced)


def _add_option(read: Reading, value: str, where: str, *, forced: bool) -> None:
    found = parse_option_line(value, where, forced=forced)
    if isinstance(found, str):
        read.notes.append(Note(LOST, where, f"dhcp-option: {found}"))
    else:
        read.options.append(found)


def _take_range(source: Source, read: Reading, line: Line) -> None:
    found = parse_range(line.value, line.where)
    if isinstance(found, str):
        read.tell(LOST, line, f"dhcp-range {found}")
    else:
        read.spans.append(found)


def _take_leases(source: Source, read: Reading, line: Line) -> None:
    text = source.text(line.value)
    if text is None:
        read.tell(LOST, line, f"{line.value} is not there: no lease is known")
        return
    try:
        read.leases += parse_leases(text)
    except (ValueError, KeyError, TypeError) as problem:
        raise SettingsError(line.value, f"is no leases file: {problem}") from None


def _take_interface(source: Source, read: Reading, line: Line) -> None:
    read.interfaces += [each for each in split_words(line.value) if each != "lo"]


def _take_listening(source: Source, read: Reading, line: Line) -> None:
    for word in split_words(line.value):
        try:
            address = ip_address(word.partition("%")[0])
        except ValueError:
            raise SettingsError(line.where, f"{word!r} is no address") from None
        if isinstance(address, IPv4Address) and not address.is_loopback:
            read.listening.append(address)


def _take_domain(source: Source, read: Reading, line: Line) -> None:
    name, *words = split_words(line.value)
    if name == "#":
        read.tell(LOST, line, "domain=# asks /etc/resolv.conf: set network.domain")
        return
    spans = [each for each in words if each != "local"]
    if not spans:
        read.domain = name
        return
    try:
        if len(spans) > 1:
            first, last = map(IPv4Address, spans[:2])
            nets = list(summarize_address_range(first, last))
        else:
            nets = [IPv4Network(spans[0], strict=False)]
    except (ValueError, TypeError):
        read.tell(LOST, line, f"domain={line.value} has no key of ours")
        return
    read.domain_of |= dict.fromkeys(nets, name)


def _take_port(source: Source, read: Reading, line: Line) -> None:
    read.port = line.value
    if line.value not in ("0", DNS_PORT):
        read.tell(CHANGES, line, f"names are answered at port {DNS_PORT}")


def _take_ignore(source: Source, read: Reading, line: Line) -> None:
    words = (each.removeprefix("tag:") for each in split_words(line.value))
    tags = frozenset(plain_tag(each) for each in words)
    if tags in KNOWN_ONLY:
        read.strangers = False
    elif tags & read.rules.of_client():
        what = "what a client says of itself does not silence us: bind only whom you"
        read.tell(LOST, line, f"dhcp-ignore: {what} answer")
    elif tags != BOOTP_NEVER:  # nor do we answer BOOTP
        read.ignored.append(tags)


def _take_client_rule(source: Source, read: Reading, line: Line) -> None:
    found = parse_client_rule(line.key, line.value, line.where)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key} {found}")
    else:
        read.rules.clients.append(found)


def _take_mac_rule(source: Source, read: Reading, line: Line) -> None:
    found = parse_mac_rule(line.value)
    if found is None:
        read.tell(LOST, line, f"dhcp-mac={line.value} has no key of ours")
    else:
        read.rules.macs.append(found)


def _take_tag_rule(source: Source, read: Reading, line: Line) -> None:
    found = parse_tag_rule(line.value)
    if found is None:
        read.tell(LOST, line, f"tag-if={line.value} has no key of ours")
    else:
        read.rules.further.append(found)


def _take_boot(source: Source, read: Reading, line: Line) -> None:
    service = line.key == "pxe-service"
    found = (parse_service if service else parse_boot)(line.value, line.where)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key} {found}")
    else:
        (read.services if service else read.boots).append(found)


def _take_flag(source: Source, read: Reading, line: Line) -> None:
    table, key, value = _FLAGS[line.key]
    if table == "dhcp" and key == "reply" and line.value:
        what = "is for some alone: set dhcp.reply if all need it"
        read.tell(LOST, line, f"{line.key} {what}")
        return
    (read.dhcp if table == "dhcp" else read.dns)[key] = value


def _take_cache(source: Source, read: Reading, line: Line) -> None:
    if not line.value.isdigit():
        raise SettingsError(line.where, f"{line.value!r} is no number")
    read.dns["cache"] = min(int(line.value), 1_000_000)


def _take_server(source: Source, read: Reading, line: Line) -> None:
    """Take server=10.0.0.53, server=/example/10.0.0.53, or address=/name/10.0.0.5."""
    *domains, upstream = line.value.split("/")
    address, _, port = upstream.partition("#")
    try:
        asked = str(IPv4Address(address)) if port in ("", DNS_PORT) else ""
    except ValueError:
        asked = ""
    named = [each for each in domains if each]
    if line.key == "server" and asked:
        if not domains:
            read.dns.setdefault("upstream", []).append(asked)
        for each in named:
            read.domains.setdefault(each, []).append(asked)
    elif line.key in ("local", "server") and named and not upstream:
        what = f"{', '.join(named)} is answered here if it is this network's domain"
        read.tell(CHANGES, line, what)
    elif line.key == "address" and asked and named:
        read.zone += [address_line(f"{each}.", IPv4Address(asked)) for each in named]
        what = f"{', '.join(named)} is answered, but not the names below"
        read.tell(CHANGES, line, what)
    else:
        read.tell(LOST, line, f"{line.key}={line.value} has no key of ours")


def _take_names(source: Source, read: Reading, line: Line) -> None:
    for where, text in _named_lines(source, line):
        word, *names = text.split()
        try:
            address = ip_address(word)
        except ValueError:
            raise SettingsError(where, f"{word!r} is no address") from None
        read.zone += [address_line(name, address) for name in names]


def _take_record(source: Source, read: Reading, line: Line) -> None:
    found = zone_lines(line.key, line.value)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key}={line.value} {found}")
    else:
        read.zone += found


def _named_lines(source: Source, line: Line) -> list[tuple[str, str]]:
    # a file, or a directory, as dnsmasq reads it too
    files = source.names(line.value)
    if not files and not line.key.endswith("dir"):
        files = [line.value]
    return [each for file in files for each in plain_lines(source, file)]


_FLAGS: dict[str, tuple[str, str, Any]] = {
    "dhcp-authoritative": ("dhcp", "authoritative", True),
    "dhcp-rapid-commit": ("dhcp", "rapid_commit", True),
    "dhcp-broadcast": ("dhcp", "reply", "broadcast"),
    "stop-dns-rebind": ("dns", "rebind_protection", True),
}
_TAKERS: dict[str, Callable[[Source, Reading, Line], None]] = {
    "dhcp-host": _take_host,
    **dict.fromkeys(("dhcp-hostsfile", "dhcp-hostsdir"), _take_hosts),
    **dict.fromkeys(("dhcp-option", "dhcp-option-force"), _take_option),
    **dict.fromkeys(("dhcp-optsfile", "dhcp-optsdir"), _take_options),
    "dhcp-range": _take_range,
    **dict.fromkeys(("dhcp-leasefile", "leasefile"), _take_leases),
    "interface": _take_interface,
    "listen-address": _take_listening,
    "domain": _take_domain,
    "port": _take_port,
    "dhcp-ignore": _take_ignore,
    **dict.fromkeys(
        ("dhcp-match", "dhcp-vendorclass", "dhcp-userclass"), _take_client_rule
    ),
    "dhcp-mac": _take_mac_rule,
    "tag-if": _take_tag_rule,
    **dict.fromkeys(("dhcp-boot", "pxe-service"), _take_boot),
    **dict.fromkeys(_FLAGS, _take_flag),
    "cache-size": _take_cache,
    **dict.fromkeys(("server", "local", "address"), _take_server),
    **dict.fromkeys(("addn-hosts", "hostsdir"), _take_names),
    **dict.fromkeys(
        ("host-record", "cname", "srv-host", "txt-record", "ptr-record", "mx-host"),
        _take_record,
    ),
}
