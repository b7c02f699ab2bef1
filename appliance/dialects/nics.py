"""The NICs of a guest as its documents describe them: what DHCP would have said.

The first is the one that the binding is of.  Of the others we know what the binding's
`interfaces` say, and no more: their networks have a DHCP of their own.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Interface

from dhcp.codes import OptionCode
from dhcp.hardware import HardwareAddress
from dhcp.levels import configured
from dhcp.network import DEFAULT_ROUTE
from dhcp.routes import ClasslessRoute
from dhcp.routes import decode_routes

from ..records import Interface
from .told import Told

ALONE = 32  # bits of a prefix that nobody told


@dataclass(frozen=True, slots=True)
class Nic:
    """One NIC, with what a guest without DHCP needs to bring it up."""

    mac: HardwareAddress
    address: IPv4Interface | None
    """None where the binding does not say it."""
    mtu: int | None
    """None where only the other network knows it."""
    routes: tuple[ClasslessRoute, ...]
    name_servers: tuple[IPv4Address, ...] = ()
    domain: str | None = None
    static: bool = False
    """Whether its guest has to set all this by itself."""

    @property
    def gateway(self) -> IPv4Address | None:
        """The router of the default route, None where there is none."""
        default = (each for each in self.routes if each.destination == DEFAULT_ROUTE)
        return next((each.router for each in default), None)


def nics(guest: Told) -> tuple[Nic, ...]:
    """Return every NIC of *guest*; its own is the first."""
    return (_own(guest), *(_other(each, guest) for each in others(guest)))


def others(guest: Told) -> tuple[Interface, ...]:
    """Return the further NICs, each once: a list of all may name the first too."""
    found = {each.mac.octets: each for each in reversed(guest.record.interfaces)}
    found.pop(guest.record.mac.octets, None)
    return tuple(reversed(found.values()))


def own_address(guest: Told) -> IPv4Interface:
    """Return the address that the binding gives, with its prefix."""
    ip = guest.record.ip
    return IPv4Interface((ip, guest.record.binding.prefix or _known(guest, ip)))


def address_of(interface: Interface, guest: Told) -> IPv4Interface | None:
    """Return a further NIC's address, None where the binding does not say it."""
    if interface.ip is None:
        return None
    prefix = interface.prefix or _known(guest, interface.ip)
    return IPv4Interface((interface.ip, prefix))


def _known(guest: Told, address: IPv4Address) -> int:
    """Return the prefix of *address*, where it is one of this network's."""
    place = guest.settings.network.range_of(address)
    return ALONE if place is None else place.subnet.prefixlen


def _own(guest: Told) -> Nic:
    settings, binding = guest.settings, guest.record.binding
    place = settings.network.range_of(binding.address)
    assert place is not None  # a record is only made of an address in a range
    options = configured(settings.network, place, binding)
    servers = options.get(OptionCode.DOMAIN_NAME_SERVER, b"")
    return Nic(
        binding.hardware,
        own_address(guest),
        int.from_bytes(options[OptionCode.INTERFACE_MTU], "big"),
        decode_routes(options.get(OptionCode.CLASSLESS_STATIC_ROUTES, b"")),
        tuple(
            IPv4Address(servers[at : at + 4]) for at in range(0, len(servers) - 3, 4)
        ),
        options.get(OptionCode.DOMAIN_NAME, b"").decode("ascii", "replace") or None,
        static=not settings.dhcp,
    )


def _other(interface: Interface, guest: Told) -> Nic:
    address = address_of(interface, guest)
    routes = []
    if interface.gateway is not None:
        routes = [ClasslessRoute(DEFAULT_ROUTE, interface.gateway)]
    return Nic(
        interface.mac,
        address,
        interface.mtu,
        tuple(routes),
        static=not guest.settings.dhcp and address is not None,
    )
