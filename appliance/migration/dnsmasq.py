"""dnsmasq's configuration as a network of ours: its own, libvirt's and neutron's."""

import re
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Interface

from ..errors import SettingsError
from .common import share
from .common import spare
from .common import without_gateways
from .dhcp_lines import DHCP_LINES
from .dhcp_lines import settle_ignored
from .dhcp_lines import settle_interfaces
from .dns_lines import DNS_LINES
from .guests import guests_of
from .guests import netmasks_told
from .lines import Line
from .lines import Source
from .lines import files_in
from .lines import read_lines
from .names import with_domain
from .places import places_of
from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import NetworkPlan
from .plan import Note
from .ranges import place_range
from .reading import Reading
from .told import once
from .verdicts import verdict
from .whole import of_all
from .whole import settings_of
from .whole import with_mtu

_LINES = DHCP_LINES | DNS_LINES
DIRECTORIES = {"conf-dir", "dhcp-hostsdir", "dhcp-optsdir", "hostsdir"}


def read_dnsmasq(
    source: Source,
    files: Iterable[str],
    name: str | None = None,
    *,
    interfaces: Sequence[IPv4Interface] = (),
) -> NetworkPlan:
    """Return the plan for dnsmasq's *files*; raises SettingsError.

    *name* is the network's; None takes the interface's.  *interfaces* are the addresses
    that dnsmasq has on its link: they say the netmask of a range that says none, and
    where it answers.
    """
    given = list(files)
    read = Reading()
    for line in read_lines(source, given):
        _take_line(source, read, line)
    settle_ignored(read)
    settle_interfaces(read)
    first = ", ".join(given)
    _place_ranges(read, interfaces)
    if not read.ranges:
        lost = "; ".join(each.what for each in read.notes if "range" in each.what)
        what = "has no dhcp-range with a netmask, so no subnet is known"
        raise SettingsError(first, f"{what}: add one{f' ({lost})' if lost else ''}")
    places = places_of(read, interfaces)
    guests, notes, forced = guests_of(
        read.hosts,
        read.options,
        places,
        read.rules,
        read.ignored,
        {each.mac: each.address for each in read.leases},
    )
    read.notes += notes
    _note_names(read, first)
    bound = {each.mac for each in guests}
    strangers = [each for each in read.leases if each.mac not in bound]
    if strangers:
        what = (
            f"{len(strangers)} leases of the pool are not taken along: who renews one"
        )
        what = f"{what} keeps its address"
        read.notes.append(Note(CHANGES, first, what))
    settings = settings_of(read, places, guests, forced, first)
    plan = NetworkPlan(
        name or _network_name(read, first),
        settings,
        guests=tuple(guests),
        origin=first,
    )
    pooled = "pool" in settings["dhcp"]
    plan = with_mtu(plan)
    plan = without_gateways(spare(plan) if pooled else share(plan))
    plan = of_all(plan, read, places, first)
    return replace(
        plan, notes=tuple(once([*read.notes, *plan.notes])), zone=_zone(read)
    )


def _take_line(source: Source, read: Reading, line: Line) -> None:
    """Take one setting; what is not known is a note."""
    read.seen.add(line.key)
    take = _LINES.get(line.key)
    if line.key in DIRECTORIES and not files_in(source, line.value.partition(",")[0]):
        what = f"{line.key}: no file is in {line.value}: copy it along, if it has any"
        read.tell(LOST, line, what)
        return
    if take is not None:
        try:
            take(source, read, line)
        except ValueError as problem:
            what = f"{line.key}={line.value}: {problem}: mend it, or take it out"
            raise SettingsError(line.where, what) from None
        return
    known = verdict(line.key)
    if known is not None:
        kind, what = known
        read.tell(kind, line, f"{line.key}{' ' if what[:3] == 'is ' else ': '}{what}")
        return
    what = f"{line.key}={line.value} has no key of ours"
    read.tell(LOST, line, what.replace("= ", " "))


def _place_ranges(read: Reading, interfaces: Sequence[IPv4Interface]) -> None:
    """Find the subnet of every range; where it is not known, that is a note."""
    open_ended = any(each.netmask is None for each in read.spans)
    told = netmasks_told(read.hosts, read.options) if open_ended else []
    for span in read.spans:
        found = place_range(span, interfaces, told)
        if isinstance(found, str):
            read.notes.append(Note(LOST, span.where, f"dhcp-range {found}"))
        else:
            read.ranges.append(found)
            told_another = span.broadcast not in (None, found.subnet.broadcast_address)
            if told_another:
                what = f"the broadcast address is {found.subnet.broadcast_address}"
                read.notes.append(Note(CHANGES, span.where, what))


def _note_names(read: Reading, file: str) -> None:
    """Say what dnsmasq took from its host's own files."""
    if read.port == "0":
        return
    if not {"no-resolv", "resolv-file"} & read.seen and "upstream" not in read.dns:
        what = "names were asked of /etc/resolv.conf's servers: set dns.upstream"
        read.notes.append(Note(CHANGES, file, what))
    if "no-hosts" not in read.seen:
        what = "/etc/hosts was answered: put into the zone file what guests need of it"
        read.notes.append(Note(CHANGES, file, what))


def _zone(read: Reading) -> str:
    """Return further names as a zone file, in full."""
    lines = [with_domain(each, read.domain) + "\n" for each in read.zone]
    return "".join(dict.fromkeys(lines))


def _network_name(read: Reading, file: str) -> str:
    """Return a name from the interface, with - for what a name cannot hold."""
    given = read.interfaces[0] if read.interfaces else "dnsmasq"
    name = re.sub(r"[^a-z0-9_-]", "-", given.lower()).lstrip("_-")[:32] or "dnsmasq"
    read.notes.append(Note(MAPS, file, f"the network is named {name}, from {given}"))
    return name
