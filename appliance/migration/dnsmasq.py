"""dnsmasq's configuration as a network of ours: its own, libvirt's and neutron's."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Any

from ..errors import SettingsError
from .guests import Place
from .guests import guests_of
from .lines import Source
from .lines import read_lines
from .options import choose
from .options import keys_of
from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import NetworkPlan
from .plan import Note
from .ranges import DhcpRange
from .reading import Reading
from .reading import take_line


def read_dnsmasq(
    source: Source, files: Iterable[str], name: str | None = None
) -> NetworkPlan:
    """Return the plan for dnsmasq's *files*; raises SettingsError.

    *name* is the network's; None takes the interface's.
    """
    given = list(files)
    read = Reading()
    for line in read_lines(source, given):
        take_line(source, read, line)
    first = ", ".join(given)
    if not read.ranges:
        lost = "; ".join(each.what for each in read.notes if "range" in each.what)
        what = "has no dhcp-range with a netmask, so no subnet is known"
        raise SettingsError(first, f"{what}: add one{f' ({lost})' if lost else ''}")
    places = _places(read)
    guests, notes = guests_of(
        read.hosts,
        read.options,
        places,
        {each.mac: each.address for each in read.leases},
    )
    read.notes += notes
    bound = {each.mac for each in guests}
    strangers = [each for each in read.leases if each.mac not in bound]
    if strangers:
        what = f"{len(strangers)} leases of the pool are not taken along"
        read.notes.append(Note(CHANGES, first, what))
    settings = _settings(read, places, first)
    return NetworkPlan(
        name or _network_name(read, first),
        settings,
        guests=tuple(guests),
        notes=tuple(read.notes),
        zone=_zone(read),
    )


def _places(read: Reading) -> list[Place]:
    """Return each subnet once; a further range of it only adds to the pool."""
    places: list[Place] = []
    taken = {each.address for each in read.hosts}
    for each in read.ranges:
        if any(each.subnet == place.range.subnet for place in places):
            continue
        tags = each.tags | frozenset(read.interfaces)
        told = choose(read.options, tags)
        routers = told[3].values[:1] if 3 in told else ()
        ours = _address_of(read, each, {*taken, *map(IPv4Address, routers)})
        keys, problems = keys_of(told.values(), str(ours))
        read.notes += [Note(LOST, *problem.split(": ", 1)) for problem in problems]
        if read.domain is not None:
            keys.setdefault("domain", read.domain)
        if 3 not in told:
            what = "no option 3: dnsmasq told its own address, we tell no gateway"
            read.notes.append(Note(CHANGES, each.where, what))
        places.append(Place(each, keys, ours, tags))
    return places


def _address_of(
    read: Reading, found: DhcpRange, taken: set[IPv4Address | None]
) -> IPv4Address:
    """Return where we listen: as dnsmasq, or the last address that is free."""
    for each in read.listening:
        if each in found.subnet and each not in taken:
            return each
    pools = [(int(each.first), int(each.last)) for each in read.ranges if each.last]
    leased = {each.address for each in read.leases}
    # libvirt's pool is the whole subnet: then one of it that nobody has
    for spared in (pools, []):
        for number in range(
            int(found.subnet.broadcast_address) - 1,
            int(found.subnet.network_address),
            -1,
        ):
            address = IPv4Address(number)
            pooled = any(low <= number <= high for low, high in spared)
            if address not in taken and address not in leased and not pooled:
                what = f"dhcp_address is {address}, which nothing here has"
                read.notes.append(Note(CHANGES, found.where, what))
                return address
    raise SettingsError(found.where, f"{found.subnet} has no address left for us")


def _settings(read: Reading, places: list[Place], file: str) -> dict[str, Any]:
    nets = []
    for place in places:
        keys = {
            key: value
            for key, value in place.keys.items()
            if key in ("gateway", "mtu", "dns", "domain", "routes", "options")
            and value is not None
        }
        subnet, ours = str(place.range.subnet), str(place.server)
        nets.append({"subnet": subnet, "dhcp_address": ours, **keys})
    first, *others = nets
    also = [
        {
            key: each[key]
            for key in ("subnet", "dhcp_address", "gateway", "options")
            if key in each
        }
        for each in others
    ]
    options = first.pop("options", None)
    dhcp = {"lease_time": places[0].range.lease_time, **read.dhcp}
    if "lease_time" in places[0].keys:
        dhcp["lease_time"] = places[0].keys["lease_time"]
    if read.strangers and (pool := _pool(read, places)):
        dhcp["pool"] = pool
    if options:
        dhcp["options"] = options
    dns: dict[str, Any] = {} if read.dns else {"enabled": False}
    if read.upstream:
        dns["upstream"] = read.upstream
    if read.domains:
        dns["domains"] = read.domains
    bridge = read.interfaces[0] if read.interfaces else "br0"
    if not read.interfaces:
        what = "names no interface: attach.bridge is br0, change it to your bridge"
        read.notes.append(Note(CHANGES, file, what))
    found = {
        "network": first | ({"also": also} if also else {}),
        "attach": {"bridge": bridge},
        "dhcp": dhcp,
    }
    return found | ({"dns": dns} if dns else {})


def _pool(read: Reading, places: list[Place]) -> list[str]:
    """Return the spans of every range, around what nobody can be given."""
    never = {
        int(IPv4Address(each))
        for place in places
        for each in (place.server, place.keys.get("gateway"))
        if each is not None
    }
    spans = []
    for each in read.ranges:
        if each.last is None:
            continue
        low, high = int(each.first), int(each.last)
        cuts = sorted(cut for cut in never if low <= cut <= high)
        for cut in [*cuts, high + 1]:
            if low < cut:
                spans.append(f"{IPv4Address(low)}-{IPv4Address(cut - 1)}")
            low = cut + 1
    return spans


def _zone(read: Reading) -> str:
    """Return further names as a zone file, in full."""
    lines = []
    for _, name, address in read.zone:
        whole = name if "." in name or read.domain is None else f"{name}.{read.domain}"
        lines.append(f"{whole.rstrip('.')}. IN A {address}\n")
    return "".join(dict.fromkeys(lines))


def _network_name(read: Reading, file: str) -> str:
    """Return a name from the interface, with - for what a name cannot hold."""
    given = read.interfaces[0] if read.interfaces else "dnsmasq"
    name = re.sub(r"[^a-z0-9_-]", "-", given.lower()).lstrip("_-")[:32] or "dnsmasq"
    read.notes.append(Note(MAPS, file, f"the network is named {name}, from {given}"))
    return name
