"""Whom dnsmasq has no line for: what its pool's guests are told, range by range."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

from .common import MTU
from .options import NETMASK
from .options import choose
from .places import routers_of
from .plan import CHANGES
from .plan import LOST
from .plan import Note
from .reading import Reading
from .told import DNS
from .told import NAME
from .told import Place
from .told import Told
from .told import tell

OF_RANGE = ("gateway",)
"""Keys that a further range says of its own."""


def pool_of(read: Reading, places: Sequence[Place]) -> list[str]:
    """Return the spans of every range, around what nobody can be given."""
    routers = {int(each) for each in routers_of(read.options)}
    never = routers | {int(place.server) for place in places}
    never |= {int(place.router) for place in places if place.router is not None}
    return [
        span
        for each in read.ranges
        if each.last is not None
        for span in _spans(int(each.first), int(each.last), never)
    ]


def told_strangers(read: Reading, place: Place) -> Told:
    """Return what a guest is told that has no tags but its range's."""
    options = [each for each in read.options if each.vendor is None]
    chosen = choose(options, place.own, place.range.tags)
    told = tell(chosen, place)
    read.notes += told.notes
    for code, key in ((NAME, "hostname"), (NETMASK, "prefix")):
        if key in told.keys:
            what = f"option {code} is a bound guest's alone: the pool's are not told it"
            read.notes.append(Note(LOST, chosen[code].where, what))
    where = place.range.where
    if DNS in told.empty and place.names:
        what = (
            "option 6 is empty: the pool's guests are told a name server all the same"
        )
        read.notes.append(Note(CHANGES, where, what))
    if "mtu" not in told.keys:
        what = f"the pool's guests were told no MTU: they are told {MTU}"
        read.notes.append(Note(CHANGES, where, what))
    if "metadata_route" not in told.keys:
        what = "the pool's guests are told the way to 169.254.169.254, as they were not"
        read.notes.append(Note(CHANGES, where, what))
    told.keys.pop("metadata_route", None)
    return told


def further(
    read: Reading,
    place: Place,
    own: Told | None,
    first: Place,
    told: Mapping[str, Any],
) -> dict[str, Any]:
    """Return an entry of [[network.also]], whose strangers are told *own*.

    *told* are the keys of the network's *first* range.
    """
    found = {"subnet": str(place.range.subnet), "dhcp_address": str(place.server)}
    if own is None:
        return found
    keys = own.keys
    if lends(read, place):
        read.notes += _as_the_first(place, keys, first, told)
    found |= {key: keys[key] for key in OF_RANGE if key in keys}
    above = told.get("options", {})
    options = {
        code: value
        for code, value in keys.get("options", {}).items()
        if value != above.get(code)
    }
    return {**found, "options": options} if options else found


def lends(read: Reading, place: Place) -> bool:
    """Whether any range of the place's subnet is a pool."""
    return any(
        each.last is not None
        for each in read.ranges
        if each.subnet == place.range.subnet
    )


def _as_the_first(
    place: Place, keys: Mapping[str, Any], first: Place, told: Mapping[str, Any]
) -> Iterator[Note]:
    """Yield what the pool's guests of a further range are told otherwise here."""
    lease = place.range.lease_time
    own = {**keys, "lease_time": lease}
    others = {**told, "lease_time": first.range.lease_time}
    for key in ("dns", "domain", "mtu", "routes", "lease_time"):
        here, there = (
            None if values.get(key) == [str(where.server)] else values.get(key)
            for values, where in ((own, place), (others, first))
        )
        if here != there:
            what = f"the pool's guests are told {key} as those of {first.range.subnet}"
            yield Note(CHANGES, place.range.where, f"{what}: bind who needs its own")
    for code in others.get("options", {}).keys() - own.get("options", {}).keys():
        what = f"the pool's guests are told option {code} as those of"
        yield Note(CHANGES, place.range.where, f"{what} {first.range.subnet}")


def _spans(low: int, high: int, never: set[int]) -> Iterator[str]:
    cuts = sorted(cut for cut in never if low <= cut <= high)
    for cut in [*cuts, high + 1]:
        if low < cut:
            yield f"{IPv4Address(low)}-{IPv4Address(cut - 1)}"
        low = cut + 1
