"""How options fit in what the client can receive."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.assembly import KEPT
from dhcp.assembly import LENT
from dhcp.assembly import Fitted
from dhcp.assembly import fit
from dhcp.decision import Note
from dhcp.decision import Reply
from dhcp.message import Message
from dhcp.network import Network
from dhcp.options import Options
from dhcp.options import encode_option
from dhcp.options import encode_options
from dhcp.routes import ClasslessRoute
from dhcp.routes import decode_routes

from .guest import BINDING
from .guest import DHCLIENT
from .guest import GATEWAY
from .guest import NETWORK
from .guest import RELAY
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import responder
from .guest import sequence

ROUTES = tuple(
    ClasslessRoute(IPv4Network((0x0A400000 + (n << 8), 24)), GATEWAY) for n in range(63)
)
HEAD, TAIL = {53: b"\2"}, {82: b"agent"}


def network(mtu: int = 1500, **options: int) -> Network:
    """Return a network whose option 200 + n has so many octets."""
    raw = {int(code[1:]): b"r" * octets for code, octets in options.items()}
    return replace(NETWORK, mtu=mtu, options=raw)


SIZES: list[tuple[int | None, int, int]] = [
    # option 57, the network's MTU -> octets that a message may have
    (None, 1500, 548),
    (576, 1500, 548),
    (0, 1500, 548),
    (300, 1500, 548),
    (1000, 1500, 972),
    (1472, 1450, 1422),
    (1500, 1500, 1472),
    (65535, 1500, 1472),
    (65535, 9000, 8972),
    (1500, 576, 548),
    (1500, 400, 548),
]


@pytest.mark.parametrize(("takes", "mtu", "octets"), SIZES)
def test_a_message_fills_what_the_client_takes(
    takes: int | None, mtu: int, octets: int
) -> None:
    """dhcp 53, 7, 42: min(57 or 576, MTU) - 28, never below 548; filled to the last
    octet, and one octet more is dropped, with the code named."""
    guest = Guest(options={} if takes is None else {57: takes.to_bytes(2, "big")})
    bare = len(answer(responder(network(mtu)), guest.discover()).payload.rstrip(b"\0"))
    room = octets - bare
    value = next(
        n for n in range(room) if len(encode_options([(224, b"r" * n)])) == room
    )
    full = answer(responder(network(mtu, c224=value)), guest.discover())
    assert len(full.payload) == octets
    assert (full.dropped, Note.DROPPED_OPTION in full.notes) == ((), False)
    over = answer(responder(network(mtu, c224=value + 1)), guest.discover())
    assert len(over.payload) == bare
    assert (over.dropped, Note.DROPPED_OPTION in over.notes) == ((224,), True)


def test_overload_lends_file_then_sname() -> None:
    """dhcp 53: what does not fit goes into file, then sname, and 52 says so."""
    server = responder(network(c224=200, c225=120, c226=50))
    guest = Guest(options={55: bytes([1, 3, 224, 225, 226])})
    reply = answer(server, guest.discover())
    message = Message.parse(reply.payload)
    assert len(reply.payload) <= 548
    assert dict(sequence(reply.payload))[52] == b"\3"
    assert message.file == bytes([225, 120]) + b"r" * 120 + b"\xff" + bytes(5)
    assert message.sname == bytes([226, 50]) + b"r" * 50 + b"\xff" + bytes(11)
    assert {224, 225, 226} <= message.options.values.keys()
    assert reply.dropped == ()


def test_without_a_list_there_is_no_overload() -> None:
    """dhcp 53: a client without option 55 gets nothing in file or sname."""
    server = responder(network(c224=100, c225=120))
    reply = answer(server, Guest(options={}).discover())
    message = Message.parse(reply.payload)
    assert (52 in message.options, any(message.file), any(message.sname)) == (
        False,
        False,
        False,
    )
    assert reply.dropped == (225,)
    assert 224 in message.options


def test_one_field_is_borrowed_where_one_is_enough() -> None:
    """dhcp 53: 52 is 1 where only file is lent; 61 and 82 stay the last options."""
    server = responder(network(c224=200, c225=60))
    guest = Guest(options={55: bytes([224, 225]), 61: b"\1idid", 82: b"agent"})
    reply = answer(server, replace(guest, giaddr=RELAY).discover())
    assert dict(sequence(reply.payload))[52] == b"\1"
    assert codes(reply.payload)[-2:] == [61, 82]
    assert not any(Message.parse(reply.payload).sname)


def test_the_important_stays() -> None:
    """dhcp 53: of too much, the lowest in rank is dropped: routes and router stay."""
    big = dict.fromkeys(range(224, 230), b"r" * 200)
    server = responder(replace(NETWORK, mtu=1500, routes=ROUTES[:20], options=big))
    guest = Guest(options={55: bytes([*big, 12, 119, 15, 26, 6, 3, 121, 1])})
    reply = answer(server, guest.discover())
    message = Message.parse(reply.payload)
    assert {1, 3, 121, 6, 26, 15, 12, 119} <= message.options.values.keys()
    assert len(decode_routes(message.options[121])) == 22
    assert set(reply.dropped) == {224, 225, 226, 227, 228, 229}
    assert len(reply.payload) <= 548


def test_many_routes_are_split() -> None:
    """dhcp 47, 54: 121 over 255 octets goes in adjacent pieces (clients C10)."""
    server = responder(replace(NETWORK, mtu=1500, routes=ROUTES))
    guest = Guest(options={55: DHCLIENT, 57: (1500).to_bytes(2, "big")})
    reply = answer(server, guest.discover())
    at = codes(reply.payload).index(121)
    pieces = [value for code, value in sequence(reply.payload) if code == 121]
    assert [len(piece) for piece in pieces] == [255, 255, 8]
    assert codes(reply.payload)[at : at + 3] == [121, 121, 121]
    routes = decode_routes(Message.parse(reply.payload).options[121])
    assert routes[2:] == ROUTES


def test_the_relays_option_stays_when_all_else_goes() -> None:
    """dhcp 56, 45: where 82 does not fit, others are dropped first, even 61; what goes
    to `file` is not the mask."""
    agent = bytes(255)
    guest = Guest(
        options={55: DHCLIENT, 61: b"\1" + bytes(250), 82: agent}, giaddr=RELAY
    )
    reply = answer(responder(), guest.discover())
    assert sequence(reply.payload)[-1] == (82, agent)
    assert len(reply.payload) <= 548
    assert reply.dropped == (61,)
    assert codes(reply.payload)[:7] == [53, 54, 51, 58, 59, 52, 1]
    nak = answer(responder(), guest.reboot(IPv4Address("10.0.0.77")))
    assert sequence(nak.payload)[-1] == (82, agent)
    assert len(nak.payload) <= 548
    assert codes(nak.payload) == [53, 54, 56, 82]


def test_a_client_id_that_does_not_fit_is_not_echoed() -> None:
    """dhcp 53, 55: a client-id of a kilobyte makes no message that is too large."""
    guest = Guest(options={61: bytes(1000)})
    for request in (guest.discover(), guest.reboot(IPv4Address("10.0.0.77"))):
        reply = answer(responder(), request)
        assert 61 not in codes(reply.payload)
        assert len(reply.payload) <= 548
    assert answer(responder(), guest.discover()).dropped == (61,)


bodies = st.dictionaries(
    st.integers(1, 254).filter(lambda code: code not in (52, 53, 82)),
    st.binary(max_size=300),
    max_size=12,
).map(lambda body: list(body.items()))


def read(fitted: Fitted) -> dict[int, bytes]:
    file, sname = fitted.file.ljust(128, b"\0"), fitted.sname.ljust(64, b"\0")
    values = dict(Options.parse(fitted.options, file, sname).values)
    values.pop(52, None)
    return values


@given(bodies, st.integers(548, 1472), st.booleans())
def test_every_option_is_placed_once_or_named(
    body: list[tuple[int, bytes]], octets: int, overload: bool
) -> None:
    """dhcp 53: whatever the options: nothing is too large, lost or sent twice."""
    body = [(code, value) for code, value in body if code not in FIXED_LENGTH]
    fitted = fit(
        encode_options(HEAD.items()),
        {code: encode_option(code, value) for code, value in body},
        encode_options(TAIL.items()),
        octets=octets,
        lent=LENT if overload else KEPT,
    )
    assert 240 + len(fitted.options) <= octets
    assert len(fitted.file) <= 128
    assert len(fitted.sname) <= 64
    kept = {code: value for code, value in body if code not in fitted.dropped}
    assert read(fitted) == HEAD | kept | TAIL
    if not overload:
        assert (fitted.file, fitted.sname) == (b"", b"")
    if 240 + 3 + len(encode_options(body)) + 7 + 1 <= octets:
        assert (fitted.dropped, fitted.file, fitted.sname) == ((), b"", b"")


FIXED_LENGTH = (50, 51, 54, 57, 58, 59, 61, 80, 116)


@given(st.integers(0, 65535), st.integers(68, 9000), st.integers(0, 600))
def test_no_answer_is_larger_than_the_link(takes: int, mtu: int, octets: int) -> None:
    """dhcp 42, 53: with 28 octets of headers an answer fits in the MTU, or in 576."""
    guest = Guest(options={55: DHCLIENT + b"\xe0", 57: takes.to_bytes(2, "big")})
    server = responder(network(mtu, c224=octets), replace(BINDING, routes=ROUTES))
    for request in guest.everything().values():
        decision = server.respond(request, guest.arrival(), 0.0)
        if isinstance(decision, Reply):
            assert 300 <= len(decision.payload) <= max(576, min(takes, mtu)) - 28


@pytest.mark.parametrize(("octets", "dropped"), [(125, ()), (126, (225,))])
def test_a_lent_field_is_filled_to_its_end(
    octets: int, dropped: tuple[int, ...]
) -> None:
    """dhcp 53: `file` takes 127 octets of options, then END; one more has no place."""
    server = responder(network(c224=200, c225=octets))
    reply = answer(server, Guest(options={55: bytes([1, 3, 224, 225])}).discover())
    assert reply.dropped == dropped
    if not dropped:
        assert Message.parse(reply.payload).file[-1] == 255


def test_who_is_lent_nothing_pays_nothing_for_it() -> None:
    """dhcp 53: without option 55 no room is kept for option 52: what stays fills the
    message to its last octet, beside what is dropped."""
    plain = answer(responder(network()), Guest(options={}).discover())
    bare = 240 + len(encode_options(sequence(plain.payload))) + 1
    server = responder(network(c224=548 - bare - 2, c225=200))
    reply = answer(server, Guest(options={}).discover())
    assert (len(reply.payload), reply.dropped) == (548, (225,))
