"""The shell, over a port that is a list, on a clock that jumps."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from dhcp.codes import MessageType
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.frames import Frame
from dhcp.guards import Guards
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.server import Answered
from dhcp.server import Malformed
from dhcp.server import serve

from .guest import ADDRESS
from .guest import BINDING
from .guest import BROADCAST
from .guest import EVERYONE
from .guest import MAC
from .guest import RELAY
from .guest import RELAY_HARDWARE
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import responder
from .room import RATE
from .room import ListPort
from .room import Room
from .room import in_room


def frame(message: Message, source: IPv4Address = NOWHERE) -> bytes:
    return Guest().frame(message, source)


def read(sent: bytes) -> Message:
    return Message.parse(Frame.parse(sent).payload)


DISCOVER = frame(Guest().discover())


def test_an_offer_leaves_as_one_frame() -> None:
    """dhcp 41, 42, 44: the OFFER is one frame on the port it came from: our MAC and
    address, port 67, to chaddr and yiaddr, port 68, its checksums right."""

    async def scenario(room: Room) -> None:
        (event,) = await room.hear(DISCOVER)
        assert isinstance(event, Answered)
        assert isinstance(event.decision, Reply)
        assert event.sent
        assert event.request.xid == Guest().xid
        assert (event.arrival.source_hardware, event.arrival.source_port) == (MAC, 68)
        (sent,) = room.port.sent
        assert Frame.parse(sent) == Frame(
            SERVER_HARDWARE, MAC, SERVER, ADDRESS, 67, 68, event.decision.payload
        )

    in_room(scenario)


FRAMES: dict[str, tuple[bytes, tuple[object, ...]]] = {
    # to whom the frame of the answer goes
    "OFFER, broadcast bit": (
        frame(Guest(broadcast=True).discover()),
        (BROADCAST, EVERYONE, 68),
    ),
    "ACK of a renewal": (frame(Guest().renew(), ADDRESS), (MAC, ADDRESS, 68)),
    "NAK of a renewal": (frame(Guest().renew(WRONG), WRONG), (BROADCAST, EVERYONE, 68)),
    "ACK of an INFORM": (frame(Guest().inform(), ADDRESS), (MAC, ADDRESS, 68)),
    "OFFER by a relay": (
        Frame(
            RELAY_HARDWARE,
            SERVER_HARDWARE,
            RELAY,
            SERVER,
            67,
            67,
            Guest(giaddr=RELAY).discover().pack(),
        ).pack(),
        (RELAY_HARDWARE, RELAY, 67),
    ),
    "OFFER by a relay that names its port": (
        Frame(
            RELAY_HARDWARE,
            SERVER_HARDWARE,
            RELAY,
            SERVER,
            4711,
            67,
            Guest(options={82: b"\x13\0"}, giaddr=RELAY).discover().pack(),
        ).pack(),
        (RELAY_HARDWARE, RELAY, 4711),
    ),
}


@pytest.mark.parametrize("case", FRAMES)
def test_each_answer_goes_where_the_table_says(case: str) -> None:
    """dhcp 36, 37, 38, 39, 40: the frame goes to the destination that was chosen."""
    arriving, where = FRAMES[case]

    async def scenario(room: Room) -> None:
        await room.hear(arriving)
        sent = Frame.parse(room.port.sent[0])
        assert (sent.destination_hardware, sent.destination, sent.destination_port) == (
            where
        )
        assert (sent.source_hardware, sent.source) == (SERVER_HARDWARE, SERVER)

    in_room(scenario)


def test_malformed_input_is_observed_and_harms_nothing() -> None:
    """dhcp 1, 12: what is malformed is observed and dropped; the next is answered."""
    bad_message = Frame.parse(DISCOVER)
    wrong_sum = DISCOVER[:-1] + bytes([DISCOVER[-1] ^ 1])

    async def scenario(room: Room) -> None:
        events = await room.hear(
            b"",
            DISCOVER[:100],
            replace(bad_message, payload=b"short").pack(),
            replace(bad_message, payload=bytes(300)).pack(),
            wrong_sum,
            DISCOVER,
        )
        assert [type(event) for event in events] == [Malformed] * 5 + [Answered]
        assert [event.problem.where for event in events if isinstance(event, Malformed)]
        assert len(room.port.sent) == 1

    in_room(scenario)


def test_a_checksum_that_is_not_ready_is_not_verified() -> None:
    """dhcp 11: what the port marks as not ready is answered, whatever its checksum."""
    wrong_sum = DISCOVER[:-1] + bytes([DISCOVER[-1] ^ 1])

    async def scenario(room: Room) -> None:
        (event,) = await room.hear(wrong_sum, checksum_ready=False)
        assert isinstance(event, Answered)
        assert event.sent

    in_room(scenario)


def test_silence_sends_nothing() -> None:
    """dhcp 18, 34, 35: what is met with silence is observed, and no frame leaves."""

    async def scenario(room: Room) -> None:
        events = await room.hear(
            frame(Guest(STRANGER).discover()),
            frame(Guest().decline()),
            frame(Guest().release(), ADDRESS),
        )
        decisions = [event.decision for event in events if isinstance(event, Answered)]
        assert decisions == [
            Silence(Reason.CONFLICT),
            Silence(Reason.RELEASED),
            Silence(Reason.UNKNOWN),
        ]
        assert room.port.sent == []

    in_room(scenario)


def test_a_burst_is_answered_in_order() -> None:
    """dhcp 67: 1,000 that arrive together are all answered, the first one first."""

    async def scenario(room: Room) -> None:
        burst = [replace(Guest().discover(), xid=number) for number in range(1000)]
        events = await room.hear(*map(frame, burst))
        assert len(events) == 1000
        xids = [read(sent).xid for sent in room.port.sent]
        assert xids == list(range(1000))

    in_room(scenario)


def test_a_change_is_seen_by_the_next_packet() -> None:
    """dhcp 66, 67: a binding that is put while the server waits is in the next OFFER;
    nothing is opened again, nothing is lost."""

    async def scenario(room: Room) -> None:
        for octet in range(10, 60):
            address = IPv4Address(f"10.0.0.{octet}")
            room.responder.bindings.put(replace(BINDING, address=address))
            await room.hear(DISCOVER, DISCOVER)
            offers = [read(sent) for sent in room.port.sent[-2:]]
            assert [offer.yiaddr for offer in offers] == [address, address]
        assert len(room.port.sent) == 100

    in_room(scenario)


def test_a_port_that_takes_nothing_loses_the_answer_alone() -> None:
    """dhcp 44: an answer that the device cannot take is observed as not sent."""

    async def scenario(room: Room) -> None:
        room.port.takes = False
        decided, repeated = await room.hear(DISCOVER, DISCOVER)
        assert isinstance(decided, Answered)
        assert isinstance(repeated, tuple)
        assert (decided.sent, repeated[2]) == (False, False)
        room.port.takes = True
        (event,) = await room.hear(DISCOVER)
        assert isinstance(event, tuple)
        assert event[2]

    in_room(scenario)


def test_the_clock_is_the_loops() -> None:
    """dhcp 33: NAKs are damped by the loop's clock: a second later, one more."""

    async def scenario(room: Room) -> None:
        wrong = frame(Guest().reboot(WRONG))
        events = await room.hear(*[wrong] * 7)
        decisions = [event.decision for event in events if isinstance(event, Answered)]
        kinds = [getattr(decision, "kind", None) for decision in decisions]
        assert kinds == [MessageType.NAK] * 5 + [None] * 2
        await trio.sleep(1)  # of a clock that jumps
        await room.hear(wrong, wrong)
        assert len(room.port.sent) == 6

    in_room(scenario)


def test_a_port_that_fails_ends_the_server() -> None:
    """dhcp 44: an OSError of the port is not swallowed: the daemon has to end."""

    async def main() -> None:
        port = ListPort()
        port.fail(OSError(19, "the device is gone"))
        with trio.fail_after(1):
            server = responder()
            guards = Guards(server.bindings.knows, known=RATE, unknown=RATE)
            await serve(port, server, guards, lambda events, seconds: None)

    with pytest.raises(OSError, match="the device is gone"):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
