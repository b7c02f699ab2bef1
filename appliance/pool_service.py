"""The pool of one network's daemon: what its journal said, its probes, its leases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import trio

from dhcp.arp_port import ArpPort
from dhcp.bindings import BindingTable
from dhcp.lease import Use
from dhcp.responder import Responder
from dhcp.server import Observer
from dhcp.server import Port
from dhcp.waiting import Outcome
from dhcp.waiting import Probed
from dhcp.waiting import Waiting

from .journal import Journal
from .layout import NetworkLayout
from .leases import Clock
from .ledger import Ledger
from .metrics import Metrics
from .pool_state import describe
from .pool_state import longest_lease
from .pool_state import make_pool
from .pool_state import read_clock
from .pool_state import restore
from .settings import Settings
from .state import Change

LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Served:
    """What a pool needs of the DHCP server beside it."""

    port: Port
    arp: ArpPort
    responder: Responder
    observe: Observer


def _look() -> Clock:
    return read_clock(trio.current_time())


class PoolService:
    """Gives addresses of the pool to clients that are not bound.

    Error handling: a journal that cannot be read or written is told and counted, and
    costs clients of the pool their answers; nobody else.
    """

    def __init__(
        self,
        settings: Settings,
        files: NetworkLayout,
        table: BindingTable,
        served: Served,
        journal: Journal,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._table = table
        self._served = served
        self._journal = journal
        self._metrics = metrics
        self._pool = make_pool(settings, table)
        self._ledger = Ledger(files.leases, self._pool.memory, self._tell, _look)
        self._asleep = False
        self.waiting = Waiting(
            served.port,
            served.arp,
            self._ledger,
            served.responder,
            self._pool,
            served.observe,
            self._probed,
        )

    def load(self) -> None:
        """Take over the leases of an earlier run."""
        found = self._ledger.load(longest_lease(self._settings))
        restore(self._pool, found, self._table)
        damaged = self._metrics.counters["metalease_dhcp_lease_records_damaged"]
        damaged[()] += found.damaged
        held = len(self._pool.holds(trio.current_time()))
        self._journal.log("pool", addresses=len(self._pool), held=held)
        self._served.responder.pool = self._pool

    async def start(self, nursery: trio.Nursery) -> None:
        """Serve; whoever waits for the disk, it is none of the daemon's other tasks."""
        await nursery.start(self.waiting.run)
        nursery.start_soon(self._keep)

    def lends_to(self, chaddr: bytes) -> bool:
        """Whether a client has a lease."""
        return self._pool.lends_to(chaddr)

    def follow(self, change: Change) -> None:
        """Let the leases go of those who are bound now."""
        for record in change.put:
            self._pool.evict(record.mac.octets)
        self.waiting.flush()

    async def _keep(self) -> None:
        """Look at the clock, and who else is on our link."""
        while True:
            asleep = self._served.responder.network.shares_bridge
            if asleep is not self._asleep:
                self._asleep = asleep
                shared = "asleep: another network shares the bridge"
                self._journal.log("pool", state=shared if asleep else "awake")
            await self._ledger.tick()  # a disk that refuses is told at once
            await trio.sleep(LOOK_EVERY)

    def listing(self) -> Mapping[str, Any]:
        """Return what `metalease leases` shows."""
        leases = describe(self._pool, _look())
        shared = self._served.responder.network.shares_bridge
        return {"addresses": len(self._pool), "asleep": shared, "leases": leases}

    def measure(self) -> None:
        """Bring the numbers up to date."""
        holds = self._pool.holds(trio.current_time())
        gauges, counters = self._metrics.gauges, self._metrics.counters
        uses = [hold.use for hold in holds]
        gauges["metalease_dhcp_pool_addresses"] = len(self._pool)
        gauges["metalease_dhcp_leases"] = uses.count(Use.LEASED)
        gauges["metalease_dhcp_quarantined"] = uses.count(Use.QUARANTINED)
        failures = counters["metalease_dhcp_lease_journal_failures"]
        failures[()] = self._ledger.failures

    def _probed(self, probed: Probed) -> None:
        self._metrics.count("metalease_dhcp_probes", probed.outcome.value)
        if probed.outcome is Outcome.IN_USE:
            self._journal.log("address_in_use", ip=probed.address, by=probed.holder)

    def _tell(self, what: str) -> None:
        self._journal.log("lease_journal", what=what)
