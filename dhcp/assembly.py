"""Which options an answer carries, in which order, and how they fit.

The truth of DHCP is a relation between options: 121 silences 3, the mask comes before
the router, an infinite lease has no T1, 82 is the last, and all of it must fit in
what the client can receive.  It is written here, once.
"""

import zlib
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .bindings import Binding
from .codes import INFINITE
from .codes import OptionCode
from .formats import domain_name
from .message import FILE_OCTETS
from .message import FIXED
from .message import SNAME_OCTETS
from .message import Message
from .network import DEFAULT_ROUTE
from .network import METADATA_ROUTE
from .network import Network
from .network import Range
from .network import RouterWith121
from .options import encode_option
from .routes import ClasslessRoute
from .routes import encode_routes

HEADERS = 28  # octets of IPv4 and UDP around a message
SMALLEST_LARGEST = 576  # octets of a packet that every client takes (RFC 2132 9.10)
LEASE_AT_LEAST = 60  # seconds that a client can ask for
JITTER = 0.05  # of T1, so that a fleet which boots at once does not renew at once

# Where not all fits, these stay, the first the longest; then the rest, as asked.
STAYING = (1, 61, 121, 3, 6, 26, 15, 12, 81, 249, 119, 28)

# Sent only to who asks: an unasked 108 takes IPv4 away (RFC 8925), 249 repeats 121.
ONLY_IF_ASKED = (108, 249)

Level = tuple[str, dict[int, bytes]]


def levels(
    network: Network, place: Range, binding: Binding | None
) -> tuple[Level, ...]:
    """Return what each level of the configuration sets; the later is the nearer."""
    return (
        ("network", _of_network(network, binding)),
        ("range", _of_range(network, place, binding)),
        ("binding", {} if binding is None else _of_binding(network, binding)),
    )


def configured(
    network: Network, place: Range, binding: Binding | None
) -> dict[int, bytes]:
    """Return every option that the guest could ask for."""
    merged: dict[int, bytes] = {}
    for _, level in levels(network, place, binding):
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
    level = {
        int(OptionCode.SUBNET_MASK): subnet.netmask.packed,
        int(OptionCode.BROADCAST_ADDRESS): subnet.broadcast_address.packed,
    }
    default_network = binding is None or binding.default_network
    if network.own_dns and not network.dns and default_network:
        level[OptionCode.DOMAIN_NAME_SERVER] = place.server_id.packed
    gateway = place.gateway
    if binding is not None:
        gateway = binding.gateway or gateway
        gateway = gateway if binding.default_network else None
    routes = list(_routes(network, place, binding, gateway))
    if gateway is not None:
        level[OptionCode.ROUTER] = gateway.packed
    if routes:
        level[OptionCode.CLASSLESS_STATIC_ROUTES] = encode_routes(routes)
        level[OptionCode.MICROSOFT_CLASSLESS_STATIC_ROUTES] = encode_routes(routes)
    return level


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
        level[OptionCode.HOST_NAME] = binding.hostname.split(".")[0].encode()
    if binding.dns:
        level[OptionCode.DOMAIN_NAME_SERVER] = _addresses(binding.dns)
    if binding.domain:
        level |= _domain(binding.domain)
    if binding.mtu is not None:
        level[OptionCode.INTERFACE_MTU] = _u16(min(binding.mtu, network.mtu))
    return level | dict(binding.options)


def _domain(domain: str) -> dict[int, bytes]:
    return {
        OptionCode.DOMAIN_NAME: domain.encode(),
        OptionCode.DOMAIN_SEARCH: domain_name(domain),
    }


def _addresses(addresses: Iterable[IPv4Address]) -> bytes:
    return b"".join(address.packed for address in addresses)


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def lease(network: Network, binding: Binding, asked: int | None) -> int:
    """Return the lease in seconds: the configured one, or a shorter one asked for."""
    granted = network.lease_time if binding.lease_time is None else binding.lease_time
    if asked is not None and asked < granted:
        return min(granted, max(asked, LEASE_AT_LEAST))
    return granted


def times(seconds: int, hardware: bytes) -> list[tuple[int, bytes]]:
    """Return options 51, 58 and 59; T1 differs a little from guest to guest."""
    options: list[tuple[int, bytes]] = [
        (OptionCode.LEASE_TIME, seconds.to_bytes(4, "big"))
    ]
    if seconds != INFINITE:
        spread = (zlib.crc32(hardware) % 2001 - 1000) / 1000 * JITTER
        t1 = int(seconds * 0.5 * (1 + spread))
        t2 = int(seconds * 0.875)
        options.append((OptionCode.RENEWAL_TIME, t1.to_bytes(4, "big")))
        options.append((OptionCode.REBINDING_TIME, t2.to_bytes(4, "big")))
    return options


@dataclass(frozen=True, slots=True)
class Menu:
    """What a guest can be told, and what one request list makes of that."""

    available: Mapping[int, bytes]
    chosen: Mapping[int, bytes]
    """Encoded, in the order of the answer."""


def choose(
    available: Mapping[int, bytes], network: Network, asked: bytes | None
) -> Menu:
    """Choose what the client asked for, in its order, then what everyone is sent.

    Without a request list that is all of it (dhcp 46).
    """
    if asked is None:
        codes = [code for code in available if code not in ONLY_IF_ASKED]
    else:
        codes = list(dict.fromkeys((*asked, *network.always)))
    if (
        network.router_with_121 is RouterWith121.RFC
        and OptionCode.CLASSLESS_STATIC_ROUTES in (asked or b"")
        and OptionCode.CLASSLESS_STATIC_ROUTES in available
    ):
        codes = [code for code in codes if code not in (OptionCode.ROUTER, 33)]
    # the mask is strictly before the router (RFC 2132 section 3.3)
    codes.sort(key=lambda code: code != OptionCode.SUBNET_MASK)
    chosen = {
        code: encode_option(code, available[code])
        for code in codes
        if code in available
    }
    return Menu(available, chosen)


def name_by_fqdn(menu: Menu, request: Message) -> Mapping[int, bytes]:
    """Return what was chosen, with the name as option 81 where 81 was sent."""
    fqdn = request.options.get(OptionCode.CLIENT_FQDN)
    name = menu.available.get(OptionCode.HOST_NAME)
    if name is None or fqdn is None or len(fqdn) < 3:
        return menu.chosen
    answer = _fqdn(fqdn[0], name, menu.available.get(OptionCode.DOMAIN_NAME))
    chosen = {
        code: encoded
        for code, encoded in menu.chosen.items()
        if code != OptionCode.HOST_NAME
    }
    return chosen | {81: encode_option(OptionCode.CLIENT_FQDN, answer)}


def _fqdn(asked: int, name: bytes, domain: bytes | None) -> bytes:
    """Return option 81: the server has the say over the name (RFC 4702 section 4)."""
    server, overridden, encoded = 1, 0 if asked & 1 else 2, asked & 4
    if encoded:
        parent = b"\0" if domain is None else domain_name(domain.decode())
        full = domain_name(name.decode())[:-1] + parent
    else:
        full = name if domain is None else name + b"." + domain
    return bytes([server | overridden | encoded, 255, 255]) + full


def largest(request: Message, mtu: int) -> int:
    """Return how many octets a message to this client can have (dhcp 53)."""
    takes = request.options.number(OptionCode.MAXIMUM_MESSAGE_SIZE) or 0
    return max(SMALLEST_LARGEST, min(takes, mtu)) - HEADERS


@dataclass(frozen=True, slots=True)
class Fitted:
    """The three fields that can carry options, and what had no place in them."""

    options: bytes
    file: bytes = b""
    sname: bytes = b""
    dropped: tuple[int, ...] = ()


def fit(
    head: bytes,
    body: Mapping[int, bytes],
    tail: bytes,
    *,
    octets: int,
    overload: bool,
) -> Fitted:
    """Place options, each encoded, in a message of *octets*.

    *head* and *tail* always stay.  Of *body*, what does not fit goes to the fields
    `file` and `sname` where *overload* lets it, and is dropped where it does not.
    """
    room = octets - FIXED.size - len(head) - len(tail) - 1
    if sum(map(len, body.values())) <= room:
        return Fitted(b"".join((head, *body.values(), tail, b"\xff")))
    rooms = [room - 3, FILE_OCTETS - 1, SNAME_OCTETS - 1] if overload else [room]
    ranks = {code: rank for rank, code in enumerate(STAYING)}
    order = sorted(body, key=lambda code: ranks.get(code, len(ranks)))
    fields: dict[int, int] = {}
    for code in order:
        size = len(body[code])
        for field, left in enumerate(rooms):
            if size <= left:
                rooms[field] -= size
                fields[code] = field
                break
    blocks = [
        b"".join(part for code, part in body.items() if fields.get(code) == field)
        for field in range(3)
    ]
    borrowed = (1 if blocks[1] else 0) | (2 if blocks[2] else 0)
    said = encode_option(OptionCode.OVERLOAD, bytes([borrowed])) if borrowed else b""
    return Fitted(
        b"".join((head, said, blocks[0], tail, b"\xff")),
        blocks[1] + b"\xff" if blocks[1] else b"",
        blocks[2] + b"\xff" if blocks[2] else b"",
        tuple(code for code in body if code not in fields),
    )
