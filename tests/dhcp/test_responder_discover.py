"""DISCOVER and its OFFER."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dhcp.codes import MessageType
from dhcp.decision import Note
from dhcp.decision import Reason
from dhcp.message import NOWHERE
from dhcp.message import Message

from .guest import ADDRESS
from .guest import FOREIGN
from .guest import MAC
from .guest import NETWORK
from .guest import OTHER_SERVER
from .guest import RELAY
from .guest import SERVER
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import read
from .guest import responder
from .guest import sequence
from .guest import silence

RAPID = replace(NETWORK, rapid_commit=True)


@pytest.mark.parametrize("hint", [None, ADDRESS, WRONG, FOREIGN, NOWHERE])
def test_the_binding_is_offered_whatever_was_asked(hint: IPv4Address | None) -> None:
    """dhcp 17: a known MAC is offered its binding, whatever option 50 says."""
    offer = read(responder(), Guest().discover(hint))
    assert offer.options.message_type == MessageType.OFFER
    assert offer.yiaddr == ADDRESS


@pytest.mark.parametrize("authoritative", [False, True])
def test_an_unknown_mac_is_met_with_silence(authoritative: bool) -> None:
    """dhcp 18: an unknown MAC is offered nothing."""
    server = responder(replace(NETWORK, authoritative=authoritative))
    assert silence(server, Guest(STRANGER).discover()) is Reason.UNKNOWN


def test_a_mac_whose_file_is_unread_is_met_with_silence() -> None:
    """dhcp 18, 27: a MAC whose binding could not be read is offered nothing."""
    server = responder()
    server.bindings.unread.add(STRANGER.octets)
    assert silence(server, Guest(STRANGER).discover()) is Reason.UNREAD
    assert read(server, Guest().discover()).yiaddr == ADDRESS


@pytest.mark.parametrize("server_id", [SERVER, OTHER_SERVER])
def test_a_discover_with_a_server_id_is_offered(server_id: IPv4Address) -> None:
    """dhcp 19: option 54 in a DISCOVER is ignored, and counted."""
    guest = Guest().with_options({54: server_id.packed})
    reply = answer(responder(), guest.discover())
    assert reply.kind is MessageType.OFFER
    assert Note.DISCOVER_WITH_SERVER in reply.notes
    assert (
        Note.DISCOVER_WITH_SERVER not in answer(responder(), Guest().discover()).notes
    )


@pytest.mark.parametrize("flags", [0, 0x8000, 0x8001])
def test_the_fields_of_an_offer(flags: int) -> None:
    """dhcp 20: op 2; xid, flags, giaddr, chaddr copied; the others 0 (table 3)."""
    request = replace(
        Guest(giaddr=RELAY).discover(),
        xid=0xFEEDFACE,
        secs=9,
        hops=2,
        flags=flags,
        ciaddr=WRONG,
        siaddr=WRONG,
        yiaddr=WRONG,
        sname=b"name",
        file=b"file",
    )
    offer = read(responder(), request)
    assert replace(offer, options=request.options) == Message(
        op=2,
        htype=1,
        hlen=6,
        hops=0,
        xid=0xFEEDFACE,
        secs=0,
        flags=flags,
        ciaddr=NOWHERE,
        yiaddr=ADDRESS,
        siaddr=NOWHERE,
        giaddr=RELAY,
        chaddr=MAC.octets,
        sname=bytes(64),
        file=bytes(128),
        options=request.options,
    )


def test_the_options_of_an_offer() -> None:
    """dhcp 21: 53, 54, 51, T1, T2 and what was asked for; never 50, 55 or 57."""
    guest = Guest().with_options({57: b"\5\xdc", 55: bytes([1, 3, 50, 55, 57, 51])})
    reply = answer(responder(), guest.discover(ADDRESS))
    options = dict(sequence(reply.payload))
    assert options[53] == b"\2"
    assert options[54] == SERVER.packed
    assert options[51] == (86400).to_bytes(4, "big")
    assert options[59] == (75600).to_bytes(4, "big")
    assert {1, 3, 58} <= options.keys()
    assert not {50, 55, 57} & options.keys()


def test_a_repeated_discover_has_the_same_offer() -> None:
    """dhcp 22: the same DISCOVER yields the same octets: no state, no clock."""
    server = responder()
    request = Guest().discover()
    offers = {answer(server, request, now=float(now)).payload for now in range(50)}
    offers.add(answer(server, replace(request, secs=60)).payload)
    offers.add(answer(responder(), request).payload)
    assert len(offers) == 1


def test_a_rapid_commit_is_acked() -> None:
    """dhcp 23: if enabled, a DISCOVER with 80 has an ACK with 80 (4039 section 3)."""
    server = responder(RAPID)
    guest = Guest().with_options({80: b""})
    reply = answer(server, guest.discover())
    acked = Message.parse(reply.payload)
    assert (acked.options.message_type, acked.yiaddr) == (MessageType.ACK, ADDRESS)
    assert reply.kind is MessageType.ACK
    assert (80, b"") in sequence(reply.payload)
    normal = answer(server, guest.select())
    assert [code for code in codes(reply.payload) if code != 80] == codes(
        normal.payload
    )


def test_rapid_commit_is_off_by_default_and_needs_option_80() -> None:
    """dhcp 23: without the switch, or without an empty option 80, it is an OFFER."""
    guest = Guest().with_options({80: b""})
    for server, request in (
        (responder(), guest.discover()),
        (responder(RAPID), Guest().discover()),
        (responder(RAPID), Guest().with_options({80: b"\1"}).discover()),
    ):
        reply = answer(server, request)
        assert reply.kind is MessageType.OFFER
        assert 80 not in codes(reply.payload)


def test_a_rapid_commit_of_a_stranger_is_silence() -> None:
    """dhcp 18, 23: option 80 gives an unknown MAC nothing."""
    guest = Guest(STRANGER).with_options({80: b""})
    assert silence(responder(RAPID), guest.discover()) is Reason.UNKNOWN


def test_not_asking_for_121_is_noted() -> None:
    """dhcp 46: a client whose list has no 121 is counted."""
    asking = answer(responder(), Guest().discover())
    minimal = answer(responder(), Guest(options={55: bytes([1, 3, 6])}).discover())
    assert Note.NO_CLASSLESS_ROUTES not in asking.notes
    assert Note.NO_CLASSLESS_ROUTES in minimal.notes
