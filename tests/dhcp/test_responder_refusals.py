"""What is answered with silence before anyone asks who it is."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from dhcp.decision import Note
from dhcp.decision import Reason
from dhcp.destination import Arrival
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.options import Options

from .guest import ADDRESS
from .guest import MAC
from .guest import NETWORK
from .guest import RELAY
from .guest import RELAY_HARDWARE
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .guest import STRANGER
from .guest import Guest
from .guest import answer
from .guest import responder
from .guest import silence

CHANGES: list[tuple[str, Any, Reason]] = [
    ("op 0", {"op": 0}, Reason.NOT_A_REQUEST),
    ("op BOOTREPLY", {"op": 2}, Reason.NOT_A_REQUEST),
    ("Ethernet with hlen 0", {"hlen": 0}, Reason.HARDWARE),
    ("Ethernet with hlen 5", {"hlen": 5}, Reason.HARDWARE),
    ("Ethernet with hlen 16", {"hlen": 16}, Reason.HARDWARE),
    ("htype 0 with hlen 6", {"htype": 0}, Reason.HARDWARE),
    ("htype 0 with hlen 0", {"htype": 0, "hlen": 0}, Reason.HARDWARE),
    ("IPoIB", {"htype": 32, "hlen": 0, "flags": 0x8000}, Reason.HARDWARE),
    ("chaddr zero", {"chaddr": bytes(6)}, Reason.CHADDR),
    ("chaddr broadcast", {"chaddr": b"\xff" * 6}, Reason.CHADDR),
    ("chaddr multicast", {"chaddr": bytes.fromhex("01005e000001")}, Reason.CHADDR),
    ("17 hops", {"hops": 17}, Reason.HOPS),
    ("255 hops", {"hops": 255}, Reason.HOPS),
]


@pytest.mark.parametrize(
    ("change", "reason"),
    [case[1:] for case in CHANGES],
    ids=[case[0] for case in CHANGES],
)
def test_a_wrong_header_is_dropped(change: Any, reason: Reason) -> None:
    """dhcp 1, 3, 4, 10: a wrong op, htype, hlen, chaddr, hops is dropped, and said."""
    request = replace(Guest().discover(), **change)
    arrival = Arrival(MAC, IPv4Address(0))
    assert silence(responder(), request, arrival=arrival) is reason


def test_sixteen_hops_are_answered() -> None:
    """dhcp 10: hops up to 16 are answered (1542 section 4.1.1)."""
    answer(responder(), replace(Guest().discover(), hops=16))


@pytest.mark.parametrize(
    "arrival",
    [
        Arrival(SERVER_HARDWARE, IPv4Address(0)),
        Arrival(MAC, SERVER),
    ],
)
def test_what_we_have_sent_is_dropped(arrival: Arrival) -> None:
    """dhcp 10: a frame from our own MAC or address is a loop."""
    request = Guest().discover()
    assert silence(responder(), request, arrival=arrival) is Reason.LOOP


@pytest.mark.parametrize("kind", [0, 2, 5, 6, 9, 10, 13, 255])
def test_a_type_of_no_client_is_dropped(kind: int) -> None:
    """dhcp 9: OFFER, ACK, NAK, FORCERENEW, lease queries and others are dropped."""
    message = Message(chaddr=MAC.octets, options=Options({53: bytes([kind])}))
    assert silence(responder(), message) is Reason.MESSAGE_TYPE


def test_bootp_is_ignored() -> None:
    """dhcp 8: a message without option 53 is BOOTP's, and ignored (1534)."""
    assert silence(responder(), Message(chaddr=MAC.octets)) is Reason.BOOTP


def test_a_frame_of_another_mac_is_answered_and_noted() -> None:
    """dhcp 16: chaddr is answered, and a source that is not chaddr is noted."""
    arrival = Arrival(STRANGER, IPv4Address(0))
    reply = answer(responder(), Guest().discover(), arrival=arrival)
    assert Note.SPOOFED_SOURCE in reply.notes
    assert reply.destination.hardware == MAC
    assert Note.SPOOFED_SOURCE not in answer(responder(), Guest().discover()).notes


def test_a_relays_frame_is_no_spoof() -> None:
    """dhcp 16: with giaddr the source is the relay's, and not noted."""
    arrival = Arrival(RELAY_HARDWARE, RELAY)
    reply = answer(responder(), Guest(giaddr=RELAY).discover(), arrival=arrival)
    assert Note.SPOOFED_SOURCE not in reply.notes


def test_an_ignored_option_is_noted() -> None:
    """dhcp 7: an option of a wrong length is counted, and the message answered."""
    guest = Guest().with_options({57: b"\5"})
    assert Note.IGNORED_OPTION in answer(responder(), guest.discover()).notes
    assert Note.IGNORED_OPTION not in answer(responder(), Guest().discover()).notes


def test_a_server_id_of_a_wrong_length_is_absent() -> None:
    """dhcp 7: a REQUEST whose option 54 has 3 octets is one without."""
    request = Guest().with_options({50: ADDRESS.packed, 54: b"\1\2\3"})
    assert answer(responder(), request.request_nothing()).address == ADDRESS


@pytest.mark.parametrize(
    ("client_id", "address"),
    [(None, "10.0.0.5"), (b"\xff12345678", "10.0.0.5"), (b"\xffDUID", "10.0.0.6")],
)
def test_a_shared_client_id_does_not_match(
    client_id: bytes | None, address: str
) -> None:
    """dhcp 13: the MAC is the key, but for a client-id that a binding carries."""
    server = responder()
    server.bindings.put(
        replace(
            next(iter(server.bindings)),
            hardware=HardwareAddress.parse("fa:16:3e:00:00:06"),
            address=IPv4Address("10.0.0.6"),
            client_id=b"\xffDUID",
        )
    )
    guest = Guest() if client_id is None else Guest().with_options({61: client_id})
    reply = answer(server, guest.discover())
    assert str(reply.address) == address
    assert reply.destination.hardware == MAC


def test_all_of_the_network_is_asked_through_one_loop_guard() -> None:
    """dhcp 10: the guard knows our address in each range."""
    second = replace(NETWORK.ranges[0], server_id=IPv4Address("10.0.0.250"))
    server = responder(replace(NETWORK, ranges=(*NETWORK.ranges, second)))
    arrival = Arrival(MAC, second.server_id)
    assert silence(server, Guest().discover(), arrival=arrival) is Reason.LOOP
