"""The networks' daemons: systemd's where it runs, else children of the agent.

A child that ends is started again. One that is there already, by hand or from an agent
that was killed, is kept an eye on, and is told to end by its process number.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import STDOUT
from typing import Final
from typing import Protocol

import trio

from ..errors import SettingsError
from ..layout import Layout
from ..layout import NetworkLayout
from .child import END_WITHIN
from .child import Keeper
from .child import has_ended
from .child import process_of
from .child import until_free

SYSTEMD: Final = Path("/run/systemd/system")
READY_WITHIN: Final = 60.0  # seconds
STARTS_AT_ONCE: Final = 8

Report = Callable[[str, str], None]


class Daemons(Protocol):
    """Who starts and ends them."""

    async def start(self, files: NetworkLayout) -> None:
        """Have it serve; nothing where it does. Raises SettingsError."""

    async def stop(self, files: NetworkLayout) -> None:
        """Have it ended when this returns. Raises SettingsError."""


async def choose(layout: Layout, nursery: trio.Nursery, report: Report) -> Daemons:
    """Return systemd's daemons where its units are those of *layout*, else ours."""
    return Units() if await has_units(layout) else Children(nursery, report)


async def has_units(layout: Layout) -> bool:
    """Whether systemd runs here, and its units are those of *layout*."""
    if layout.root != Path("/") or not SYSTEMD.is_dir():
        return False
    words = ["systemctl", "cat", "metalease@.service"]
    found = await trio.run_process(
        words, check=False, capture_stdout=True, stderr=STDOUT
    )
    return found.returncode == 0


class Units(Daemons):
    """metalease@NET.service, each."""

    async def start(self, files: NetworkLayout) -> None:
        await self._systemctl("start", files)

    async def stop(self, files: NetworkLayout) -> None:
        await self._systemctl("stop", files)

    async def _systemctl(self, word: str, files: NetworkLayout) -> None:
        unit = f"metalease@{files.name}.service"
        words = ["systemctl", word, unit]
        done = await trio.run_process(
            words,
            check=False,
            capture_stdout=True,
            stderr=STDOUT,
            start_new_session=True,  # Ctrl-C is ours, who may be putting things back
        )
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip()
            raise SettingsError(unit, f"`systemctl {word}` says: {said}")


class Children(Daemons):
    """`metalease run NET`, each.

    Resource handling: they end with *nursery*.
    """

    def __init__(self, nursery: trio.Nursery, report: Report) -> None:
        self._nursery = nursery
        self._report = report
        self._kept: dict[str, Keeper] = {}
        self._starts = trio.Semaphore(STARTS_AT_ONCE)

    async def start(self, files: NetworkLayout) -> None:
        keeper = self._kept.get(files.name)
        if keeper is None or not keeper.serves:
            await self._let_go(files)
            keeper = Keeper(files, self._report)
            async with self._starts:  # a host that boots has many to start
                self._kept[files.name] = keeper
                self._nursery.start_soon(keeper.run)
                with trio.move_on_after(READY_WITHIN):
                    await keeper.settled.wait()
        if not keeper.serves:
            what = keeper.problem or f"is not ready after {READY_WITHIN:.0f} s"
            raise SettingsError(f"network {files.name}", f"its daemon {what}")

    async def stop(self, files: NetworkLayout) -> None:
        await self._let_go(files)
        number = await process_of(files)
        if number is not None:
            await end_daemon(files, number)

    async def _let_go(self, files: NetworkLayout) -> None:
        keeper = self._kept.pop(files.name, None)
        if keeper is not None:
            keeper.scope.cancel()
            await keeper.ended.wait()


async def end_daemon(files: NetworkLayout, number: int) -> None:
    """End one that is no child of ours: both of its halves. Raises SettingsError."""
    with trio.move_on_after(END_WITHIN):
        try:
            os.kill(number, signal.SIGTERM)
        except ProcessLookupError:
            return
        await has_ended(number)
        await until_free(files)
        return
    what = f"its daemon, process {number}, has not ended in {END_WITHIN:.0f} s"
    raise SettingsError(f"network {files.name}", what)
