"""What dnsmasq's lines have said so far."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from .boot import BootLine
from .hosts import Host
from .leases import Lease
from .lines import Line
from .lines import Source
from .options import Option
from .plan import Note
from .ranges import DhcpRange
from .ranges import Span
from .tags import TagRules

DNS_PORT = "53"


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
    named: list[tuple[Line, str]] = field(default_factory=list)
    """Every interface, with its line."""
    unserved: list[str] = field(default_factory=list)
    """Interfaces without DHCP; * stands for anything."""
    interfaces: list[str] = field(default_factory=list)
    """The network's own, when all lines are read."""
    listening: list[IPv4Address] = field(default_factory=list)
    rules: TagRules = field(default_factory=TagRules)
    ignoring: list[tuple[Line, frozenset[str]]] = field(default_factory=list)
    """Every dhcp-ignore, with its tags."""
    ignored: list[frozenset[str]] = field(default_factory=list)
    """Tags that silence who has them all, when all lines are read."""
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
    bootp: bool = True
    """Whether who is older than DHCP is answered, if it has a line of its own."""
    zone: list[str] = field(default_factory=list)
    """Lines of a zone file, whose short names are of the domain."""
    seen: set[str] = field(default_factory=set)
    """Every key that there was."""

    def tell(self, kind: str, line: Line, what: str) -> None:
        self.notes.append(Note(kind, line.where, what))


Take = Callable[[Source, Reading, Line], None]
