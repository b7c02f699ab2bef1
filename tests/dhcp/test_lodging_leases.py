"""Clients that are not bound: what they ask for, keep, decline and give back."""

import math
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest

from dhcp.bindings import Binding
from dhcp.codes import INFINITE
from dhcp.codes import MessageType
from dhcp.decision import NakReason
from dhcp.decision import Note
from dhcp.decision import Probe
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.lease import Lease
from dhcp.lease import Use
from dhcp.message import Message

from .guest import ADDRESS
from .guest import NETWORK
from .guest import OTHER_SERVER
from .guest import RELAY
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import decide
from .guest import silence
from .lodgers import AUTHORITATIVE
from .lodgers import FIRST
from .lodgers import GUEST
from .lodgers import OTHER
from .lodgers import QUARANTINE
from .lodgers import SECOND
from .lodgers import commit
from .lodgers import hardware
from .lodgers import leased
from .lodgers import pool_of
from .lodgers import server
from .lodgers import vouched


@pytest.mark.parametrize("say", ["reboot", "renew", "select"])
def test_a_lease_is_renewed(say: str) -> None:
    """dhcp 25, 26, 27: who has a lease and asks for its address gets an ACK, and the
    lease goes on from now; nothing is probed."""
    found = server()
    address = leased(found)
    reply = answer(found, getattr(GUEST, say)(address), now=3600.0)
    assert (reply.kind, reply.address) == (MessageType.ACK, address)
    commit(found, reply, 3600.0)
    hold = pool_of(found).held(STRANGER.octets, 3600.0 + NETWORK.lease_time - 1)
    assert hold is not None
    assert hold.use is Use.LEASED


@pytest.mark.parametrize("say", ["reboot", "renew", "select"])
def test_a_lease_is_of_one_address(say: str) -> None:
    """dhcp 25, 26, 27: who has a lease and asks for another address gets a NAK, though
    that one is free, and though we have not the say over this link."""
    found = server()
    leased(found)
    for wrong in (SECOND, WRONG):
        reply = answer(found, getattr(GUEST, say)(wrong), now=9.0)
        assert reply.kind is MessageType.NAK
        assert reply.nak is NakReason.NOT_YOURS


def test_a_lease_without_a_wish() -> None:
    """dhcp 28: neither 50, 54 nor ciaddr: who has a lease gets it, and is counted."""
    found = server()
    address = leased(found)
    reply = answer(found, GUEST.request_nothing())
    assert (reply.kind, reply.address) == (MessageType.ACK, address)
    assert Note.REQUEST_WITHOUT_ADDRESS in reply.notes


def test_what_is_requested_is_not_offered_to_others() -> None:
    """dhcp 71: while its lease is on its way to the disk, whoever else comes."""
    found = server()
    offer = vouched(found, GUEST.discover())
    ack = answer(found, GUEST.select(offer.address))
    for number in range(10):
        stranger = replace(OTHER, hardware=hardware(number))
        assert vouched(found, stranger.discover()).address != offer.address
    commit(found, ack)


def test_selecting_what_was_not_offered() -> None:
    """dhcp 25: 54 is ours and 50 is not what was offered: NAK."""
    found = server()
    vouched(found, GUEST.discover())
    assert answer(found, GUEST.select(SECOND)).kind is MessageType.NAK
    assert answer(found, GUEST.select(None)).kind is MessageType.NAK


def test_selecting_another_server_forgets_the_offer() -> None:
    """dhcp 24: silence, and the address is free for others."""
    found = server()
    vouched(found, GUEST.discover())
    request = GUEST.select(FIRST, server=OTHER_SERVER)
    assert silence(found, request) is Reason.OTHER_SERVER
    assert pool_of(found).held(STRANGER.octets, 0.0) is None


@pytest.mark.parametrize("say", ["reboot", "renew", "select"])
def test_a_lease_that_was_lost_is_found_again(say: str) -> None:
    """dhcp 29: a client that we do not know, and that asks for what is free in the
    pool, may have it from before a journal was lost: an ACK after a probe, no NAK."""
    for network in (NETWORK, AUTHORITATIVE):
        found = server(network)
        reply = vouched(found, getattr(GUEST, say)(SECOND))
        assert (reply.kind, reply.address) == (MessageType.ACK, SECOND)
        assert reply.lease is not None


@pytest.mark.parametrize("say", ["reboot", "renew"])
@pytest.mark.parametrize("asked", [FIRST, WRONG, ADDRESS], ids=str)
def test_what_a_stranger_cannot_have(say: str, asked: IPv4Address) -> None:
    """dhcp 26, 27: another's lease, what is not in the pool, or bound: silence, and a
    NAK where we have the say."""
    for network in (NETWORK, AUTHORITATIVE):
        found = server(network)
        leased(found, OTHER)
        decision = decide(found, getattr(GUEST, say)(asked))
        if network.authoritative:
            assert isinstance(decision, Reply)
            assert decision.kind is MessageType.NAK
        else:
            assert decision == Silence(Reason.UNKNOWN)


def test_an_unread_file_keeps_strangers_out() -> None:
    """dhcp 27: while a file is unread, who has no lease and was offered nothing gets
    silence for what he asks; who has a lease is renewed, whose file it is never."""
    found = server(AUTHORITATIVE)
    address = leased(found)
    found.bindings.unread = {OTHER.hardware.octets}
    third = replace(GUEST, hardware=hardware(3))
    assert silence(found, third.reboot(SECOND)) is Reason.UNKNOWN
    assert silence(found, third.renew(SECOND)) is Reason.UNKNOWN
    assert answer(found, GUEST.renew(address)).kind is MessageType.ACK
    for request in OTHER.everything().values():
        assert silence(found, request) in (Reason.UNREAD, Reason.NOT_OURS)
    offer = vouched(found, third.discover())
    assert answer(found, third.select(offer.address)).kind is MessageType.ACK
    pool_of(found).let_go(third.hardware.octets)  # it has chosen us all the same
    assert isinstance(decide(found, third.select(offer.address)), Probe)


def test_a_binding_for_a_leased_address_wins() -> None:
    """dhcp 30: its leaseholder gets a NAK at the next renewal, and then another
    address; the one that is bound has it at once."""
    found = server()
    address = leased(found)
    found.bindings.put(Binding(OTHER.hardware, address))
    assert answer(found, OTHER.discover()).address == address
    reply = answer(found, GUEST.renew(address))
    assert (reply.kind, reply.nak) == (MessageType.NAK, NakReason.LEASE_LOST)
    assert vouched(found, GUEST.discover()).address == SECOND


def test_a_binding_for_a_leaseholder_wins() -> None:
    """dhcp 30: from then on it is a bound guest: NAK for the old, ACK for the new."""
    found = server()
    address = leased(found)
    found.bindings.put(Binding(STRANGER, WRONG))
    assert answer(found, GUEST.renew(address)).kind is MessageType.NAK
    assert answer(found, GUEST.discover()).address == WRONG
    assert answer(found, GUEST.select(WRONG)).lease is None


def test_a_shared_link_puts_the_pool_to_sleep() -> None:
    """dhcp 74: where another network shares the link a stranger may be its guest: there
    is no answer, in no state, leaseholder or not; bound guests are served."""
    found = server(AUTHORITATIVE)
    address = leased(found)
    found.network = replace(found.network, shares_bridge=True)
    for guest in (GUEST, OTHER):
        for request in guest.everything().values():
            assert isinstance(decide(found, request), Silence)
        assert silence(found, guest.renew(address)) is Reason.UNKNOWN
    assert answer(found, Guest().discover()).address == ADDRESS
    found.network = replace(found.network, shares_bridge=False)
    assert answer(found, GUEST.renew(address)).kind is MessageType.ACK


def test_a_decline_is_a_quarantine() -> None:
    """dhcp 34: the address rests for the time of the settings, the guest is offered
    another; it is said, and what another declines is nothing."""
    found = server()
    address = leased(found)
    text = GUEST.with_options({56: b"ARP says no"})
    assert silence(found, OTHER.decline(address)) is Reason.UNKNOWN
    assert silence(found, text.decline(address, OTHER_SERVER)) is Reason.OTHER_SERVER
    said = decide(found, text.decline(address))
    assert said == Silence(Reason.QUARANTINED, "ARP says no")
    assert vouched(found, GUEST.discover(address)).address == SECOND
    soon, late = QUARANTINE - 1, QUARANTINE + 1
    assert vouched(found, OTHER.discover(address), soon).address != address
    third = replace(GUEST, hardware=hardware(3))
    assert vouched(found, third.discover(address), late).address == address


def test_a_release_frees() -> None:
    """dhcp 35: a lease that is given back is free at once."""
    found = server()
    address = leased(found)
    assert silence(found, OTHER.release(address)) is Reason.UNKNOWN
    assert silence(found, GUEST.release(address)) is Reason.RELEASED
    assert vouched(found, OTHER.discover(address)).address == address


def test_an_inform_of_a_leaseholder() -> None:
    """dhcp 36: it is told what the network says, and has no lease of that."""
    found = server()
    address = leased(found)
    reply = answer(found, GUEST.inform(address))
    assert (reply.kind, reply.lease) == (MessageType.ACK, None)


def test_a_client_older_than_dhcp_gets_nothing_of_the_pool() -> None:
    """dhcp 8: its address would be its own for ever."""
    found = server(replace(NETWORK, bootp=True))
    leased(found)
    message = replace(GUEST.discover(), options=type(GUEST.discover().options)({}))
    assert silence(found, message) is Reason.UNKNOWN


def test_a_rapid_commit_is_a_lease() -> None:
    """dhcp 23: the ACK of a DISCOVER with option 80 is written down, too."""
    found = server(replace(NETWORK, rapid_commit=True))
    reply = vouched(found, GUEST.with_options({80: b""}).discover())
    assert reply.kind is MessageType.ACK
    assert reply.lease == Lease(STRANGER.octets, FIRST, NETWORK.lease_time)


LEASES: dict[str, tuple[int, Mapping[int, bytes], float]] = {
    # the network's, what the client asks for, what is promised
    "the network's": (3600, {}, 3600),
    "shorter": (3600, {51: (600).to_bytes(4, "big")}, 600),
    "too short": (3600, {51: (5).to_bytes(4, "big")}, 60),
    "longer": (3600, {51: (7200).to_bytes(4, "big")}, 3600),
    "without end": (INFINITE, {}, math.inf),
}


@pytest.mark.parametrize("case", LEASES)
def test_how_long_a_lease_is(case: str) -> None:
    """dhcp 58: the pool keeps an address as long as option 51 says."""
    seconds, options, promised = LEASES[case]
    found = server(replace(NETWORK, lease_time=seconds))
    guest = GUEST.with_options(options)
    offer = vouched(found, guest.discover())
    reply = answer(found, guest.select(offer.address))
    assert reply.lease is not None
    assert reply.lease.seconds == promised
    said = Message.parse(reply.payload).options.number(51)
    assert said == (INFINITE if promised == math.inf else promised)


def test_behind_a_relay() -> None:
    """dhcp 37: an address of the relay's range, or none."""
    place = NETWORK.ranges[0]
    further = replace(
        place,
        subnet=IPv4Network("10.0.1.0/24"),
        server_id=IPv4Address("10.0.1.2"),
        gateway=None,
    )
    found = server(replace(NETWORK, ranges=(place, further)))
    near = replace(GUEST, giaddr=RELAY)
    assert vouched(found, near.discover()).address == FIRST
    for giaddr in ("10.0.1.9", "192.168.1.1"):
        far = replace(OTHER, giaddr=IPv4Address(giaddr))
        assert isinstance(decide(found, far.discover()), Silence)
        assert silence(found, far.reboot(SECOND)) is Reason.UNKNOWN


def test_a_nak_is_damped() -> None:
    """dhcp 33: for clients of the pool as for others."""
    found = server()
    leased(found)
    for _ in range(5):
        assert answer(found, GUEST.reboot(SECOND)).kind is MessageType.NAK
    assert silence(found, GUEST.reboot(SECOND)) is Reason.NAK_DAMPED
