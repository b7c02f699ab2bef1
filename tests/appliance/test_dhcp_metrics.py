"""The numbers that dhcp 72 names, from a real responder's decisions."""

import math
import os
from dataclasses import replace

import pytest

from appliance.activity import HOUR
from appliance.activity import STRANGERS_AT_MOST
from appliance.metrics import GAUGES
from dhcp.bindings import Binding
from dhcp.codes import MessageType
from dhcp.decision import NakReason

from .house import ip
from .house import mac
from .test_metrics import samples
from .test_observation import Watched

AGE = "metalease_dhcp_last_ack_age_seconds"
KNOWN = "metalease_dhcp_known_macs"
UNKNOWN = "metalease_dhcp_unknown_macs"
OTHERS = "metalease_dhcp_other_servers"


@pytest.fixture
def watched() -> Watched:
    found = Watched()
    for descriptor in found.pipe:
        os.close(descriptor)
    return found


def found(watched: Watched) -> dict[tuple[str, ...], float]:
    watched.observation.measure()
    return samples(watched.metrics.text())


def acknowledge(watched: Watched, number: int = 5) -> None:
    asked = ip(number).packed
    watched.dhcp(
        MessageType.REQUEST, number=number, server=ip(2).packed, requested=asked
    )


def test_every_number_that_the_clause_names(watched: Watched) -> None:
    """dhcp 72: received and sent by type, drops by reason, NAKs by reason, how long it
    took, known and unknown MACs, bindings, the last ACK's age, who does not ask for
    121, other servers, options that did not fit."""
    watched.responder.network = replace(watched.responder.network, authoritative=True)
    watched.dhcp(MessageType.DISCOVER, wants=b"\1\3")
    acknowledge(watched)
    watched.dhcp(MessageType.REQUEST, server=ip(2).packed, requested=ip(9).packed)
    watched.dhcp(MessageType.DISCOVER, number=9)
    watched.dhcp(MessageType.REQUEST, server=ip(3).packed, requested=ip(5).packed)
    watched.observation.elsewhere.see(ip(3), mac(3))
    numbers = found(watched)
    messages = "metalease_dhcp_messages_total"
    for result, kind in (
        ("OFFER", "DISCOVER"),
        ("ACK", "REQUEST"),
        ("NAK", "REQUEST"),
        ("unknown_client", "DISCOVER"),
        ("other_server", "REQUEST"),
    ):
        assert numbers[messages, result, kind] == 1
    assert numbers["metalease_dhcp_naks_total", NakReason.NOT_YOURS.value] == 1
    assert numbers["metalease_dhcp_seconds_count",] == 5
    assert numbers["metalease_dhcp_notes_total", "not_asking_for_121"] == 1
    sightings = "metalease_dhcp_other_server_sightings_total"
    assert (numbers[sightings, "request"], numbers[sightings, "answer"]) == (1, 1)
    assert (numbers[KNOWN,], numbers[UNKNOWN,], numbers[OTHERS,]) == (1, 1, 1)
    assert numbers[AGE,] == 0
    assert "metalease_bindings" in GAUGES
    assert "# TYPE metalease_dhcp_dropped_options_total" in watched.metrics.text()


def test_the_last_ack_has_an_age(watched: Watched) -> None:
    """dhcp 72: of any guest; NaN before the first, which no alert takes for a time."""
    assert math.isnan(found(watched)[AGE,])
    acknowledge(watched)
    watched.now += 90
    watched.dhcp(MessageType.DISCOVER)
    assert found(watched)[AGE,] == 90
    watched.now -= 1000  # a clock that is put back
    assert found(watched)[AGE,] == 0


def test_strangers_are_counted_once_for_an_hour(watched: Watched) -> None:
    """dhcp 71, 72: each MAC once, whatever it sends; a flood is bounded."""
    for _ in range(2):
        for number in (6, 7):
            watched.dhcp(MessageType.DISCOVER, number=number)
            watched.dhcp(MessageType.REQUEST, number=number, requested=ip(5).packed)
    acknowledge(watched)
    assert found(watched)[UNKNOWN,] == 2
    watched.now += HOUR
    assert found(watched)[UNKNOWN,] == 0
    for stranger in range(STRANGERS_AT_MOST + 10):
        watched.observation.strangers.note(stranger.to_bytes(6), watched.now)
    assert found(watched)[UNKNOWN,] == STRANGERS_AT_MOST


def test_what_guests_say_is_to_be_kept(watched: Watched) -> None:
    """dhcp 69: an ACK, a RELEASE, a conflict; nothing else changes it."""
    times = []

    def note() -> None:
        times.append(watched.observation.changed)
        watched.now += 1

    watched.dhcp(MessageType.DISCOVER)
    note()
    acknowledge(watched)
    note()
    watched.dhcp(MessageType.DECLINE, server=ip(2).packed, requested=ip(5).packed)
    note()
    watched.dhcp(MessageType.RELEASE, server=ip(2).packed, ciaddr=ip(5))
    note()
    watched.dhcp(MessageType.DISCOVER)
    note()
    assert times == [0.0, 1001.0, 1002.0, 1003.0, 1003.0]


def test_what_did_not_fit_is_named(watched: Watched) -> None:
    """dhcp 53, 72: an option that had no room is counted, by its code."""
    long = {224: bytes(400), 225: bytes(4)}
    watched.responder.bindings.put(Binding(mac(5), ip(5), options=long))
    watched.dhcp(MessageType.DISCOVER)
    numbers = found(watched)
    assert numbers["metalease_dhcp_dropped_options_total", "224"] == 1
    assert numbers["metalease_dhcp_notes_total", "dropped_option"] == 1
    assert ("metalease_dhcp_dropped_options_total", "225") not in numbers
