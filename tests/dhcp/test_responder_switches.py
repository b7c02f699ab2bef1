"""What an operator can switch on: BOOTP, strictness, refusals, NAKs."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dhcp.bindings import REMOVED_AT_MOST
from dhcp.codes import MessageType
from dhcp.decision import NakReason
from dhcp.decision import Note
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Network
from dhcp.network import ReplyTo
from dhcp.options import Options

from .guest import ADDRESS
from .guest import BINDING
from .guest import BROADCAST
from .guest import EVERYONE
from .guest import MAC
from .guest import NETWORK
from .guest import RELAY
from .guest import RELAY_HARDWARE
from .guest import SERVER
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import decide
from .guest import many
from .guest import read
from .guest import responder
from .guest import silence

BOOTP = replace(NETWORK, bootp=True)
AUTHORITATIVE = replace(NETWORK, authoritative=True)
STRICT = replace(NETWORK, require_source_mac=True)
REMEMBERING = replace(NETWORK, nak_removed=True)


def test_bootp_is_answered_where_it_is_switched_on() -> None:
    """dhcp 8: 300 octets, the binding's address, no 51, 53 or 54 (1534 section 2)."""
    request = Message(chaddr=MAC.octets, xid=7, options=Options({12: b"old"}))
    reply = answer(responder(BOOTP), request)
    message = Message.parse(reply.payload)
    assert (reply.kind, message.op, message.xid) == (None, 2, 7)
    assert message.yiaddr == reply.address == ADDRESS
    assert len(reply.payload) == 300
    assert {1, 3, 6, 121} <= message.options.values.keys()
    assert not {51, 53, 54, 58, 59, 52} & message.options.values.keys()
    assert reply.destination.hardware == MAC


def test_a_bootp_answer_is_never_larger() -> None:
    """dhcp 8: what does not fit in 300 octets is dropped, whatever it asks for."""
    long = replace(BINDING, options=dict.fromkeys(range(224, 228), bytes(30)))
    for sent in ({}, {57: b"\5\xdc"}, {55: bytes([224, 225])}):
        request = Message(chaddr=MAC.octets, options=Options(sent))
        reply = answer(responder(BOOTP, long), request)
        assert len(reply.payload) == 300
        assert reply.dropped or 55 in sent


def test_bootp_of_a_stranger_is_silence() -> None:
    """dhcp 8, 18: BOOTP from an unknown or unread MAC is met with silence."""
    server = responder(replace(BOOTP, authoritative=True))
    request = Message(chaddr=STRANGER.octets)
    assert silence(server, request) is Reason.UNKNOWN
    server.bindings.unread.add(STRANGER.octets)
    assert silence(server, request) is Reason.UNREAD


def test_a_spoofed_source_is_dropped_where_that_is_demanded() -> None:
    """dhcp 16: strict: a source that is not chaddr is dropped, but for a relay's."""
    spoofed = Arrival(STRANGER, NOWHERE)
    request = Guest().discover()
    assert silence(responder(STRICT), request, arrival=spoofed) is Reason.SPOOFED
    assert Note.SPOOFED_SOURCE not in answer(responder(STRICT), request).notes
    relayed = Guest(giaddr=RELAY).discover()
    arrival = Arrival(RELAY_HARDWARE, RELAY)
    assert answer(responder(STRICT), relayed, arrival=arrival).address == ADDRESS


REFUSING = replace(AUTHORITATIVE, options={116: b"\0"})
LONELY = Guest(STRANGER).with_options({116: b"\1", 61: b"\1me"})


def test_a_stranger_is_told_not_to_configure_itself() -> None:
    """dhcp 18, 59: an unknown MAC that sent 116 has an OFFER of 0.0.0.0 with 116 and
    no lease, to all (2563 section 2.3)."""
    reply = answer(responder(REFUSING), LONELY.discover())
    offer = Message.parse(reply.payload)
    assert reply.kind is MessageType.OFFER
    assert offer.yiaddr == reply.address == NOWHERE
    assert codes(reply.payload) == [53, 54, 116, 61]
    assert offer.options[116] == b"\0"
    assert (reply.destination.hardware, reply.destination.address) == (
        BROADCAST,
        EVERYONE,
    )


@pytest.mark.parametrize(
    "network",
    [
        NETWORK,
        AUTHORITATIVE,
        replace(REFUSING, authoritative=False),
        replace(REFUSING, shares_bridge=True),
    ],
)
def test_who_has_no_say_refuses_nobody(network: Network) -> None:
    """dhcp 18, 59: without `authoritative`, without the option, or where another
    network shares the bridge, 116 is met with silence."""
    assert silence(responder(network), LONELY.discover()) is Reason.UNKNOWN


def test_116_is_sent_only_to_who_sent_it() -> None:
    """dhcp 59: 116 goes to a guest that sent it, asked for or not, and to no other."""
    server = responder(REFUSING)
    assert silence(server, Guest(STRANGER).discover()) is Reason.UNKNOWN
    asking = Guest(options={55: bytes([1, 3, 116])})
    assert 116 not in read(server, asking.discover()).options
    assert 116 not in read(server, Guest(options={}).discover()).options
    sending = Guest().with_options({116: b"\1"})
    offer = read(server, sending.discover())
    assert (offer.yiaddr, offer.options[116]) == (ADDRESS, b"\0")
    assert 116 not in read(responder(), sending.discover()).options
    server.bindings.unread.add(b"another")
    assert silence(server, LONELY.discover()) is Reason.UNKNOWN


@pytest.mark.parametrize("message", ["INIT-REBOOT", "RENEWING"])
def test_a_removed_pair_is_a_nak_where_that_is_switched_on(message: str) -> None:
    """dhcp 30: nak_removed: the old address of a removed binding is NAKed, another is
    not, and without the switch neither."""
    server = responder(REMEMBERING)
    server.bindings.remove(MAC)
    guest = Guest()
    for address, known in ((ADDRESS, True), (WRONG, False)):
        request = {
            "INIT-REBOOT": guest.reboot(address),
            "RENEWING": guest.renew(address),
        }[message]
        if known:
            reply = answer(server, request)
            assert (reply.kind, reply.nak) == (MessageType.NAK, NakReason.REMOVED)
        else:
            assert silence(server, request) is Reason.UNKNOWN
        server.network = NETWORK
        assert silence(server, request) is Reason.UNKNOWN
        server.network = REMEMBERING
    nothing = Guest(STRANGER).request_nothing()
    assert silence(server, nothing) is Reason.UNKNOWN


def test_a_removed_pair_is_forgotten_when_its_mac_is_bound_again() -> None:
    """dhcp 30: a MAC that is bound again is known, and its old address is not told."""
    server = responder(REMEMBERING)
    server.bindings.remove(MAC)
    server.bindings.put(replace(BINDING, address=WRONG))
    assert answer(server, Guest().renew(WRONG)).kind is MessageType.ACK
    assert answer(server, Guest().renew()).nak is NakReason.NOT_YOURS
    assert len(server.bindings.removed) == 0


@pytest.mark.parametrize(
    "network",
    [replace(REMEMBERING, shares_bridge=True), REMEMBERING],
    ids=["shared", "unread"],
)
def test_no_removed_pair_is_a_nak_where_another_may_own_it(network: Network) -> None:
    """dhcp 27, 30, 74: with another network on the bridge, or a file that is unread,
    the memory of removed pairs NAKs nobody."""
    server = responder(network)
    server.bindings.remove(MAC)
    if not network.shares_bridge:
        server.bindings.unread.add(b"another")
    assert silence(server, Guest().renew()) is Reason.UNKNOWN


def test_the_memory_of_removed_pairs_is_bounded() -> None:
    """dhcp 12, 30: at most so many pairs; the oldest is forgotten first."""
    server = responder(REMEMBERING, BINDING, *many(REMOVED_AT_MOST))
    for binding in list(server.bindings):
        server.bindings.remove(binding.hardware)
    assert len(server.bindings.removed) == REMOVED_AT_MOST
    assert silence(server, Guest().renew()) is Reason.UNKNOWN


@pytest.mark.parametrize("rate", [1, 3, 10])
def test_naks_a_second(rate: int) -> None:
    """dhcp 33: nak_per_second: after a burst of 5, so many a second."""
    server = responder(replace(NETWORK, nak_per_second=rate))
    storm = Guest().reboot(WRONG)
    for second, naks in ((0.0, 5), (1.0, min(rate, 5)), (2.0, min(rate, 5))):
        decisions = [decide(server, storm, now=second) for _ in range(9)]
        assert [isinstance(each, Reply) for each in decisions].count(True) == naks


def test_every_answer_is_broadcast_where_that_is_wanted() -> None:
    """dhcp 41: reply = "broadcast": OFFER and ACK go to all, a renewal's ACK does not.

    Some old clients accept nothing else.
    """
    server = responder(replace(NETWORK, reply=ReplyTo.BROADCAST))
    for request in (Guest().discover(), Guest().select(), Guest().reboot()):
        where = answer(server, request).destination
        assert (where.hardware, where.address) == (BROADCAST, EVERYONE)
    assert answer(server, Guest().renew()).destination.hardware == MAC
    assert answer(server, Guest().discover()).source == SERVER


def test_a_bootp_client_may_name_its_address() -> None:
    """dhcp 8, 39: with ciaddr the BOOTREPLY goes there, and echoes it."""
    request = Message(chaddr=MAC.octets, ciaddr=IPv4Address("10.0.0.6"))
    reply = answer(responder(BOOTP), request)
    assert reply.destination.address == request.ciaddr
    assert Message.parse(reply.payload).ciaddr == request.ciaddr
