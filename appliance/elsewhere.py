"""The other DHCP servers of our guests' link: numbers, lines, a list (dhcp 72)."""

from collections.abc import Callable
from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Any

from dhcp.damping import Damping
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.sightings import Sightings
from dhcp.sightings import chosen

from .journal import Journal
from .metrics import Metrics

LINES_AT_ONCE = 10  # and then one a minute: a guest can invent servers
LINES_PER_SECOND = 1 / 60


class Elsewhere:
    """What is seen and heard of servers that are not ours.

    A line waits for `tell`, so that a network which came to this bridge a moment ago
    can be known by then.
    """

    def __init__(
        self, journal: Journal, metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        """*clock* is in seconds since the epoch."""
        self._journal = journal
        self._metrics = metrics
        self._clock = clock
        self._lines = Damping(rate=LINES_PER_SECOND, burst=LINES_AT_ONCE)
        self._sightings = Sightings()
        self._ours: Collection[IPv4Address] = ()

    def hear(self, request: Message, now: float) -> None:
        """Take a message by which a client turns to another server."""
        server_id = chosen(request)
        if server_id is not None and self._sightings.hear(server_id, now):
            self._metrics.count("metalease_dhcp_other_server_sightings", "request")

    def see(self, server_id: IPv4Address, hardware: HardwareAddress) -> None:
        """Take another server's answer to a client."""
        if self._sightings.see(server_id, hardware, self._clock()):
            self._metrics.count("metalease_dhcp_other_server_sightings", "answer")

    def tell(self, ours: Collection[IPv4Address]) -> None:
        """Log who is new; *ours* are the servers of our other networks on this link."""
        if ours != self._ours:
            self._ours = ours
            self._sightings.ignore(ours)
        for each in self._sightings.news():
            if self._lines.admits(None, self._clock()):
                mac = each.hardware or "unknown"
                self._journal.log("other_server", server=each.server_id, mac=mac)
            else:
                self._journal.dropped += 1

    def recent(self) -> list[dict[str, Any]]:
        """Return the servers of the last hour, the latest first, as JSON has them."""
        return [
            {
                "server_id": str(each.server_id),
                "mac": None if each.hardware is None else str(each.hardware),
                "first": each.first,
                "last": each.last,
                "count": each.count,
            }
            for each in reversed(self._sightings.recent(self._clock()))
        ]
