"""What dnsmasq's settings say, line by line; what is not known becomes a note."""

import re
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from typing import Any

from ..errors import SettingsError
from .hosts import Host
from .hosts import parse_host
from .hosts import split_words
from .leases import Lease
from .leases import parse_leases
from .lines import Line
from .lines import Source
from .lines import plain_lines
from .options import Option
from .options import parse_option_line
from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import Note
from .ranges import DhcpRange
from .ranges import parse_range

# what has no meaning here, and changes nothing for a guest
NEEDLESS = {
    "strict-order",
    "bind-interfaces",
    "bind-dynamic",
    "except-interface",
    "no-hosts",
    "no-resolv",
    "pid-file",
    "user",
    "group",
    "log-facility",
    "log-dhcp",
    "log-queries",
    "log-async",
    "no-ping",
    "keep-in-foreground",
    "no-daemon",
    "quiet-dhcp",
    "leasefile-ro",
    "dhcp-lease-max",
    "dhcp-script",
    "domain-needed",
    "bogus-priv",
    "no-negcache",
    "no-poll",
    "local-ttl",
    "dhcp-sequential-ip",
    "cache-size",
    "edns-packet-max",
}


@dataclass(slots=True)
class Reading:
    """What the lines have said so far; it lives as long as one reading."""

    hosts: list[Host] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    ranges: list[DhcpRange] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    listening: list[IPv4Address] = field(default_factory=list)
    dhcp: dict[str, Any] = field(default_factory=dict)
    upstream: list[str] = field(default_factory=list)
    domains: dict[str, list[str]] = field(default_factory=dict)
    domain: str | None = None
    dns: bool = True
    strangers: bool = True
    zone: list[tuple[str, str, str]] = field(default_factory=list)
    """where, name, address"""


def take_line(source: Source, read: Reading, line: Line) -> None:
    """Take one setting; what is not known is a note."""
    where, value = line.where, line.value
    match line.key:
        case "dhcp-host":
            read.hosts.append(parse_host(value, where))
        case "dhcp-hostsfile" | "dhcp-hostsdir":
            for at, text in _named_lines(source, line):
                read.hosts.append(parse_host(text.removeprefix("dhcp-host="), at))
        case "dhcp-option" | "dhcp-option-force":
            _take_option(read, value, where)
        case "dhcp-optsfile" | "dhcp-optsdir":
            for at, text in _named_lines(source, line):
                words = re.sub(r"^dhcp-option(-force)?=", "", text)
                _take_option(read, words, at)
        case "dhcp-range":
            found = parse_range(value, where)
            if isinstance(found, str):
                read.notes.append(Note(LOST, where, f"dhcp-range {found}"))
            else:
                read.ranges.append(found)
        case "dhcp-leasefile" | "leasefile":
            _take_leases(source, read, line)
        case "interface":
            read.interfaces.append(value)
        case "listen-address":
            for word in split_words(value):
                if ":" not in word:
                    read.listening.append(IPv4Address(word))
        case "dhcp-authoritative":
            read.dhcp["authoritative"] = True
        case "dhcp-rapid-commit":
            read.dhcp["rapid_commit"] = True
        case "domain" if "," not in value and value != "#":
            read.domain = value
        case "port":
            read.dns = value != "0"
        case "dhcp-ignore" if value in ("tag:!known", "#known", "!known"):
            read.strangers = False
        case "server" | "local" | "address":
            _take_server(read, line)
        case "addn-hosts":
            _take_names(source, read, line)
        case key if key in NEEDLESS:
            read.notes.append(Note(MAPS, where, f"{key} is not needed here"))
        case key:
            what = f"{key}={value} has no key of ours"
            read.notes.append(Note(LOST, where, what.replace("= ", " ")))


def _named_lines(source: Source, line: Line) -> list[tuple[str, str]]:
    files = source.names(line.value) if line.key.endswith("dir") else [line.value]
    if files == [line.value] and source.names(line.value):
        files = source.names(line.value)  # a directory, as dnsmasq reads it too
    return [each for file in files for each in plain_lines(source, file)]


def _take_option(read: Reading, value: str, where: str) -> None:
    found = parse_option_line(value, where)
    if isinstance(found, str):
        read.notes.append(Note(LOST, where, f"dhcp-option: {found}"))
    else:
        read.options.append(found)


def _take_leases(source: Source, read: Reading, line: Line) -> None:
    text = source.text(line.value)
    if text is None:
        what = f"{line.value} is not there: no lease is known"
        read.notes.append(Note(LOST, line.where, what))
        return
    try:
        read.leases += parse_leases(text)
    except (ValueError, KeyError, TypeError) as problem:
        raise SettingsError(line.value, f"is no leases file: {problem}") from None


def _take_server(read: Reading, line: Line) -> None:
    """Take server=10.0.0.53 or server=/example/10.0.0.53."""
    *domains, upstream = line.value.split("/")
    try:
        asked = str(IPv4Address(upstream))
    except ValueError:
        asked = ""
    named = [each for each in domains if each]
    if line.key == "server" and asked:
        if not domains:
            read.upstream.append(asked)
        for each in named:
            read.domains.setdefault(each, []).append(asked)
        return
    if line.key in ("local", "server") and named and not upstream:
        what = f"{', '.join(named)} is answered here if it is this network's domain"
        read.notes.append(Note(CHANGES, line.where, what))
        return
    what = f"{line.key}={line.value} has no key of ours"
    read.notes.append(Note(LOST, line.where, what))


def _take_names(source: Source, read: Reading, line: Line) -> None:
    for where, text in _named_lines(source, line):
        address, *names = text.split()
        for name in names:
            if ":" in address:
                read.notes.append(Note(LOST, where, f"{address} is IPv6"))
            else:
                read.zone.append((where, name, address))
