"""Bindings whose files vanish all at once stay in force, until somebody says yes."""

from pathlib import Path

import pytest

from appliance.state import VANISH_AT_MOST
from appliance.state import State

from .house import House
from .house import ip
from .test_state import bound
from .test_state import rescan


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def fill(house: House, count: int) -> State:
    for number in range(5, 5 + count):
        house.bind(number)
    state = house.state()
    state.load()
    return state


def test_a_mass_removal_is_held_back(house: House) -> None:
    """More than half and more than 20 gone at once: in force until `accept`."""
    state = fill(house, 41)
    for number in range(5, 26):
        house.file(number).unlink()
    assert not rescan(state)
    assert len(state.records) == len(state.table) == 41
    assert len(state.vanished) == 21
    assert not rescan(state)
    assert len(state.accept().gone) == 21
    assert len(state.records) == len(state.table) == 20
    assert state.vanished == set()


def test_a_mass_removal_at_its_limits(house: House) -> None:
    """20 may go, and half may: both limits have to be passed."""
    few = fill(house, VANISH_AT_MOST)
    for number in range(5, 25):
        house.file(number).unlink()
    assert len(rescan(few).gone) == 20
    half = fill(house, 42)
    for number in range(5, 26):
        house.file(number).unlink()
    assert len(rescan(half).gone) == 21


def test_a_mass_removal_by_command(house: House) -> None:
    state = fill(house, 41)
    names = list(state.directory.stamps())
    change = state.update(dict.fromkeys(names), {}, commanded=True)
    assert len(change.gone) == 41


def test_what_vanished_can_come_back(house: House) -> None:
    """A directory that was not mounted for a while: nobody lost a lease."""
    state = fill(house, 41)
    away = house.files.bindings.rename(house.files.state / "away")
    assert not rescan(state)
    assert len(state.vanished) == 41
    away.rename(house.files.bindings)
    assert not rescan(state)
    assert state.vanished == set()
    assert len(state.table) == 41


def test_a_few_after_many_are_held_back_too(house: House) -> None:
    """Who removes slowly removes as much: what is held back counts on."""
    state = fill(house, 41)
    for number in range(5, 26):
        house.file(number).unlink()
    rescan(state)
    house.file(30).unlink()
    assert not rescan(state)
    assert len(state.vanished) == 22
    assert len(state.table) == 41


def test_a_vanished_binding_can_be_removed_by_command(house: House) -> None:
    state = fill(house, 41)
    for number in range(5, 26):
        house.file(number).unlink()
    rescan(state)
    state.update({house.file(5).name: None}, {}, commanded=True)
    assert len(state.vanished) == 20
    assert state.at(ip(5)) is None


def test_what_vanished_holds_its_address(house: House) -> None:
    """In force is in force: another that wants the address waits for `accept`."""
    state = fill(house, 41)
    for number in range(5, 26):
        house.file(number).unlink()
    house.bind(99, ip="10.0.0.5")
    rescan(state)
    assert bound(state)["05"] == "10.0.0.5"
    assert "63" not in bound(state)
    state.accept()
    assert bound(state)["63"] == "10.0.0.5"
