"""DECLINE and RELEASE: never answered, and a static binding survives both."""

from dataclasses import replace

import pytest

from dhcp.decision import Reason
from dhcp.decision import Silence

from .guest import ADDRESS
from .guest import NETWORK
from .guest import OTHER_SERVER
from .guest import SERVER
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import decide
from .guest import responder
from .guest import silence


def test_a_decline_reports_a_conflict() -> None:
    """dhcp 34: DECLINE of the binding: silence, a conflict with the guest's text."""
    request = Guest().with_options({56: b"ARP probe failed"}).decline()
    assert decide(responder(), request) == Silence(Reason.CONFLICT, "ARP probe failed")


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\n\x1b[31m\0", bytes(range(256))])
def test_a_declines_text_is_escaped(text: bytes) -> None:
    """dhcp 34, 73: what the guest says is printable, whatever octets it sent."""
    decision = decide(responder(), Guest().with_options({56: text}).decline())
    assert isinstance(decision, Silence)
    assert decision.text.isascii()
    assert decision.text.isprintable()


def test_a_declined_binding_stays() -> None:
    """dhcp 34: a DECLINE disables nothing: the next DISCOVER is offered the same."""
    server = responder()
    before = answer(server, Guest().discover())
    decide(server, Guest().decline())
    assert answer(server, Guest().discover()) == before
    assert answer(server, Guest().select()).address == ADDRESS


def test_a_released_binding_stays() -> None:
    """dhcp 35: a RELEASE is not answered, and takes nothing from the binding."""
    server = responder()
    before = answer(server, Guest().discover())
    assert silence(server, Guest().release()) is Reason.RELEASED
    assert answer(server, Guest().discover()) == before
    assert answer(server, Guest().reboot()).address == ADDRESS


def test_networkds_release_names_us_by_its_destination() -> None:
    """dhcp 35, clients C19: networkd's RELEASE has no option 54, and is to our IP."""
    guest = Guest(options={54: b""})
    to_us = replace(guest.arrival(ADDRESS), destination=SERVER)
    assert silence(responder(), guest.release(), arrival=to_us) is Reason.RELEASED


FAREWELLS = {
    "DECLINE to another server": (
        Guest().decline(server=OTHER_SERVER),
        Reason.OTHER_SERVER,
    ),
    "DECLINE of another address": (Guest().decline(WRONG), Reason.NOT_OURS),
    "DECLINE of a stranger": (Guest(STRANGER).decline(), Reason.UNKNOWN),
    "DECLINE without 54": (
        Guest(options={54: b"", 50: ADDRESS.packed}).decline(),
        Reason.OTHER_SERVER,
    ),
    "DECLINE without 50": (Guest(options={50: b""}).decline(), Reason.NOT_OURS),
    "RELEASE to another server": (
        Guest().release(server=OTHER_SERVER),
        Reason.OTHER_SERVER,
    ),
    "RELEASE without 54": (Guest(options={54: b""}).release(), Reason.OTHER_SERVER),
    "RELEASE of another address": (Guest().release(WRONG), Reason.NOT_OURS),
    "RELEASE of a stranger": (Guest(STRANGER).release(), Reason.UNKNOWN),
}


@pytest.mark.parametrize("case", FAREWELLS)
@pytest.mark.parametrize("authoritative", [False, True])
def test_other_farewells_mean_nothing(case: str, authoritative: bool) -> None:
    """dhcp 34, 35: only one to us, of the binding's own address, has a meaning."""
    request, reason = FAREWELLS[case]
    server = responder(replace(NETWORK, authoritative=authoritative))
    assert silence(server, request) is reason


def test_farewells_of_an_unread_mac_mean_nothing() -> None:
    """dhcp 27, 34, 35: a MAC whose file is unread is met with silence."""
    server = responder()
    server.bindings.unread.add(STRANGER.octets)
    assert silence(server, Guest(STRANGER).decline()) is Reason.UNREAD
    assert silence(server, Guest(STRANGER).release()) is Reason.UNREAD
