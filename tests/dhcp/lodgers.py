"""A responder with a pool of 10.0.0.200 to 10.0.0.203, and guests of it."""

from dataclasses import replace
from ipaddress import IPv4Address

from dhcp.bindings import Binding
from dhcp.decision import Probe
from dhcp.decision import Reply
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.network import Network
from dhcp.pool import Pool
from dhcp.responder import Responder

from .guest import BINDING
from .guest import NETWORK
from .guest import STRANGER
from .guest import Guest
from .guest import answer
from .guest import decide
from .guest import responder

FIRST = IPv4Address("10.0.0.200")
SECOND = FIRST + 1
GUEST = Guest(STRANGER)
OTHER = Guest(HardwareAddress.parse("fa:16:3e:00:00:98"))
QUARANTINE = 600.0
AUTHORITATIVE = replace(NETWORK, authoritative=True)


def hardware(number: int) -> HardwareAddress:
    return HardwareAddress((0x0A0000000000 + number).to_bytes(6, "big"))


def server(network: Network = NETWORK, *bindings: Binding) -> Responder:
    """Return a responder with a pool of four, from which nothing is given away."""
    found = responder(network, *(bindings or (BINDING,)))
    table = found.bindings
    found.pool = Pool(
        [FIRST + number for number in range(4)],
        quarantine=QUARANTINE,
        taken=lambda address: table.at(address) is not None,
    )
    return found


def pool_of(server: Responder) -> Pool:
    assert server.pool is not None
    return server.pool


def vouched(server: Responder, request: Message, now: float = 0.0) -> Reply:
    """Return the answer to *request* when nobody has the address."""
    probe = decide(server, request, now=now)
    assert isinstance(probe, Probe), probe
    pool_of(server).judge(probe.hardware, probe.address, now, in_use=False)
    return answer(server, request, now=now)


def commit(server: Responder, reply: Reply, now: float = 0.0) -> IPv4Address:
    assert reply.lease is not None
    assert pool_of(server).commit(reply.lease.begin(now))
    return reply.lease.address


def leased(server: Responder, guest: Guest = GUEST, now: float = 0.0) -> IPv4Address:
    """Let *guest* boot; return its address."""
    offer = vouched(server, guest.discover(), now)
    return commit(server, answer(server, guest.select(offer.address), now=now), now)
