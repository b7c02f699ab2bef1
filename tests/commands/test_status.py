"""`metalease status`: how the networks are."""

import time
from pathlib import Path

import pytest

from appliance.activity import Activity
from appliance.layout import Layout
from dhcp.message import Message
from dhcp.options import Options
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import listed
from tests.appliance.house import mac


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5)
    return house


def test_of_one_that_runs(house: House) -> None:
    house.file(6).write_text("{")
    with house.running() as control:
        control.metrics.count("metalease_dhcp_messages", "DISCOVER", "OFFER", by=3)
        control.metrics.count("metalease_http_requests", "ec2", "200")
        control.observation.activity[mac(5).octets] = Activity(None, "in use")
        said = house.metalease("status", "n1")
        found = listed(house.metalease("status", "n1", "--json").out)
    assert said.code == 0
    for line in (
        "network      n1",
        "bindings     1",
        "dhcp         DISCOVER OFFER: 3",
        "http         ec2 200: 1",
        "conflict     10.0.0.5 fa:16:3e:00:00:05: in use; arping 10.0.0.5 tells the MAC"
        " of who has it: find it and stop it",
    ):
        assert f"{line}\n" in said.out
    assert f"bad file     {house.file(6)}: is not JSON" in said.out
    assert found["network"] == "n1"
    assert "ok" not in found


def test_other_servers_are_told_with_the_way_out(house: House) -> None:
    """dhcp 72: who else gives addresses here, and what to do."""
    with house.running() as control:
        elsewhere = control.observation.elsewhere
        request = Message(options=Options({53: b"\3", 54: ip(9).packed}))
        elsewhere.hear(request, time.time() - 60)
        for _ in range(2):
            elsewhere.see(ip(8), mac(8))
        said = house.metalease("status", "n1")
        found = listed(house.metalease("status", "n1", "--json").out)
    lines = [x for x in said.out.splitlines() if x.startswith("other server")]
    assert lines[0].startswith(
        "other server 10.0.0.8 fa:16:3e:00:00:08: answers guests (2 times, last "
    )
    assert lines[0].endswith("bridge fdb show tells the port of its MAC: stop it there")
    assert lines[1].startswith("other server 10.0.0.9: guests turn to it (1 time, last")
    assert lines[1].endswith("arping 10.0.0.9 tells its MAC: find it and stop it")
    assert [
        (each["server_id"], each["mac"], each["count"])
        for each in found["other_servers"]
    ] == [("10.0.0.8", "fa:16:3e:00:00:08", 2), ("10.0.0.9", None, 1)]
    assert found["other_servers"][0]["first"] <= found["other_servers"][0]["last"]


@pytest.mark.parametrize(
    ("states", "asleep", "told"),
    [
        ("", False, "4 free of 4"),
        ("leased leased quarantined", False, "2 leased, 1 quarantined, 1 free of 4"),
        (
            "leased leased leased offered",
            False,
            "3 leased, 1 offered, 0 free of 4: make [dhcp] pool larger, or lease_time"
            " shorter",
        ),
        (
            "leased",
            True,
            "1 leased, 3 free of 4; another network shares the bridge: it answers"
            " nobody",
        ),
    ],
)
def test_the_pool_is_told_with_the_way_out(
    house: House, states: str, told: str, *, asleep: bool
) -> None:
    """dhcp 72: how full it is; a network without one has no such line."""
    leases = [{"state": each} for each in states.split()]
    pool = {"addresses": 4, "asleep": asleep, "leases": leases}
    with house.running(leases=lambda: pool):
        said = house.metalease("status", "n1")
    assert f"pool         {told}\n" in said.out
    with house.running():
        assert "pool " not in house.metalease("status", "n1").out


def test_vanished_bindings_are_told_with_the_way_out(house: House) -> None:
    for number in range(6, 46):
        house.bind(number)
    with house.running() as control:
        for number in range(5, 46):
            house.file(number).unlink()
        stamps = control.state.directory.stamps()
        names = control.state.differing(stamps)
        control.state.update(control.state.directory.read_all(names), stamps)
        said = house.metalease("status", "n1")
    assert said.out.endswith(
        "vanished     41 bindings lost their files at once and stay in force: restore"
        " the files, or metalease accept n1\n"
    )


def test_of_one_that_does_not_run(house: House) -> None:
    """Exit code 3."""
    what = "metalease: network n1: its daemon is not running: metalease run n1\n"
    assert house.metalease("status", "n1") == Said(3, "", what)


def test_of_all(house: House) -> None:
    house.layout.network("n2").settings.write_text(N1)
    with house.running():
        said = house.metalease("status")
        found = listed(house.metalease("status", "--json").out)
    assert said.code == 0
    heads, first, second = said.out.splitlines()
    assert heads == "NETWORK  DAEMON       BINDINGS  DHCP  HTTP"
    assert first.split()[:2] == ["n1", "up"]
    assert first.split()[3:] == ["s", "1", "0", "0"]
    assert second == "n2       not running"
    assert [(each["network"], each["running"]) for each in found] == [
        ("n1", True),
        ("n2", False),
    ]


def test_of_nothing(tmp_path: Path) -> None:
    house = House(Layout(tmp_path), Layout(tmp_path).network("n1"))
    said = house.metalease("status")
    assert said == Said(
        0, "", "metalease: no networks yet: metalease net add NET FILE\n"
    )
    assert listed(house.metalease("status", "--json").out) == []
