"""A guest of ZStack's as the values of a binding's file: pure."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from ..attachment import METADATA_ADDRESS
from .guests import Guest

MTU = 1500  # octets, of a guest that is told of none
# what the management server has the say over; the rest of a binding is kept
OWNED = (
    "hostname",
    "default_network",
    "router",
    "prefix",
    "gateway",
    "dns",
    "domain",
    "mtu",
    "routes",
)
METADATA = IPv4Network((METADATA_ADDRESS, 32))


def bound(known: Mapping[str, Any], guest: Guest) -> dict[str, Any]:
    """Return the values of *guest*'s binding, of which *known* are there already.

    The name is the first label of ZStack's, which may have the domain at its end.  A
    route to the metadata is our own affair: it follows the DHCP address.
    """
    label, _, rest = (guest.hostname or "").partition(".")
    own = guest.default_network
    routes = [str(each) for each in guest.routes if each.destination != METADATA]
    values: dict[str, Any] = {
        "mac": str(guest.mac),
        "ip": str(guest.ip),
        "hostname": label or None,
        "default_network": None if own else False,
        "router": (guest.multi_gateway and not own) or None,
        "prefix": guest.prefix,
        "gateway": None if guest.gateway is None else str(guest.gateway),
        "dns": [str(each) for each in guest.dns] if own else None,
        "domain": (guest.domain or rest or None) if own else None,
        "mtu": guest.mtu or MTU,
        "routes": routes,
    }
    kept = {key: each for key, each in known.items() if key not in OWNED}
    return {
        key: each for key, each in (kept | values).items() if each not in (None, [], {})
    }


def without_gateway(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the binding as a further NIC's: no default route, no name servers."""
    values = {**known, "default_network": False}
    for key in ("dns", "domain", "router"):
        values.pop(key, None)
    return values


def with_gateway(known: Mapping[str, Any], gateway: IPv4Address) -> dict[str, Any]:
    """Return the binding as the one of its guest's way out."""
    values = {**known, "gateway": str(gateway)}
    for key in ("default_network", "router"):
        values.pop(key, None)
    return values
