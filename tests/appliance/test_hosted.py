"""A network as the keeper of the host sees it: who is bound, and who lives beside."""

import os
from pathlib import Path

import pytest

from appliance.hosted import Hosted
from appliance.hosted import HostedNetworks
from appliance.hosted import Surroundings
from appliance.settings import load_settings

from .house import N1
from .house import House
from .house import ip
from .house import mac

BRIDGED = N1.replace('device = "eth0"', 'bridge = "br0"')


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5)
    return house


def hosted(house: House) -> Hosted:
    return Hosted(house.settings(), house.files)


def test_who_is_bound(house: House) -> None:
    assert hosted(house).bound() == {ip(5): mac(5)}


def test_a_command_is_followed_at_once(house: House) -> None:
    found = hosted(house)
    house.bind(6)
    house.file(5).unlink()
    found.refresh([mac(6).digits])
    assert found.bound() == {ip(5): mac(5), ip(6): mac(6)}
    found.refresh([mac(5).digits])
    assert found.bound() == {ip(6): mac(6)}


def test_what_is_dropped_by_hand_is_found(house: House) -> None:
    found = hosted(house)
    found.refresh(None)
    house.bind(6)
    found.refresh(None)
    assert found.bound() == {ip(5): mac(5), ip(6): mac(6)}


def test_a_mass_removal_is_held_back_here_too(house: House) -> None:
    """The neighbours stay as long as the answers do."""
    for number in range(6, 46):
        house.bind(number)
    found = hosted(house)
    for number in range(5, 46):
        house.file(number).unlink()
    found.refresh(None)
    assert len(found.bound()) == 41
    house.bind(5)
    found.accept()
    assert found.bound() == {ip(5): mac(5)}


def test_networks_come_change_and_go(house: House) -> None:
    networks = HostedNetworks(house.layout)
    first = networks()
    assert set(first) == {"n1"}
    assert networks()["n1"] is first["n1"]
    house.layout.network("n2").settings.write_text(N1)
    assert set(networks()) == {"n1", "n2"}
    house.files.settings.write_text(N1.replace("eth0", "eth1"))
    os.utime(house.files.settings, ns=(1, 1))
    assert networks()["n1"] is not first["n1"]
    house.files.settings.unlink()
    assert set(networks()) == {"n2"}


def test_a_bad_file_leaves_its_network_as_it_was(house: House) -> None:
    networks = HostedNetworks(house.layout)
    before = networks()["n1"]
    house.files.settings.write_text("nonsense")
    os.utime(house.files.settings, ns=(1, 1))
    house.layout.network("n2").settings.write_text("nonsense")
    assert networks() == {"n1": before}


def test_who_shares_the_bridge(tmp_path: Path) -> None:
    """dhcp 74: known from the files, and told when they come and go; a bad one leaves
    its network, which may well be served, as it was."""
    house = House.build(tmp_path, BRIDGED)
    networks = house.layout.networks

    def touch() -> None:
        """Give the directory a time that it has not had: clocks are coarse."""
        times.append(len(times) + 1)
        os.utime(networks, ns=(times[-1], times[-1]))

    times: list[int] = []
    surroundings = Surroundings(house.settings(), house.layout)
    touch()
    assert not surroundings.shared()
    other = house.layout.network("n2").settings
    for text, shared in (
        (BRIDGED.replace("br0", "br1"), False),
        ("nonsense", False),
        (BRIDGED, True),
        ("nonsense", True),
    ):
        other.write_text(text)
        touch()
        assert surroundings.shared() is shared
    other.unlink()
    touch()
    assert not surroundings.shared()


def test_whose_servers_are_ours(tmp_path: Path) -> None:
    """dhcp 72, 74: those of our other networks on the bridge that answer DHCP."""
    house = House.build(tmp_path, BRIDGED)
    surroundings = Surroundings(house.settings(), house.layout)
    second = BRIDGED.replace("10.0.0.", "10.2.0.")
    also = """
[[network.also]]
subnet = "10.3.0.0/24"
dhcp_address = "10.3.0.2"
"""
    texts = {
        "n2": second.replace("[attach]", f"{also}\n[attach]"),
        "n3": second.replace("br0", "br1").replace("10.2.", "10.4."),
        "n4": second.replace("10.2.", "10.5.") + "\n[dhcp]\nenabled = false\n",
    }
    for name, text in texts.items():
        house.layout.network(name).settings.write_text(text)
    os.utime(house.layout.networks, ns=(1, 1))
    assert surroundings.shared()
    assert set(map(str, surroundings.server_ids)) == {"10.2.0.2", "10.3.0.2"}
    house.layout.network("n2").settings.unlink()
    os.utime(house.layout.networks, ns=(2, 2))
    assert surroundings.shared()
    assert surroundings.server_ids == frozenset()


def test_a_device_has_no_bridge_to_share(house: House) -> None:
    house.layout.network("n2").settings.write_text(N1)
    assert not Surroundings(load_settings(house.files), house.layout).shared()
