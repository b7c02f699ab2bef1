"""Which names are answered here and never asked elsewhere (RFC 6303, 6761, 6762).

The local domain and the reverse of the network's ranges are ours; the private ranges'
reverse and the special names belong to nobody outside.  A zone says itself that there
is nothing in it: a SOA of the root that nobody signed would end all validation there.
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
    "invalid",
    "test",
    "onion",  # RFC 7686
    "local",  # RFC 6762
    "localhost",
    "resolver.arpa",  # RFC 9462: nobody here speaks DNS by TLS
    "use-application-dns.net",  # browsers: this network has a resolver, keep to it
)
HOME = "home.arpa"  # RFC 8375
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
        for name in (*SPECIAL, *PRIVATE_6, HOME):
            self._zones[encode_name(name)] = encode_name(name)
        for each in (*PRIVATE, *ranges):
            self._zones.update(_reverse(each))
        self._empty = {encode_name(name) for name in SPECIAL}
        """Zones that not even themselves are in: a SOA of "local" ends mDNS there."""
        if domain is not None:
            self._zones[encode_name(domain)] = encode_name(domain)
            self._empty.discard(encode_name(domain))

    def of(self, name: bytes) -> bytes | None:
        """Return our zone that *name* is in; None: others may know it.

        One label alone is no name of the outside.
        """
        zone = self._nearest(name)
        if zone is None and name != ROOT and parent(name) == ROOT:
            return ROOT
        return zone

    def above(self, name: bytes) -> bytes | None:
        """Return our zone that holds what is said of the zone *name* from above."""
        return self._nearest(parent(name))

    def is_apex(self, name: bytes) -> bool:
        """Whether *name* exists because it is a zone's."""
        return self._zones.get(name) == name and name not in self._empty

    def is_parents(self, name: bytes, kind: int) -> bool:
        """Whether the zone above *name* knows this *kind* of it, and we do not.

        It is so with a DS of a zone of ours (RFC 4035 section 2.4), or no validator
        would learn that our names are rightly unsigned; and with a top-level domain,
        should a guest be called the same.
        """
        zone = self._zones.get(name)
        if zone is None:
            return kind in OF_DOMAINS and name != ROOT and parent(name) == ROOT
        return kind == Type.DS and self.is_apex(name)

    def _nearest(self, name: bytes) -> bytes | None:
        while name != ROOT:
            zone = self._zones.get(name)
            if zone is not None:
                return zone
            name = parent(name)
        return None


def _reverse(network: IPv4Network) -> Iterable[tuple[bytes, bytes]]:
    """Yield the names that cover *network*'s reverse, and the zone of each."""
    octets = -(-network.prefixlen // 8) or 1
    for each in network.subnets(new_prefix=8 * octets):
        name = reverse_name(each.network_address)
        for _ in range(4 - octets):
            name = parent(name)
        yield name, name if 8 * octets <= APEX_AT_MOST else parent(name)
