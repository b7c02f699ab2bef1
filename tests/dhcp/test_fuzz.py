"""One property: whatever a guest sends, there is a decision or the one error."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from time import process_time

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.decision import name_of
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.menus import MENUS_AT_MOST
from dhcp.message import Message
from dhcp.options import encode_option
from dhcp.options import encode_options

from .guest import ADDRESS
from .guest import BINDING
from .guest import DHCLIENT
from .guest import NETWORK
from .guest import RELAY
from .guest import SERVER
from .guest import Guest
from .guest import answer
from .guest import many
from .guest import responder

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
WIDE = replace(
    NETWORK, ranges=(replace(NETWORK.ranges[0], subnet=IPv4Network("10.0.0.0/8")),)
)


def outcome(payload: bytes) -> str:
    """Carry *payload* to a server, and check what comes back."""
    server = responder(replace(NETWORK, authoritative=True, rapid_commit=True))
    before = list(server.bindings), len(server.bindings.unread)
    try:
        request = Message.parse(payload)
    except MalformedMessage:
        return "malformed"
    decision = server.respond(request, RICH.arrival(ADDRESS), 0.0)
    assert (list(server.bindings), len(server.bindings.unread)) == before
    if isinstance(decision, Silence):
        return "silence"
    reply = Message.parse(decision.payload)
    assert (reply.op, reply.xid, reply.hlen) == (2, request.xid, 6)
    assert decision.address in (ADDRESS, IPv4Address(0))
    return name_of(decision.kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation(kind: str) -> None:
    """dhcp 12: every truncation of a valid message is malformed, or decided on."""
    payload = KINDS[kind].pack()
    outcomes = [outcome(payload[:length]) for length in range(len(payload))]
    assert set(outcomes[:240]) == {"malformed"}
    assert outcome(payload) != "malformed"


def mutations(payload: bytes) -> Iterator[bytes]:
    """Yield *payload* with each octet changed: to its neighbours, 0, 255, a bit."""
    for at, octet in enumerate(payload):
        for new in {0, 255, octet ^ 1, octet ^ 128, (octet + 1) & 255}:
            yield payload[:at] + bytes([new]) + payload[at + 1 :]


@pytest.mark.parametrize("kind", ["DISCOVER", "SELECTING", "RENEWING", "INFORM"])
def test_every_octet_changed(kind: str) -> None:
    """dhcp 12: every change of one octet is malformed, or decided on."""
    payload = KINDS[kind].pack()
    outcomes = {outcome(mutated) for mutated in mutations(payload)}
    assert {"malformed", "silence"} < outcomes


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


HOSTILE = {
    "255 times one option": b"\x0c\1x" * 255,
    "255 times 82": b"\x52\1x" * 255,
    "255 times 55": b"\x37\1\3" * 255,
    "every code asked for": encode_option(55, bytes(range(256)) * 4),
    "a compression loop in 119": b"\x77\2\xc0\0",
    "a compression loop in 81": b"\x51\5\5\0\0\xc0\0",
    "1,200 octets of PAD": bytes(1200),
    "400 empty options": b"\xe0\0" * 400,
    "82 without an end": b"\x52\xff" + bytes(255),
    "a client-id of a kilobyte": encode_option(61, bytes(1020)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_options_cost_little(case: str) -> None:
    """dhcp 12: many instances, long lists and loops cost bounded time."""
    head = Guest(options={}, giaddr=RELAY).discover().pack()[:240]
    payload = head + b"\x35\1\1" + HOSTILE[case] + b"\xff"
    started = process_time()
    for _ in range(20):
        assert outcome(payload) == "OFFER"
    assert process_time() - started < 0.2


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
