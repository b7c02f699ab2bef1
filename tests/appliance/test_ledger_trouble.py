"""The journal of leases, when the disk is full or we are killed."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.ledger import LINES_AT_LEAST

from .book import DAY
from .book import Book
from .book import lease

ROOT = Path(__file__).parents[2]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "leases.journal")


@contextmanager
def file_size(octets: int) -> Iterator[None]:
    """Let no file grow beyond *octets*, as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_leaves_no_half_records(book: Book) -> None:
    """dhcp 69: what does not fit is refused, counted and told once; what was there is
    as it was, and when there is room it goes on."""
    book.write(lease(1))
    before = book.path.read_bytes()
    with file_size(len(before) + 20):
        for _ in range(3):
            assert not book.write(lease(2))
    assert book.path.read_bytes() == before
    assert book.ledger.failures == 3
    assert len(book.told) == 1
    assert book.told[0].startswith(f"{book.path}: ")
    assert book.write(lease(3))
    assert book.read() == [lease(1), lease(3)]


def test_a_compaction_that_fails_costs_nothing(
    book: Book,
) -> None:
    """dhcp 69: where there is no room for a new journal, the old one goes on."""
    book.kept = [lease(n % 200) for n in range(LINES_AT_LEAST)]
    book.write(*book.kept)
    with file_size(book.path.stat().st_size + 200):
        size = book.path.stat().st_size
        book.kept = book.kept * 2
        assert book.write(lease(3))
    assert book.path.stat().st_size > size
    assert book.ledger.failures == 1
    assert os.listdir(book.path.parent) == [book.path.name]


WRITER = """
import sys
from ipaddress import IPv4Address
from pathlib import Path
import trio
from appliance.ledger import Ledger
from appliance.leases import Clock
from appliance.pool_state import read_clock
from dhcp.lease import Hold, Use

async def main():
    kept = {}
    path, look = Path(sys.argv[1]), lambda: read_clock(trio.current_time())
    ledger = Ledger(path, lambda now: list(kept.values()), print, look)
    ledger.load(86400.0)
    number = 0
    while True:
        where = IPv4Address("10.0.0.0") + number % 250
        mac = number.to_bytes(6, "big")
        hold = Hold(where, Use.LEASED, mac, trio.current_time() + 1000)
        assert await ledger.write([hold])
        kept[where] = hold
        print(number, flush=True)
        number += 1

trio.run(main)
"""


def test_kill_9_costs_nothing_that_was_said(tmp_path: Path) -> None:
    """dhcp 29: whenever it is killed, while it appends or compacts, every lease that
    was said to be written is found."""
    path = tmp_path / "leases.journal"
    for after in (3, 900, 1100, 2050):
        path.unlink(missing_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            said = -1
            for line in writer.stdout:
                said = int(line)
                if said == after:
                    writer.kill()
        book = Book(path)
        found = book.ledger.load(DAY)
        assert found.damaged == 0
        newest = {each.address: each.hardware for each in found.holds}
        for number in range(max(0, said - 249), said + 1):
            # the one after the last that was said may be there
            where = IPv4Address("10.0.0.0") + number % 250
            assert int.from_bytes(newest[where], "big") in (number, number + 250)
