"""`metalease net`: networks that were edited, and what stays of one that went."""

from pathlib import Path

from appliance.networks import take_away
from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import listed

BRIDGED = N1.replace('device = "eth0"', 'bridge = "br7"')
N2 = BRIDGED.replace("10.0.0.", "10.2.0.")


def problems(house: House, name: str) -> str:
    """Return what `net check` says of *name*, but for what `up` has not made here."""
    return "\n".join(
        listed(house.metalease("net", "check", name, "--json").out)[name]["problems"]
    )


def test_check_says_what_an_edit_made(tmp_path: Path) -> None:
    """dhcp 74: no two networks overlap on a bridge, also after an edit."""
    house = House.build(tmp_path, BRIDGED)
    other = house.layout.network("n2").settings
    other.write_text(N2)
    assert "overlaps" not in problems(house, "n1") + problems(house, "n2")
    other.write_text(BRIDGED)
    said = "network.subnet: 10.0.0.0/24 overlaps network"
    assert f"{house.files.settings}: {said} n2" in problems(house, "n1")
    assert f"{other}: {said} n1" in problems(house, "n2")
    other.write_text(N2 + 'namespace = "br7_n1"\n')
    assert "'br7_n1' is network n2's: choose another" in problems(house, "n1")
    other.write_text("nonsense")
    assert "network n2's" not in problems(house, "n1")


def test_rm_says_what_stays(tmp_path: Path) -> None:
    """packaging 4: rules and names of the operator's are told of, and stay."""
    house = House.build(tmp_path)
    house.files.rules.write_text("")
    house.files.zone.write_text("")
    said = house.metalease("net", "rm", "n1")
    assert said == Said(
        0,
        "",
        f"metalease: {house.files.rules} stays, and is for the next network n1\n"
        f"metalease: {house.files.zone} stays, and is for the next network n1\n",
    )
    assert house.files.rules.exists()
    assert house.files.zone.exists()


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    """packaging 4: a network that goes leaves no file but the operator's."""
    house = House.build(tmp_path)
    take_away(house.files)
    assert list(house.layout.networks.iterdir()) == []
