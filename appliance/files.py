"""Files that readers never see half: a temporary name, fsync, rename.

State is root's, and readable for the group of the daemon: user-data holds secrets.
"""

import fcntl
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from .errors import SettingsError

SERVICE = "metalease"
NOBODY = "nobody"
DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
PUBLIC_DIRECTORY_MODE = 0o755  # of what holds no secret: settings, and the way to state
PUBLIC_FILE_MODE = 0o644
PRIVATE_FILE_MODE = 0o600  # of secrets that are not the daemon's to read
TEMPORARY = ".tmp"  # the end of a temporary name; the watch and listings skip it
MARKER = ".writing"  # of a directory of documents that are being written
TEXT_AT_MOST = 1024 * 1024  # octets of an operator's file

_numbers = count()  # of this process's temporary names


def service_account() -> pwd.struct_passwd:
    """Return the account of the daemon: metalease, or nobody where there is none."""
    for name in (SERVICE, NOBODY):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SettingsError(
        f"user {SERVICE}", f"does not exist: adduser --system {SERVICE}"
    )


def service_group() -> int:
    """Return the group that may read the state."""
    try:
        return grp.getgrnam(SERVICE).gr_gid
    except KeyError:
        return service_account().pw_gid


def make_directory(path: Path) -> None:
    """Make *path* and what is missing above it, for the daemon to read."""
    _make(path, DIRECTORY_MODE)


def make_state_directory(path: Path) -> None:
    """Make one network's state directory, below others that all may pass through."""
    _make(path.parent, PUBLIC_DIRECTORY_MODE)
    make_directory(path)


def _make(path: Path, mode: int) -> None:
    try:
        if path.is_dir():
            return
        _make(path.parent, mode)
        made = path.with_name(f".{os.getpid()}.{next(_numbers)}{TEMPORARY}")
        made.mkdir(mode=mode)
        try:  # who is killed leaves none by that name that the daemon cannot read
            _give(made, mode)
            os.rename(made, path)
        finally:
            with suppress(OSError):
                made.rmdir()
    except OSError as problem:
        if path.exists():  # another made it; what is no directory is told by who writes
            return
        raise SettingsError(path, f"cannot be made: {problem.strerror}") from None


def read_octets(path: Path, at_most: int) -> bytes:
    """Return what a regular file holds, up to *at_most* octets.

    Raises FileNotFoundError where there is no such name, SettingsError for what
    cannot be read: a link to nothing, a pipe, a device, more octets.
    """
    try:
        # a pipe that was put there makes nobody wait
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        if path.is_symlink():
            raise SettingsError(path, "is a link to nothing") from None
        raise
    except OSError as problem:
        raise SettingsError(path, f"cannot be read: {problem.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SettingsError(path, "is no regular file")
    with open(descriptor, "rb") as file:
        octets = file.read(at_most + 1)
    if len(octets) > at_most:
        raise SettingsError(path, f"is larger than {at_most} octets")
    return octets


def read_text(path: Path, at_most: int = TEXT_AT_MOST) -> str:
    """Return the text of an operator's file; raises as `read_octets`."""
    try:
        return read_octets(path, at_most).decode()
    except UnicodeDecodeError:
        raise SettingsError(path, "is not UTF-8 text") from None


def write_file(path: Path, octets: bytes) -> None:
    """Put *octets* at *path*, whole or not at all; raises SettingsError."""
    staged = stage_file(path, octets)
    try:
        staged.commit()
    finally:
        staged.discard()


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that is written and not yet in its place: no disk is too full for it."""

    path: Path
    temporary: Path

    def commit(self) -> None:
        try:
            os.replace(self.temporary, self.path)
            _sync_directory(self.path.parent)
        except OSError as problem:
            raise _unwritten(self.path, problem) from None

    def discard(self) -> None:
        """Take away what was not committed."""
        with suppress(OSError):
            self.temporary.unlink()


def stage_file(path: Path, octets: bytes) -> Staged:
    """Write *octets* beside *path*; raises SettingsError, and leaves nothing."""
    make_directory(path.parent)
    return _stage(path, octets, FILE_MODE)


def write_public_file(path: Path, octets: bytes) -> None:
    """Put *octets*, which hold no secret, at *path*; raises SettingsError."""
    _make(path.parent, PUBLIC_DIRECTORY_MODE)
    staged = _stage(path, octets, PUBLIC_FILE_MODE)
    try:
        staged.commit()
    finally:
        staged.discard()


def write_private_file(path: Path, octets: bytes) -> None:
    """Put *octets* at *path*, in a directory that is there, for its owner alone.

    Raises SettingsError.
    """
    staged = _stage(path, octets, PRIVATE_FILE_MODE)
    try:
        staged.commit()
    finally:
        staged.discard()


def _stage(path: Path, octets: bytes, mode: int) -> Staged:
    name = f".{os.getpid()}.{next(_numbers)}{TEMPORARY}"
    staged = Staged(path, path.with_name(name))
    try:
        with open(staged.temporary, "wb", opener=_open_private) as file:
            file.write(octets)
            file.flush()
            _give(staged.temporary, mode)
            os.fsync(file.fileno())
    except OSError as problem:
        staged.discard()
        raise _unwritten(path, problem) from None
    except BaseException:  # Ctrl-C too leaves nothing
        staged.discard()
        raise
    return staged


def _unwritten(path: Path, problem: OSError) -> SettingsError:
    what = f"cannot be written ({problem.strerror}): what was there is unchanged"
    return SettingsError(path, what)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def remove_file(path: Path) -> bool:
    """Remove the file at *path*; whether there was one."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise SettingsError(path, f"cannot be removed: {problem.strerror}") from None
    _sync_directory(path.parent)
    return True


def remove_tree(path: Path) -> None:
    """Remove a directory with all in it; it is out of sight at once."""
    gone = set_aside(path)
    if gone is not None:
        delete_aside(gone)


def set_aside(path: Path) -> Path | None:
    """Take a directory out of sight and return where it is; None for no directory."""
    gone = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        os.rename(path, gone)
        _sync_directory(path.parent)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise SettingsError(path, f"cannot be removed: {problem.strerror}") from None
    return gone


def delete_aside(gone: Path) -> None:
    """Delete what was set aside."""
    import shutil  # slow to import, and a put has no use for it

    try:
        if gone.is_symlink():  # what it leads to is somebody else's
            gone.unlink()
        else:
            shutil.rmtree(gone)
    except OSError as problem:
        raise SettingsError(gone, f"cannot be deleted: {problem.strerror}") from None


def delete_left_aside(folder: Path) -> None:
    """Delete what a command that was killed has left set aside in *folder*."""
    for each in folder.glob(f".*{TEMPORARY}"):
        if each.is_dir():
            delete_aside(each)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold *path*, in a state directory, as a lock: one writer at a time."""
    make_state_directory(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise SettingsError(path, f"cannot be locked: {problem.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _give(path: Path, mode: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, 0, service_group())
    os.chmod(path, mode)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
