"""own/leases.journal on disk: read once, then appended to, and compacted.

What is written is on the disk before an ACK leaves, several at a time and from a
thread: a slow disk delays clients of the pool, and nobody else.
"""

import errno
import os
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import trio

from dhcp.lease import Hold

from .errors import SettingsError
from .files import TEMPORARY
from .files import stage_file
from .leases import SET_BY_AT_LEAST
from .leases import Clock
from .leases import Found
from .leases import compose
from .leases import encode
from .leases import encode_clock
from .pool_state import read_journal

LINES_AT_LEAST = 1000  # before a journal is compacted
FILE_MODE = 0o640

Snapshot = Callable[[float], list[Hold]]


class Ledger:
    """The journal of one network's pool, whose *snapshot* says all that it has to.

    Error handling: what the disk refuses is counted, told by *tell* once, and an answer
    of `write`; nothing is raised.
    """

    def __init__(
        self,
        path: Path,
        snapshot: Snapshot,
        tell: Callable[[str], None],
        look: Callable[[], Clock],
    ) -> None:
        """*look* looks at the clocks."""
        self._path = path
        self._snapshot = snapshot
        self._tell = tell
        self._look = look
        self._lock = trio.Lock()
        self._file: int | None = None
        self._shown: Clock | None = None
        self._torn = True
        self._lines = 0
        self._lines_at_most = LINES_AT_LEAST
        self._trouble = ""
        self.failures = 0

    def load(self, lease: float) -> Found:
        """Return what the journal says; *lease* is the longest, in seconds."""
        self._tidy()
        try:
            found = read_journal(self._path, self._look(), lease)
        except SettingsError as problem:
            self._fail(str(problem))
            return Found()
        self._lines = found.records
        if found.damaged:
            self._tell(f"{self._path}: {found.damaged} damaged records")
        if found.damaged or not found.whole:
            self._lines = self._lines_at_most  # it is begun anew with the next record
        with suppress(OSError):  # else the next record begins a line of its own
            os.truncate(self._path, found.whole)
            self._torn = False
        return found

    def _tidy(self) -> None:
        """Remove what a daemon that was killed while it compacted has left."""
        for each in self._path.parent.glob(f".*{TEMPORARY}"):
            with suppress(OSError):
                each.unlink()

    async def write(self, holds: Sequence[Hold]) -> bool:
        """Have *holds* on disk when this returns; False where that cannot be."""
        async with self._lock:
            look = self._look()
            octets = b"".join(encode(each, look) for each in holds)
            if self._lines >= self._lines_at_most:
                await self._compact(look)
            shown = self._shown
            if self._is_set(look):
                octets, shown = encode_clock(look) + octets, look
            try:
                await trio.to_thread.run_sync(self._append, octets)
            except OSError as problem:
                self._fail(f"{self._path}: {problem.strerror}")
                return False
            self._shown = shown
            self._lines += len(holds)
            self._trouble = ""
            return True

    async def _compact(self, look: Clock) -> None:
        """Say everything once, in a new file; where that fails, the old one goes on."""
        kept = self._snapshot(look.now)
        self._lines_at_most = self._lines + LINES_AT_LEAST  # when it is tried again
        try:
            await trio.to_thread.run_sync(self._replace, compose(kept, look))
        except SettingsError as problem:
            self._fail(str(problem))
            return
        self._shown = look
        self._lines = len(kept)
        self._lines_at_most = max(LINES_AT_LEAST, 4 * len(kept))

    async def tick(self) -> None:
        """Write down that the clock was set, if it was."""
        if self._is_set(self._look()):
            await self.write([])

    def _is_set(self, look: Clock) -> bool:
        shown = self._shown
        return shown is None or abs(look.set_since(shown)) >= SET_BY_AT_LEAST

    def _fail(self, problem: str) -> None:
        self.failures += 1
        if problem != self._trouble:
            self._trouble = problem
            self._tell(problem)

    def _replace(self, octets: bytes) -> None:
        stage_file(self._path, octets).commit()
        self._torn = False

    def _open(self) -> int:
        if self._file is not None and os.fstat(self._file).st_nlink == 0:
            os.close(self._file)  # it was replaced, or somebody has removed it
            self._file, self._torn = None, False
        if self._file is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags | os.O_NOFOLLOW, FILE_MODE)
        return self._file

    def _append(self, octets: bytes) -> None:
        """Append all of *octets*, or nothing."""
        file = self._open()
        before = os.fstat(file).st_size
        if self._torn and before:
            octets = b"\n" + octets
        try:
            if os.write(file, octets) < len(octets):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(file)
            self._torn = False
        except OSError:
            self._torn = True
            with suppress(OSError):
                os.ftruncate(file, before)
                self._torn = False
            raise
