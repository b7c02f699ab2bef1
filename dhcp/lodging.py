"""Clients that nobody has bound, and the pool: who gets which address.

A client that is lodged is served as if the address were bound to it, so that all else
stays as it is.  Where another network shares the link, a stranger may be one of its
guests: the pool is then silent in every state (dhcp 74).
"""

import math
from dataclasses import replace

from .bindings import Binding
from .codes import INFINITE
from .codes import MessageType
from .codes import OptionCode
from .decision import Probe
from .decision import Reason
from .decision import Reply
from .decision import Silence
from .hardware import HardwareAddress
from .lease import Hold
from .lease import Lease
from .lease import Use
from .message import NOWHERE
from .message import Message
from .network import Network
from .pool import Pool

STRANGER = Silence(Reason.UNKNOWN)


def lodge(
    pool: Pool, request: Message, network: Network, now: float, *, settled: bool
) -> Binding | Probe | Silence:
    """Return what a client that is not bound has in the pool, or can have.

    *request* is a DISCOVER or a REQUEST.

    *settled* says that no file is unread that might bind it: else nobody gets an
    address that was not offered to him (dhcp 27).
    """
    if network.shares_bridge:
        return STRANGER
    if request.options.message_type == MessageType.DISCOVER:
        found = _offer(pool, request, network, now)
    else:
        found = _request(pool, request, network, now, settled=settled)
    if isinstance(found, Silence):
        return found
    if found.use is Use.PROBING:
        return Probe(found.address, found.hardware)
    return Binding(HardwareAddress(found.hardware), found.address)


def _offer(
    pool: Pool, request: Message, network: Network, now: float
) -> Hold | Silence:
    within = None
    if request.relayed:  # an address that is of use where the relay is
        place = network.range_of(request.giaddr)
        if place is None:
            return STRANGER
        within = place.subnet
    asked = request.options.address(OptionCode.REQUESTED_IP_ADDRESS)
    hold = pool.choose(request.chaddr, now, asked=asked, within=within)
    return hold or Silence(Reason.POOL_EMPTY)


def _request(
    pool: Pool, request: Message, network: Network, now: float, *, settled: bool
) -> Hold | Silence:
    options, hardware = request.options, request.chaddr
    selecting = OptionCode.SERVER_ID in options
    asked = options.address(OptionCode.REQUESTED_IP_ADDRESS)
    if request.ciaddr != NOWHERE:
        asked = request.ciaddr
    held = pool.held(hardware, now)
    if held is not None and pool.taken(held.address):
        pool.evict(hardware)
        if held.use is Use.LEASED:
            return Silence(Reason.LEASE_LOST)
        held = None
    if held is not None and (
        held.use is Use.LEASED or selecting or asked in (None, held.address)
    ):
        return held
    if asked is None or not (selecting or settled):
        return STRANGER
    place = network.range_of(asked) if asked in pool else None
    if place is None or (request.relayed and request.giaddr not in place.subnet):
        return STRANGER
    found = pool.claim(hardware, asked, now)
    if found is None and selecting and settled:
        # it has our offer, which went to another meanwhile: it waits for nobody else
        return Silence(Reason.LEASE_LOST)
    return found or STRANGER


def lend(pool: Pool, reply: Reply, hardware: bytes, seconds: int) -> Reply:
    """Return *reply* with the lease that it promises, if it is an ACK."""
    if reply.kind is not MessageType.ACK:
        return reply
    pool.request(hardware)
    length = math.inf if seconds == INFINITE else seconds
    return replace(reply, lease=Lease(hardware, reply.address, length))
