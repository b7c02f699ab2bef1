"""Other DHCP servers become numbers, a line each, and a list (dhcp 72)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field

import pytest

from appliance.elsewhere import LINES_AT_ONCE
from appliance.elsewhere import Elsewhere
from appliance.journal import Journal
from appliance.metrics import Metrics
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.options import Options
from dhcp.sightings import SERVERS_AT_MOST

from .house import ip
from .house import mac

SIGHTINGS = "metalease_dhcp_other_server_sightings"


@dataclass
class Watched:
    now: float = 1000.0
    metrics: Metrics = field(default_factory=lambda: Metrics("1"))
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def __post_init__(self) -> None:
        self.journal = Journal(self.pipe[1])
        self.elsewhere = Elsewhere(self.journal, self.metrics, lambda: self.now)

    def hear(self, number: int, giaddr: int | None = None) -> None:
        options = Options({53: b"\3", 54: ip(number).packed})
        request = Message(options=options)
        if giaddr is not None:
            request = Message(options=options, giaddr=ip(giaddr))
        self.elsewhere.hear(request, self.now)

    def lines(self) -> list[str]:
        return self.journal._take().decode().splitlines()


@pytest.fixture
def watched() -> Iterator[Watched]:
    found = Watched()
    yield found
    for descriptor in found.pipe:
        os.close(descriptor)


def test_a_server_is_a_line_when_it_is_new(watched: Watched) -> None:
    """dhcp 72: heard of, then seen with its MAC; each sighting is a number."""
    watched.hear(9)
    assert watched.lines() == []  # not before it is sure that it is none of ours
    watched.elsewhere.tell(())
    watched.elsewhere.see(ip(9), mac(9))
    watched.elsewhere.see(ip(9), mac(9))
    watched.elsewhere.tell(())
    watched.elsewhere.tell(())
    assert watched.lines() == [
        "other_server server=10.0.0.9 mac=unknown",
        "other_server server=10.0.0.9 mac=fa:16:3e:00:00:09",
    ]
    assert watched.metrics.counters[SIGHTINGS] == {("request",): 1, ("answer",): 2}
    assert watched.elsewhere.recent() == [
        {
            "server_id": "10.0.0.9",
            "mac": "fa:16:3e:00:00:09",
            "first": 1000.0,
            "last": 1000.0,
            "count": 3,
        }
    ]


def test_our_other_network_is_never_told(watched: Watched) -> None:
    """dhcp 72, 74: also when it answered before we knew of it."""
    watched.elsewhere.see(ip(9), mac(9))
    watched.elsewhere.tell({ip(9)})
    watched.elsewhere.see(ip(9), mac(9))
    watched.hear(9)
    watched.elsewhere.tell({ip(9)})
    assert watched.lines() == []
    assert watched.elsewhere.recent() == []
    assert watched.metrics.counters[SIGHTINGS] == {("answer",): 1}
    watched.elsewhere.tell(frozenset())
    watched.hear(9)
    assert len(watched.elsewhere.recent()) == 1


def test_what_a_relay_agent_brings_is_of_another_link(watched: Watched) -> None:
    watched.hear(9, giaddr=7)
    assert watched.elsewhere.recent() == []


def test_invented_servers_do_not_flood_the_journal(watched: Watched) -> None:
    """dhcp 71, 72, 73: some lines, then one a minute; what is left out is counted."""
    for number in range(2 * SERVERS_AT_MOST):
        watched.elsewhere.see(ip(9), HardwareAddress(number.to_bytes(6)))
    watched.elsewhere.tell(())
    assert len(watched.lines()) == LINES_AT_ONCE
    assert watched.journal.dropped == SERVERS_AT_MOST - LINES_AT_ONCE
    assert len(watched.elsewhere.recent()) == SERVERS_AT_MOST
    watched.now += 60
    for number in (1000, 1001):
        watched.elsewhere.see(ip(9), HardwareAddress(number.to_bytes(6)))
    watched.elsewhere.tell(())
    assert len(watched.lines()) == 1
