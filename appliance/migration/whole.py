"""A network's file: what dnsmasq's lines say of all of its guests at once."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from dhcp.assembly import ONLY_IF_ASKED
from dhcp.network import ALWAYS

from .boot import boot_of
from .classes import classes_of
from .common import MTU
from .options import Option
from .options import choose
from .plan import CHANGES
from .plan import LOST
from .plan import Guest
from .plan import NetworkPlan
from .plan import Note
from .reading import Reading
from .told import DNS
from .told import Place
from .told import same_for_all
from .told import tell

NETWORKS = ("gateway", "dns", "domain", "mtu", "routes")
"""Keys that a network says as a binding does."""
OF_RANGE = ("gateway",)
BRIDGE = "br0"
SEARCH = "119"


def settings_of(
    read: Reading,
    places: Sequence[Place],
    guests: Sequence[Guest],
    forced: Sequence[Option],
    file: str,
) -> dict[str, Any]:
    """Return the tables of the network's file.

    Where strangers get addresses, or nobody is bound, they say what a guest without
    tags is told; else what guests have in common is found among the bindings.
    """
    pool = _pool(read, places) if read.strangers else []
    plain = bool(pool) or not guests
    subnets: dict[object, Place] = {}
    for each in places:
        subnets.setdefault(each.range.subnet, each)
    first, *others = subnets.values()
    keys = _of_stranger(read, first) if plain else {}
    network = {"subnet": str(first.range.subnet), "dhcp_address": str(first.server)}
    network |= {key: keys[key] for key in NETWORKS if key in keys}
    also = [_further(read, each, keys, plain=plain) for each in others]
    dhcp = dict(read.dhcp)
    if plain:
        dhcp["lease_time"] = first.range.lease_time
        if "options" in keys:
            dhcp["options"] = keys["options"]
    if pool:
        dhcp["pool"] = pool
    if (always := _always(read, forced)) is not None:
        dhcp["always"] = always
    bridge = read.interfaces[0] if read.interfaces else BRIDGE
    if not read.interfaces:
        what = (
            f"names no interface: attach.bridge is {BRIDGE}, change it to your bridge"
        )
        read.notes.append(Note(CHANGES, file, what))
    dns: dict[str, Any] = dict(read.dns) if read.port != "0" else {"enabled": False}
    if read.domains and read.port != "0":
        dns["domains"] = read.domains
    found = {
        "network": network | ({"also": also} if also else {}),
        "attach": {"bridge": bridge},
        "dhcp": dhcp,
    }
    return found | ({"dns": dns} if dns else {})


def with_mtu(plan: NetworkPlan) -> NetworkPlan:
    """Return *plan* whose network's MTU bounds every guest's; no guest is silent."""
    network = dict(plan.settings["network"])
    told = [int(each.values["mtu"]) for each in plan.guests if "mtu" in each.values]
    pooled = "pool" in plan.settings["dhcp"]
    notes = list(plan.notes)
    guests = []
    for each in plan.guests:
        values = dict(each.values)
        if "mtu" not in values:
            values["mtu"] = min(MTU, int(network.get("mtu", MTU)))
            what = f"was told no MTU: it is told {values['mtu']}"
            notes.append(Note(CHANGES, f"{plan.name}: {each.ip}", what))
        guests.append(replace(each, values=values))
    if pooled and max(told, default=0) > int(network.get("mtu", MTU)):
        network["mtu"] = max(told)
        what = f"guests of the pool are told an MTU of {max(told)}, the largest"
        notes.append(Note(CHANGES, plan.name, what))
    settings = {**plan.settings, "network": network}
    return replace(plan, settings=settings, guests=tuple(guests), notes=tuple(notes))


def of_all(
    plan: NetworkPlan, read: Reading, places: Sequence[Place], file: str
) -> NetworkPlan:
    """Return *plan* with options, boot files and classes of client for everyone."""
    dhcp = dict(plan.settings["dhcp"])
    notes = list(plan.notes)
    values = [dict(each.values) for each in plan.guests]
    if "pool" not in dhcp and values:
        shared = same_for_all([each.get("options", {}) for each in values])
        if any("domain" in each for each in values):
            shared.pop(SEARCH, None)  # a guest's own domain is its 119 else
        if shared:
            dhcp["options"] = shared
    above: Mapping[str, str] = dhcp.get("options", {})
    for guest, each in zip(plan.guests, values, strict=True):
        own = each.pop("options", {})
        for code in sorted(above.keys() - own.keys(), key=int):
            what = f"is told option {code} as all are, which it was not"
            notes.append(Note(CHANGES, f"{file}: {guest.ip}", what))
        left = {
            code: value
            for code, value in own.items()
            if above.get(code) != value or (code == SEARCH and "domain" in each)
        }
        if left:
            each["options"] = left
    tags = places[0].own | places[0].range.tags
    ourselves = str(places[0].server)
    boot, more = boot_of(
        [*read.boots, *read.services], read.options, read.rules, tags, ourselves
    )
    classes, others = classes_of(read.options, read.rules, tags, ourselves)
    if boot:
        dhcp["boot"] = boot
    if classes:
        dhcp["class"] = classes
    guests = tuple(
        replace(guest, values=each)
        for guest, each in zip(plan.guests, values, strict=True)
    )
    return replace(
        plan,
        settings={**plan.settings, "dhcp": dhcp},
        guests=guests,
        notes=(*notes, *more, *others),
    )


def _of_stranger(read: Reading, place: Place) -> dict[str, Any]:
    """Return the keys of a guest that has no tags but its range's."""
    options = [each for each in read.options if each.vendor is None]
    told = tell(choose(options, place.own, place.range.tags), place)
    read.notes += told.notes
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
    return {key: each for key, each in told.keys.items() if key != "metadata_route"}


def _further(
    read: Reading, place: Place, first: Mapping[str, Any], *, plain: bool
) -> dict[str, Any]:
    """Return an entry of [[network.also]]."""
    found = {"subnet": str(place.range.subnet), "dhcp_address": str(place.server)}
    if not plain:
        return found
    keys = _of_stranger(read, place)
    found |= {key: keys[key] for key in OF_RANGE if key in keys}
    own = keys.get("options", {})
    above = first.get("options", {})
    if options := {code: own[code] for code in own if own[code] != above.get(code)}:
        return {**found, "options": options}
    return found


def _always(read: Reading, forced: Sequence[Option]) -> list[int] | None:
    """Return dhcp.always with what was forced; None where nothing is new."""
    codes: set[int] = {int(each) for each in ALWAYS}
    for each in forced:
        if each.code in ONLY_IF_ASKED:
            what = f"option {each.code} is for who asks for it alone"
            read.notes.append(Note(LOST, each.where, what))
        elif each.code <= 254:
            codes.add(each.code)
            what = f"option {each.code} is sent unasked to all who have it"
            read.notes += [
                Note(CHANGES, other.where, what)
                for other in read.options
                if other.code == each.code and (other.tags or not other.forced)
            ]
    return sorted(codes) if codes != {int(each) for each in ALWAYS} else None


def _pool(read: Reading, places: Sequence[Place]) -> list[str]:
    """Return the spans of every range, around what nobody can be given."""
    routers = {
        int(IPv4Address(word))
        for each in read.options
        if each.code == 3 and each.vendor is None
        for word in each.values
        if word.count(".") == 3
    }
    never = routers | {int(place.server) for place in places}
    never |= {int(place.router) for place in places if place.router is not None}
    return [
        span
        for each in read.ranges
        if each.last is not None
        for span in _spans(int(each.first), int(each.last), never)
    ]


def _spans(low: int, high: int, never: set[int]) -> Iterator[str]:
    cuts = sorted(cut for cut in never if low <= cut <= high)
    for cut in [*cuts, high + 1]:
        if low < cut:
            yield f"{IPv4Address(low)}-{IPv4Address(cut - 1)}"
        low = cut + 1
