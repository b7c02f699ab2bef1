"""Other DHCP servers: who is one, and how long it is remembered (dhcp 72)."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.options import Options
from dhcp.sightings import HOUR
from dhcp.sightings import SERVERS_AT_MOST
from dhcp.sightings import Sighting
from dhcp.sightings import Sightings
from dhcp.sightings import chosen
from dhcp.sightings import server_of

from .guest import BROADCAST
from .guest import EVERYONE
from .guest import OTHER_SERVER
from .guest import RELAY
from .guest import STRANGER
from .guest import Guest

ANOTHER = HardwareAddress.parse("fa:16:3e:00:00:98")


def test_a_server_is_counted_from_first_to_last() -> None:
    """dhcp 72: each sighting counts; the first is news, once."""
    found = Sightings()
    for now in (5.0, 6.0, 7.0):
        assert found.see(OTHER_SERVER, STRANGER, now)
    server = Sighting(OTHER_SERVER, STRANGER, first=5.0, last=7.0, count=3)
    assert found.recent(8.0) == [server]
    assert found.news() == [server]
    assert found.news() == []


def test_who_is_heard_of_gets_its_mac_when_it_is_seen() -> None:
    """dhcp 72: a REQUEST names a server without its MAC; its answer has it, and that
    is news. It stays one server."""
    found = Sightings()
    found.hear(OTHER_SERVER, 1.0)
    assert found.news() == [Sighting(OTHER_SERVER, None, 1.0, 1.0)]
    found.see(OTHER_SERVER, STRANGER, 2.0)
    assert found.news() == [Sighting(OTHER_SERVER, STRANGER, 1.0, 2.0, 2)]
    found.hear(OTHER_SERVER, 3.0)
    assert found.news() == []
    assert found.recent(3.0) == [Sighting(OTHER_SERVER, STRANGER, 1.0, 3.0, 3)]


def test_two_that_say_they_are_one_are_two() -> None:
    """dhcp 72: the same identifier from two MACs is two machines."""
    found = Sightings()
    found.see(OTHER_SERVER, STRANGER, 1.0)
    found.see(OTHER_SERVER, ANOTHER, 1.0)
    assert [each.hardware for each in found.news()] == [STRANGER, ANOTHER]


def test_a_silent_hour_is_the_end_of_a_server() -> None:
    """dhcp 72: the gauge is of the last hour; who comes back after it is new."""
    found = Sightings()
    found.see(OTHER_SERVER, STRANGER, 0.0)
    found.news()
    assert len(found.recent(HOUR - 1)) == 1
    assert found.recent(HOUR) == []
    found.see(OTHER_SERVER, STRANGER, HOUR)
    assert found.news() == [Sighting(OTHER_SERVER, STRANGER, HOUR, HOUR)]


def test_our_other_networks_are_no_strangers() -> None:
    """dhcp 72, 74: a server of this host's is not seen; one that turns out to be, and
    was not told yet, never is."""
    found = Sightings()
    found.see(OTHER_SERVER, STRANGER, 1.0)
    found.hear(RELAY, 1.0)
    found.ignore({OTHER_SERVER})
    assert not found.see(OTHER_SERVER, STRANGER, 2.0)
    assert not found.hear(OTHER_SERVER, 2.0)
    assert [each.server_id for each in found.news()] == [RELAY]
    assert [each.server_id for each in found.recent(2.0)] == [RELAY]
    found.ignore(())
    assert found.see(OTHER_SERVER, STRANGER, 3.0)


def test_a_flood_of_forged_servers_is_bounded() -> None:
    """dhcp 71, 72: the table keeps so many, and those that go on being seen."""
    found = Sightings()
    for number in range(SERVERS_AT_MOST):
        found.hear(IPv4Address(number + 1), 0.0)
    assert len(found) == SERVERS_AT_MOST
    found.hear(IPv4Address(1), 1.0)
    for number in range(SERVERS_AT_MOST - 1):
        found.see(OTHER_SERVER, HardwareAddress(number.to_bytes(6)), 2.0)
    assert len(found) == len(found.news()) == SERVERS_AT_MOST
    assert found.recent(2.0)[0].server_id == IPv4Address(1)
    for number in range(SERVERS_AT_MOST):
        found.hear(IPv4Address(number + 1000), 2.5)
    found.hear(IPv4Address(99), 3.0)
    assert len(found._untold) == SERVERS_AT_MOST
    assert len(found) == len(found.recent(3.0)) == SERVERS_AT_MOST
    assert IPv4Address(1) not in [each.server_id for each in found.recent(3.0)]


def answer(kind: int | None, *, op: int = Op.BOOTREPLY, said: bool = True) -> Message:
    options = {} if kind is None else {53: bytes([kind])}
    if said:
        options[54] = OTHER_SERVER.packed
    return Message(op=op, options=Options(options))


def from_(source: IPv4Address) -> Frame:
    return Frame(STRANGER, BROADCAST, source, EVERYONE, 67, 68, b"")


@pytest.mark.parametrize(
    ("message", "server"),
    [
        (answer(MessageType.OFFER), OTHER_SERVER),
        (answer(MessageType.ACK), OTHER_SERVER),
        (answer(MessageType.NAK), OTHER_SERVER),
        (answer(None, said=False), RELAY),
        (answer(MessageType.OFFER, said=False), RELAY),
        (answer(MessageType.DISCOVER), None),
        (answer(9), None),
        (answer(MessageType.OFFER, op=Op.BOOTREQUEST), None),
    ],
)
def test_what_is_an_answer(message: Message, server: IPv4Address | None) -> None:
    """dhcp 72: OFFER, ACK, NAK and BOOTREPLY; without option 54 its source says who."""
    assert server_of(from_(RELAY), message) == server


def test_an_answer_from_nowhere_is_nobodys() -> None:
    assert server_of(from_(NOWHERE), answer(MessageType.OFFER, said=False)) is None


def test_what_a_client_has_chosen() -> None:
    """dhcp 72: option 54; what a relay agent brings is about another link."""
    request = Guest().select(server=OTHER_SERVER)
    assert chosen(request) == OTHER_SERVER
    assert chosen(Guest().reboot()) is None
    assert chosen(replace(request, giaddr=RELAY)) is None
