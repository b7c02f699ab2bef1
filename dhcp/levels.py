"""What each level of the configuration says: network, range, class, binding.

The later is the nearer, and wins.  A boot table is a level behind who has it.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .bindings import Binding
from .clients import Client
from .codes import OptionCode
from .formats import domain_name
from .network import DEFAULT_ROUTE
from .network import METADATA_ROUTE
from .network import Network
from .network import Range
from .options import encode_option
from .routes import ClasslessRoute
from .routes import encode_routes

PLAIN = Client()

Level = tuple[str, dict[int, bytes]]


def levels(
    network: Network, place: Range, binding: Binding | None, client: Client = PLAIN
) -> list[Level]:
    """Return what each level of the configuration sets; the later is the nearer."""
    found: list[Level] = [
        ("network", _of_network(network, binding)),
        ("range", _of_range(network, place, binding)),
    ]
    boot_at = len(found)
    for each in client.classes:
        found.append((f"class {each.name}", dict(each.options)))
        if each.boot is not None:
            boot_at = len(found)
    if client.boot is not None:  # as near as who has the table
        found.insert(boot_at, ("boot", client.boot.options))
    if binding is not None:
        found.append(("binding", _of_binding(network, binding)))
    return found


def configured(
    network: Network, place: Range, binding: Binding | None, client: Client = PLAIN
) -> dict[int, bytes]:
    """Return every option that the guest could ask for."""
    merged: dict[int, bytes] = {}
    for _, level in levels(network, place, binding, client):
        merged.update(level)
    return merged


def _of_network(network: Network, binding: Binding | None) -> dict[int, bytes]:
    level = {int(OptionCode.INTERFACE_MTU): _u16(network.mtu)}
    if binding is None or binding.default_network:
        if network.dns:
            level[OptionCode.DOMAIN_NAME_SERVER] = _addresses(network.dns)
        if network.domain:
            level |= _domain(network.domain)
    return level | dict(network.options)


def _of_range(
    network: Network, place: Range, binding: Binding | None
) -> dict[int, bytes]:
    subnet = place.subnet
    if binding is not None and binding.prefix is not None:
        subnet = IPv4Network((binding.address, binding.prefix), strict=False)
    level = {int(OptionCode.SUBNET_MASK): subnet.netmask.packed}
    if OptionCode.BROADCAST_ADDRESS not in network.options:
        level[OptionCode.BROADCAST_ADDRESS] = subnet.broadcast_address.packed
    default_network = binding is None or binding.default_network
    if network.own_dns and not network.dns and default_network:
        level[OptionCode.DOMAIN_NAME_SERVER] = place.server_id.packed
    gateway = place.gateway
    if binding is not None:
        gateway = binding.gateway or gateway
    way_out = gateway if default_network else None
    routes = list(_routes(network, place, binding, way_out))
    told = default_network or (binding is not None and binding.router)
    if gateway is not None and told:
        level[OptionCode.ROUTER] = gateway.packed
    if routes:
        level[OptionCode.CLASSLESS_STATIC_ROUTES] = encode_routes(routes)
        level[OptionCode.MICROSOFT_CLASSLESS_STATIC_ROUTES] = encode_routes(routes)
    return level | dict(place.options)


def _routes(
    network: Network,
    place: Range,
    binding: Binding | None,
    gateway: IPv4Address | None,
) -> Iterable[ClasslessRoute]:
    # who gets 121 must ignore 3 (RFC 3442): the default route has to be in it
    if gateway is not None:
        yield ClasslessRoute(DEFAULT_ROUTE, gateway)
    if binding is None or binding.has_metadata_route:
        yield ClasslessRoute(METADATA_ROUTE, place.server_id)
    if binding is not None:
        yield from binding.routes
    yield from network.routes


def _of_binding(network: Network, binding: Binding) -> dict[int, bytes]:
    level: dict[int, bytes] = {}
    if binding.hostname:
        level[OptionCode.HOST_NAME] = _label(binding.hostname)
    if binding.dns:
        level[OptionCode.DOMAIN_NAME_SERVER] = _addresses(binding.dns)
    if binding.domain:
        level |= _domain(binding.domain)
    if binding.mtu is not None:
        level[OptionCode.INTERFACE_MTU] = _u16(min(binding.mtu, network.mtu))
    return level | dict(binding.options)


def host_name(binding: Binding) -> bytes:
    """Return option 12 of a guest; nothing where it has no name."""
    if not binding.hostname:
        return b""
    return encode_option(OptionCode.HOST_NAME, _label(binding.hostname))


def _label(hostname: str) -> bytes:
    return hostname.split(".")[0].encode()


def _domain(domain: str) -> dict[int, bytes]:
    return {
        OptionCode.DOMAIN_NAME: domain.encode(),
        OptionCode.DOMAIN_SEARCH: domain_name(domain),
    }


def _addresses(addresses: Iterable[IPv4Address]) -> bytes:
    return b"".join(address.packed for address in addresses)


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")
