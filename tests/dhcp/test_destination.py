"""Where an answer goes: RFC 2131 section 4.1 and RFC 1542 section 5.4, as a table."""

from ipaddress import IPv4Address

import pytest

from dhcp.codes import BROADCAST_FLAG
from dhcp.codes import MessageType
from dhcp.destination import Arrival
from dhcp.destination import Destination
from dhcp.destination import choose_destination
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import ReplyTo
from dhcp.options import Options

from .guest import ADDRESS
from .guest import BROADCAST
from .guest import EVERYONE
from .guest import MAC
from .guest import RELAY
from .guest import RELAY_HARDWARE

ACK, NAK, OFFER = MessageType.ACK, MessageType.NAK, MessageType.OFFER
AUTO, ALL = ReplyTo.AUTO, ReplyTo.BROADCAST
CIADDR = IPv4Address("10.0.0.6")
ALL_STATIONS = Destination(BROADCAST, EVERYONE, 68)
BY_CIADDR = Destination(MAC, CIADDR, 68)
BY_YIADDR = Destination(MAC, ADDRESS, 68)
BY_RELAY = Destination(RELAY_HARDWARE, RELAY, 67)

# kind, ciaddr, broadcast bit, relayed, reply = -> where
TABLE = [
    (OFFER, NOWHERE, False, False, AUTO, BY_YIADDR),
    (OFFER, NOWHERE, True, False, AUTO, ALL_STATIONS),
    (OFFER, NOWHERE, False, False, ALL, ALL_STATIONS),
    (OFFER, NOWHERE, True, True, AUTO, BY_RELAY),
    (OFFER, NOWHERE, False, True, ALL, BY_RELAY),
    (ACK, NOWHERE, False, False, AUTO, BY_YIADDR),
    (ACK, NOWHERE, True, False, AUTO, ALL_STATIONS),
    (ACK, NOWHERE, False, False, ALL, ALL_STATIONS),
    (ACK, CIADDR, False, False, AUTO, BY_CIADDR),
    (ACK, CIADDR, True, False, AUTO, BY_CIADDR),
    (ACK, CIADDR, False, False, ALL, BY_CIADDR),
    (ACK, CIADDR, False, True, AUTO, BY_RELAY),
    (NAK, NOWHERE, False, False, AUTO, ALL_STATIONS),
    (NAK, CIADDR, False, False, AUTO, ALL_STATIONS),
    (NAK, CIADDR, True, False, ALL, ALL_STATIONS),
    (NAK, CIADDR, False, True, AUTO, BY_RELAY),
]


@pytest.mark.parametrize(
    ("kind", "ciaddr", "broadcast", "relayed", "reply", "where"), TABLE
)
def test_an_answer_goes_where_rfc_2131_says(
    kind: MessageType,
    ciaddr: IPv4Address,
    broadcast: bool,
    relayed: bool,
    reply: ReplyTo,
    where: Destination,
) -> None:
    """dhcp 37, 38, 39, 40, 41: giaddr; NAK to all; ciaddr; the bit; yiaddr, no ARP."""
    request = Message(
        flags=BROADCAST_FLAG if broadcast else 0,
        ciaddr=ciaddr,
        giaddr=RELAY if relayed else NOWHERE,
        chaddr=MAC.octets,
    )
    arrival = Arrival(RELAY_HARDWARE if relayed else MAC, NOWHERE)
    assert choose_destination(request, arrival, kind, ADDRESS, reply) == where


# option 82 -> port of the relay, where its request came from port 4711
AGENTS = {
    "none": (None, 67),
    "without 19": ("0104 00000001 0202 abcd", 67),
    "with 19": ("0104 00000001 1300", 4711),
    "19 first": ("1300 0104 00000001", 4711),
    "19 as a value": ("0102 1300", 67),
    "19 as a length": ("0113 " + "00" * 19, 67),
    "cut": ("01", 67),
    "a length past the end": ("01ff 1300", 67),
    "empty": ("", 67),
}


@pytest.mark.parametrize("case", AGENTS)
def test_a_relay_can_name_its_port(case: str) -> None:
    """dhcp 37: to the relay's source port where 82 has sub-option 19 (RFC 8357)."""
    agent, port = AGENTS[case]
    options = {} if agent is None else {82: bytes.fromhex(agent)}
    request = Message(giaddr=RELAY, chaddr=MAC.octets, options=Options(options))
    arrival = Arrival(RELAY_HARDWARE, RELAY, 4711)
    where = choose_destination(request, arrival, OFFER, ADDRESS, AUTO)
    assert where == Destination(RELAY_HARDWARE, RELAY, port)


@pytest.mark.parametrize("ciaddr", [NOWHERE, CIADDR])
@pytest.mark.parametrize("broadcast", [False, True])
def test_an_inform_is_answered_to_its_address(
    ciaddr: IPv4Address, broadcast: bool
) -> None:
    """dhcp 36: an INFORM's ACK goes to ciaddr, or to the source where that is 0."""
    request = Message(
        flags=BROADCAST_FLAG if broadcast else 0,
        ciaddr=ciaddr,
        chaddr=MAC.octets,
        options=Options({53: bytes([MessageType.INFORM])}),
    )
    arrival = Arrival(MAC, IPv4Address("10.0.0.7"))
    where = choose_destination(request, arrival, ACK, NOWHERE, AUTO)
    expected = ciaddr if ciaddr != NOWHERE else arrival.source
    assert where == Destination(MAC, expected, 68)
