"""Which names are answered here and never asked elsewhere (RFC 6303, 6761, 6762).

The local domain and the reverse of the network's ranges are ours; the private ranges'
reverse and the special names belong to nobody outside.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .names import encode_name
from .names import is_within
from .names import reverse_name

NOWHERE = tuple(
    encode_name(name)
    for name in (
        "invalid",
        "test",
        "onion",
        "local",
        "localhost",
        "resolver.arpa",
        "use-application-dns.net",
    )
)
# RFC 6303 section 4.1 and 4.2, and RFC 6761 section 6.1
PRIVATE = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
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
REVERSE = encode_name("in-addr.arpa")


class Zones:
    """The zones of one network."""

    def __init__(self, domain: str | None, ranges: Iterable[IPv4Network]) -> None:
        self._ranges = tuple(ranges)
        self._domain = None if domain is None else encode_name(domain)

    def of(self, name: bytes) -> bytes | None:
        """Return our zone that *name* is in; None: it may be asked elsewhere."""
        if self._domain is not None and is_within(name, self._domain):
            return self._domain
        if is_within(name, REVERSE):
            return self._reverse(name)
        if name[0] and name[1 + name[0] :] == b"\0":
            return b"\0"  # one label alone is nobody's outside
        for zone in NOWHERE:
            if is_within(name, zone):
                return zone
        return None

    def _reverse(self, name: bytes) -> bytes | None:
        labels = []
        at = 0
        while at < len(name) - len(REVERSE):
            labels.append(name[at + 1 : at + 1 + name[at]])
            at += 1 + name[at]
        octets = [label.decode("ascii", "replace") for label in reversed(labels)]
        if not octets or not all(
            each.isdigit() and len(each) < 4 for each in octets[:4]
        ):
            return None
        try:
            padded = ".".join([*octets[:4], *["0"] * (4 - len(octets))])
            network = IPv4Network((padded, min(32, 8 * len(octets))), strict=False)
        except ValueError:
            return None
        for each in (*self._ranges, *PRIVATE):
            if network.subnet_of(each):
                width = max(1, each.prefixlen // 8)
                zone = reverse_name(IPv4Address(int(network.network_address)))
                for _ in range(4 - width):
                    zone = zone[1 + zone[0] :]
                return zone
        return None
