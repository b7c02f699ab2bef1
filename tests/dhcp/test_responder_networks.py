"""Several networks on one bridge, several ranges in one network."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest

from dhcp.bindings import Binding
from dhcp.bindings import BindingTable
from dhcp.codes import MessageType
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.hardware import HardwareAddress
from dhcp.network import Network
from dhcp.network import Range
from dhcp.responder import Responder
from dhcp.routes import decode_routes

from .guest import ADDRESS
from .guest import BINDING
from .guest import NETWORK
from .guest import WRONG
from .guest import Guest
from .guest import decide
from .guest import read
from .guest import responder

OTHER_RANGE = Range(
    IPv4Network("10.7.0.0/24"), IPv4Address("10.7.0.2"), IPv4Address("10.7.0.1")
)
OTHER_MAC = HardwareAddress.parse("fa:16:3e:00:07:05")
OTHER_ADDRESS = IPv4Address("10.7.0.5")
OTHER_BINDING = Binding(OTHER_MAC, OTHER_ADDRESS)
SHARED = replace(NETWORK, shares_bridge=True)
OVERLAPPING = replace(SHARED, ranges=(replace(NETWORK.ranges[0]), OTHER_RANGE))


@pytest.mark.parametrize("authoritative", [False, True])
@pytest.mark.parametrize("network", [SHARED, OVERLAPPING])
@pytest.mark.parametrize("message", list(Guest().everything()))
def test_the_guest_of_another_network_gets_silence(
    message: str, network: Network, authoritative: bool
) -> None:
    """dhcp 74: two networks on one bridge: silent to the other's MACs in every state,
    INFORM included, even where authoritative: no NAK crosses."""
    ours = responder(replace(network, authoritative=authoritative))
    theirs = Responder(
        Network((OTHER_RANGE,), shares_bridge=True, authoritative=authoritative),
        BindingTable([OTHER_BINDING]),
        HardwareAddress.parse("02:00:00:00:00:07"),
    )
    guest = Guest(OTHER_MAC)
    said = {
        **guest.everything(),
        "SELECTING": guest.select(OTHER_ADDRESS, OTHER_RANGE.server_id),
        "INIT-REBOOT": guest.reboot(OTHER_ADDRESS),
        "RENEWING": guest.renew(OTHER_ADDRESS),
        "INFORM": guest.inform(OTHER_ADDRESS),
    }[message]
    arrival = guest.arrival(OTHER_ADDRESS)
    assert isinstance(decide(ours, said, arrival=arrival), Silence)
    if message in ("DISCOVER", "SELECTING", "INIT-REBOOT", "RENEWING", "INFORM"):
        decision = decide(theirs, said, arrival=arrival)
        assert isinstance(decision, Reply)
        assert decision.kind in (MessageType.OFFER, MessageType.ACK)
    own = decide(ours, Guest().discover())
    assert isinstance(own, Reply)


def test_each_range_has_its_own_mask_router_and_server() -> None:
    """dhcp 48: in each range, 1, 3, 28, 54 and both routes of 121 are the range's."""
    second = Range(
        IPv4Network("10.0.4.0/22"), IPv4Address("10.0.4.2"), IPv4Address("10.0.4.1")
    )
    server = responder(
        replace(NETWORK, ranges=(*NETWORK.ranges, second)),
        BINDING,
        Binding(OTHER_MAC, IPv4Address("10.0.5.9")),
    )
    offer = read(server, Guest(OTHER_MAC).discover())
    assert offer.options.address(1) == IPv4Address("255.255.252.0")
    assert offer.options.address(28) == IPv4Address("10.0.7.255")
    assert offer.options.address(3) == second.gateway
    assert offer.options.address(54) == second.server_id
    assert [str(route) for route in decode_routes(offer.options[121])] == [
        "0.0.0.0/0 via 10.0.4.1",
        "169.254.169.254/32 via 10.0.4.2",
    ]
    decision = decide(server, Guest(OTHER_MAC).discover())
    assert isinstance(decision, Reply)
    assert decision.source == second.server_id
    first = read(server, Guest().discover())
    assert (first.yiaddr, first.options.address(3)) == (
        ADDRESS,
        NETWORK.ranges[0].gateway,
    )


def test_a_nak_comes_from_the_range_of_the_binding() -> None:
    """dhcp 42: a NAK's source and 54 are our address in the range it is about."""
    second = replace(OTHER_RANGE)
    server = responder(
        replace(NETWORK, ranges=(*NETWORK.ranges, second)), BINDING, OTHER_BINDING
    )
    for guest, place in (
        (Guest(), NETWORK.ranges[0]),
        (Guest(OTHER_MAC), second),
    ):
        decision = decide(server, guest.reboot(WRONG))
        assert isinstance(decision, Reply)
        assert decision.source == place.server_id
        assert read(server, guest.reboot(WRONG)).options.address(54) == place.server_id


def test_a_nak_to_a_stranger_comes_from_the_range_that_it_asks_in() -> None:
    """dhcp 42: its source is our address where the stranger wants to be, or where its
    relay is; what is in no range has the first."""
    network = replace(
        NETWORK, authoritative=True, ranges=(NETWORK.ranges[0], OTHER_RANGE)
    )
    guest = Guest(OTHER_MAC)
    relayed = replace(guest, giaddr=IPv4Address("10.7.0.9"))
    for request, place in (
        (guest.reboot(WRONG), NETWORK.ranges[0]),
        (guest.reboot(OTHER_ADDRESS), OTHER_RANGE),
        (guest.renew(OTHER_ADDRESS), OTHER_RANGE),
        (relayed.request_nothing(), OTHER_RANGE),
        (guest.reboot(IPv4Address("192.168.7.7")), NETWORK.ranges[0]),
    ):
        decision = decide(responder(network), request)
        assert isinstance(decision, Reply)
        assert (decision.kind, decision.source) == (MessageType.NAK, place.server_id)
