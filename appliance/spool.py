"""What guests wrote back: spool/<ip>/<name>, each file its guest's alone.

The daemon writes here and root's commands read and clear.  Beside the files stands the
MAC of the guest that wrote them, so that an address that was freed shows nothing to its
next guest, whenever the directory itself goes.
"""

import errno
import fcntl
import os
import re
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from enum import Enum
from ipaddress import AddressValueError
from ipaddress import IPv4Address
from pathlib import Path
from secrets import token_hex

from dhcp.hardware import HardwareAddress

from .errors import SettingsError
from .files import TEMPORARY
from .files import delete_aside
from .files import set_aside
from .state import VANISH_AT_MOST
from .state import State

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
        try:
            with alone(self._folder):
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

    def addresses(self) -> list[IPv4Address]:
        """Return from where something was stored; raises OSError."""
        found = []
        for name in os.listdir(self._folder):
            with suppress(AddressValueError):
                found.append(IPv4Address(name))
        return found

    def owner(self, address: IPv4Address) -> HardwareAddress | None:
        """Return who has stored it; None where nothing says so."""
        try:
            text = (self._folder / str(address) / OWNER).read_text()
            return HardwareAddress.parse(text)
        except (OSError, ValueError):
            return None

    def sweep(self, address: IPv4Address) -> None:
        """Remove what a store that was killed has left; none may be under way."""
        for each in (self._folder / str(address)).glob(f".*{TEMPORARY}"):
            each.unlink()

    def clear(
        self,
        address: IPv4Address,
        is_left: Callable[[IPv4Address, HardwareAddress | None], bool],
    ) -> None:
        """Remove what was stored from *address* where *is_left* says so of its owner;
        raises OSError, SettingsError."""
        with alone(self._folder):
            if is_left(address, self.owner(address)):
                self._clear(address)

    def _clear(self, address: IPv4Address) -> None:
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
        self._clear(address)
        fresh = self._folder / _temporary()
        fresh.mkdir(mode=0o700)
        try:
            _write(fresh / OWNER, owner.digits.encode())
            _sync(fresh)
            os.rename(fresh, folder)
        except BaseException:  # a guest that comes again would leave many of them
            _remove(fresh)
            raise
        _sync(self._folder)
        return folder


class Leavings:
    """The addresses that were freed, and what those who had them have left."""

    def __init__(self, spool: Spool, state: State, report: Report) -> None:
        self._spool = spool
        self._state = state
        self._report = report
        self._freed: list[IPv4Address] = []

    def __bool__(self) -> bool:
        return bool(self._freed)

    def note(self, address: IPv4Address) -> None:
        self._freed.append(address)

    def recall(self) -> None:
        """Note what was freed while no daemon ran; before anything is stored.

        So many at once that their files may have been lost are told, and stay.
        """
        try:
            addresses = self._spool.addresses()
            for each in addresses:
                self._spool.sweep(each)
        except OSError as problem:
            self._report(f"{problem.filename}: {problem.strerror}")
            return
        owners = ((each, self._spool.owner(each)) for each in addresses)
        freed = [each for each, owner in owners if self._is_left(each, owner)]
        if len(freed) > VANISH_AT_MOST and 2 * len(freed) > len(addresses):
            self._report(
                f"{len(freed)} of {len(addresses)} guests that wrote back are bound no"
                " more: their files stay; metalease spool NET --clear removes all"
            )
        else:
            self._freed += freed

    def clear(self) -> None:
        """Remove what is nobody's.  It may wait for the disk."""
        while self._freed:
            try:
                self._spool.clear(self._freed.pop(), self._is_left)
            except (OSError, SettingsError) as problem:
                self._report(str(problem))

    def _is_left(self, address: IPv4Address, owner: HardwareAddress | None) -> bool:
        """Whether its writer has the address no more; a bad file says nothing."""
        record = self._state.at(address)
        if record is not None:
            return record.mac != owner
        return owner is None or owner.octets not in self._state.table.unread


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who changes a spool: two of a guest's requests may come at once,
    by two ports, while root clears.  Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
