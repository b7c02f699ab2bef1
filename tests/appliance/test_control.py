"""What the daemon answers at its control socket."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.activity import Activity
from appliance.control import Control
from appliance.errors import SettingsError

from .house import House
from .house import ip
from .house import mac


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5)
    return house


@pytest.fixture
def control(house: House) -> Control:
    state = house.state()
    state.load()
    return house.control(state)


def ask(control: Control, **request: Any) -> Mapping[str, Any]:
    return trio.run(control.answer, request)


def test_apply_brings_the_named_files_in_force(house: House, control: Control) -> None:
    house.bind(6)
    house.bind(7)
    assert ask(control, op="apply", macs=[str(mac(6))]) == {"ok": True}
    assert control.state.at(ip(6)) is not None
    assert control.state.at(ip(7)) is None
    house.file(6).unlink()
    assert ask(control, op="apply", macs=[mac(6).digits]) == {"ok": True}
    assert control.state.at(ip(6)) is None


def test_apply_says_what_is_wrong(house: House, control: Control) -> None:
    house.bind(6, ip="10.0.0.5")
    answer = ask(control, op="apply", macs=[mac(6).digits])
    assert answer == {
        "ok": False,
        "error": f"{house.file(6)}: ip: 10.0.0.5 of fa:16:3e:00:00:06 is bound to"
        " fa:16:3e:00:00:05 already: remove one of the two",
    }


def test_apply_of_everything(house: House, control: Control) -> None:
    house.bind(6)
    assert ask(control, op="apply") == {"ok": True}
    assert control.state.at(ip(6)) is not None


def test_who_holds_an_address(control: Control) -> None:
    assert ask(control, op="holder", ip="10.0.0.5")["mac"] == "fa:16:3e:00:00:05"
    assert ask(control, op="holder", ip="10.0.0.6")["mac"] is None


def test_accept_says_who_is_gone(house: House, control: Control) -> None:
    for number in range(6, 46):
        house.bind(number)
    ask(control, op="apply")
    for number in range(5, 46):
        house.file(number).unlink()
    trio.run(control.follower.rescan)
    assert ask(control, op="status")["vanished"] == 41
    assert len(ask(control, op="accept")["gone"]) == 41
    assert ask(control, op="accept") == {"ok": True, "gone": []}


def test_status(house: House, control: Control) -> None:
    house.file(6).write_text("{")
    ask(control, op="apply")
    control.metrics.count("metalease_dhcp_messages", "DISCOVER", "OFFER")
    octets = mac(5).octets
    control.observation.activity[octets] = Activity(5.0, "in use")
    answer = ask(control, op="status")
    assert answer["network"] == "n1"
    assert answer["bindings"] == 1
    assert [each.partition(" is ")[0] for each in answer["bad_files"]] == [
        f"{house.file(6)}:"
    ]
    assert answer["dhcp"] == {"DISCOVER OFFER": 1}
    assert answer["conflicts"] == [
        {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5", "said": "in use"}
    ]
    assert ask(control, op="activity")["activity"] == {
        "fa:16:3e:00:00:05": {"acknowledged": 5.0, "conflict": "in use"}
    }
    assert ask(control, op="ping") == {"ok": True}
    assert "metalease_build_info" in ask(control, op="metrics")["text"]


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": "nonsense"},
        {"op": 5},
        {"op": "holder"},
        {"op": "holder", "ip": 5},
        {"op": "holder", "ip": "10.0.0"},
        {"op": "apply", "macs": "fa163e000005"},
        {"op": "apply", "macs": ["../x"]},
        {"op": "apply", "macs": [5]},
        {"op": "apply", "mac": []},
    ],
)
def test_a_request_without_sense(
    house: House, control: Control, request_: dict[str, Any]
) -> None:
    """It changes nothing: least of all is it taken for a command to look at all."""
    house.bind(6)
    with pytest.raises(SettingsError):
        ask(control, **request_)
    assert control.state.at(ip(6)) is None
