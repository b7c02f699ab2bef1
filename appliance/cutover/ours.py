"""Our daemon of the network, which goes on when the cut-over has ended.

systemd's where its units are; else `metalease run NET` in a session of its own, whose
output goes to a file beside the network's run-time directory.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import trio

from ..agent import child
from ..agent.daemons import Daemons
from ..agent.daemons import Units
from ..agent.daemons import end_daemon
from ..agent.daemons import has_units
from ..bell import ring
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..layout import Layout
from ..layout import NetworkLayout
from . import processes

READY_WITHIN: Final = 30.0  # seconds
LET_GO_WITHIN: Final = 10.0  # seconds
LOOK_SECONDS: Final = 0.05
LINE_AT_MOST: Final = 4096  # octets of its log that are looked at
SAYS: Final = "metalease: "
"""What a line begins with that tells an operator what to do."""


async def choose(layout: Layout) -> Daemons:
    """Return who starts and ends daemons of *layout*."""
    return Units() if await has_units(layout) else Detached()


def log_of(files: NetworkLayout) -> Path:
    # the network's own directory is the daemon's: a link there could lead anywhere
    return files.layout.runtime / f"{files.name}.log"


class Detached(Daemons):
    """`metalease run NET`, which nobody waits for once it serves."""

    async def start(self, files: NetworkLayout) -> None:
        """Have it serve. Raises SettingsError, and then it does not run."""
        with _log(files) as log, child.notified() as (heard, door):
            process = await child.open_daemon(files, door, log)
            ready = False
            try:
                with trio.move_on_after(READY_WITHIN):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(_cancel_at_end, process, nursery)
                        await child.until_ready(heard)
                        ready = True
                        nursery.cancel_scope.cancel()
            finally:
                code = process.returncode
                if not ready:
                    await child.end(process)
        if not ready:
            raise SettingsError(f"metalease run {files.name}", _reason(files, code))

    async def stop(self, files: NetworkLayout) -> None:
        """Have every one ended, also one that has only begun to start."""
        await processes.end(_running(files))
        number = await child.process_of(files)
        if number is not None:  # somebody's who has started it in other words
            await end_daemon(files, number)
        await child.until_free(files)


@dataclass(frozen=True, slots=True)
class _Running:
    pid: int
    started: int


def _running(files: NetworkLayout) -> list[_Running]:
    wanted = tuple(child.words_of(files))
    found = []
    for each in processes.all_processes():
        with suppress(OSError):  # it has ended meanwhile
            if processes.words(each / "cmdline") == wanted:
                _, started = processes.parent_and_start(each)
                found.append(_Running(int(each.name), started))
    return sorted(found, key=lambda each: each.started)


@contextmanager
def _log(files: NetworkLayout) -> Iterator[int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(log_of(files), flags, 0o640)
    try:
        yield log
    finally:
        os.close(log)


async def _cancel_at_end(process: trio.Process, nursery: trio.Nursery) -> None:
    await process.wait()
    nursery.cancel_scope.cancel()


def _reason(files: NetworkLayout, code: int | None) -> str:
    """Say why it does not serve: in its own last words, where it has ended."""
    if code is None:
        return f"is not ready after {READY_WITHIN:.0f} s: see {log_of(files)}"
    lines = log_of(files).read_text(errors="replace")[-LINE_AT_MOST:].splitlines()
    # its other half, which keeps the links, goes on with its own lines for a moment
    said = [each for each in lines if each.startswith(SAYS)] or lines or ["no word"]
    return f"ended with exit code {code}: {said[-1].removeprefix(SAYS)}"


async def described(files: NetworkLayout) -> str:
    """Say which process serves, and where it tells of itself."""
    number = await child.process_of(files)
    written = f", whose log is {log_of(files)}" if log_of(files).exists() else ""
    return f"metalease run {files.name} ({number}){written}"


async def until_let_go(files: NetworkLayout) -> None:
    """Wait until `metalease host`, where it runs, keeps the network no more.

    Raises SettingsError when it goes on with it.
    """
    request = {"op": "apply", "network": files.name, "macs": []}
    ask = partial(ring, files.layout.host_socket, request, timeout=LET_GO_WITHIN)
    with trio.move_on_after(LET_GO_WITHIN):
        while True:
            try:
                answer = await trio.to_thread.run_sync(ask)
            except SettingsError as problem:
                if problem.exit_code == NOT_RUNNING:
                    return
                raise
            if not answer.get("ok"):
                return
            await trio.sleep(LOOK_SECONDS)  # it looks at its list once a second
    what = f"keeps it though {files.not_in_service} is there: stop metalease host"
    raise SettingsError(f"network {files.name}", what)
