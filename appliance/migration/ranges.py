"""dnsmasq's dhcp-range: a subnet, and whether strangers get addresses of it."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .hosts import plain_lease
from .hosts import split_words

DEFAULT_LEASE = "1h"  # dnsmasq(8), dhcp-range


@dataclass(frozen=True, slots=True)
class DhcpRange:
    where: str
    subnet: IPv4Network
    first: IPv4Address
    last: IPv4Address | None = None
    """None: static, only for who is bound."""
    tags: frozenset[str] = frozenset()
    lease_time: str = DEFAULT_LEASE


def parse_range(text: str, where: str) -> DhcpRange | str:
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
        elif word == "infinite" or word[:1].isdigit():
            lease = plain_lease(word)
        else:
            return f"{word!r} has no key of ours"
    if static:
        addresses.insert(1, addresses[0] if addresses else IPv4Address(0))
    if len(addresses) < 3:
        return "has no netmask: write it after the addresses, as 255.255.255.0"
    first, last, mask = addresses[:3]
    try:
        subnet = IPv4Network(f"{first}/{mask}", strict=False)
    except ValueError:
        return f"{mask} is no netmask"
    return DhcpRange(
        where, subnet, first, None if static else last, frozenset(tags), lease
    )
