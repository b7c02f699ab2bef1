"""dnsmasq's dhcp-range: a subnet, and whether strangers get addresses of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv4Network

from .hosts import LEASE
from .hosts import plain_lease
from .hosts import split_words

DEFAULT_LEASE = "1h"  # dnsmasq(8), dhcp-range


@dataclass(frozen=True, slots=True)
class Span:
    """A dhcp-range as it is written; its subnet may be the interface's to say."""

    where: str
    first: IPv4Address
    last: IPv4Address | None = None
    """None: static, only for who is bound."""
    netmask: IPv4Address | None = None
    broadcast: IPv4Address | None = None
    tags: frozenset[str] = frozenset()
    lease_time: str = DEFAULT_LEASE


@dataclass(frozen=True, slots=True)
class DhcpRange:
    """A dhcp-range whose subnet is known."""

    where: str
    subnet: IPv4Network
    first: IPv4Address
    last: IPv4Address | None = None
    """None: static, only for who is bound."""
    tags: frozenset[str] = frozenset()
    lease_time: str = DEFAULT_LEASE


def parse_range(text: str, where: str) -> Span | str:
    """Read what is after dhcp-range=; the reason where it does not map."""
    tags: set[str] = set()
    addresses: list[IPv4Address] = []
    lease = DEFAULT_LEASE
    static = False
    for word in split_words(text):
        kind, colon, rest = word.partition(":")
        if colon and kind == "set":
            tags.add(rest)
        elif colon and kind == "tag":
            return "is for some clients only: a network of ours is for all"
        elif colon:
            return "is IPv6: DHCPv6 is not served"
        elif word == "static":
            static = True
        elif word.count(".") == 3:
            try:
                addresses.append(IPv4Address(word))
            except ValueError:
                return f"{word!r} is no address"
        elif LEASE.fullmatch(word):
            lease = plain_lease(word)
        elif not (tags or addresses):
            tags.add(word)  # its old form: a tag without a word before it
        else:
            return f"{word!r} has no key of ours"
    if static:
        addresses.insert(1, addresses[0] if addresses else IPv4Address(0))
    if len(addresses) < 2:
        return "has no end: write its last address, or static"
    first, last, *masks = addresses
    netmask, broadcast = [*masks, None, None][:2]
    end = None if static else last
    return Span(where, first, end, netmask, broadcast, frozenset(tags), lease)


def place_range(
    span: Span,
    interfaces: Iterable[IPv4Interface],
    told: Iterable[tuple[IPv4Address, IPv4Address]],
) -> DhcpRange | str:
    """Return *span* with its subnet; the reason where that is not known.

    As dnsmasq finds it: its own netmask, or that of the interface's address beside it.
    Last the widest netmask that its hosts are told, *told* being (address, netmask).
    """
    if span.netmask is not None:
        try:
            subnet = IPv4Network(f"{span.first}/{span.netmask}", strict=False)
        except ValueError:
            return f"{span.netmask} is no netmask"
        return _placed(span, subnet)
    for each in interfaces:
        if span.first in each.network or (span.last or span.first) in each.network:
            return _placed(span, each.network)
    widest: IPv4Network | None = None
    for address, netmask in told:
        subnet = IPv4Network(f"{span.first}/{netmask}", strict=False)
        if address in subnet and (
            widest is None or subnet.prefixlen < widest.prefixlen
        ):
            widest = subnet
    if widest is None:
        return "has no netmask: write it after the addresses, as 255.255.255.0"
    return _placed(span, widest)


def _placed(span: Span, subnet: IPv4Network) -> DhcpRange:
    return DhcpRange(
        span.where, subnet, span.first, span.last, span.tags, span.lease_time
    )
