"""The journal of leases on a disk."""

import errno
import os
from pathlib import Path

import pytest
import trio

from appliance.files import stage_file
from appliance.ledger import LINES_AT_LEAST
from dhcp.lease import Hold
from dhcp.lease import Use

from .book import DAY
from .book import FIRST
from .book import Book
from .book import lease


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "leases.journal")


def test_what_is_written_is_there(book: Book) -> None:
    """dhcp 29: a lease is on the disk when `write` returns, whatever becomes of us."""
    assert book.ledger.load(DAY).holds == ()
    book.kept = [lease(0)]
    assert book.write(lease(1), lease(2))
    assert book.write(lease(3))
    assert book.read() == [lease(0), lease(1), lease(2), lease(3)]
    assert (book.told, book.ledger.failures) == ([], 0)
    assert book.path.stat().st_mode & 0o777 == 0o640


def test_a_torn_end_is_cut_off(book: Book) -> None:
    """dhcp 29: what a kill has left of a record is cut off, at any octet, and what is
    written next is read."""
    book.write(lease(1), lease(2))
    whole = book.path.read_bytes()
    for length in range(len(whole)):
        book.path.write_bytes(whole[:length])
        before = book.read()
        assert book.write(lease(9))
        assert book.read() == [*before, lease(9)]
        assert book.told == []


def test_a_damaged_record_is_told_and_made_good(book: Book) -> None:
    """dhcp 29: it is told at the start; with the next record the journal is whole."""
    book.write(lease(1), lease(2))
    book.path.write_bytes(
        book.path.read_bytes().replace(b"fa163e000001", b"fa163e0000XX")
    )
    rests = Hold(FIRST + 1, Use.QUARANTINED, b"", DAY)
    assert book.read() == [rests, lease(2)]
    assert book.told == [f"{book.path}: 1 damaged records"]
    book.kept = [rests, lease(2)]
    assert book.write(lease(3))
    book.told.clear()
    assert book.read() == [rests, lease(2), lease(3)]
    assert book.told == []


def test_it_is_compacted(book: Book) -> None:
    """What is much longer than what it says is written anew, whole or not at all; what
    is appended then is in the new one."""
    book.kept = [lease(1), lease(2)]
    for _ in range(LINES_AT_LEAST // 100):
        assert book.write(*[lease(1)] * 100)
    assert book.lines == LINES_AT_LEAST + 1
    assert book.write(lease(3))
    assert book.lines == 1 + 2 + 1
    assert book.write(lease(4))
    assert book.read() == [lease(1), lease(2), lease(3), lease(4)]
    assert os.listdir(book.path.parent) == [book.path.name]


def test_what_a_kill_has_left_of_a_compaction_is_removed(book: Book) -> None:
    """dhcp 69: killed between the new file and its name, again and again: one file is
    there after the next start, and no lease is lost."""
    book.write(lease(1))
    for _ in range(3):
        stage_file(book.path, b"half of it")  # and there the daemon was killed
    assert book.read() == [lease(1)]
    assert os.listdir(book.path.parent) == [book.path.name]


def test_a_long_journal_is_compacted_after_a_start(book: Book) -> None:
    book.write(*[lease(1)] * LINES_AT_LEAST)
    book.kept = book.read()[-1:]
    assert book.write(lease(2))
    assert book.lines == 1 + 1 + 1


def test_a_pool_that_is_large_has_a_long_journal(book: Book) -> None:
    """It is not written anew all the time: only when it says everything four times."""
    book.kept = [lease(n % 200) for n in range(LINES_AT_LEAST)]
    book.write(*book.kept)
    book.write(lease(1))  # compacts
    first = book.path.stat().st_ino
    for _ in range(2):
        book.write(*book.kept)
    assert book.path.stat().st_ino == first


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """dhcp 69: a directory in its place is refused and told, no more; when it is gone
    the journal is begun."""
    blocked = Book(tmp_path / "own/leases.journal")
    blocked.path.mkdir(parents=True)
    assert blocked.ledger.load(DAY).holds == ()
    for _ in range(3):
        assert not blocked.write(lease(1))
    assert blocked.ledger.failures == 1 + 3
    assert blocked.told == [
        f"{blocked.path}: is no regular file",
        f"{blocked.path}: {os.strerror(errno.EISDIR)}",
    ]
    blocked.path.rmdir()
    assert blocked.write(lease(1))
    assert blocked.read() == [lease(1)]


def test_it_follows_no_link(book: Book, tmp_path: Path) -> None:
    """What stands in its place is not written to."""
    other = tmp_path / "other"
    other.write_bytes(b"precious\n")
    book.path.symlink_to(other)
    assert not book.write(lease(1))
    assert other.read_bytes() == b"precious\n"


def test_one_that_is_removed_is_made_again(book: Book) -> None:
    """Who removes it while we run has it made anew with the next lease."""
    book.write(lease(1))
    book.path.unlink()
    assert book.write(lease(2))
    assert book.read() == [lease(2)]


def test_garbage_is_no_reason_to_stop(book: Book) -> None:
    """dhcp 69: a file of anything is read as far as it goes, and written anew."""
    book.path.write_bytes(os.urandom(5000) + b"\n" + os.urandom(100))
    assert [each for each in book.read() if each.use is Use.LEASED] == []
    assert book.write(lease(1))
    assert book.read() == [lease(1)]


def test_a_clock_that_is_set_is_written_down(book: Book) -> None:
    """By the tick, without that a lease is given: a record for each time, and none
    while the clock only goes."""
    book.write(lease(1))
    lines = book.lines
    trio.run(book.ledger.tick)
    assert book.lines == lines
    for by in (0.4, 0.8, 1.2):  # slowly, and as much as counts in the end
        book.set_by = by
        book.write(lease(1))
    assert book.lines == lines + 3 + 1
    for _ in range(2):
        book.set_by = 5000.0
        trio.run(book.ledger.tick)
    assert book.lines == lines + 3 + 2
    assert book.read() == [lease(1)] * 4


def test_two_writers_take_turns(book: Book) -> None:
    """Records of two tasks are each whole."""

    async def scenario() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(book.ledger.write, [lease(number)] * 10)

    trio.run(scenario)
    assert len(book.read()) == 200
    assert book.ledger.failures == 0
