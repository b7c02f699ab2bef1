"""The hosts of dnsmasq with their options, as bindings."""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from dhcp.hardware import HardwareAddress

from .boot import OF_BOOT
from .boot import of_client
from .hosts import Host
from .options import NETMASK
from .options import Option
from .options import by_tag
from .options import choose
from .options import holds
from .options import near
from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import Guest
from .plan import Note
from .tags import TagRules
from .told import DNS
from .told import DOMAIN
from .told import NAME
from .told import ROUTER
from .told import Place
from .told import Told
from .told import once
from .told import tell

KNOWN = "known"  # dnsmasq's own tag of every host that it has a line for
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def guests_of(
    hosts: Sequence[Host],
    options: Sequence[Option],
    places: Sequence[Place],
    rules: TagRules,
    ignored: Sequence[frozenset[str]],
    leases: Mapping[str, IPv4Address],
) -> tuple[list[Guest], list[Note], list[Option]]:
    """Return the bindings that *hosts* make, and which options were forced on them.

    *leases* say the address of a MAC; a host with all tags of one of *ignored* gets
    no answer.
    """
    guests: list[Guest] = []
    notes: list[Note] = []
    forced: dict[Option, None] = {}
    clients = rules.of_client()
    index = by_tag(
        [
            each
            for each in options
            # what boots by the client's own words is [dhcp.boot]'s
            if each.vendor is None
            and not (each.code in OF_BOOT and of_client(each, clients))
        ]
    )
    bound: dict[str, IPv4Address] = {}
    taken: dict[IPv4Address, str] = {}
    for host in hosts:
        mac = host.macs[0] if host.macs else ""
        tags = rules.of_host(mac, host.tags | {KNOWN})
        address = host.address or leases.get(mac)
        place = _place(places, address)
        refused = _refusal(host, tags | place.own if place else tags, ignored, clients)
        if refused is None:
            refused = _no_place(mac, address, place)
        if refused is None and mac in bound:
            refused = f"{mac} is bound to {bound[mac]} already: one NIC, one address"
        if refused is None and address in taken:
            refused = f"{address} is bound to {taken[address]} already: one has it"
        if refused is not None or place is None or address is None:
            notes.append(Note(LOST, host.where, str(refused)))
            continue
        if address == place.server:
            what = f"{address} was dnsmasq's own, and is ours: it is no guest's"
            notes.append(Note(MAPS, host.where, what))
            continue
        bound[mac], taken[address] = address, mac
        notes += _of_words(host, address)
        own = rules.all_of(tags | place.own)
        told = tell(
            choose(near(index, own | place.range.tags), own, place.range.tags), place
        )
        forced |= dict.fromkeys(told.forced)
        values = _values(host, told, place)
        notes += told.notes
        guests.append(Guest(mac, str(address), values))
    return guests, once(notes), list(forced)


def netmasks_told(
    hosts: Iterable[Host], options: Sequence[Option]
) -> list[tuple[IPv4Address, IPv4Address]]:
    """Return each host's address with the netmask (option 1) that it is told."""
    masks = by_tag([each for each in options if each.code == NETMASK and each.values])
    found = []
    for host in hosts:
        told = choose(near(masks, host.tags), host.tags)
        if host.address is not None and NETMASK in told:
            with suppress(ValueError):  # no netmask: dnsmasq would refuse it
                word = told[NETMASK].values[0]
                netmask = IPv4Network(f"0.0.0.0/{word}").netmask
                found.append((host.address, netmask))
    return found


def _place(places: Sequence[Place], address: IPv4Address | None) -> Place | None:
    """Return the range that *address* is of; of several the one that spans it."""
    if address is None:
        return None
    here = [each for each in places if address in each.range.subnet]
    for each in here:
        if each.range.last is not None and (
            each.range.first <= address <= each.range.last
        ):
            return each
    return here[0] if here else None


def _refusal(
    host: Host,
    tags: frozenset[str],
    ignored: Sequence[frozenset[str]],
    clients: frozenset[str],
) -> str | None:
    """Return why *host* makes no binding; None where it does."""
    if host.ignored or any(holds(each, tags) for each in ignored):
        return "is ignored: leave it unbound, and it gets no answer"
    if not host.macs:
        return "has no MAC: a binding needs one"
    missing = [each for each in host.only_if if each not in tags]
    if any(each in clients for each in missing):
        return f"holds only for a client with tag {missing[0]}: bind it yourself"
    if missing:
        return f"holds only with tag {missing[0]}, which it never has"
    return None


def _no_place(mac: str, address: IPv4Address | None, place: Place | None) -> str | None:
    """Return why no guest can have that MAC and that address; None where one can."""
    if not HardwareAddress.parse(mac).usable:
        return f"{mac} is zero, broadcast or multicast: no station sends from it"
    if address is None:
        return f"{mac} has no address: the pool gives it one, without its name and tags"
    if place is None:
        return f"{address} is in no dhcp-range"
    subnet = place.range.subnet
    ends = (subnet.network_address, subnet.broadcast_address)
    if subnet.prefixlen < 31 and address in ends:
        return f"{address} is {subnet}'s own: no guest can have it"
    return None


def _of_words(host: Host, address: IPv4Address) -> list[Note]:
    """Return the notes of what the line says beside its options."""
    mac, *others = host.macs
    found = []
    if host.address is None:
        what = f"{mac} is bound to {address}, the address of its lease"
        found.append(Note(CHANGES, host.where, what))
    for other in others:
        what = f"{other} shares {address}: we bind one MAC to an address"
        found.append(Note(LOST, host.where, what))
    for word in host.left:
        found.append(Note(LOST, host.where, f"{word!r} has no key of ours"))
    for named in host.client_ids:
        if _client_id(named) is None:
            what = f"id:{named}: its MAC finds it, as here"
            found.append(Note(MAPS, host.where, what))
    return found


def _values(host: Host, told: Told, place: Place) -> dict[str, Any]:
    """Return the binding's keys of a host that is told *told*."""
    values: dict[str, Any] = {}
    keys = dict(told.keys)
    lease = host.lease_time or place.range.lease_time
    name = keys.pop("hostname", host.name)
    if ROUTER in told.empty:
        values["default_network"] = False
    elif DNS in told.empty:
        _keep_router(values, keys, host, told, place)
    if NAME in told.empty:
        name = None
    values |= _name(host, name, told, first=values.get("default_network", True))
    if DOMAIN in told.empty:
        keys.pop("domain", None)
    first = ROUTER not in told.empty and values.get("default_network", True)
    if first and not keys.pop("metadata_route", False):
        what = "is told the way to 169.254.169.254, which it was not"
        told.notes.append(Note(CHANGES, host.where, what))
    values |= keys
    values["lease_time"] = lease
    for named in host.client_ids:
        octets = _client_id(named)
        if octets is not None:
            values["client_id"] = octets
    return values


def _keep_router(
    values: dict[str, Any],
    keys: dict[str, Any],
    host: Host,
    told: Told,
    place: Place,
) -> None:
    """Tell a router and no name server: a further NIC's guest, with an option 3.

    So it is with ZStack's vmMultiGateway (zstack 2.2).
    """
    if told.default_route is not None or "gateway" not in keys:
        if place.names:
            what = "option 6 is empty: it is told a name server all the same"
            told.notes.append(Note(CHANGES, host.where, what))
        return
    values |= {"default_network": False, "router": True}


def _name(host: Host, name: str | None, told: Told, *, first: bool) -> dict[str, Any]:
    """Return the name of a host; *first* is whether its NIC is the VM's first."""
    if name is None:
        if first:
            what = "was told no name: it is told ip-A-B-C-D, of its address"
            told.notes.append(Note(CHANGES, host.where, what))
        return {}
    # dnsmasq puts no domain of a host's name into option 15
    label = name.partition(".")[0]
    if not _LABEL.fullmatch(label):
        told.notes.append(Note(LOST, host.where, f"{name!r} is no host name"))
        return {}
    return {"hostname": label}


def _client_id(named: str) -> str | None:
    """Return the octets of id: in hex; "*" says to look at the MAC alone."""
    if named == "*":
        return None
    words = named.split(":")
    if len(words) > 1 and all(re.fullmatch("[0-9A-Fa-f]{1,2}", each) for each in words):
        return "".join(each.lower().zfill(2) for each in words)
    octets = named.encode()
    return octets.hex() if len(octets) > 1 else None
