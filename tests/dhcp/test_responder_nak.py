"""What a NAK carries, and how often it is sent."""

from dataclasses import replace

import pytest

from dhcp.codes import MessageType
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.message import NOWHERE
from dhcp.message import Message

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
from .guest import decide
from .guest import responder
from .guest import sequence
from .guest import silence

CLIENT_ID = bytes.fromhex("01fa163e000005")
AGENT = bytes.fromhex("010400000001020208ff")


@pytest.mark.parametrize("wrong", ["SELECTING", "INIT-REBOOT", "RENEWING"])
def test_a_nak_carries_nearly_nothing(wrong: str) -> None:
    """dhcp 32: ciaddr, yiaddr, siaddr, file, sname 0; 53, 54, 56 and 61 only."""
    guest = Guest().with_options({61: CLIENT_ID, 57: b"\5\xdc"})
    request = {
        "SELECTING": guest.select(WRONG),
        "INIT-REBOOT": guest.reboot(WRONG),
        "RENEWING": guest.renew(WRONG),
    }[wrong]
    reply = answer(responder(), request)
    nak = Message.parse(reply.payload)
    assert reply.kind is MessageType.NAK
    assert replace(nak, options=request.options) == Message(
        op=2,
        xid=guest.xid,
        chaddr=MAC.octets,
        sname=bytes(64),
        file=bytes(128),
        options=request.options,
    )
    text = f"{WRONG} is not yours".encode()
    assert reply.text == text.decode()
    assert sequence(reply.payload) == [
        (53, b"\6"),
        (54, SERVER.packed),
        (56, text),
        (61, CLIENT_ID),
    ]


def test_a_nak_is_broadcast() -> None:
    """dhcp 38: a NAK goes to all, even where ciaddr is set."""
    where = answer(responder(), Guest().renew(WRONG)).destination
    assert (where.hardware, where.address, where.port) == (BROADCAST, EVERYONE, 68)


def test_a_relayed_nak_has_the_broadcast_bit() -> None:
    """dhcp 37, 32, 56: via a relay a NAK goes there, with the bit set and 82 last."""
    guest = Guest(giaddr=RELAY).with_options({61: CLIENT_ID, 82: AGENT})
    arrival = replace(Guest(RELAY_HARDWARE).arrival(RELAY), source_port=67)
    reply = answer(responder(), guest.reboot(WRONG), arrival=arrival)
    nak = Message.parse(reply.payload)
    assert nak.broadcast
    assert nak.giaddr == RELAY
    assert (nak.ciaddr, nak.yiaddr, nak.siaddr) == (NOWHERE,) * 3
    assert [code for code, _ in sequence(reply.payload)] == [53, 54, 56, 61, 82]
    assert sequence(reply.payload)[-1] == (82, AGENT)
    assert (reply.destination.hardware, reply.destination.address) == (
        RELAY_HARDWARE,
        RELAY,
    )


def test_naks_are_damped() -> None:
    """dhcp 33: a MAC gets 5 NAKs at once, then one a second; others are not hurt."""
    server = responder(replace(NETWORK, authoritative=True))
    storm = [decide(server, Guest().reboot(WRONG), now=7.0) for _ in range(8)]
    assert [isinstance(each, Reply) for each in storm] == [True] * 5 + [False] * 3
    request = Guest().reboot(WRONG)
    assert silence(server, request, now=7.5) is Reason.NAK_DAMPED
    assert answer(server, request, now=8.0).kind is MessageType.NAK
    assert silence(server, request, now=8.1) is Reason.NAK_DAMPED
    other = Guest(STRANGER).reboot(WRONG)
    assert answer(server, other, now=8.1).kind is MessageType.NAK


def test_an_ack_is_not_damped() -> None:
    """dhcp 33: a damped MAC that asks for its own address is answered."""
    server = responder()
    for _ in range(10):
        decide(server, Guest().reboot(WRONG))
    assert answer(server, Guest().reboot()).kind is MessageType.ACK
