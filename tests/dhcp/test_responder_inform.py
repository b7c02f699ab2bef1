"""INFORM: everything but an address (RFC 2131 section 4.3.5)."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest

from dhcp.codes import MessageType
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Range

from .guest import ADDRESS
from .guest import BINDING
from .guest import FOREIGN
from .guest import MAC
from .guest import NETWORK
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import decide
from .guest import read
from .guest import responder
from .guest import silence

SECOND = Range(
    IPv4Network("10.0.1.0/24"), IPv4Address("10.0.1.2"), IPv4Address("10.0.1.1")
)


def test_an_inform_is_acked_without_a_lease() -> None:
    """dhcp 36: ACK, yiaddr 0, no 51, 58, 59; the rest as in an ACK; to ciaddr."""
    reply = answer(responder(), Guest().inform())
    ack = Message.parse(reply.payload)
    assert (reply.kind, ack.yiaddr, ack.ciaddr) == (MessageType.ACK, NOWHERE, ADDRESS)
    full = codes(answer(responder(), Guest().select()).payload)
    assert codes(reply.payload) == [code for code in full if code not in (51, 58, 59)]
    assert (reply.destination.hardware, reply.destination.address) == (MAC, ADDRESS)


def test_an_inform_without_ciaddr_is_answered_to_its_source() -> None:
    """dhcp 36: ciaddr 0: the source address is taken."""
    request = Guest().inform(NOWHERE)
    reply = answer(responder(), request, arrival=Guest().arrival(ADDRESS))
    assert reply.destination.address == ADDRESS
    assert (
        read(responder(), request, arrival=Guest().arrival(ADDRESS)).ciaddr == NOWHERE
    )


def test_an_inform_without_any_address_is_dropped() -> None:
    """dhcp 36: ciaddr and source 0: dropped."""
    request = Guest().inform(NOWHERE)
    arrival = Guest().arrival(NOWHERE)
    assert silence(responder(), request, arrival=arrival) is Reason.NO_ADDRESS


@pytest.mark.parametrize("hardware", [MAC, STRANGER])
def test_an_inform_from_outside_our_ranges_is_dropped(hardware: object) -> None:
    """dhcp 36: an address in none of our ranges: dropped, known MAC or not."""
    guest = Guest(MAC if hardware is MAC else STRANGER)
    assert silence(responder(), guest.inform(FOREIGN)) is Reason.NOT_OURS
    arrival = guest.arrival(FOREIGN)
    request = guest.inform(NOWHERE)
    assert silence(responder(), request, arrival=arrival) is Reason.NOT_OURS


def test_an_unknown_mac_is_informed_unless_the_bridge_is_shared() -> None:
    """dhcp 36: no binding is needed, but where networks share the bridge it is."""
    request = Guest(STRANGER).inform(WRONG)
    ack = read(responder(), request)
    assert ack.options.number(26) == 1450
    assert ack.options.get(12) is None
    shared = responder(replace(NETWORK, shares_bridge=True))
    assert silence(shared, request) is Reason.UNKNOWN
    assert answer(shared, Guest().inform()).kind is MessageType.ACK


def test_an_inform_of_an_unread_mac_is_dropped() -> None:
    """dhcp 27, 36: a MAC whose file is unread is met with silence here too."""
    server = responder()
    server.bindings.unread.add(STRANGER.octets)
    assert silence(server, Guest(STRANGER).inform(WRONG)) is Reason.UNREAD


def test_options_of_the_host_apply_by_mac_or_by_address() -> None:
    """dhcp 36: per-host options apply if the MAC or the address is known."""
    server = responder(NETWORK, replace(BINDING, mtu=1300))
    for request in (
        Guest().inform(),
        Guest().inform(WRONG),
        Guest(STRANGER).inform(ADDRESS),
    ):
        ack = read(server, request)
        assert (ack.options.number(26), ack.options.get(12)) == (1300, b"web-1")


def test_informs_are_damped() -> None:
    """dhcp 36: a MAC has 5 INFORMs answered at once, then one a second."""
    server = responder()
    storm = [decide(server, Guest().inform(), now=3.0) for _ in range(7)]
    assert [isinstance(each, Reply) for each in storm] == [True] * 5 + [False] * 2
    assert silence(server, Guest().inform(), now=3.5) is Reason.INFORM_DAMPED
    assert answer(server, Guest().inform(), now=4.0).kind is MessageType.ACK


def test_an_inform_from_another_range_changes_no_offer() -> None:
    """dhcp 22, 36: INFORM from another range leaves the next OFFER as it was."""
    server = responder(replace(NETWORK, ranges=(*NETWORK.ranges, SECOND)))
    before = answer(server, Guest().discover())
    server = responder(replace(NETWORK, ranges=(*NETWORK.ranges, SECOND)))
    ack = read(server, Guest().inform(IPv4Address("10.0.1.5")))
    assert ack.options.address(3) == SECOND.gateway
    assert ack.options.address(54) == SECOND.server_id
    assert answer(server, Guest().discover()) == before


def test_ciaddr_comes_before_the_source() -> None:
    """dhcp 36: where ciaddr is given it is the address, whatever the source is."""
    for source in (NOWHERE, FOREIGN):
        reply = answer(responder(), Guest().inform(), arrival=Guest().arrival(source))
        assert reply.destination.address == ADDRESS
