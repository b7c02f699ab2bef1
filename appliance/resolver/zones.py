"""Which names are answered here and never asked elsewhere (RFC 6303, 6761, 6762).

The local domain and the reverse of the network's ranges are ours; the private ranges'
reverse and the special names belong to nobody outside.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network

from .names import encode_name
from .names import parent
from .names import reverse_name
from .wire import Type

ROOT = b"\0"
SPECIAL = (
    "alt",  # RFC 9476
    "home.arpa",  # RFC 8375
    "invalid",
    "test",
    "onion",  # RFC 7686
    "local",  # RFC 6762
    "localhost",
    "resolver.arpa",  # RFC 9462: nobody here speaks DNS by TLS
    "use-application-dns.net",  # browsers: this network has a resolver, keep to it
)
# RFC 6303 section 4.2, RFC 6761 section 6.1, RFC 7793
PRIVATE = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "255.255.255.255/32",
    )
)
# RFC 6303 sections 4.3 to 4.6: ::, ::1, local, link-local, and the documentation's
PRIVATE_6 = (
    "0." * 32 + "ip6.arpa",
    "1." + "0." * 31 + "ip6.arpa",
    "d.f.ip6.arpa",
    *(f"{digit}.e.f.ip6.arpa" for digit in "89ab"),
    "8.b.d.0.1.0.0.2.ip6.arpa",
)
# what is asked of a top-level domain itself, by who validates (RFC 4035)
OF_DOMAINS = {Type.NS, Type.SOA, Type.DS, Type.DNSKEY}
APEX_AT_MOST = 24  # bits: an address alone is no zone, its /24 is


class Zones:
    """The zones of one network."""

    def __init__(self, domain: str | None, ranges: Iterable[IPv4Network]) -> None:
        self._zones: dict[bytes, bytes] = {}
        """By the name from which on everything is in it."""
        for name in SPECIAL:  # not even themselves: a SOA of "local" ends mDNS there
            self._zones[encode_name(name)] = ROOT
        for name in PRIVATE_6:
            self._zones[encode_name(name)] = encode_name(name)
        for each in (*PRIVATE, *ranges):
            self._zones.update(_reverse(each))
        if domain is not None:
            self._zones[encode_name(domain)] = encode_name(domain)

    def of(self, name: bytes, kind: int) -> bytes | None:
        """Return our zone that *name* is in; None: *kind* of it may be asked elsewhere.

        One label alone is no name of the outside, but a domain may be asked after.
        """
        above = name
        while above != ROOT:
            zone = self._zones.get(above)
            if zone is not None:
                return zone
            above = parent(above)
        if name != ROOT and parent(name) == ROOT and kind not in OF_DOMAINS:
            return ROOT
        return None


def _reverse(network: IPv4Network) -> Iterable[tuple[bytes, bytes]]:
    """Yield the names that cover *network*'s reverse, and the zone of each."""
    octets = -(-network.prefixlen // 8) or 1
    for each in network.subnets(new_prefix=8 * octets):
        name = reverse_name(each.network_address)
        for _ in range(4 - octets):
            name = parent(name)
        yield name, name if 8 * octets <= APEX_AT_MOST else parent(name)
