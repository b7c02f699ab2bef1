"""What was heard of the guests is kept over a restart, and never needed (dhcp 69)."""

import json
import os
import threading
from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from appliance import activity
from appliance.activity import EVERY
from appliance.activity import HOUR
from appliance.activity import LINE_AT_MOST
from appliance.activity import LINES_AT_ONCE
from appliance.activity import SAID_AT_MOST
from appliance.activity import STRANGERS_AT_MOST
from appliance.activity import Activity
from appliance.activity import Diary
from appliance.activity import Lately
from appliance.activity import decode
from appliance.activity import encode

from .house import mac

NOW = 1000.0
ONE = (mac(5).octets, Activity(900.0))
DECLINED = (mac(6).octets, Activity(None, 'in use, "they" said\n\x00ÿ'))
LINE = b'["fa163e000005", 900.0, null]\n'


def read(octets: bytes, now: float = NOW) -> list[tuple[bytes, Activity]]:
    return [each for some in decode(octets, now) for each in some]


@dataclass
class Ear:
    """Hears guests, as an observation does."""

    activity: dict[bytes, Activity] = field(default_factory=dict)
    changed: float = 0.0
    last_ack: float | None = None

    def hear(self, number: int, now: float) -> None:
        self.activity[mac(number).octets] = Activity(now)
        self.changed = self.last_ack = now


@dataclass
class Kept:
    """A diary of guests 5 to 9, and what it reported."""

    path: Path
    ear: Ear = field(default_factory=Ear)
    reports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.diary = Diary(
            self.path,
            self.ear,
            {mac(number).octets for number in range(5, 10)},
            clock=lambda: NOW,
            report=self.reports.append,
        )

    def run(self, act: Callable[[], Awaitable[None]]) -> None:
        """Run the diary, and end it when *act* is done."""

        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.diary.run)
                await act()
                nursery.cancel_scope.cancel()

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.05))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "own/activity.jsonl")


def test_what_is_written_is_read() -> None:
    """dhcp 69: more than one piece of it, in order; texts as they were."""
    many = [(n.to_bytes(6), Activity(float(n))) for n in range(3 * LINES_AT_ONCE)]
    octets = b"".join(encode([*many, ONE, DECLINED]))
    assert read(octets) == [*many, ONE, DECLINED]
    assert octets.count(b"\n") == 3 * LINES_AT_ONCE + 2


def test_a_piece_is_small() -> None:
    """dhcp 69: packets are answered between two pieces of a large file."""
    many = [(n.to_bytes(6), Activity(float(n))) for n in range(10 * LINES_AT_ONCE)]
    pieces = list(encode(many))
    assert max(piece.count(b"\n") for piece in pieces) == LINES_AT_ONCE
    assert max(map(len, decode(b"".join(pieces), NOW))) <= 2 * LINES_AT_ONCE


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[" * LINE_AT_MOST,
        b"{}",
        b"5",
        b"[]",
        b'["fa163e000005", 900.0]',
        b'["fa163e000005", 900.0, null, 1]',
        b'["fa163e0000", 900.0, null]',
        b'["xa163e000005", 900.0, null]',
        b"[5, 900.0, null]",
        b'["fa163e000005", "soon", null]',
        b'["fa163e000005", [], null]',
        b'["fa163e000005", NaN, null]',
        b'["fa163e000005", 1e999, null]',
        b'["fa163e000005", 900.0, 5]',
        b'["fa163e000005", 900.0, "' + b"x" * LINE_AT_MOST + b'"]',
        b'["fa163e000005", ' + b"9" * 900 + b", null]",
    ],
)
def test_a_damaged_line_costs_what_it_said(line: bytes) -> None:
    """dhcp 69: and nothing else."""
    assert read(line + b"\n" + LINE) == [ONE]


def test_a_torn_file_is_read_up_to_there() -> None:
    """dhcp 69: at every octet."""
    octets = b"".join(encode([ONE, DECLINED]))
    for end in range(len(octets)):
        found = read(octets[:end])
        assert found == [ONE, DECLINED][: len(found)]
        assert len(found) >= octets[:end].count(b"\n")


@given(st.binary(max_size=300))
def test_garbage_is_read_as_nothing_or_something(octets: bytes) -> None:
    """dhcp 69: and never as an error."""
    for who, each in read(octets):
        assert len(who) == 6
        assert each.acknowledged is None or each.acknowledged <= NOW


def test_a_clock_that_was_put_back_shows_no_future() -> None:
    assert read(LINE, now=100.0) == [(ONE[0], Activity(100.0))]


def test_what_a_guest_said_is_cut() -> None:
    octets = b"".join(encode([(ONE[0], Activity(None, "😀" * 5000))]))
    assert read(octets)[0][1].conflict == "😀" * SAID_AT_MOST


def test_it_comes_back_after_a_restart(kept: Kept) -> None:
    """dhcp 69: written while it runs, and at its end what is newer."""

    async def act() -> None:
        kept.ear.hear(5, 100.0)
        await trio.sleep(2 * EVERY)
        assert read(kept.path.read_bytes()) == [(mac(5).octets, Activity(100.0))]
        kept.ear.hear(6, 200.0)

    kept.run(act)
    again = Kept(kept.path)
    trio.run(again.diary.load)
    assert again.ear.activity == kept.ear.activity
    assert again.ear.last_ack == 200.0
    assert [*kept.reports, *again.reports] == []
    assert os.listdir(kept.path.parent) == [kept.path.name]


def test_what_was_heard_since_is_newer(kept: Kept) -> None:
    """dhcp 69: the file is behind; and who is not bound any more is forgotten."""
    kept.path.parent.mkdir()
    heard = [ONE, (mac(6).octets, Activity(500.0)), (mac(99).octets, Activity(600.0))]
    kept.path.write_bytes(b"".join(encode(heard)))
    kept.ear.hear(5, 950.0)
    trio.run(kept.diary.load)
    assert kept.ear.activity == {
        mac(5).octets: Activity(950.0),
        mac(6).octets: Activity(500.0),
    }
    assert kept.ear.last_ack == 950.0


def test_nothing_new_writes_nothing(kept: Kept) -> None:
    """dhcp 69: and who is not bound is not written."""
    times = []

    async def act() -> None:
        await trio.sleep(3 * EVERY)
        assert not kept.path.exists()
        kept.ear.hear(5, 100.0)
        kept.ear.hear(99, 101.0)
        for _ in range(3):
            await trio.sleep(2 * EVERY)
            times.append(kept.path.stat().st_ino)

    kept.run(act)
    assert len(set(times)) == 1
    assert read(kept.path.read_bytes()) == [(mac(5).octets, Activity(100.0))]


def test_who_is_not_bound_does_not_fill_the_table(kept: Kept) -> None:
    """dhcp 71: clients of a pool come and go, whatever MACs they invent."""

    async def act() -> None:
        kept.ear.hear(5, 100.0)
        for number in range(STRANGERS_AT_MOST + 4):
            kept.ear.activity[number.to_bytes(6)] = Activity(100.0)
        await trio.sleep(2 * EVERY)
        assert len(kept.ear.activity) == STRANGERS_AT_MOST + 5  # as many may be
        kept.ear.activity[mac(99).octets] = Activity(100.0)
        await trio.sleep(2 * EVERY)
        assert kept.ear.activity == {mac(5).octets: Activity(100.0)}

    kept.run(act)


def test_what_cannot_be_written_is_told_once(kept: Kept) -> None:
    """dhcp 69: and is written when it can be."""

    async def act() -> None:
        await trio.sleep(EVERY / 2)
        kept.path.parent.write_bytes(b"no directory")
        for now in (100.0, 200.0, 300.0):
            kept.ear.hear(5, now)
            await trio.sleep(2 * EVERY)
        kept.path.parent.unlink()
        await trio.sleep(2 * EVERY)
        assert kept.path.exists()

    kept.run(act)
    assert kept.reports == [f"{kept.path}: cannot be written: File exists"]
    assert read(kept.path.read_bytes()) == [(mac(5).octets, Activity(300.0))]


def test_what_cannot_be_read_is_told(kept: Kept) -> None:
    """dhcp 69: a directory, a pipe: told, and nobody waits."""
    kept.path.parent.mkdir()
    os.mkfifo(kept.path)
    trio.run(kept.diary.load)
    assert kept.reports == [f"{kept.path}: is no regular file"]
    assert kept.ear.activity == {}


def test_a_full_disk_leaves_what_was_there(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dhcp 69: whole or not at all, and no half file stays."""
    kept.path.parent.mkdir()
    kept.path.write_bytes(LINE)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    kept.ear.hear(6, 100.0)
    trio.run(kept.diary.save)
    assert kept.path.read_bytes() == LINE
    assert os.listdir(kept.path.parent) == [kept.path.name]
    assert kept.reports == [f"{kept.path}: cannot be written: No space left on device"]


def test_a_disk_that_stands_still_keeps_nobody(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dhcp 69: the loop goes on meanwhile, and the end comes without the disk."""
    stands, goes_on = threading.Event(), threading.Event()

    def stand(descriptor: int) -> None:
        stands.set()
        goes_on.wait(60)

    monkeypatch.setattr(os, "fsync", stand)
    monkeypatch.setattr(activity, "EVERY", 0.01)
    monkeypatch.setattr(activity, "LAST", 0.01)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.diary.run)
            kept.ear.hear(5, 100.0)
            assert await trio.to_thread.run_sync(stands.wait, 30)
            kept.ear.hear(6, 200.0)
            nursery.cancel_scope.cancel()

    try:
        trio.run(main)
        assert not kept.path.exists()
    finally:
        goes_on.set()


def test_a_kill_leaves_one_file_aside_at_most(kept: Kept) -> None:
    """What a killed one has begun is begun anew, with the same name."""
    kept.path.parent.mkdir()
    kept.path.with_suffix(".tmp").write_bytes(b"x" * 5000)
    kept.ear.hear(5, 100.0)
    trio.run(kept.diary.save)
    assert os.listdir(kept.path.parent) == [kept.path.name]
    assert json.loads(kept.path.read_bytes()) == ["fa163e000005", 100.0, None]


def test_who_was_heard_lately() -> None:
    """dhcp 71, 72: each MAC once, for an hour; a flood leaves the latest."""
    lately = Lately()
    for number, now in ((5, 0.0), (6, 0.5), (5, 1.0)):
        lately.note(mac(number).octets, now)
    assert lately.count(1.0) == 2
    assert lately.count(HOUR + 0.7) == 1
    assert lately.count(HOUR + 1.0) == 0
    for number in range(2 * STRANGERS_AT_MOST):
        lately.note(number.to_bytes(6), HOUR)
    assert lately.count(HOUR) == STRANGERS_AT_MOST
