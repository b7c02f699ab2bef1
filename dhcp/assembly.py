"""Which options an answer carries, in which order, and how they fit.

The truth of DHCP is a relation between options: 121 silences 3, the mask comes before
the router, an infinite lease has no T1, 82 is the last, and all of it must fit in
what the client can receive.  It is written here, once.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from .bindings import Binding
from .boot import BootAnswer
from .clients import Client
from .codes import INFINITE
from .codes import OptionCode
from .formats import domain_name
from .message import FILE_OCTETS
from .message import FIXED
from .message import SNAME_OCTETS
from .message import Message
from .network import Network
from .network import RouterWith121
from .options import encode_option

HEADERS = 28  # octets of IPv4 and UDP around a message
BOOTP_OCTETS = 300  # of a message to a BOOTP client (RFC 1534 section 2)
SMALLEST_LARGEST = 576  # octets of a packet that every client takes (RFC 2132 9.10)
LEASE_AT_LEAST = 60  # seconds that a client can ask for
JITTER = 0.05  # of T1, so that a fleet which boots at once does not renew at once

# Where not all fits, these stay, the first the longest; then the rest, as asked.
STAYING = (1, 61, 121, 3, 6, 26, 60, 67, 66, 97, 15, 12, 81, 249, 119, 28)

# Sent only to who asks: an unasked 108 takes IPv4 away (RFC 8925), 249 repeats 121.
ONLY_IF_ASKED = (108, 249)
# Sent only to who sent it, and then asked for or not (RFC 2563 section 2.3).
ONLY_IF_SENT = OptionCode.AUTO_CONFIGURE

LENT = (FILE_OCTETS, SNAME_OCTETS)  # octets of the fields that option 52 can borrow
KEPT = (0, 0)


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
        t1 = renewal_time(seconds, pace(hardware))
        t2 = int(seconds * 0.875)
        options.append((OptionCode.RENEWAL_TIME, t1))
        options.append((OptionCode.REBINDING_TIME, t2.to_bytes(4, "big")))
    return options


def pace(hardware: bytes) -> float:
    """Return the part of its lease after which this guest renews: about a half."""
    return 0.5 * (1 + (zlib.crc32(hardware) % 2001 - 1000) / 1000 * JITTER)


def renewal_time(seconds: int, part: float) -> bytes:
    """Return T1, in the octets of option 58."""
    return int(seconds * part).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class Menu:
    """What a guest can be told, and what one request list makes of that."""

    available: Mapping[int, bytes]
    chosen: Mapping[int, bytes]
    """Encoded, in the order of the answer."""
    boot: BootAnswer | None = None
    """What the header says."""


def choose(available: Mapping[int, bytes], network: Network, client: Client) -> Menu:
    """Choose what the client asked for, in its order, then what everyone is sent.

    Without a request list that is all of it (dhcp 46).
    """
    asked = client.asked
    boot = client.boot.as_told(available) if client.boot is not None else None
    if asked is None:
        codes = [code for code in available if code not in ONLY_IF_ASKED]
    else:
        unasked = boot.unasked if boot is not None else ()
        codes = list(dict.fromkeys((*asked, *network.always, *unasked)))
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
        if code in available and code != ONLY_IF_SENT
    }
    return Menu(available, chosen, boot)


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
    if request.options.message_type is None:
        return BOOTP_OCTETS
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
    lent: tuple[int, int],
) -> Fitted:
    """Place options, each encoded, in a message of *octets*.

    *head* and *tail* always stay.  Of *body*, what does not fit goes to the fields
    `file` and `sname`, of which *lent* octets can be had, and else is dropped.
    """
    room = octets - FIXED.size - len(head) - len(tail) - 1
    if sum(map(len, body.values())) <= room:
        return Fitted(b"".join((head, *body.values(), tail, b"\xff")))
    # option 52 takes three octets, an END in each borrowed field takes one
    rooms = [room - 3 if any(lent) else room, *(octets - 1 for octets in lent)]
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
