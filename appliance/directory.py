"""The state directory as it is on disk: which files, with which times, holding what.

Everything here may wait for a disk; `state.py` knows what it means.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingsError

NAME = re.compile(r"[0-9a-f]{12}\.json")
SUFFIX = ".json"
READ_AT_MOST = 1024 * 1024 + 1  # octets

Stamp = tuple[int, int, int, int]
"""Inode, size, and both times in nanoseconds: what changes when a file does."""
Content = str | SettingsError | None
"""A file's text, why it cannot be read, or None where there is none."""


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The bindings of one network, a file each."""

    bindings: Path

    def path(self, name: str) -> Path:
        return self.bindings / name

    def modified(self) -> int:
        """Return when a file came, went or was replaced last, in nanoseconds."""
        try:
            return os.stat(self.bindings).st_mtime_ns
        except OSError:
            return 0  # `stamps` says why

    def inodes(self) -> dict[str, int]:
        """Return the inode of every file that is a binding's, or means to be one.

        Temporary names of editors, rsync and ourselves begin with a dot or do not
        end in .json.  Raises SettingsError when the directory cannot be listed.
        """
        try:
            with os.scandir(self.bindings) as entries:
                return {
                    entry.name: entry.inode()
                    for entry in entries
                    if entry.name.endswith(SUFFIX) and not entry.name.startswith(".")
                }
        except FileNotFoundError:
            return {}
        except OSError as problem:
            what = f"cannot be listed: {problem.strerror}"
            raise SettingsError(self.bindings, what) from None

    def stamps(self) -> dict[str, Stamp]:
        """Return the stamps of all of them: ten times the work of `inodes`."""
        return self.stamps_of(self.inodes())

    def stamps_of(self, names: Iterable[str]) -> dict[str, Stamp]:
        """Return the stamps of *names*, as far as they are there."""
        found = {}
        for name in names:
            path = f"{self.bindings}/{name}"
            try:
                facts = os.stat(path)
            except OSError:
                try:
                    facts = os.lstat(path)  # a dead link is a file that is bad
                except OSError:
                    continue  # it went while we looked
            times = (facts.st_mtime_ns, facts.st_ctime_ns)
            found[name] = (facts.st_ino, facts.st_size, *times)
        return found

    def read_all(self, names: Iterable[str]) -> dict[str, Content]:
        return {name: self.read(name) for name in names}

    def read(self, name: str) -> Content:
        """Return what the file *name* holds."""
        path = f"{self.bindings}/{name}"  # 10,000 of them: no Path, no file object
        try:
            # a pipe that was put there makes nobody wait
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                return _read(descriptor).decode()
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            if os.path.islink(path):
                return SettingsError(path, "is a link to nothing")
            return None
        except UnicodeDecodeError:
            return SettingsError(path, "is not UTF-8 text")
        except OSError as problem:
            return SettingsError(path, f"cannot be read: {problem.strerror}")


def _read(descriptor: int) -> bytes:
    octets = b""
    while len(octets) < READ_AT_MOST:
        piece = os.read(descriptor, READ_AT_MOST - len(octets))
        if not piece:
            break
        octets += piece
    return octets
