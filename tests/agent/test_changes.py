"""A change of bindings and documents on disk: all of it or none, and who is told."""

import json
import os
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from appliance.agent import changes
from appliance.agent.guests import Described
from appliance.agent.guests import Guest
from appliance.errors import NOT_RUNNING
from appliance.errors import SettingsError
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import mac
from tests.appliance.plumbing import events_of
from tests.appliance.plumbing import killed_at

NUMBERS = range(5, 15)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def guest(number: int, **more: Any) -> Guest:
    return Guest(**{"mac": mac(number), "ip": ip(number), **more})


def told(change: Callable[[], object]) -> None:
    """Make a change of which no daemon can be told."""
    with pytest.raises(SettingsError) as problem:
        change()
    assert problem.value.exit_code == NOT_RUNNING


def values(house: House, number: int) -> dict[str, Any]:
    return dict(json.loads(house.file(number).read_bytes()))


def tree(house: House) -> dict[str, bytes]:
    """Every file of the network's state, but its lock."""
    return {
        str(path.relative_to(house.files.state)): path.read_bytes()
        for path in house.files.state.rglob("*")
        if path.is_file() and path != house.files.lock
    }


def test_in_force_when_it_returns(house: House) -> None:
    with house.running() as control:
        changes.bind(house.files, [guest(5), guest(6)], rebuild=False)
        assert control.state.at(ip(6)) is not None
        changes.describe(house.files, [Described(ip(5), "u5")], rebuild=False)
        record = control.state.at(ip(5))
        assert record is not None
        assert record.instance_id == "u5"
        changes.unbind(house.files, [mac(5), mac(9)])
        assert control.state.at(ip(5)) is None
        assert not (house.files.metadata / "10.0.0.5").exists()


def test_a_rebuild_is_a_command(house: House) -> None:
    """Most bindings may go at once: nothing is held back as an accident."""
    with house.running() as control:
        many = [guest(number) for number in range(5, 105)]
        changes.bind(house.files, many, rebuild=True)
        changes.bind(house.files, many[:3], rebuild=True)
        assert len(control.state.table) == 3
        assert not control.state.vanished


def test_the_same_again_changes_nothing(house: House) -> None:
    """Nor the files' times: whoever watches them sees no change."""
    described = Described(ip(5), "u5", "web", ("a", "b"), "enable")

    def all_of_it() -> dict[Path, tuple[int, int]]:
        told(lambda: changes.bind(house.files, [guest(5)], rebuild=True))
        told(lambda: changes.describe(house.files, [described], rebuild=True))
        told(lambda: changes.bind(house.files, [guest(5)], rebuild=True))
        files = [each for each in house.files.state.rglob("*") if each.is_file()]
        return {each: (each.stat().st_ino, each.stat().st_mtime_ns) for each in files}

    assert all_of_it() == all_of_it()


def test_what_is_not_said_any_more_is_gone(house: House) -> None:
    """zstack 3.1 leaves old files; here no guest reads what was taken from it."""
    told(lambda: changes.bind(house.files, [guest(5), guest(6)], rebuild=False))
    house.drop(ip(5), "mine", b"an operator's")
    whole = Described(ip(5), "u5", "web", ("secret",), "enable")
    other = Described(ip(6), "u6")
    told(lambda: changes.describe(house.files, [whole, other], rebuild=False))
    less = Described(ip(5), "u5")
    told(lambda: changes.describe(house.files, [less], rebuild=True))
    documents = {path for path in tree(house) if path.startswith("metadata/")}
    assert documents == {
        "metadata/10.0.0.5/mine",
        "metadata/10.0.0.5/meta-data/index.html",
        "metadata/10.0.0.5/meta-data/instance-id",
    }


def test_what_is_for_all_guests_stays(house: House) -> None:
    told(lambda: changes.bind(house.files, [guest(5)], rebuild=False))
    house.drop("default", "vendor-data", b"x")
    house.drop(ip(9), "user-data", b"x")
    told(lambda: changes.forget(house.files, ip(9)))
    told(lambda: changes.describe(house.files, [Described(ip(5), "u")], rebuild=False))
    told(lambda: changes.forget_all(house.files))
    assert set(tree(house)) == {
        "bindings/fa163e000005.json",
        "metadata/default/vendor-data",
    }


@pytest.mark.parametrize(
    ("guests", "says"),
    [
        ([guest(5), guest(6, mac=mac(5))], "is there twice"),
        ([guest(5), guest(6, ip=ip(5))], "is there twice"),
        ([guest(5), guest(6, ip=IPv4Address("10.1.0.6"))], "is not in this network"),
        ([guest(5), guest(6, ip=ip(2))], "our DHCP address"),
        ([guest(5), guest(6, hostname="a_b")], "hostname: 'a_b': is no host name"),
    ],
)
def test_all_or_none(house: House, guests: list[Guest], says: str) -> None:
    """issue 6.8: one that cannot be bound leaves everything as it was."""
    told(lambda: changes.bind(house.files, [guest(5, mtu=1400)], rebuild=False))
    house.drop(ip(5), "user-data", b"x")
    before = tree(house)
    with pytest.raises(SettingsError, match=says):
        changes.bind(house.files, guests, rebuild=True)
    assert tree(house) == before


def test_what_the_daemon_refuses_is_taken_back(house: House) -> None:
    """Bindings, and the documents of those who were to go."""
    told(lambda: changes.bind(house.files, [guest(5), guest(6)], rebuild=False))
    house.drop(ip(6), "user-data", b"x")
    before = tree(house)
    text = house.files.settings.read_text()
    with house.running():
        # the file is a restart ahead of the daemon
        wide = text.replace("[attach]", "mtu = 9000\n[attach]")
        house.files.settings.write_text(wide)
        with pytest.raises(SettingsError, match="over the network's 1500"):
            changes.bind(house.files, [guest(5, mtu=9000)], rebuild=True)
    assert tree(house) == before


def test_nobody_is_there_to_be_described(house: House) -> None:
    """Documents are for an address and its MAC: without a binding nobody reads them."""
    told(lambda: changes.bind(house.files, [guest(5)], rebuild=False))
    before = tree(house)
    wanted = [Described(ip(5), "u5"), Described(ip(6), "u6")]
    with pytest.raises(SettingsError, match=r"nothing is bound to 10\.0\.0\.6"):
        changes.describe(house.files, wanted, rebuild=True)
    assert tree(house) == before


def test_one_nic_is_altered(house: House) -> None:
    told(lambda: changes.bind(house.files, [guest(5)], rebuild=False))
    alter = changes.alter
    told(lambda: alter(house.files, mac(5), lambda known: {**known, "mtu": 1400}))
    assert values(house, 5)["mtu"] == 1400
    assert alter(house.files, mac(6), lambda known: known) is False


def test_what_a_killed_writer_left_is_removed(house: House) -> None:
    """A process of the same number must not stumble over it."""
    told(lambda: changes.bind(house.files, [guest(5)], rebuild=False))
    left = house.files.metadata / f".10.0.0.5.{os.getpid()}.tmp"
    (left / "meta-data").mkdir(parents=True)
    (house.files.bindings / ".2.1.tmp").write_bytes(b"{")
    house.drop(ip(5), "user-data", b"x")
    told(lambda: changes.forget(house.files, ip(5)))
    assert set(tree(house)) == {"bindings/fa163e000005.json"}
    assert list(house.files.metadata.iterdir()) == []


def test_killed_anywhere(house: House) -> None:
    """issue 6.8: kill -9 in the middle of an apply leaves each binding old or new, and
    the next one ends as if nothing had been."""

    def bind(name: str) -> None:
        guests = [guest(n, hostname=name, default_network=True) for n in NUMBERS]
        told(lambda: changes.bind(house.files, guests, rebuild=True))

    bind("old")
    found: list[set[str]] = []
    calls = events_of(lambda: bind("old"))
    for moment in range(1, calls, calls // 40):
        killed_at(moment, lambda: bind("new"))
        found.append({values(house, number)["hostname"] for number in NUMBERS})
        assert found[-1] <= {"old", "new"}
        bind("old")
        assert len(tree(house)) == len(NUMBERS)
    assert {"old", "new"} in found, "it was never in the middle"
