"""Classless static routes: option 121 of RFC 3442, and Microsoft's 249.

A route is a width octet, then only the significant octets of the destination, then
the router.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Self

from .errors import MalformedMessage


@dataclass(frozen=True, slots=True)
class ClasslessRoute:
    """A route as the guest installs it."""

    destination: IPv4Network
    router: IPv4Address

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "10.9.0.0/16 via 10.0.0.9"; host bits are zeroed.

        Raises ValueError, which shows the form.
        """
        words = text.split()
        if len(words) != 3 or words[1] != "via":
            raise ValueError(f"{text!r} is not like '10.9.0.0/16 via 10.0.0.9'")
        return cls(IPv4Network(words[0], strict=False), IPv4Address(words[2]))

    def encode(self) -> bytes:
        width = self.destination.prefixlen
        significant = self.destination.network_address.packed[: (width + 7) // 8]
        return bytes([width]) + significant + self.router.packed

    def __str__(self) -> str:
        return f"{self.destination} via {self.router}"


def encode_routes(routes: Iterable[ClasslessRoute]) -> bytes:
    """Return the value of option 121, each destination once: the first wins."""
    first: dict[IPv4Network, ClasslessRoute] = {}
    for route in routes:
        first.setdefault(route.destination, route)
    return b"".join(route.encode() for route in first.values())


def decode_routes(value: bytes) -> tuple[ClasslessRoute, ...]:
    """Read the value of option 121; raises MalformedMessage."""
    routes = []
    at = 0
    while at < len(value):
        width = value[at]
        octets = (width + 7) // 8
        end = at + 1 + octets + 4
        if width > 32 or end > len(value):
            raise MalformedMessage(f"option 121, octet {at}", "not a classless route")
        address = value[at + 1 : at + 1 + octets].ljust(4, b"\0")
        network = IPv4Network((address, width), strict=False)
        routes.append(ClasslessRoute(network, IPv4Address(value[end - 4 : end])))
        at = end
    return tuple(routes)
