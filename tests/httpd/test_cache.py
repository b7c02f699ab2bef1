"""What is remembered of small files: never a moment longer than they are the same."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time_ns

import pytest

from httpd import root as module
from httpd.messages import FileBody
from httpd.root import ENTRY
from httpd.root import SETTLED
from httpd.root import SMALL
from httpd.root import DocumentRoot
from httpd.root import File
from httpd.root import FileCache


def facts(inode: int, size: int = 3, changed: int = 0) -> os.stat_result:
    """What the kernel would say of a file that was last changed at *changed*."""
    ten = (0o100644, inode, 1, 1, 0, 0, size, 0, 0, 0)
    return os.stat_result(ten, {"st_mtime_ns": changed, "st_ctime_ns": changed})


def octets(documents: DocumentRoot, path: str = "leaf") -> bytes | None:
    found = documents.find(path, wait=True)
    if not isinstance(found, File):
        return None
    if isinstance(found.body, FileBody):
        os.close(found.body.descriptor)
        return b"large"
    return found.body


def next_tick(path: Path) -> None:
    """Return when a change would show in the times of *path*."""
    probe = path.parent / "probe"
    while True:
        probe.touch()
        if probe.stat().st_ctime_ns > path.stat().st_ctime_ns:
            return


def rewrite(path: Path, body: bytes) -> None:
    path.write_bytes(body)


def rewrite_and_restore_the_time(path: Path, body: bytes) -> None:
    before = path.stat()
    path.write_bytes(body)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path, body: bytes) -> None:
    (path.parent / "new").write_bytes(body)
    (path.parent / "new").rename(path)


def replace_by_a_link(path: Path, body: bytes) -> None:
    (path.parent / "other").write_bytes(body)
    path.unlink()
    path.symlink_to("other")


CHANGES: list[Callable[[Path, bytes], None]] = [
    *(rewrite, rewrite_and_restore_the_time, replace, replace_by_a_link),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("settled", [SETTLED, 0], ids=["fresh", "remembered"])
def test_a_change_is_seen_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, bytes], None],
    settled: int,
) -> None:
    """A file that is replaced by rename or changed in place, to the same length too, is
    served as it is now from the next request on, remembered or not (issue 3, change in
    force)."""
    monkeypatch.setattr(module, "SETTLED", settled)
    documents = DocumentRoot(tmp_path, FileCache())
    leaf = tmp_path / "leaf"
    leaf.write_bytes(b"old")
    for turn in range(50):
        assert octets(documents) == octets(documents)
        if not settled:
            next_tick(leaf)  # what SETTLED is for: see below
        body = b"%03d" % turn
        change(leaf, body)
        assert octets(documents) == body


def test_a_file_that_goes_or_grows_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed is absent, longer is longer, a directory in its place is a directory."""
    monkeypatch.setattr(module, "SETTLED", 0)
    documents = DocumentRoot(tmp_path, FileCache())
    leaf = tmp_path / "leaf"
    for body in (b"a", b"", b"abc", b"x" * SMALL, b"b"):
        leaf.write_bytes(body)
        assert octets(documents) == body == octets(documents)
    leaf.write_bytes(b"x" * (SMALL + 1))
    assert octets(documents) == b"large"
    leaf.unlink()
    assert octets(documents) is None


def test_what_changed_just_now_is_not_remembered() -> None:
    """A file's octets are remembered when it was last changed SETTLED ago: before that
    it can change again without its times showing."""
    cache = FileCache()
    young = facts(1, changed=time_ns())
    old = facts(2, changed=time_ns() - SETTLED)
    future = facts(3, changed=time_ns() + SETTLED)
    for each in (young, old, future):
        cache.keep(each, b"abc")
    assert [cache.find(each) for each in (young, old, future)] == [None, b"abc", None]


def test_an_old_file_is_read_once() -> None:
    """A file that rests is served from memory: the same octets, not a copy."""
    source = Path(pytest.__file__)  # installed long ago
    documents = DocumentRoot(source.parent, FileCache())
    first = octets(documents, source.name)
    assert first == source.read_bytes()
    assert octets(documents, source.name) is first


def test_the_cache_is_bounded() -> None:
    """It never holds more octets than it was given, and the least used goes first; an
    empty file counts too."""
    cache = FileCache(3 * (ENTRY + 10))
    for inode in (1, 2, 3):
        cache.keep(facts(inode), b"x" * 10)
    assert cache.find(facts(1)) is not None
    cache.keep(facts(4), b"x" * 10)
    held = [inode for inode in range(1, 5) if cache.find(facts(inode)) is not None]
    assert held == [1, 3, 4]
    cache.keep(facts(5), b"x" * 2 * ENTRY)  # as large as two
    held = [inode for inode in range(1, 6) if cache.find(facts(inode)) is not None]
    assert held == [5]
    cache.keep(facts(6), b"x" * SMALL)  # larger than all of it
    assert cache.find(facts(6)) is None
    for inode in range(100, 1000):
        cache.keep(facts(inode), b"")
    held = [inode for inode in range(1000) if cache.find(facts(inode)) is not None]
    assert held == [997, 998, 999]


def test_two_who_read_the_same_file_count_it_once() -> None:
    """Threads that remember the same file at the same time take its room once: the
    cache does not shrink with the days."""
    cache = FileCache(10 * (ENTRY + 10))
    with ThreadPoolExecutor(4) as pool:
        for _ in range(200):
            for done in [
                pool.submit(cache.keep, facts(inode), b"x" * 10) for inode in [1, 1, 2]
            ]:
                done.result()
    for inode in range(3, 11):
        cache.keep(facts(inode), b"x" * 10)
    assert all(cache.find(facts(inode)) for inode in range(1, 11))


def test_who_would_wait_is_told(tmp_path: Path) -> None:
    """In line nothing waits for a disk: a name that the kernel has not in memory and a
    directory are BlockingIOError, and a thread then finds them (design.md, HTTP)."""
    documents = DocumentRoot(tmp_path, FileCache())
    (tmp_path / "leaf").write_bytes(b"abc")
    for path in ("asked-for-the-first-time", "."):
        with pytest.raises(BlockingIOError):
            documents.find(path, wait=False)
    assert documents.find("asked-for-the-first-time", wait=True) is None
    assert documents.find("asked-for-the-first-time", wait=False) is None
    assert octets(documents) == b"abc"
    assert isinstance(found := documents.find("leaf", wait=False), File)
    assert found.body == b"abc"


def test_a_cold_page_is_not_waited_for(tmp_path: Path) -> None:
    """A file whose octets left the page cache is BlockingIOError in line; where pages
    cannot leave (tmpfs) it is read."""
    documents = DocumentRoot(tmp_path, FileCache())
    (tmp_path / "leaf").write_bytes(b"abc")
    assert octets(documents) == b"abc"
    with open(tmp_path / "leaf", "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        documents.find("leaf", wait=False)
    except BlockingIOError:
        waited = True
    else:
        waited = file_system(tmp_path) in ("tmpfs", "ramfs")
    assert waited
    assert octets(documents) == b"abc"


def file_system(path: Path) -> str:
    """The type of the file system that *path* is on."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
