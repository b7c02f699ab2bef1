"""Keep the state in step with its files, and say what changed.

Two who read the same files take turns, so that what was read first never undoes what
was read last.
"""

from collections.abc import Callable
from collections.abc import Sequence

import trio

from .directory import SUFFIX
from .directory import Stamp
from .errors import SettingsError
from .state import Change
from .state import State

TICK = 1.0  # seconds between two looks at the directory
# a full look at every file's times costs; it is taken at most this part of the time
SHARE = 0.02


class Pace:
    """When to look at the files again: a change of the directory is seen each time,
    one inside a file at a pace that a large directory can bear.
    """

    def __init__(self) -> None:
        self._modified = -1
        self._due = 0.0

    def wants(self, modified: int, now: float) -> bool:
        """Whether a full look is due; *modified* is the directory's time."""
        if modified == self._modified and now < self._due:
            return False
        self._modified = modified
        return True

    def looked(self, started: float, ended: float) -> None:
        self._due = ended + (ended - started) / SHARE


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

    async def rescan(self, *, commanded: bool = False) -> Change:
        """Look at every file, and bring what differs in force."""
        async with self._turn:
            stamps = await trio.to_thread.run_sync(self._state.directory.stamps)
            names = self._state.differing(stamps)
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
            if self._pace.wants(modified, started):
                await self._look()
                self._pace.looked(started, trio.current_time())

    async def _look(self) -> None:
        """Rescan; a directory that cannot be listed is told once, and looked at on."""
        try:
            await self.rescan()
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
