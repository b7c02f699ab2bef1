"""The bindings in force: what good files say, and what stood when one went bad."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.errors import printable
from appliance.state import Change
from appliance.state import State

from .house import House
from .house import ip
from .house import mac


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def rescan(state: State) -> Change:
    """Bring in force what differs, as the follower does."""
    stamps = state.directory.stamps()
    return state.update(state.directory.read_all(state.differing(stamps)), stamps)


def bound(state: State) -> Mapping[str, str]:
    assert {each.address for each in state.table} == {
        each.ip for each in state.records.values()
    }
    return {str(each.mac)[-2:]: str(each.ip) for each in state.records.values()}


def said(state: State) -> list[str]:
    return sorted(
        str(each).removeprefix(f"{state.directory.bindings}/")
        for each in state.problems.values()
    )


def test_a_binding_comes_changes_and_goes(house: House) -> None:
    """dhcp 67: one file, one binding; nothing else is touched."""
    state = house.state()
    house.bind(5)
    house.bind(6)
    assert {each.ip for each in state.load().put} == {ip(5), ip(6)}
    house.bind(5, hostname="web")
    change = rescan(state)
    assert [each.hostname for each in change.put] == ["web"]
    assert change.gone == ()
    house.file(5).unlink()
    change = rescan(state)
    assert (change.put, [each.ip for each in change.gone]) == ((), [ip(5)])
    assert bound(state) == {"06": "10.0.0.6"}
    assert not rescan(state)


def test_a_binding_moves_to_another_address(house: House) -> None:
    """dhcp 30: its old address is given up in the same step."""
    house.bind(5)
    state = house.state()
    state.load()
    house.bind(5, ip="10.0.0.9")
    change = rescan(state)
    assert [each.ip for each in change.gone] == [ip(5)]
    assert state.at(ip(5)) is None
    assert state.at(ip(9)) is state.records[mac(5).octets]


def test_the_same_again_is_no_change(house: House) -> None:
    house.bind(5)
    state = house.state()
    state.load()
    house.bind(5)
    assert not rescan(state)


@pytest.mark.parametrize("backwards", [False, True])
def test_two_bindings_swap_their_addresses(house: House, backwards: bool) -> None:
    """dhcp 66: a change of several files is one step, in whatever order they come."""
    house.bind(5)
    house.bind(6)
    state = house.state()
    state.load()
    house.bind(5, ip="10.0.0.6")
    house.bind(6, ip="10.0.0.5")
    stamps = state.directory.stamps()
    names = sorted(stamps, reverse=backwards)
    change = state.update(state.directory.read_all(names), stamps)
    assert bound(state) == {"05": "10.0.0.6", "06": "10.0.0.5"}
    assert change.problems == ()


def test_a_swap_whose_half_is_seen_first_ends_as_one(house: House) -> None:
    """What contradicted another binding is right when the other has moved."""
    house.bind(5)
    house.bind(6)
    state = house.state()
    state.load()
    house.bind(5, ip="10.0.0.6")
    rescan(state)
    assert bound(state) == {"05": "10.0.0.5", "06": "10.0.0.6"}
    house.bind(6, ip="10.0.0.5")
    rescan(state)
    assert bound(state) == {"05": "10.0.0.6", "06": "10.0.0.5"}
    assert said(state) == []


def test_an_address_is_taken_over_in_one_step(house: House) -> None:
    """One goes and another takes its address, in the same look at the files."""
    house.bind(5)
    state = house.state()
    state.load()
    house.file(5).unlink()
    house.bind(6, ip="10.0.0.5")
    rescan(state)
    assert bound(state) == {"06": "10.0.0.5"}


def test_a_bad_file_leaves_the_last_good(house: House) -> None:
    """dhcp 66: invalid: the old stays, with file and key told, and hurts no other."""
    house.bind(5)
    state = house.state()
    state.load()
    house.bind(5, mtu=1)
    house.bind(6)
    change = rescan(state)
    assert bound(state) == {"05": "10.0.0.5", "06": "10.0.0.6"}
    assert [str(each) for each in change.problems] == [
        f"{house.file(5)}: mtu: 1: has to be 68 to 65535"
    ]
    assert state.table.unread == set()
    assert not rescan(state)  # told once
    house.bind(5, mtu=1400)
    rescan(state)
    assert said(state) == []
    assert state.records[mac(5).octets].binding.mtu == 1400


def test_a_bad_file_without_a_last_good_is_silence(house: House) -> None:
    """dhcp 27: its MAC is neither known nor unknown; and so is every unknown one."""
    house.bind(5, mtu=1)
    house.bind(6)
    state = house.state()
    state.load()
    assert bound(state) == {"06": "10.0.0.6"}
    assert state.table.unread == {mac(5).octets}
    house.bind(5)
    rescan(state)
    assert state.table.unread == set()
    house.bind(5, mtu=1)
    rescan(state)
    assert state.table.unread == set()
    restarted = house.state()
    restarted.load()
    assert restarted.table.unread == {mac(5).octets}
    house.file(5).unlink()
    rescan(restarted)
    assert restarted.table.unread == set()


@pytest.mark.parametrize(
    "name", ["FA163E000005.json", "fa163e00005.json", "web.json", "\udcff.json"]
)
def test_a_file_with_a_wrong_name(house: House, name: str) -> None:
    """dhcp 27: it may be anybody's: while it is there, the unknown get silence."""
    house.bind(5)
    state = house.state()
    state.load()
    house.bind(6).rename(house.files.bindings / name)
    rescan(state)
    assert bound(state) == {"05": "10.0.0.5"}
    what = ": is no binding's name: 12 lower-case hex digits and .json"
    assert said(state) == [printable(name) + what]
    assert state.table.unread == {os.fsencode(name)}
    (house.files.bindings / name).unlink()
    rescan(state)
    assert (said(state), state.table.unread) == ([], set())


def test_the_name_and_the_file_say_the_same_mac(house: House) -> None:
    house.bind(5).rename(house.file(6))
    state = house.state()
    state.load()
    assert said(state) == [
        "fa163e000006.json: mac: fa:16:3e:00:00:05 is not the MAC in the file's name"
    ]
    assert state.table.unread == {mac(6).octets}


def test_two_files_with_one_address(house: House) -> None:
    """dhcp 14: refused at load, with both names; the older stays."""
    os.utime(house.bind(6, ip="10.0.0.5"), ns=(1, 1))
    house.bind(5)
    state = house.state()
    state.load()
    assert bound(state) == {"06": "10.0.0.5"}
    assert said(state) == [
        "fa163e000005.json: ip: 10.0.0.5 of fa:16:3e:00:00:05 is bound to"
        " fa:16:3e:00:00:06 already: remove one of the two"
    ]
    assert state.table.unread == {mac(5).octets}
    house.file(6).unlink()
    rescan(state)
    assert bound(state) == {"05": "10.0.0.5"}
    assert (said(state), state.table.unread) == ([], set())


def test_two_that_come_at_once_are_judged_as_at_a_start(house: House) -> None:
    """Who wins is no accident of the directory's order: the older, then the name."""
    state = house.state()
    state.load()
    for number in range(5, 60):
        house.bind(number, ip="10.0.0.99")
        os.utime(house.file(number), ns=(100 - number, 100 - number))
    rescan(state)
    restarted = house.state()
    restarted.load()
    assert bound(state) == bound(restarted) == {"3b": "10.0.0.99"}


def test_who_is_refused_keeps_what_it_had(house: House) -> None:
    """A chain: 7 wants 6's address, 6 wants 5's, and 5 stays: nobody moves."""
    for number in (5, 6, 7):
        house.bind(number)
    state = house.state()
    state.load()
    house.bind(6, ip="10.0.0.5")
    house.bind(7, ip="10.0.0.6")
    rescan(state)
    assert bound(state) == {"05": "10.0.0.5", "06": "10.0.0.6", "07": "10.0.0.7"}
    house.bind(5, ip="10.0.0.8")
    rescan(state)
    assert bound(state) == {"05": "10.0.0.8", "06": "10.0.0.5", "07": "10.0.0.6"}
    assert said(state) == []


def test_two_files_with_one_client_id(house: House) -> None:
    """dhcp 13, 14: what finds a binding finds one; the other waits, and says so."""
    house.bind(5, client_id="0102")
    state = house.state()
    state.load()
    house.bind(6, client_id="0102")
    rescan(state)
    assert bound(state) == {"05": "10.0.0.5"}
    assert said(state) == [
        "fa163e000006.json: client_id: 0102 of fa:16:3e:00:00:06 is bound to"
        " fa:16:3e:00:00:05 already: remove one of the two"
    ]
    house.bind(5)
    rescan(state)
    assert bound(state) == {"05": "10.0.0.5", "06": "10.0.0.6"}
    found = state.table.find(b"", b"\1\2")
    assert found is not None
    assert found.hardware == mac(6)


def test_who_has_an_address_keeps_it_when_edited(house: House) -> None:
    """An edit of the holder, and an older file that wants its address, come at once."""
    house.bind(6)
    state = house.state()
    state.load()
    house.bind(6, hostname="web")
    os.utime(house.bind(5, ip="10.0.0.6"), ns=(1, 1))
    rescan(state)
    assert bound(state) == {"06": "10.0.0.6"}
    assert state.records[mac(6).octets].hostname == "web"
    assert [each.partition(":")[0] for each in said(state)] == ["fa163e000005.json"]
