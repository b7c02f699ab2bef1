"""Files that readers never see half: a temporary name, fsync, rename.

State is root's, and readable for the group of the daemon: user-data holds secrets.
"""

import fcntl
import grp
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path

from .errors import SettingsError

SERVICE = "metalease"
NOBODY = "nobody"
DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
PUBLIC_DIRECTORY_MODE = 0o755  # of what holds no secret: settings, and the way to state
PUBLIC_FILE_MODE = 0o644
TEMPORARY = ".tmp"  # the end of a temporary name; the watch and listings skip it


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
        path.mkdir(mode=mode)
        _give(path, mode)
    except FileExistsError:
        return  # another made it; what is no directory is told by who writes there
    except OSError as problem:
        raise SettingsError(path, f"cannot be made: {problem.strerror}") from None


def write_file(path: Path, octets: bytes) -> None:
    """Put *octets* at *path*, whole or not at all; raises SettingsError."""
    make_directory(path.parent)
    _replace(path, octets, FILE_MODE)


def write_public_file(path: Path, octets: bytes) -> None:
    """Put *octets*, which hold no secret, at *path*; raises SettingsError."""
    _make(path.parent, PUBLIC_DIRECTORY_MODE)
    _replace(path, octets, PUBLIC_FILE_MODE)


def _replace(path: Path, octets: bytes, mode: int) -> None:
    temporary = path.with_name(f".{os.getpid()}{TEMPORARY}")
    try:
        with open(temporary, "wb", opener=_open_private) as file:
            file.write(octets)
            file.flush()
            _give(temporary, mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as problem:
        raise SettingsError(
            path, f"cannot be written ({problem.strerror}): what was there is unchanged"
        ) from None
    finally:  # whatever came between, Ctrl-C too
        with suppress(OSError):
            temporary.unlink()


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
    gone = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        os.rename(path, gone)
        _sync_directory(path.parent)
        if gone.is_symlink():  # what it leads to is somebody else's
            gone.unlink()
        else:
            shutil.rmtree(gone)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise SettingsError(path, f"cannot be removed: {problem.strerror}") from None


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
