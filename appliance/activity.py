"""What was heard of each guest, kept over a restart: own/activity.jsonl (dhcp 69).

It is for whoever asks, and never changes an answer: a file that is damaged or gone
costs what it said, and no more.  One line a guest: its MAC, when it had its last ACK,
what it said when it declined.
"""

import io
import json
import math
import os
import time
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NoReturn
from typing import Protocol

import trio

from dhcp.hardware import HardwareAddress

from .errors import SettingsError
from .files import DIRECTORY_MODE
from .files import FILE_MODE
from .files import TEMPORARY
from .files import read_octets
from .threads import run_abandonable

EVERY = 15.0  # seconds between two writes; so much a kill -9 may cost
LAST = 2.0  # seconds for the one at the end: a disk that stands still keeps nobody
LINES_AT_ONCE = 256
OCTETS_AT_ONCE = 8 * 1024
PAUSE = 0.001  # seconds after as much: packets are answered meanwhile
OCTETS_AT_MOST = 32 * 1024 * 1024  # of the file; 100,000 guests have 6
LINE_AT_MOST = 4096  # octets
SAID_AT_MOST = 256  # characters that are kept of what a guest said, 12 octets each
STRANGERS_AT_MOST = 4096
HOUR = 3600.0  # seconds


@dataclass(slots=True)
class Activity:
    """What was heard of one guest; advisory, it never changes an answer."""

    acknowledged: float | None = None
    """Seconds since the epoch of its last ACK; None after a RELEASE."""
    conflict: str | None = None
    """What it said when it declined its address."""


class Lately:
    """Who was heard in the last hour, in a table that a flood cannot grow."""

    def __init__(self, at_most: int = STRANGERS_AT_MOST) -> None:
        self._at_most = at_most
        self._heard: dict[bytes, float] = {}

    def note(self, mac: bytes, now: float) -> None:
        self._heard.pop(mac, None)
        self._heard[mac] = now
        if len(self._heard) > self._at_most:
            del self._heard[next(iter(self._heard))]

    def count(self, now: float) -> int:
        while self._heard:
            mac, heard = next(iter(self._heard.items()))
            if now - heard < HOUR:
                break
            del self._heard[mac]
        return len(self._heard)


def encode(heard: Iterable[tuple[bytes, Activity]]) -> Iterator[bytes]:
    """Yield the file, in pieces of some lines."""
    lines: list[str] = []
    for mac, each in heard:
        said = each.conflict and each.conflict[:SAID_AT_MOST]
        lines.append(json.dumps([mac.hex(), each.acknowledged, said]) + "\n")
        if len(lines) == LINES_AT_ONCE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def decode(octets: bytes, now: float) -> Iterator[list[tuple[bytes, Activity]]]:
    """Yield what the file says, some lines at once; what is no such line is left out.

    A time after *now* is that of a clock that was put back: it counts as now.
    """
    file = io.BytesIO(octets)
    while lines := file.readlines(OCTETS_AT_ONCE):
        found = (_read(line, now) for line in lines)
        yield [each for each in found if each is not None]


def _read(line: bytes, now: float) -> tuple[bytes, Activity] | None:
    if len(line) > LINE_AT_MOST:
        return None
    try:
        digits, acknowledged, conflict = json.loads(line)
        mac = HardwareAddress(bytes.fromhex(digits)).octets
        since = None if acknowledged is None else float(acknowledged)
    except (OverflowError, RecursionError, TypeError, ValueError):
        return None
    if since is not None:
        if not math.isfinite(since):
            return None
        since = min(since, now)
    if conflict is not None and not isinstance(conflict, str):
        return None
    return mac, Activity(since, conflict)


class Heard(Protocol):
    """Who hears the guests: an `Observation`."""

    activity: dict[bytes, Activity]
    changed: float
    """When *activity* changed last."""
    last_ack: float | None
    """When any guest had an ACK."""


class Diary:
    """Keeps what is *heard* of the guests in *bound* at *path*.

    Error handling: what cannot be read or written is told to *report*, once, and the
    guests are served all the same.
    """

    def __init__(
        self,
        path: Path,
        heard: Heard,
        bound: Collection[bytes],
        *,
        clock: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        """*clock* is in seconds since the epoch."""
        self._path = path
        self._heard = heard
        self._bound = bound
        self._clock = clock
        self._report = report
        self._written = heard.changed
        self._trouble = ""
        self._writing = Lock()

    async def run(self) -> NoReturn:
        """Read what was kept, then keep what is new until cancelled, and at the end."""
        await self.load()
        try:
            while True:
                await trio.sleep(EVERY)
                self.prune()
                await self.save()
        finally:
            with trio.move_on_after(LAST) as scope:
                scope.shield = True  # no argument yet in trio 0.22, Debian's
                await self.save()

    async def load(self) -> None:
        """Take what the file says of guests that have said nothing since."""
        read = partial(_read_file, self._path, self._clock())
        try:
            found = await run_abandonable(read)
        except SettingsError as problem:
            self._tell(str(problem))
            return
        for some in found:
            for mac, each in some:
                if mac in self._bound and mac not in self._heard.activity:
                    self._heard.activity[mac] = each
                    self._acknowledged(each)
            await trio.lowlevel.checkpoint()

    def prune(self) -> None:
        """Forget those that are not bound, the pool's clients, where they are many."""
        heard = self._heard.activity
        if len(heard) > len(self._bound) + STRANGERS_AT_MOST:
            for mac in [mac for mac in heard if mac not in self._bound]:
                del heard[mac]

    async def save(self) -> None:
        """Write what has changed since the last time."""
        changed = self._heard.changed
        if changed == self._written:
            return
        write = partial(self._write, self._heard.activity.copy())
        trouble = await run_abandonable(write)
        if not trouble:
            self._written = changed
        self._tell(trouble)

    def _acknowledged(self, each: Activity) -> None:
        if each.acknowledged is not None:
            self._heard.last_ack = max(self._heard.last_ack or 0, each.acknowledged)

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._report(trouble)
        self._trouble = trouble

    def _write(self, heard: Mapping[bytes, Activity]) -> str:
        """Write the file in a thread; return what went wrong."""
        pieces = encode(each for each in heard.items() if each[0] in self._bound)
        # one that was abandoned at its end may still wait for the disk
        with self._writing:
            return _write_file(self._path, pieces)


def _read_file(path: Path, now: float) -> list[list[tuple[bytes, Activity]]]:
    try:
        octets = read_octets(path, OCTETS_AT_MOST)
    except FileNotFoundError:
        return []
    found = []
    for some in decode(octets, now):
        found.append(some)
        time.sleep(PAUSE)
    return found


def _write_file(path: Path, pieces: Iterable[bytes]) -> str:
    """Put *pieces* at *path*, whole or not at all; return what went wrong."""
    temporary = path.with_suffix(TEMPORARY)  # always this: a kill leaves one, not many
    try:
        path.parent.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        with open(temporary, "wb", opener=_open_anew) as file:
            for piece in pieces:
                file.write(piece)
                time.sleep(PAUSE)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        with suppress(OSError):
            temporary.unlink()
        return f"{path}: cannot be written: {problem.strerror}"
    return ""


def _open_anew(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, FILE_MODE)
