"""What dnsmasq tells a guest, as a binding's keys."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from .options import METADATA_ROUTE
from .options import NETMASK
from .options import ROUTES
from .options import Option
from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import Note
from .ranges import DhcpRange
from .values import our_words
from .values import wire_octets

DEFAULT_ROUTE = IPv4Network("0.0.0.0/0")
ROUTER = 3
DNS = 6
NAME = 12
DOMAIN = 15
MTU = 26
MTU_AT_LEAST, MTU_AT_MOST = 68, 65_535  # octets (RFC 2132 section 5.1)
BROADCAST = 28
LEASE = 51
SERVER_ID = 54
RENEWALS = (58, 59)
SERVER_NAME = 66
DEFAULTS = {NETMASK, ROUTER, DNS, NAME, DOMAIN, BROADCAST}
"""What dnsmasq tells without a line; an empty line takes it away."""


@dataclass(frozen=True, slots=True)
class Place:
    """A range, our address in it, and what dnsmasq tells there without a line."""

    range: DhcpRange
    server: IPv4Address
    own: frozenset[str]
    """Tags that every guest has, as the interface's name."""
    router: IPv4Address | None = None
    """dnsmasq's own address, which is the router where no line names one."""
    host: IPv4Address | None = None
    """dnsmasq's own address, where it is known."""
    names: bool = True
    """dnsmasq answers names: its own address is the name server."""
    domain: str | None = None


@dataclass(slots=True)
class Told:
    """A guest's keys as they grow; it lives for one guest."""

    keys: dict[str, Any] = field(default_factory=dict)
    empty: set[int] = field(default_factory=set)
    """Of DEFAULTS, what a line takes away."""
    notes: list[Note] = field(default_factory=list)
    forced: list[Option] = field(default_factory=list)
    default_route: IPv4Address | None = None
    """As option 121 has it."""


def tell(options: Mapping[int, Option], place: Place) -> Told:
    """Return what a guest of *place* is told, for whom *options* hold."""
    told = Told()
    for each in options.values():
        try:
            _take(told, each, place, options)
        except ValueError as problem:
            what = f"option {each.code}: {problem}"
            what = what.replace(f"{each.code}: option {each.code}: ", f"{each.code}: ")
            told.notes.append(Note(LOST, each.where, what))
    keys = told.keys
    if ROUTER not in options and place.router is not None:
        keys["gateway"] = str(place.router)
    if DNS not in options and place.names:
        keys["dns"] = [str(place.server)]
    if DOMAIN not in options and place.domain is not None:
        keys["domain"] = place.domain
    routes = next((options[code] for code in ROUTES if code in options), None)
    if routes is not None:
        _take_routes(told, routes, options, place)
    return told


def _take(
    told: Told, option: Option, place: Place, options: Mapping[int, Option]
) -> None:
    """Add one option to the keys; raises ValueError."""
    keys, where, code, values = told.keys, option.where, option.code, option.values
    if code in ROUTES:
        if option.forced and code == ROUTES[1]:
            what = "option 249 is for who asks for it; everyone is told 121"
            told.notes.append(Note(CHANGES, where, what))
        return  # both are one, and the gateway has to be known
    if code in DEFAULTS and not values:
        told.empty.add(code)
        if code in (NETMASK, BROADCAST):
            what = f"option {code} is told all the same, as its subnet has it"
            told.notes.append(Note(CHANGES, where, what))
        return
    # 0.0.0.0 is dnsmasq's host; who answers names, and is asked first, is ours now
    there = place.host or place.router or place.server
    host = place.server if code in (ROUTER, DNS) else there
    octets = wire_octets(code, values, str(host), quoted=option.quoted)
    match code:
        case 3:
            _take_router(told, option, octets, place)
        case 6:
            keys["dns"] = _addresses(octets)
        case 1:
            (mask,) = _addresses(octets)
            prefix = IPv4Network(f"0.0.0.0/{mask}").prefixlen
            if prefix != place.range.subnet.prefixlen:
                keys["prefix"] = prefix
        case 12:
            keys["hostname"] = octets.decode().partition(".")[0]
        case 15:
            keys["domain"] = octets.decode()
        case 26:
            keys["mtu"] = _mtu(octets)
        case 51:
            # dnsmasq sends no other lease than its range's or its host's
            what = "option 51 changes nothing: the lease is the range's or the host's"
            told.notes.append(Note(MAPS, where, what))
            return
        case 58 | 59:
            what = "T1 and T2 follow from the lease: half of it, and 7/8"
            told.notes.append(Note(CHANGES, where, what))
        case 54:
            raise ValueError("is our own address in the guest's subnet")
        case 255:
            if SERVER_NAME not in options:
                keys.setdefault("options", {})[str(SERVER_NAME)] = values[0]
                what = "the next server is told as option 66, and by [dhcp.boot] alone"
                told.notes.append(Note(CHANGES, where, f"{what} in the header"))
        case _:
            keys.setdefault("options", {})[str(code)] = our_words(code, octets)
    if option.forced:
        told.forced.append(option)


def _take_router(told: Told, option: Option, octets: bytes, place: Place) -> None:
    first, *others = _addresses(octets)
    if others:
        what = f"only the first router, {first}, is told"
        told.notes.append(Note(LOST, option.where, what))
    if first == str(place.server):
        if place.router is None:
            raise ValueError("is dnsmasq's own address: set network.gateway")
        first = str(place.router)
    if IPv4Address(first) not in place.range.subnet:
        raise ValueError(f"{first} is not in {place.range.subnet}: no gateway of ours")
    told.keys["gateway"] = first


def _take_routes(
    told: Told, option: Option, options: Mapping[int, Option], place: Place
) -> None:
    """Split dnsmasq's one list into the default route, ours to metadata, the rest."""
    keys, where = told.keys, option.where
    other = options.get(ROUTES[1])
    if option.code == ROUTES[0] and other is None:
        what = "who asks for 249 (Windows) is told the same by it"
        told.notes.append(Note(CHANGES, where, what))
    elif option.code == ROUTES[1]:
        told.notes.append(Note(CHANGES, where, "is told as option 121 too"))
    elif other is not None and other.values != option.values:
        what = "option 249 differs from 121: both say what 121 says"
        told.notes.append(Note(CHANGES, other.where, what))
    routes: list[str] = []
    words = option.values
    if len(words) % 2:
        what = f"option {option.code}: {words[-1]} has no router"
        told.notes.append(Note(LOST, where, what))
    for destination, router in zip(words[::2], words[1::2], strict=False):
        try:
            network = IPv4Network(destination, strict=False)
            hop = IPv4Address(router)
        except ValueError as problem:
            told.notes.append(Note(LOST, where, f"option {option.code}: {problem}"))
            continue
        if network == DEFAULT_ROUTE:
            told.default_route = hop
        elif network == METADATA_ROUTE:
            keys["metadata_route"] = True
            if hop != place.server:
                what = f"{network.network_address} is reached by us, {place.server}"
                told.notes.append(Note(CHANGES, where, f"{what}, not by {hop}"))
        elif hop not in place.range.subnet:
            what = f"option {option.code}: {network} via {hop}, which is not in"
            told.notes.append(Note(LOST, where, f"{what} {place.range.subnet}"))
        else:
            routes.append(f"{network} via {hop}")
    _take_default_route(told, where, routes, place)
    if routes:
        keys["routes"] = routes


def _take_default_route(
    told: Told, where: str, routes: list[str], place: Place
) -> None:
    """Have the default route of 121 be the gateway's, where there is one."""
    hop, gateway = told.default_route, told.keys.get("gateway")
    if hop is None and gateway is not None:
        what = f"option 121 had no default route: ours has one, by {gateway}"
        told.notes.append(Note(CHANGES, where, what))
    elif hop is None or str(hop) == gateway:
        return
    elif ROUTER in told.empty and hop in place.range.subnet:
        routes.insert(0, f"{DEFAULT_ROUTE} via {hop}")
    elif gateway is None and hop in place.range.subnet:
        told.keys["gateway"] = str(hop)
        what = f"{hop} of option 121 is the gateway, and option 3 says it too"
        told.notes.append(Note(CHANGES, where, what))
    else:
        what = f"option 121 has {hop} for the default route: here it is {gateway}"
        told.notes.append(Note(CHANGES, where, what))


def _mtu(octets: bytes) -> int:
    """Read what our settings take as an MTU; raises ValueError."""
    found = int.from_bytes(octets, "big")
    if not MTU_AT_LEAST <= found <= MTU_AT_MOST:
        raise ValueError(f"{found} is no MTU: {MTU_AT_LEAST} to {MTU_AT_MOST}")
    return found


def _addresses(octets: bytes) -> list[str]:
    return [str(IPv4Address(octets[at : at + 4])) for at in range(0, len(octets), 4)]


def same_for_all(values: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the options that every guest is told alike."""
    if not values:
        return {}
    return {
        code: value
        for code, value in values[0].items()
        if all(each.get(code) == value for each in values)
    }


def once(notes: Iterable[Note]) -> list[Note]:
    """Return each note once: a line that many guests share has one."""
    return list(dict.fromkeys(notes))
