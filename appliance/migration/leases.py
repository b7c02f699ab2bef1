"""Leases that dnsmasq has given: its leases file, and libvirt's <bridge>.status."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address

from .hosts import plain_mac


@dataclass(frozen=True, slots=True)
class Lease:
    mac: str
    address: IPv4Address
    name: str | None = None


def parse_leases(text: str) -> list[Lease]:
    """Read a leases file or libvirt's JSON; lines of IPv6 are left out.

    Raises ValueError for what is neither.
    """
    if text.lstrip().startswith("["):
        return [
            Lease(
                plain_mac(each["mac-address"]),
                IPv4Address(each["ip-address"]),
                each.get("hostname"),
            )
            for each in json.loads(text)
            if ":" not in each["ip-address"]
        ]
    found: list[Lease] = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "duid":
            break  # what follows is DHCPv6's
        if len(words) < 4:
            raise ValueError(f"{line!r} is no lease")
        name = None if words[3] == "*" else words[3]
        found.append(Lease(plain_mac(words[1]), IPv4Address(words[2]), name))
    return found
