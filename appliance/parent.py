"""The root half of a daemon that was started by hand: it keeps, and waits."""

import gc
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial

import trio

from rewrite.ruleset import RuleSet

from . import host
from . import links
from .hosted import Hosted
from .journal import format_line
from .layout import NetworkLayout
from .notify import Notifier
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known before the fork."""

    settings: Settings
    rules: RuleSet
    files: NetworkLayout
    notifier: Notifier


class Parent:
    """The root half of a daemon that was started by hand: it keeps, and waits."""

    def __init__(
        self,
        plan: Plan,
        hosted: Hosted,
        child: int,
        ready: int,
        forwarder: int | None,
    ) -> None:
        self._plan = plan
        self._hosted = hosted
        self._child = os.pidfd_open(child)
        self._ready = ready
        self._forwarder = None if forwarder is None else os.pidfd_open(forwarder)
        self._code: int | None = None
        self._incomplete = False

    def run(self) -> int:
        """Return the child's exit code when it has ended."""
        gc.enable()
        try:
            trio.run(self._run, strict_exception_groups=True)
        finally:
            if self._code is None:  # nothing serves without its keeper
                signal.pidfd_send_signal(self._child, signal.SIGTERM)
                self._reap()
        return self._code or int(self._incomplete)

    async def _run(self) -> None:
        name = self._plan.settings.name
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_signals)
            nursery.start_soon(self._await_child, nursery.cancel_scope)
            if self._forwarder is not None:
                nursery.start_soon(self._await_forwarder, self._forwarder)
            if links.may_change():
                await nursery.start(
                    partial(
                        host.keep,
                        lambda: {name: self._hosted},
                        self._plan.files.parent_socket,
                        report=report,
                    )
                )
            else:  # a container: what it lacks is said, and its maker's affair
                for missing in links.check(self._plan.settings.attachment):
                    report(name, missing)
            await trio.lowlevel.wait_readable(self._ready)
            # it closes when the child ends, which is seen before its end is
            if os.read(self._ready, 1):
                self._plan.notifier.tell("READY=1")

    async def _pass_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self._plan.notifier.tell("STOPPING=1")
                signal.pidfd_send_signal(self._child, signal.SIGTERM)

    async def _await_child(self, scope: trio.CancelScope) -> None:
        await trio.lowlevel.wait_readable(self._child)
        self._reap()
        scope.cancel()

    async def _await_forwarder(self, forwarder: int) -> None:
        await trio.lowlevel.wait_readable(forwarder)
        if not _ended_well(forwarder):
            # no name outside is found without it: let it all be started anew
            print("metalease: the forwarder ended", file=sys.stderr)
            self._incomplete = True
        signal.pidfd_send_signal(self._child, signal.SIGTERM)

    def _reap(self) -> None:
        ended = os.waitid(os.P_PIDFD, self._child, os.WEXITED)
        assert ended is not None
        self._code = ended.si_status
        if ended.si_code != os.CLD_EXITED:
            self._code = 1
            number = ended.si_status
            print(f"metalease: serving ended by signal {number}", file=sys.stderr)


def _ended_well(process: int) -> bool:
    """Whether a process that has ended did so with 0; *process* is its descriptor."""
    ended = os.waitid(os.P_PIDFD, process, os.WEXITED)
    return ended is not None and (ended.si_code, ended.si_status) == (os.CLD_EXITED, 0)


def report(network: str, text: str) -> None:
    """Print what the keeper of *network* has to say."""
    print(format_line("host", {"network": network, "what": text}), flush=True)
