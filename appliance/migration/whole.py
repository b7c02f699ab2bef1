"""A network's file: what dnsmasq's lines say of all of its guests at once."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from dhcp.assembly import ONLY_IF_ASKED
from dhcp.network import ALWAYS

from .boot import boot_of
from .classes import classes_of
from .classes import of_both
from .common import MTU
from .options import Option
from .plan import CHANGES
from .plan import LOST
from .plan import Guest
from .plan import NetworkPlan
from .plan import Note
from .reading import Reading
from .strangers import further
from .strangers import lends
from .strangers import pool_of
from .strangers import told_strangers
from .told import Place
from .told import same_for_all

NETWORKS = ("gateway", "dns", "domain", "mtu", "routes")
"""Keys that a network says as a binding does."""
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
    pool = pool_of(read, places) if read.strangers else []
    plain = bool(pool) or not guests
    subnets: dict[object, Place] = {}
    for each in places:
        subnets.setdefault(each.range.subnet, each)
    # who is bound has keys of its own: the network's are the pool's first of all
    in_order = sorted(subnets.values(), key=lambda each: not lends(read, each))
    first, *others = in_order if pool else subnets.values()
    told = {each: told_strangers(read, each) for each in subnets.values() if plain}
    keys = told[first].keys if plain else {}
    forced = [*forced, *(one for each in told.values() for one in each.forced)]
    network: dict[str, Any] = {
        "subnet": str(first.range.subnet),
        "dhcp_address": str(first.server),
    }
    network |= {key: keys[key] for key in NETWORKS if key in keys}
    if others and first.names and network.get("dns") == [str(first.server)]:
        del network["dns"]  # each range has its own address of ours
    also = [further(read, each, told.get(each), first, keys) for each in others]
    dhcp = dict(read.dhcp)
    if plain:
        dhcp["lease_time"] = first.range.lease_time
        if "options" in keys:
            dhcp["options"] = keys["options"]
    if pool:
        dhcp["pool"] = pool
    if guests and read.bootp:
        dhcp["bootp"] = True
    if (always := _always(read, forced)) is not None:
        dhcp["always"] = always
    bridge = read.interfaces[0] if read.interfaces else BRIDGE
    if not read.interfaces:
        what = (
            f"names no interface: attach.bridge is {BRIDGE}, change it to your bridge"
        )
        read.notes.append(Note(CHANGES, file, what))
    elif "br" not in bridge:  # neutron's dnsmasq has a tap of its own, others a port
        what = f"attach.bridge is {bridge}: change it to the bridge that guests are on"
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
    for guest, each in zip(plan.guests, values, strict=True):
        above = _above(plan, dhcp, guest)
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
    # what is asked for beside the addresses is where dnsmasq's host stays
    ourselves = str(places[0].host or places[0].router or places[0].server)
    boot, more = boot_of(
        [*read.boots, *read.services], read.options, read.rules, tags, ourselves
    )
    classes, others = classes_of(read.options, read.rules, tags, ourselves)
    bound = {code for each in values for code in each.get("options", {})}
    others += of_both(classes, bound, file)
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


def _above(plan: NetworkPlan, dhcp: Mapping[str, Any], guest: Guest) -> dict[str, str]:
    """Return the options that *guest* is told by its network and its range."""
    found: dict[str, str] = dict(dhcp.get("options", {}))
    for place in plan.settings["network"].get("also", ()):
        if IPv4Address(guest.ip) in IPv4Network(place["subnet"]):
            found |= place.get("options", {})
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
