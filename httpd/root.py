"""Files below a directory, and none outside, whatever a path or a link says.

openat2(2) confines the look-up (RESOLVE_BENEATH), and says when it would have to wait
for a disk (RESOLVE_CACHED, then RWF_NOWAIT): the caller then asks again from a thread.
A small file's octets are remembered with its identity, size and times, which are
checked at each request.
"""

import ctypes
import errno
import os
import stat
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass

from .messages import FileBody
from .messages import Identity
from .messages import Look

SMALL = 64 * 1024  # octets: a larger document is sent by a task of its own
CACHE_AT_MOST = 8 * 1024 * 1024  # octets
ENTRY = 512  # octets that an entry takes beside its body
# the kernel cannot vouch for a ".." while something is renamed anywhere: ask again
ATTEMPTS = 100
# a file that was changed less than this ago can change again without its times showing
SETTLED = 1_000_000_000  # nanoseconds

_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_RESOLVE_CACHED = 0x20
_HOW = struct.Struct("QQQ")
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.syscall.argtypes = (
    ctypes.c_long,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
)

_ABSENT = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.EXDEV,  # a link or ".." that leads out
    errno.ENAMETOOLONG,
    errno.EACCES,  # not given to the daemon's group: as good as not there
    errno.ENXIO,  # a socket
}
_WOULD_WAIT = {errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class File:
    """An open document.  A large one's descriptor is the caller's to close."""

    body: bytes | FileBody
    modified: float
    """Seconds since the epoch."""
    identity: Identity | None = None
    """Of what was read; None for what is sent from its descriptor."""


def unchanged(looks: Iterable[Look]) -> bool:
    """Whether the same would be found now: asked anew of the file system."""
    for path, identity in looks:
        if identity is None:
            if os.access(path, os.F_OK):
                return False
            continue
        try:
            if _identity(os.stat(path)) != identity:
                return False
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Names:
    """What a directory holds; a directory's name ends with "/"."""

    names: tuple[str, ...]


def discard(body: bytes | FileBody) -> None:
    """Give back a body that will not be sent."""
    if isinstance(body, FileBody):
        os.close(body.descriptor)


class FileCache:
    """The octets of small files, the least used forgotten first."""

    def __init__(self, octets: int = CACHE_AT_MOST) -> None:
        self._left = octets
        self._files: OrderedDict[tuple[int, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()  # threads that waited for a disk come here too

    def find(self, facts: os.stat_result) -> bytes | None:
        key = _identity(facts)
        with self._lock:
            body = self._files.get(key)
            if body is not None:
                self._files.move_to_end(key)
        return body

    def keep(self, facts: os.stat_result, body: bytes) -> None:
        if time.time_ns() - facts.st_ctime_ns < SETTLED:
            return
        key = _identity(facts)
        with self._lock:
            if key in self._files:  # two read it at the same time
                return
            self._files[key] = body
            self._left -= len(body) + ENTRY
            while self._left < 0:
                self._left += len(self._files.popitem(last=False)[1]) + ENTRY


def _identity(facts: os.stat_result) -> Identity:
    times = (facts.st_mtime_ns, facts.st_ctime_ns)
    return (facts.st_dev, facts.st_ino, facts.st_size, *times)


class DocumentRoot:
    """Reads documents below *path*.

    Error handling: what is not there, or leads out, is None.  With *wait* false,
    BlockingIOError says that a disk would have to be waited for.  Other OSErrors are
    the disk's and propagate.
    """

    def __init__(self, path: str | os.PathLike[str], cache: FileCache) -> None:
        self._path = os.fspath(path)
        self._cache = cache

    def where(self, relative: str) -> str:
        """Return the path of *relative* from the root of the file system."""
        return f"{self._path}/{relative}"

    def find(self, relative: str, *, wait: bool) -> File | Names | None:
        """Return the file or directory at *relative*, a path with "/" between.

        A slash at its end changes nothing: some clients ask for leaves with one.
        """
        directory = _open(-100, self._path, os.O_PATH | os.O_DIRECTORY, 0, wait)
        if directory is None:
            return None
        try:
            return self._find(directory, relative.strip("/") or ".", wait)
        finally:
            os.close(directory)

    def _find(self, directory: int, relative: str, wait: bool) -> File | Names | None:
        descriptor = _open_below(directory, relative, wait)
        if descriptor is None:
            return None
        kept = False
        try:
            facts = os.fstat(descriptor)
            if stat.S_ISDIR(facts.st_mode):
                if not wait:  # a directory's blocks cannot be asked for without waiting
                    raise BlockingIOError
                return Names(tuple(_names(directory, relative, descriptor)))
            if not stat.S_ISREG(facts.st_mode):
                return None
            if facts.st_size > SMALL:
                kept = True
                return File(FileBody(descriptor, facts.st_size), facts.st_mtime)
            body = self._read(descriptor, facts, wait)
            # what changes as it is read, or just did, may change again unseen
            settled = time.time_ns() - facts.st_ctime_ns >= SETTLED
            identity = _identity(facts) if settled else None
            return File(body, facts.st_mtime, identity)
        finally:
            if not kept:
                os.close(descriptor)

    def _read(self, descriptor: int, facts: os.stat_result, wait: bool) -> bytes:
        body = self._cache.find(facts)
        if body is None:
            body = _pread(descriptor, facts.st_size, wait)
            self._cache.keep(facts, body)
        return body


def _open_below(directory: int, relative: str, wait: bool) -> int | None:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
    confined = _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS
    return _open(directory, relative, flags, confined, wait)


def _open(
    directory: int, path: str, flags: int, resolve: int, wait: bool
) -> int | None:
    resolve |= 0 if wait else _RESOLVE_CACHED
    how = _HOW.pack(flags | os.O_CLOEXEC, 0, resolve)
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        return None
    if b"\0" in encoded:  # the kernel would read up to it
        return None
    for _ in range(ATTEMPTS):
        descriptor: int = _libc.syscall(_OPENAT2, directory, encoded, how, _HOW.size)
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number in _ABSENT:
            return None
        if number in _WOULD_WAIT and not wait:
            raise BlockingIOError
        if number != errno.EAGAIN:
            raise OSError(number, os.strerror(number), path)
    raise OSError(errno.EIO, "no end of renames meanwhile", path)


def _pread(descriptor: int, size: int, wait: bool) -> bytes:
    octets = bytearray(size)
    view = memoryview(octets)
    at = 0
    while at < size:
        try:
            count = os.preadv(descriptor, [view[at:]], at, 0 if wait else os.RWF_NOWAIT)
        except OSError as problem:
            if problem.errno in _WOULD_WAIT and not wait:
                raise BlockingIOError from None
            raise
        if count == 0:
            break  # it was cut while we read
        at += count
    return bytes(octets[:at])


def _names(directory: int, relative: str, listed: int) -> Iterator[str]:
    """Yield what would be served: a name that is listed and 404 stops cloud-init."""
    for name in sorted(os.listdir(listed)):
        descriptor = _open_below(directory, f"{relative}/{name}", wait=True)
        if descriptor is None:
            continue
        try:
            mode = os.fstat(descriptor).st_mode
        finally:
            os.close(descriptor)
        if stat.S_ISDIR(mode):
            yield name + "/"
        elif stat.S_ISREG(mode):
            yield name
