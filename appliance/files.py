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
from pathlib import Path

from .errors import SettingsError

SERVICE = "metalease"
NOBODY = "nobody"
DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
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
    if path.is_dir():
        return
    make_directory(path.parent)
    try:
        path.mkdir(mode=DIRECTORY_MODE)
    except FileExistsError:
        return
    except OSError as problem:
        raise SettingsError(path, f"cannot be made: {problem.strerror}") from None
    _give(path, DIRECTORY_MODE)


def make_state_directory(path: Path) -> None:
    """Make one network's state directory, below others that all may pass through."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    make_directory(path)


def write_file(path: Path, octets: bytes) -> None:
    """Put *octets* at *path*, whole or not at all; raises SettingsError."""
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with open(temporary, "wb") as file:
            file.write(octets)
            file.flush()
            _give(temporary, FILE_MODE)
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise SettingsError(
            path, f"cannot be written ({problem.strerror}): what was there is unchanged"
        ) from None


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
        shutil.rmtree(gone)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise SettingsError(path, f"cannot be removed: {problem.strerror}") from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold *path* as a lock: one writer at a time, others wait."""
    make_directory(path.parent)
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
