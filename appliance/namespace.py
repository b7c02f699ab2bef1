"""Network namespaces: made, named twice, entered, removed. The only file with setns.

A namespace lives while something holds it: a process in it, an open descriptor or a
name, which is a file that the namespace is mounted on. Ours has two names: one below
/run/netns, as `ip netns` has it, and one that a systemd unit can know (H4). Either
is made again from the other; where they differ the second is right, because
nobody but us writes it and the daemon lives in what it names.
"""

import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path
from typing import Final

from . import netlink
from .attachment import Bridged
from .errors import SettingsError
from .kernel import Kernel

RUN_NETNS: Final = Path("/run/netns")

_CLONE_NEWNET: Final = 0x40000000
_NS_GET_NSTYPE: Final = 0xB703
_MNT_DETACH: Final = 2
_UMOUNT_NOFOLLOW: Final = 8
_MS_BIND: Final = 0x1000
_MS_REC: Final = 0x4000
_MS_SHARED: Final = 1 << 20

_RTM_NEWNSID: Final = 88
_RTM_GETNSID: Final = 90
_NETNSA_NSID: Final = 1
_NETNSA_FD: Final = 3
_NOT_ASSIGNED: Final = -1
_RTGENMSG: Final = bytes(4)

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.unshare.argtypes = (ctypes.c_int,)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)  # os.setns is Python 3.12's
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)


def path(name: str) -> Path:
    """Where `ip netns` has the namespace *name*."""
    return RUN_NETNS / name


def missing(where: Bridged) -> list[str]:
    """List what is wrong with the namespace under its first name."""
    first = path(where.namespace)
    if not exists(first):
        return [f"there is no namespace {where.namespace}"]
    if exists(where.netns) and not same(first, where.netns):
        return [f"{first} is another namespace than {where.netns}"]
    return []


def make(where: Bridged) -> None:
    """Make the namespace under its first name, or name it anew."""
    if not missing(where):
        return
    first = path(where.namespace)
    if exists(where.netns):
        _mount(where.netns, first)
        return
    _share_names()
    _unmount(first)  # something that is no namespace
    _make_file(first)
    home = _home()
    try:
        _call(_libc.unshare, _CLONE_NEWNET)
        with _returning(home):
            _bind(Path("/proc/thread-self/ns/net"), first)
    finally:
        os.close(home)


def not_named_again(where: Bridged) -> list[str]:
    if same(path(where.namespace), where.netns):
        return []
    return [f"{where.netns} is not the namespace {where.namespace}"]


def name_again(where: Bridged) -> None:
    """Give the namespace its second name (H4)."""
    _mount(path(where.namespace), where.netns)


def same(one: Path, other: Path) -> bool:
    """Whether both are names of one namespace."""
    return exists(one) and exists(other) and os.path.samefile(one, other)


def exists(name: Path) -> bool:
    """Whether *name* is a network namespace's, and not a file of that name (H3)."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return fcntl.ioctl(handle, _NS_GET_NSTYPE) == _CLONE_NEWNET
    except OSError:
        return False  # ENOTTY: a plain file, what a kill before the mount leaves
    finally:
        os.close(handle)


def delete(where: Bridged) -> None:
    """Take both names away; who is inside keeps the namespace alive (H4)."""
    for name in (path(where.namespace), where.netns):
        unname(name)


def unname(name: Path) -> None:
    """Take one of a namespace's names away, or what a kill has left of it."""
    _unmount(name)
    with suppress(FileNotFoundError):
        name.unlink()


@contextmanager
def entered(name: Path) -> Iterator[None]:
    """Have the calling thread in the namespace *name* meanwhile: never await inside.

    Error handling: SettingsError when there is no such namespace, or no right to it.
    """
    home = _home()
    try:
        enter(name)
        with _returning(home):
            yield
    finally:
        os.close(home)


def enter(name: Path) -> None:
    """Put the calling thread into the namespace *name*, for good."""
    where = f"namespace {name}"
    try:
        handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SettingsError(where, "there is none: `up` makes it") from None
    try:
        _call(_libc.setns, handle, _CLONE_NEWNET)
    except PermissionError:
        raise SettingsError(where, "only root may enter it: run as root") from None
    except OSError:
        raise SettingsError(where, "is a plain file: `up` repairs it") from None
    finally:
        os.close(handle)


def nsid(name: Path) -> int | None:
    """Read the number that our namespace knows *name* by."""
    handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with Kernel() as kernel:
            answer = kernel.ask(_RTM_GETNSID, _RTGENMSG + _by_handle(handle))
    finally:
        os.close(handle)
    return None if answer is None else _number(answer)


def numbers() -> set[int]:
    """List the numbers that are given to namespaces."""
    with Kernel() as kernel:
        answers = kernel.dump(_RTM_GETNSID, _RTGENMSG)
    return {found for found in map(_number, answers) if found is not None}


def set_nsid(name: Path, wanted: int) -> bool:
    """Give *name* a number (H2); False when somebody was quicker with either."""
    handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    given = netlink.attribute(_NETNSA_NSID, struct.pack("=i", wanted))
    try:
        with Kernel() as kernel:
            kernel.change(_RTM_NEWNSID, _RTGENMSG + given + _by_handle(handle))
    except OSError as problem:
        if problem.errno != errno.EEXIST:
            raise
        return False
    finally:
        os.close(handle)
    return True


def _by_handle(handle: int) -> bytes:
    return netlink.attribute(_NETNSA_FD, struct.pack("=I", handle))


def _number(answer: netlink.Message) -> int | None:
    value = netlink.attributes(answer.body, len(_RTGENMSG)).get(_NETNSA_NSID)
    number = _NOT_ASSIGNED if value is None else netlink.signed(value)
    return None if number == _NOT_ASSIGNED else number


def _home() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def _returning(home: int) -> Iterator[None]:
    """Put the thread back into the namespace *home* at the end."""
    try:
        yield
    finally:
        _call(_libc.setns, home, _CLONE_NEWNET)


def _share_names() -> None:
    """Make /run/netns a shared mount, as `ip netns add` would do over our names."""
    RUN_NETNS.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory = os.fsencode(RUN_NETNS)
    share = (b"", directory, b"none", _MS_SHARED | _MS_REC, None)
    try:
        _call(_libc.mount, *share)
    except OSError as problem:
        if problem.errno != errno.EINVAL:  # it is no mount yet
            raise
        _call(_libc.mount, directory, directory, b"none", _MS_BIND | _MS_REC, None)
        _call(_libc.mount, *share)


def _mount(source: Path, target: Path) -> None:
    _unmount(target)  # whatever else is there
    _make_file(target)
    _bind(source, target)


def _make_file(target: Path) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle = os.open(target, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444)
    os.close(handle)


def _bind(source: Path, target: Path) -> None:
    names = os.fsencode(source), os.fsencode(target)
    _call(_libc.mount, *names, b"none", _MS_BIND, None)


def _unmount(target: Path) -> None:
    """Unmount all that is mounted on *target*, however often that was done."""
    with suppress(FileNotFoundError):
        while True:
            try:
                _call(
                    _libc.umount2, os.fsencode(target), _MNT_DETACH | _UMOUNT_NOFOLLOW
                )
            except OSError as problem:
                if problem.errno != errno.EINVAL:  # nothing is mounted there
                    raise
                return


def _call(function: "ctypes._NamedFuncPointer", *arguments: bytes | int | None) -> None:
    """Call libc; what it refuses is an OSError, as from os.*."""
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
