"""The state follows its files: in order, by command or by hand."""

import threading
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest
import trio
import trio.testing

from appliance.directory import Content
from appliance.directory import StateDirectory
from appliance.follower import SHARE
from appliance.follower import Follower
from appliance.follower import Look
from appliance.follower import Pace
from appliance.follower import find_changes
from appliance.state import Change
from appliance.state import State

from .house import House
from .house import ip
from .house import mac


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


@dataclass(frozen=True)
class Slow(StateDirectory):
    """A disk that has read, and does not come back until it may."""

    has_read: threading.Event = field(default_factory=threading.Event)
    may_return: threading.Event = field(default_factory=threading.Event)

    def read_all(self, names: Iterable[str]) -> dict[str, Content]:
        found = {name: self.read(name) for name in names}
        self.has_read.set()
        assert self.may_return.wait(10)
        return found


@pytest.mark.parametrize("write", ["put", "remove"])
def test_a_stale_read_never_undoes_a_newer_command(house: House, write: str) -> None:
    """What was read first comes in force first: a put that returned stays in force."""
    house.bind(5, hostname="old")
    directory = Slow(house.files.bindings)
    state = State(directory, house.settings())
    changes: list[Change] = []
    follower = Follower(state, changes.append)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.rescan)
            await trio.to_thread.run_sync(directory.has_read.wait)
            if write == "put":
                house.bind(5, hostname="new")
            else:
                house.file(5).unlink()
            nursery.start_soon(follower.apply, [mac(5).digits])
            await trio.testing.wait_all_tasks_blocked()
            assert state.records == {}
            directory.may_return.set()

    trio.run(main)
    found = state.at(ip(5))
    if write == "put":
        assert found is not None
        assert found.hostname == "new"
        assert [each.put[0].hostname for each in changes] == ["old", "new"]
    else:
        assert found is None
        assert [len(each.gone) for each in changes] == [0, 1]


def test_a_command_names_its_files_and_touches_no_other(house: House) -> None:
    """dhcp 67: O(1): what else has changed meanwhile is not looked at."""
    state = house.state()
    house.bind(5)
    house.bind(6)
    change = trio.run(Follower(state, lambda change: None).apply, [mac(5).digits])
    assert [each.ip for each in change.put] == [ip(5)]
    assert state.at(ip(6)) is None


def found_by_hand(
    house: House, edit: Callable[[], object], state: State
) -> list[Change]:
    """Return the changes that come of *edit* while the follower runs."""
    changes: list[Change] = []
    found = trio.Event()

    def changed(change: Change) -> None:
        changes.append(change)
        found.set()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Follower(state, changed).run)
            await trio.testing.wait_all_tasks_blocked()
            edit()
            await found.wait()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return changes


def test_a_file_that_is_dropped_by_hand_is_found(house: House) -> None:
    """docs/design.md: within a second, by the directory's time."""
    state = house.state()
    state.load()
    changes = found_by_hand(house, lambda: house.bind(5), state)
    assert [each.ip for each in changes[0].put] == [ip(5)]


def test_a_file_that_is_removed_by_hand_is_found(house: House) -> None:
    house.bind(5)
    state = house.state()
    state.load()
    changes = found_by_hand(house, house.file(5).unlink, state)
    assert [each.ip for each in changes[0].gone] == [ip(5)]


def test_an_edit_in_place_is_found(house: House) -> None:
    """The directory's time says nothing of it: the files' times do."""
    text = house.bind(5, hostname="old").read_text()
    state = house.state()
    state.load()

    def edit() -> None:
        house.file(5).write_text(text.replace("old", "newer"))

    changes = found_by_hand(house, edit, state)
    assert [each.hostname for each in changes[0].put] == ["newer"]


def test_a_directory_that_cannot_be_listed_changes_nothing(house: House) -> None:
    """The last good stays in force, and it is told once until it is well again."""
    house.bind(5)
    state = house.state()
    state.load()
    changes: list[Change] = []
    told = [trio.Event(), trio.Event()]
    away = house.files.state / "away"

    def changed(change: Change) -> None:
        told[len(changes)].set()
        changes.append(change)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Follower(state, changed).run)
            house.files.bindings.rename(away)
            house.files.bindings.touch()
            await told[0].wait()
            for _ in range(10):
                await trio.sleep(1)
            house.files.bindings.unlink()
            away.rename(house.files.bindings)
            house.bind(6)
            await told[1].wait()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    first, healed = changes
    assert [each.what for each in first.problems] == [
        "cannot be listed: Not a directory"
    ]
    assert [each.ip for each in healed.put] == [ip(6)]
    assert healed.gone == ()


def test_what_is_back_is_not_let_go(house: House) -> None:
    """`accept` right after the files were restored removes nothing."""
    for number in range(5, 46):
        house.bind(number)
    state = house.state()
    state.load()
    follower = Follower(state, lambda change: None)
    away = house.files.state / "away"

    house.files.bindings.rename(away)
    house.files.bindings.mkdir()
    trio.run(follower.rescan)
    assert len(state.vanished) == 41
    house.files.bindings.rmdir()
    away.rename(house.files.bindings)
    house.file(5).unlink()
    change = trio.run(follower.accept)
    assert [each.ip for each in change.gone] == [ip(5)]
    assert len(state.table) == 40


def test_pace() -> None:
    """A change of the directory is seen at each look; a look at every file's times
    takes at most a fiftieth of the time.
    """
    pace = Pace()
    assert pace.choose(1, now=0.0) is Look.TIMES
    pace.looked(0.0, 0.1)
    rest = 0.1 / SHARE
    assert pace.choose(1, now=0.1 + rest - 0.01) is Look.NOT
    assert pace.choose(1, now=0.1 + rest) is Look.TIMES
    pace.looked(6.0, 6.1)
    assert pace.choose(2, now=6.2) is Look.NAMES
    assert pace.choose(2, now=6.3) is Look.NOT


def test_a_look_at_names_finds_what_is_renamed_into_place(house: House) -> None:
    """A look at names finds what came, went or was renamed over, and no edit."""
    for number in (5, 6, 7):
        house.bind(number)
    state = house.state()
    state.load()
    assert find_changes(state, Look.NAMES)[0] == []
    house.bind(8)
    house.file(6).unlink()
    fresh = house.file(7).with_suffix(".fresh")
    fresh.write_bytes(house.file(7).read_bytes())
    fresh.rename(house.file(7))
    found = {house.file(number).name for number in (6, 7, 8)}
    assert set(find_changes(state, Look.NAMES)[0]) == found
