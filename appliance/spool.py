"""What guests wrote back: spool/<ip>/<name>, each file its guest's alone.

The daemon writes here and root's commands read and clear.  Beside the files stands the
MAC of the guest that wrote them, so that an address that was freed shows nothing to its
next guest, whenever the directory itself goes.
"""

import errno
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from secrets import token_hex

from dhcp.hardware import HardwareAddress

from .errors import SettingsError
from .files import TEMPORARY
from .files import delete_aside
from .files import set_aside

ONCE_AT_MOST = 1020  # octets of what is kept for good: OpenStack's bound on a password
AT_MOST = 16 * 1024  # octets of what the next one replaces
NAMES_AT_MOST = 8  # of one guest
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
OWNER = ".owner"
Report = Callable[[str], None]


class Stored(Enum):
    """What came of a wish to store."""

    DONE = "it is kept"
    EXISTS = "it was stored before"
    TOO_LARGE = "it is too large"
    FULL = "there is no room"


class Spool:
    """The spool of one network.  Everything here may wait for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # two of a guest's requests may come at once

    def is_empty(self, address: IPv4Address) -> bool:
        """Whether nothing was ever stored from *address*: this does not wait."""
        return not os.access(self._folder / str(address), os.F_OK)

    def read(self, address: IPv4Address, owner: HardwareAddress, name: str) -> bytes:
        """Return what *owner* has stored as *name*; raises FileNotFoundError."""
        if not NAME.fullmatch(name):
            raise FileNotFoundError(name)
        folder = self._folder / str(address)
        if (folder / OWNER).read_text() != owner.digits:
            raise FileNotFoundError(name)
        return (folder / name).read_bytes()

    def store(
        self,
        address: IPv4Address,
        owner: HardwareAddress,
        name: str,
        octets: bytes,
        *,
        once: bool,
    ) -> Stored:
        """Keep *octets*; with *once* the first are kept for good.

        Whole or not at all, and on the disk when it returns.  Raises OSError but for
        a full disk, and SettingsError where what another guest has left cannot be
        removed.
        """
        with self._lock:
            try:
                return self._store(address, owner, name, octets, once)
            except OSError as problem:
                if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                return Stored.FULL

    def _store(
        self,
        address: IPv4Address,
        owner: HardwareAddress,
        name: str,
        octets: bytes,
        once: bool,
    ) -> Stored:
        if len(octets) > (ONCE_AT_MOST if once else AT_MOST):
            return Stored.TOO_LARGE
        if not NAME.fullmatch(name):
            return Stored.FULL
        folder = self._enter(address, owner)
        names = {each for each in os.listdir(folder) if NAME.fullmatch(each)}
        if name not in names and len(names) >= NAMES_AT_MOST:
            return Stored.FULL
        temporary = folder / _temporary()
        try:
            _write(temporary, octets)
            if once:
                os.link(temporary, folder / name)
            else:
                os.replace(temporary, folder / name)
        except FileExistsError:
            return Stored.EXISTS
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
        _sync(folder)
        return Stored.DONE

    def clear(self, address: IPv4Address) -> None:
        """Remove what was stored from an address that is nobody's now."""
        aside = set_aside(self._folder / str(address))
        if aside is not None:
            delete_aside(aside)

    def _enter(self, address: IPv4Address, owner: HardwareAddress) -> Path:
        """Return the directory of *owner*, without what another has left there."""
        folder = self._folder / str(address)
        try:
            if (folder / OWNER).read_text() == owner.digits:
                return folder
        except FileNotFoundError:
            pass
        self.clear(address)
        fresh = self._folder / _temporary()
        fresh.mkdir(mode=0o700)
        try:
            _write(fresh / OWNER, owner.digits.encode())
            _sync(fresh)
        except BaseException:  # a guest that comes again would leave many of them
            _remove(fresh)
            raise
        try:
            os.rename(fresh, folder)
        except OSError:  # another request of the same guest was first
            _remove(fresh)
        _sync(self._folder)
        return folder


class Leavings:
    """The addresses that were freed, and what those who had them have left."""

    def __init__(
        self, spool: Spool, is_free: Callable[[IPv4Address], bool], report: Report
    ) -> None:
        self._spool = spool
        self._is_free = is_free
        self._report = report
        self._freed: list[IPv4Address] = []

    def __bool__(self) -> bool:
        return bool(self._freed)

    def note(self, address: IPv4Address) -> None:
        self._freed.append(address)

    def clear(self) -> None:
        """Remove what is nobody's.  It may wait for the disk."""
        while self._freed:
            address = self._freed.pop()
            if self._is_free(address):
                try:
                    self._spool.clear(address)
                except SettingsError as problem:
                    self._report(str(problem))


def _temporary() -> str:
    """Return a name that no process that was killed can have left."""
    return f".{token_hex(8)}{TEMPORARY}"


def _remove(fresh: Path) -> None:
    """Remove a directory that holds its owner's name at most."""
    (fresh / OWNER).unlink(missing_ok=True)
    fresh.rmdir()


def _write(path: Path, octets: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
