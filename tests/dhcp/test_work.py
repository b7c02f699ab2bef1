"""What a message costs is bounded, whatever is in it.

Work is counted in lines of Python that run, which no busy machine changes.
"""

import sys
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from dhcp.destination import Arrival
from dhcp.errors import MalformedMessage
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.option_text import describe_option
from dhcp.options import encode_option
from dhcp.responder import Responder

from . import verdict
from .guest import MAC
from .guest import NETWORK
from .guest import RELAY
from .guest import Guest
from .guest import responder

LINES_AN_OCTET = 10  # at most, that an octet more of a message may run


def server() -> Responder:
    return responder(replace(NETWORK, authoritative=True, rapid_commit=True))


def outcome(payload: bytes) -> str:
    return verdict.of_message(server(), payload)


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


def hostile(options: bytes) -> bytes:
    head = Guest(options={}, giaddr=RELAY).discover().pack()[:240]
    return head + b"\x35\1\1" + options + b"\xff"


def work(octets: bytes) -> int:
    """Return how many lines of Python are run for a message: the same each time."""
    lines = 0

    def trace(_: FrameType, event: str, __: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    here = server()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        decide_about(here, octets)
    finally:
        sys.settrace(before)
    return lines


def decide_about(here: Responder, octets: bytes) -> None:
    try:
        request = Message.parse(octets)
    except MalformedMessage:
        return
    here.respond(request, Arrival(MAC, NOWHERE), 0.0)


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_options_cost_little(case: str) -> None:
    """dhcp 12: many instances, long lists and loops cost bounded work."""
    payload = hostile(HOSTILE[case])
    assert outcome(payload) == "OFFER"
    assert work(payload) <= work(hostile(b"")) + LINES_AN_OCTET * len(payload)


def test_the_work_is_the_same_each_time() -> None:
    """The measure of these tests is no clock."""
    assert work(hostile(b"")) == work(hostile(b"")) > 100


@pytest.mark.parametrize("code", range(1, 255))
def test_255_instances_of_one_option(code: int) -> None:
    """dhcp 6, 12: 255 instances of any one option are one value, or malformed."""
    payload = hostile(bytes([code, 1, 120]) * 255)
    decided = "malformed" if code == 53 else "OFFER"
    assert outcome(payload) == decided
    assert work(payload) <= work(hostile(b"")) + LINES_AN_OCTET * len(payload)
    if code != 53:
        options = Message.parse(payload).options
        assert code in options.ignored or options[code] == b"x" * 255


LOOPS = (b"\xc0\0", b"\5\0\0\xc0\3", b"\1a\xc0\0", b"\x3f", b"\xff" * 300)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("code", [81, 119])
def test_loops_in_names_are_not_followed(code: int, loop: bytes) -> None:
    """dhcp 12: a name that leads to itself in 81 or 119 is answered, and shown."""
    payload = hostile(encode_option(code, loop))
    assert outcome(payload) == "OFFER"
    assert work(payload) <= work(hostile(b"")) + LINES_AN_OCTET * len(payload)
    assert describe_option(code, loop) == loop.hex(":")
