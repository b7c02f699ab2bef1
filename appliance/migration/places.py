"""Where dnsmasq's ranges are, and where we answer in them."""

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv4Network

from ..errors import SettingsError
from .options import Option
from .options import choose
from .options import metadata_servers
from .plan import CHANGES
from .plan import Note
from .ranges import DhcpRange
from .reading import DNS_PORT
from .reading import Reading
from .told import ROUTER
from .told import Place
from .values import OURSELVES

TAKEN_OFF = "which the interface of dnsmasq has"


def places_of(read: Reading, interfaces: Sequence[IPv4Interface]) -> list[Place]:
    """Return a place for each range; those of one subnet have one address of ours."""
    own = read.rules.all_of(frozenset(read.interfaces))
    servers: dict[IPv4Network, tuple[IPv4Address, IPv4Address | None]] = {}
    places = []
    for each in read.ranges:
        if each.subnet not in servers:
            servers[each.subnet] = _addresses_of(read, each, interfaces, own)
        server, router = servers[each.subnet]
        theirs = _theirs(read, each.subnet, interfaces)
        place = Place(
            each,
            server,
            own,
            router,
            names=read.port == DNS_PORT,
            domain=_domain(read, each.subnet),
            host=theirs[0] if theirs else None,
        )
        places.append(place)
    return places


def _domain(read: Reading, subnet: IPv4Network) -> str | None:
    for net, name in read.domain_of.items():
        if subnet.subnet_of(net) or net.subnet_of(subnet):
            return name
    return read.domain


def _addresses_of(
    read: Reading,
    found: DhcpRange,
    interfaces: Sequence[IPv4Interface],
    tags: frozenset[str],
) -> tuple[IPv4Address, IPv4Address | None]:
    """Return where we listen, and the router that dnsmasq told without a line."""
    theirs = _theirs(read, found.subnet, interfaces)
    taken = {each.address for each in read.hosts if each.address is not None}
    # neutron binds the port of its dnsmasq too
    taken -= {*theirs, *metadata_servers(read.options)}
    taken |= set(routers_of(read.options))
    default = None
    if _has_no_line(read, found, tags):
        if theirs:
            default = theirs[0]
            taken.add(default)
            what = f"{default} stays the router, as no option 3 says another"
        else:
            what = "no option 3: dnsmasq told its own address: say it by --address"
        read.notes.append(Note(CHANGES, found.where, what))
    for each in (*theirs, *metadata_servers(read.options)):
        if each in found.subnet and each not in taken:
            if any(each == own.ip for own in interfaces):
                what = f"dhcp_address is {each}, {TAKEN_OFF}: take it off there first"
                read.notes.append(Note(CHANGES, found.where, what))
            return each, default
    if (
        default is None and found.subnet.prefixlen < 29
    ):  # a host's own address is the first, most often
        taken.add(found.subnet.network_address + 1)
    return _free_address(read, found, taken), default


def _theirs(
    read: Reading, subnet: IPv4Network, interfaces: Sequence[IPv4Interface]
) -> list[IPv4Address]:
    """Return the addresses of dnsmasq's own in *subnet*."""
    own = [*(each.ip for each in interfaces), *read.listening]
    return [each for each in own if each in subnet]


def routers_of(options: Sequence[Option]) -> Iterator[IPv4Address]:
    """Return every router that an option 3 names, where it is an address."""
    for each in options:
        if each.code == ROUTER and each.vendor is None:
            for word in each.values:
                if word != OURSELVES:
                    with suppress(ValueError):  # who is told it has the note
                        yield IPv4Address(word)


def _has_no_line(read: Reading, found: DhcpRange, own: frozenset[str]) -> bool:
    """Whether anyone in the range is told dnsmasq's own address as the router."""
    of_router = [
        each
        for each in read.options
        if each.code == ROUTER and each.vendor is None and each.values != (OURSELVES,)
    ]
    if any(each.tags <= found.tags | own for each in of_router if each.values):
        return False
    if (read.strangers and found.last) or not read.hosts:
        return ROUTER not in choose(of_router, own, found.tags)
    needed = {tag for each in of_router for tag in each.tags}
    asked = {
        own | (needed & read.rules.of_host(each.macs[0], each.tags | {"known"}))
        for each in read.hosts
        if each.macs and each.address is not None and each.address in found.subnet
    }
    if len(of_router) > 100:  # a line for each host, as ZStack has it
        return not all(tags & needed for tags in asked)
    return any(ROUTER not in choose(of_router, tags, found.tags) for tags in asked)


def _free_address(
    read: Reading, found: DhcpRange, taken: set[IPv4Address]
) -> IPv4Address:
    """Return the last address of the subnet that is nobody's."""
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
