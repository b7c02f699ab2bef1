"""The hosts of dnsmasq with their options, as bindings."""

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from .hosts import Host
from .options import Option
from .options import by_tag
from .options import choose
from .options import keys_of
from .options import near
from .plan import CHANGES
from .plan import LOST
from .plan import Guest
from .plan import Note
from .ranges import DhcpRange

KNOWN = "known"  # dnsmasq's own tag of every host that it has a line for
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Place:
    """A range, what all of its guests are told, and our address in it."""

    range: DhcpRange
    keys: Mapping[str, Any]
    server: IPv4Address
    tags: frozenset[str]


def guests_of(
    hosts: Sequence[Host],
    options: Sequence[Option],
    places: Sequence[Place],
    leases: Mapping[str, IPv4Address],
) -> tuple[list[Guest], list[Note]]:
    """Return the bindings that *hosts* make; *leases* say the address of a MAC."""
    guests: list[Guest] = []
    notes: list[Note] = []
    index = by_tag(options)
    for host in hosts:
        refused = _refusal(host)
        if refused is not None:
            notes.append(Note(LOST, host.where, refused))
            continue
        mac = host.macs[0]
        address = host.address or leases.get(mac)
        if address is None:
            notes.append(Note(LOST, host.where, f"{mac} has no address: bind it"))
            continue
        place = next((each for each in places if address in each.range.subnet), None)
        if place is None:
            notes.append(Note(LOST, host.where, f"{address} is in no dhcp-range"))
            continue
        if host.address is None:
            what = f"{mac} is bound to {address}, the address of its lease"
            notes.append(Note(CHANGES, host.where, what))
        for other in host.macs[1:]:
            what = f"{other} shares {address}: we bind one MAC to an address"
            notes.append(Note(LOST, host.where, what))
        for word in host.left:
            notes.append(Note(LOST, host.where, f"{word!r} has no key of ours"))
        tags = host.tags | place.tags | {KNOWN}
        told = choose(near(index, tags), tags)
        values = _values(host, told, place, notes)
        guests.append(Guest(mac, str(address), values))
    return guests, notes


def _refusal(host: Host) -> str | None:
    """Return why *host* makes no binding; None where it does."""
    if host.ignored:
        return "is ignored: leave it unbound, and it gets no answer"
    if not host.macs:
        return "has no MAC: a binding needs one"
    if host.only_if:
        return f"holds only with tag {host.only_if[0]}: bind it yourself"
    return None


def _values(
    host: Host, told: Mapping[int, Option], place: Place, notes: list[Note]
) -> dict[str, Any]:
    keys, problems = keys_of(
        (each for each in told.values() if each.tags), str(place.server)
    )
    notes += [Note(LOST, *each.split(": ", 1)) for each in problems]
    values: dict[str, Any] = _name(host, place, notes)
    none = {key for key in ("gateway", "dns") if key in keys and keys[key] is None}
    if none:
        values["default_network"] = False
    if none == {"gateway"} and keys.get("dns") is None:
        what = "option 3 is empty: no default route and no DNS server is told"
        notes.append(Note(CHANGES, host.where, what))
    if none == {"dns"}:
        what = "option 6 is empty: neither DNS server nor default route is told"
        notes.append(Note(CHANGES, host.where, what))
    for key, value in keys.items():
        if value is not None and value != place.keys.get(key):
            values[key] = value
    lease = host.lease_time or values.get("lease_time")
    if lease is not None:
        values["lease_time"] = lease
    for named in host.client_ids:
        octets = _client_id(named)
        if octets is None:
            notes.append(Note(CHANGES, host.where, f"id:{named}: its MAC finds it"))
        else:
            values["client_id"] = octets
    return values


def _name(host: Host, place: Place, notes: list[Note]) -> dict[str, Any]:
    if host.name is None:
        what = f"{host.macs[0]} had no name: it is told ip-A-B-C-D, from its address"
        notes.append(Note(CHANGES, host.where, what))
        return {}
    label, _, domain = host.name.partition(".")
    if not _LABEL.fullmatch(label):
        notes.append(Note(LOST, host.where, f"{host.name!r} is no host name"))
        return {}
    if not domain or domain == place.keys.get("domain"):
        return {"hostname": label}
    return {"hostname": label, "domain": domain}


def _client_id(named: str) -> str | None:
    """Return the octets of id: in hex; "*" says to look at the MAC alone."""
    if named == "*":
        return None
    words = named.split(":")
    if len(words) > 1 and all(re.fullmatch("[0-9A-Fa-f]{1,2}", each) for each in words):
        return "".join(each.lower().zfill(2) for each in words)
    octets = named.encode()
    return octets.hex() if len(octets) > 1 else None
