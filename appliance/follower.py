"""Keep the state in step with its files, and say what changed.

Two who read the same files take turns, so that what was read first never undoes what
was read last.
"""

from collections.abc import Callable
from collections.abc import Sequence
from enum import Enum

import trio

from .directory import SUFFIX
from .directory import Stamp
from .errors import SettingsError
from .state import Change
from .state import State

TICK = 1.0  # seconds between two looks at the directory
# a full look at every file's times costs; it is taken at most this part of the time
SHARE = 0.02


class Look(Enum):
    """How closely the files are looked at."""

    NOT = 0
    NAMES = 1
    """Which are there, and under which inode: finds all that is renamed into place."""
    TIMES = 2
    """When each was changed: finds also what was edited in place."""


class Pace:
    """When to look at the files again: a change of the directory is seen each time,
    one inside a file at a pace that a large directory can bear.
    """

    def __init__(self) -> None:
        self._modified = -1
        self._due = 0.0

    def choose(self, modified: int, now: float) -> Look:
        """Return the look that is due; *modified* is the directory's time."""
        seen, self._modified = self._modified, modified
        if now >= self._due:
            return Look.TIMES
        return Look.NOT if modified == seen else Look.NAMES

    def looked(self, started: float, ended: float) -> None:
        """Take note of a look at the times, and what it cost."""
        self._due = ended + (ended - started) / SHARE


def find_changes(state: State, look: Look) -> tuple[list[str], dict[str, Stamp]]:
    """Return the files that differ from what is in force, and their stamps.

    Raises SettingsError when the directory cannot be listed.
    """
    if look is Look.NAMES:
        names = state.replaced(state.directory.inodes())
        return names, state.directory.stamps_of(names)
    stamps = state.directory.stamps()
    return state.differing(stamps), stamps


class Follower:
    """Brings files in force: those that a command names, and those found by hand."""

    def __init__(self, state: State, changed: Callable[[Change], None]) -> None:
        self._state = state
        self._changed = changed
        self._turn = trio.Lock()
        self._pace = Pace()
        self._told = ""

    async def apply(self, macs: Sequence[str]) -> Change:
        """Bring the files of *macs*, 12 hex digits each, in force now."""
        names = [mac + SUFFIX for mac in macs]
        directory = self._state.directory
        async with self._turn:
            stamps = await trio.to_thread.run_sync(directory.stamps_of, names)
            return await self._update(names, stamps, commanded=True)

    async def rescan(
        self, look: Look = Look.TIMES, *, commanded: bool = False
    ) -> Change:
        """Look at every file, and bring what differs in force."""
        async with self._turn:
            names, stamps = await trio.to_thread.run_sync(
                find_changes, self._state, look
            )
            return await self._update(names, stamps, commanded=commanded)

    async def accept(self) -> Change:
        """Let the bindings go whose files have vanished, and are not back by now."""
        await self.rescan()
        async with self._turn:
            change = self._state.accept()
            self._changed(change)
            return change

    async def run(self) -> None:
        """Find what is dropped by hand, until cancelled."""
        directory = self._state.directory
        while True:
            await trio.sleep(TICK)
            started = trio.current_time()
            modified = await trio.to_thread.run_sync(directory.modified)
            look = self._pace.choose(modified, started)
            if look is not Look.NOT:
                await self._look(look)
            if look is Look.TIMES:
                self._pace.looked(started, trio.current_time())

    async def _look(self, look: Look) -> None:
        """Rescan; a directory that cannot be listed is told once, and looked at on."""
        try:
            await self.rescan(look)
        except SettingsError as problem:
            if str(problem) != self._told:
                self._told = str(problem)
                self._changed(Change(problems=(problem,)))
        else:
            self._told = ""

    async def _update(
        self, names: Sequence[str], stamps: dict[str, Stamp], *, commanded: bool
    ) -> Change:
        if not names:
            return Change()
        contents = await trio.to_thread.run_sync(self._state.directory.read_all, names)
        change = self._state.update(contents, stamps, commanded=commanded)
        if change:
            self._changed(change)
        return change
