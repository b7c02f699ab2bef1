"""One property: whatever a guest sends, there is a decision or the one error."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from itertools import count

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.frames import Frame
from dhcp.menus import MENUS_AT_MOST
from dhcp.message import NOWHERE
from dhcp.options import encode_options
from dhcp.responder import Responder
from dhcp.server import Malformed

from . import verdict
from .corpus import MALFORMED
from .corpus import VALID
from .guest import ADDRESS
from .guest import BINDING
from .guest import BROADCAST
from .guest import DHCLIENT
from .guest import EVERYONE
from .guest import MAC
from .guest import NETWORK
from .guest import RELAY
from .guest import SERVER
from .guest import Guest
from .guest import answer
from .guest import many
from .guest import responder
from .room import Room
from .room import in_room

# one that touches every branch of the assembly, and lends its fields
RICH = Guest(
    options={
        55: DHCLIENT + b"\xf9",
        57: b"\5\xc0",
        61: b"\1" + BINDING.hardware.octets,
        81: b"\5\0\0",
        80: b"",
        82: b"\1\2ab\x13\0",
        52: b"\3",
    },
    giaddr=RELAY,
)
KINDS = RICH.everything()
PACKETS = VALID | {f"rich {kind}": message.pack() for kind, message in KINDS.items()}
WIDE = replace(
    NETWORK, ranges=(replace(NETWORK.ranges[0], subnet=IPv4Network("10.0.0.0/8")),)
)


def server() -> Responder:
    return responder(replace(NETWORK, authoritative=True, rapid_commit=True))


HERE = server()
LATER = count(step=10)  # seconds: no bucket runs dry


def outcome(payload: bytes) -> str:
    """Carry *payload* to a server, and check what comes back."""
    return verdict.of_message(HERE, payload, now=next(LATER))


def outcome_of_frame(frame: bytes) -> str:
    return verdict.of_frame(HERE, frame, now=next(LATER))


def framed(payload: bytes) -> bytes:
    return Frame(MAC, BROADCAST, NOWHERE, EVERYONE, 68, 67, payload).pack()


@pytest.mark.parametrize("packet", PACKETS)
def test_every_truncation(packet: str) -> None:
    """dhcp 12: every truncation of a valid message is malformed, or decided on."""
    payload = PACKETS[packet]
    outcomes = [outcome(payload[:length]) for length in range(len(payload))]
    assert set(outcomes[:240]) == {"malformed"}
    assert outcome(payload) != "malformed"


@pytest.mark.parametrize("packet", PACKETS)
def test_every_truncation_of_a_frame(packet: str) -> None:
    """dhcp 12: every truncation of a frame, and of what is in it."""
    payload = PACKETS[packet]
    frame = framed(payload)
    cut = {outcome_of_frame(frame[:at]) for at in range(len(frame))}
    assert cut == {"malformed"}
    for length in range(0, len(payload), 7):
        part = payload[:length]
        arrival = Arrival(MAC, NOWHERE)
        assert outcome_of_frame(framed(part)) == verdict.of_message(
            HERE, part, arrival, next(LATER)
        )


def mutations(octets: bytes) -> Iterator[bytes]:
    """Yield *octets* with each one changed: to 0, 255, and by its last bit."""
    for at, octet in enumerate(octets):
        for new in {0, 255, octet ^ 1} - {octet}:
            yield octets[:at] + bytes([new]) + octets[at + 1 :]


@pytest.mark.parametrize("packet", PACKETS)
def test_every_octet_changed(packet: str) -> None:
    """dhcp 12: every change of one octet is malformed, or decided on."""
    outcomes = {outcome(mutated) for mutated in mutations(PACKETS[packet])}
    assert {"malformed", "silence"} <= outcomes


@pytest.mark.parametrize("packet", PACKETS)
def test_every_octet_of_a_frame_changed(packet: str) -> None:
    """dhcp 11, 12: no change of one octet but in a MAC gets by the checksums."""
    frame = framed(PACKETS[packet])
    for mutated in mutations(frame[:12]):
        assert outcome_of_frame(mutated + frame[12:]) != "malformed"
    for mutated in mutations(frame[12:]):
        assert outcome_of_frame(frame[:12] + mutated) == "malformed"


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", ["DISCOVER", "SELECTING", "INFORM"])
def test_every_value_of_every_octet(kind: str) -> None:
    """dhcp 12: every octet of a message can have every value."""
    payload = KINDS[kind].pack()
    outcomes = {
        outcome(payload[:at] + bytes([new]) + payload[at + 1 :])
        for at in range(len(payload))
        for new in range(256)
    }
    assert {"malformed", "silence"} < outcomes


def test_what_is_malformed_changes_no_state() -> None:
    """dhcp 12: after every malformed frame the server is the one that it was."""
    frames = [framed(payload) for payload in MALFORMED.values()]
    for payload in VALID.values():
        whole = framed(payload)
        frames += [whole[:at] for at in range(0, len(whole), 11)]
        cut = (payload[:at] for at in range(0, len(payload), 11))
        frames += [framed(each) for each in cut if outcome(each) == "malformed"]

    async def scenario(room: Room) -> None:
        await room.hear(framed(VALID["dhclient discover"]))
        before = verdict.state(room.responder)
        sent = len(room.port.sent)
        for first in range(0, len(frames), 100):
            heard = frames[first : first + 100]
            events = await room.hear(*heard)
            assert [type(event) for event in events] == [Malformed] * len(heard)
        assert verdict.state(room.responder) == before
        assert len(room.port.sent) == sent == 1
        await room.hear(framed(VALID["udhcpc discover"]))
        assert verdict.state(room.responder) != before

    in_room(scenario)


@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 330),
    st.binary(max_size=8),
    st.integers(0, 8),
)
@settings(max_examples=400)
def test_octets_replaced_added_and_taken(
    kind: str, at: int, new: bytes, taken: int
) -> None:
    """dhcp 12: octets replaced, added or taken anywhere: malformed, or decided on."""
    payload = KINDS[kind].pack()
    outcome(payload[:at] + new + payload[at + taken :])


tlvs = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=12)


@given(tlvs, st.sampled_from(range(12)), st.binary(max_size=20))
@settings(max_examples=400)
def test_random_options(
    options: list[tuple[int, bytes]], kind: int, rest: bytes
) -> None:
    """dhcp 12: random options, in any number and length: malformed, or decided on."""
    head = Guest(options={}).discover().pack()[:240]
    outcome(head + bytes([53, 1, kind]) + encode_options(options) + rest)


@given(st.binary(max_size=600))
def test_random_octets(payload: bytes) -> None:
    """dhcp 12: random octets are malformed."""
    assert outcome(payload) == "malformed"


def test_no_state_grows_with_the_senders() -> None:
    """dhcp 12: 10,000 senders leave nothing behind in the tables of a server."""
    server = responder(replace(NETWORK, authoritative=True))
    for number in range(10_000):
        chaddr = (0x020000000000 + number).to_bytes(6, "big")
        request = replace(Guest().reboot(), chaddr=chaddr)
        decision = server.respond(request, Guest().arrival(), 0.0)
        assert isinstance(decision, Reply)
        inform = replace(Guest().inform(ADDRESS), chaddr=chaddr)
        server.respond(inform, Guest().arrival(), 0.0)
    assert max(len(server._naks), len(server._informs)) <= 4096
    assert len(server._menus) == 1


def test_what_is_remembered_of_guests_is_bounded() -> None:
    """dhcp 12, 67: more guests than are remembered are each told their own."""
    guests = many(MENUS_AT_MOST + 100)
    server = responder(WIDE, *guests)
    for binding in guests:
        request = replace(Guest().discover(), chaddr=binding.hardware.octets)
        decision = server.respond(request, Guest().arrival(), 0.0)
        assert isinstance(decision, Reply)
        assert decision.address == binding.address
        assert len(server._menus) <= MENUS_AT_MOST


def test_a_frame_of_each_kind_is_what_was_sent() -> None:
    """dhcp 1: the messages of this file are valid, and so are their frames."""
    for message in KINDS.values():
        frame = Frame.parse(RICH.frame(message))
        assert frame.payload == message.pack()
        assert frame.destination_port == 67
    assert answer(responder(), KINDS["DISCOVER"]).source == SERVER
