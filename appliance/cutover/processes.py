"""Processes that are no children of ours: found in /proc, ended for certain."""

import os
import signal
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from typing import Protocol

import trio

from ..errors import SettingsError

PROC: Final = Path("/proc")
END_WITHIN: Final = 5.0  # seconds from SIGTERM to SIGKILL
GONE_WITHIN: Final = 10.0  # seconds from SIGKILL to the end


class Process(Protocol):
    """One process for ever, whose number may be another's later."""

    @property
    def pid(self) -> int: ...

    @property
    def started(self) -> int:
        """Ticks after the kernel's start."""


def all_processes() -> Iterator[Path]:
    """Yield the directory of each in /proc."""
    return (each for each in PROC.iterdir() if each.name.isdecimal())


def words(file: Path) -> tuple[str, ...]:
    """Read a command line or an environment; raises OSError."""
    return tuple(os.fsdecode(each) for each in file.read_bytes().split(b"\0")[:-1])


def parent_and_start(process: Path) -> tuple[int, int]:
    """Return its parent's number, and when it was started; raises OSError."""
    # the program's name, in brackets, can hold anything
    columns = (process / "stat").read_text().rpartition(")")[2].split()
    return int(columns[1]), int(columns[19])


async def end(processes: Iterable[Process]) -> None:
    """Have *processes* ended when this returns: by SIGTERM, else by SIGKILL.

    Raises SettingsError where one hangs in the kernel.
    """
    meant = list(processes)
    handles = [each for each in map(_open, meant) if each is not None]
    ways = ((signal.SIGTERM, END_WITHIN), (signal.SIGKILL, GONE_WITHIN))
    try:
        for number, seconds in ways:
            for handle in handles:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            with trio.move_on_after(seconds) as scope:
                for handle in handles:
                    await trio.lowlevel.wait_readable(handle)
            if not scope.cancelled_caught:
                return
        numbers = ", ".join(str(each.pid) for each in meant)
        what = f"not ended {GONE_WITHIN:.0f} s after SIGKILL: see /proc/PID/stack"
        raise SettingsError(f"one of the processes {numbers}", what)
    finally:
        for handle in handles:
            os.close(handle)


def _open(process: Process) -> int | None:
    """Return a descriptor of it; None when it has ended."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    with suppress(OSError):
        # now that the number is held: is it still the one that was meant?
        if parent_and_start(PROC / str(process.pid))[1] == process.started:
            return handle
    os.close(handle)
    return None
