"""The composition root: one network's parts, put together in one nursery.

Here, and nowhere else, everything meets: files give the state, the state gives
answers, shells carry them, and what happens is observed.
"""

import gc
import signal
import socket
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from functools import partial

import trio

from dhcp.guards import Guards
from dhcp.lookout import watch
from dhcp.responder import Responder
from dhcp.server import serve as serve_dhcp
from rewrite.ruleset import RuleSet

from . import __version__
from . import doorbell
from .activity import Diary
from .control import Control
from .directory import StateDirectory
from .follower import Follower
from .hosted import Surroundings
from .http_service import HttpService
from .http_service import Site
from .journal import Journal
from .layout import NetworkLayout
from .metrics import Metrics
from .name_service import NameService
from .notify import Notifier
from .observation import Observation
from .outside import Outside
from .pool_service import PoolService
from .pool_service import Served
from .settings import Settings
from .sockets import Sockets
from .spool import Leavings
from .spool import Spool
from .state import Change
from .state import State
from .token_key import open_gate

COLLECT = (10_000, 10, 1_000)  # objects, young and middle collections before the next
DRAIN = 5.0  # seconds for open requests when we are told to stop
TICK = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Given:
    """What a network's daemon is made of."""

    settings: Settings
    rules: RuleSet
    files: NetworkLayout
    sockets: Sockets
    line: socket.socket | None = None
    """To the forwarder that was started with us; else one is looked for."""
    state: State | None = None
    """The bindings, where they were read before the fork."""


async def serve(given: Given, notifier: Notifier, ready: Callable[[], None]) -> None:
    """Serve one network until SIGTERM or SIGINT; *ready* is called when it does.

    Error handling: an OSError of the DHCP device ends the daemon.
    """
    daemon = Daemon(given, notifier)
    daemon.load()
    spare_the_collector()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            await daemon.start(nursery)
            ready()
            async for _ in signals:
                break
            nursery.start_soon(_ignore, signals)  # one is enough
            notifier.tell("STOPPING=1")
            with trio.move_on_after(DRAIN):
                await daemon.drain()
            nursery.cancel_scope.cancel()


async def _ignore(signals: AsyncIterator[int]) -> None:
    async for _ in signals:
        pass


def spare_the_collector() -> None:
    """Keep the search for cycles away from what stays: with 50,000 bindings each full
    one would hold every packet up for 40 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


class Daemon:
    """The parts of one network's daemon, joined."""

    def __init__(self, given: Given, notifier: Notifier) -> None:
        settings, files = given.settings, given.files
        self._given = given
        self._notifier = notifier
        self._started = time.time()
        self._journal = Journal()
        self._metrics = Metrics(__version__)
        self._observation = Observation(self._journal, self._metrics, time.time)
        self._state = given.state or State(StateDirectory(files.bindings), settings)
        self._follower = Follower(self._state, self._changed)
        self._surroundings = Surroundings(settings, files.layout)
        self._diary = Diary(
            files.activity,
            self._observation,
            self._state.records,
            clock=time.time,
            report=lambda what: self._journal.log("activity", what=what),
        )
        self._port = given.sockets.dhcp
        self._responder = None
        if self._port is not None:
            self._responder = Responder(
                settings.network, self._state.table, self._port.hardware
            )
        self._pool: PoolService | None = None
        arp = given.sockets.arp
        if self._port is not None and self._responder is not None and arp is not None:
            self._pool = PoolService(
                settings,
                files,
                self._state.table,
                Served(self._port, arp, self._responder, self._observation.dhcp),
                self._journal,
                self._metrics,
            )
        self._outside = Outside(settings, given.rules, files, given.line)
        self._names = None
        if settings.dns.enabled:
            self._names = NameService(settings, files, self._outside.channel)
        gate = open_gate(files, lambda what: self._journal.log("token_key", what=what))
        self._http = HttpService(
            Site(settings, given.rules, self._state, files, gate),
            given.sockets,
            self._observation,
            self._outside.porter.pass_on,
            lambda what: self._journal.log("limits", what=what),
        )
        self._leavings = Leavings(
            Spool(files.spool),
            self._state,
            lambda what: self._journal.log("spool", what=what),
        )

    def load(self) -> None:
        """Read the files; raises SettingsError when they cannot even be listed."""
        if self._given.state is None:
            self._state.load()
        if self._names is not None:
            self._names.follow(Change(put=tuple(self._state.records.values())))
        problems = tuple(self._state.problems.values())
        self._changed(Change(problems=problems))
        self._journal.log("loaded", bindings=len(self._state.table), bad=len(problems))
        if self._pool is not None:
            self._pool.load()
        self._leavings.recall()
        self._look_around()

    async def start(self, nursery: trio.Nursery) -> None:
        """Serve what was loaded."""
        nursery.start_soon(self._journal.run)
        if self._port is not None and self._responder is not None:
            limits = self._given.settings.limits
            waiting = None
            if self._pool is not None:
                await self._pool.start(nursery)
                waiting = self._pool.waiting
            guards = Guards(
                self._knows,
                known=limits.dhcp_per_second_per_mac,
                unknown=limits.dhcp_per_second_unknown,
            )
            await nursery.start(
                partial(
                    serve_dhcp,
                    self._port,
                    self._responder,
                    guards,
                    self._observation.dhcp,
                    waiting=waiting,
                )
            )
        if self._given.sockets.lookout is not None:
            seen = self._observation.elsewhere.see
            nursery.start_soon(watch, self._given.sockets.lookout, seen)
        await self._http.start(nursery)
        self._outside.start(nursery)
        if self._names is not None:
            sockets = self._given.sockets
            self._names.start(nursery, sockets.dns_udp, sockets.dns_tcp)
        nursery.start_soon(self._serve_control)
        nursery.start_soon(self._follower.run)
        nursery.start_soon(self._tick)
        nursery.start_soon(self._diary.run)

    def _knows(self, chaddr: bytes) -> bool:
        """Whether a client is one of ours: bound, or with a lease."""
        if self._state.table.knows(chaddr):
            return True
        return self._pool is not None and self._pool.lends_to(chaddr)

    async def drain(self) -> None:
        """Let the open requests finish."""
        self._journal.log("stopping", network=self._given.settings.name)
        await self._http.drain()

    async def _serve_control(self) -> None:
        control = Control(
            self._state,
            self._follower,
            self._observation,
            self._metrics,
            self._started,
            self._measure,
            None if self._pool is None else self._pool.listing,
        )
        try:
            await doorbell.serve(
                self._given.sockets.control,
                control.answer,
                report=lambda text: self._journal.log("fault", traceback=text),
            )
        finally:
            path = self._given.files.control_socket
            doorbell.close(self._given.sockets.control, path)

    async def _tick(self) -> None:
        beat = self._notifier.watchdog
        told = 0.0
        while True:
            await trio.sleep(TICK if beat is None else min(TICK, beat / 2))
            await trio.to_thread.run_sync(self._look_around)
            if self._leavings:
                await trio.to_thread.run_sync(self._leavings.clear)
            self._observation.elsewhere.tell(self._surroundings.server_ids)
            now = trio.current_time()
            if beat is not None and now - told >= beat / 2:
                self._notifier.tell("WATCHDOG=1")
                told = now

    def _look_around(self) -> None:
        """See whether another network has come to our bridge, or the last has gone."""
        if self._responder is None:
            return
        shared = self._surroundings.shared()
        network = self._responder.network
        if shared != network.shares_bridge:
            self._responder.network = replace(network, shares_bridge=shared)

    def _changed(self, change: Change) -> None:
        if self._names is not None:
            self._names.follow(change)
        if self._pool is not None:
            self._pool.follow(change)
        for record in change.put:
            self._journal.log("bound", mac=record.mac, ip=record.ip)
        for record in change.gone:
            self._journal.log("unbound", mac=record.mac, ip=record.ip)
            self._leavings.note(record.ip)
            if record.mac.octets not in self._state.records:
                self._observation.forget(record.mac.octets)
        for problem in change.problems:
            self._journal.log("bad_file", file=problem.where, what=problem.what)

    def _measure(self) -> None:
        gauges = self._metrics.gauges
        gauges["metalease_bindings"] = len(self._state.table)
        self._observation.measure()
        gauges["metalease_bad_files"] = len(self._state.problems)
        gauges["metalease_vanished_bindings"] = len(self._state.vanished)
        gauges["metalease_http_connections"] = len(self._http)
        gauges["metalease_start_timestamp_seconds"] = self._started
        counters = self._metrics.counters
        if self._port is not None:
            counters["metalease_dhcp_lost_frames"][()] += self._port.lost()
        if self._pool is not None:
            self._pool.measure()
        self._outside.measure(self._metrics)
        if self._names is not None:
            self._names.measure(self._metrics)
        counters["metalease_log_lines_dropped"][()] = self._journal.dropped
