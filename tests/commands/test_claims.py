"""`put` and `net check` tell of a guest that two networks want to serve."""

import json
from pathlib import Path

import pytest

from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import listed

OTHER = "fa:16:3e:00:01:05"
TOLD = (
    "10.7.0.5 of n2 and 10.0.0.5 of n1 are one guest's, and both give it the route to"
    " 169.254.169.254: say which does not by metalease put n1 10.0.0.5"
    " --metadata-route no (or --no-default; yes where both are meant)"
)
LEFT = (
    "10.0.0.6 of n1 is a further NIC of the guest of 10.7.0.5 of n2, which keeps the"
    " route to 169.254.169.254; if both are meant: --metadata-route yes"
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two networks; in n2 there is a guest's NIC already, and a bad file."""
    house = House.build(tmp_path)
    second = house.layout.network("n2")
    second.settings.write_text(N1.replace("10.0.0.", "10.7.0."))
    second.bindings.mkdir(parents=True)
    values = {"mac": OTHER, "ip": "10.7.0.5", "instance_id": "i-1"}
    (second.bindings / f"{OTHER.replace(':', '')}.json").write_text(json.dumps(values))
    (second.bindings / "fa163e000177.json").write_bytes(b'{"i-1\xff')
    house.bind(5, instance_id="i-1")
    return house


def test_put_tells_of_a_contest(house: House) -> None:
    """issue 5.3: it is done, and what is to be decided is said in a line."""
    said = house.metalease("put", "n1", ip(5), "--hostname", "web")
    assert (said.code, said.out) == (3, "")  # no daemon is running
    with house.running():
        said = house.metalease("put", "n1", ip(5), "--hostname", "web-1")
        assert (said.code, said.err) == (0, f"metalease: {TOLD}\n")
        said = house.metalease("put", "n1", ip(5), "--metadata-route", "no")
        assert (said.code, said.err) == (0, "")


def test_put_finds_the_other_by_its_mac(house: House) -> None:
    """issue 5.3: the same MAC in another network, or one of `interfaces`."""
    with house.running():
        said = house.metalease("put", "n1", ip(6), "--mac", OTHER)
        assert said.err.startswith("metalease: 10.0.0.6 of n1 is a further NIC of the")
        house.bind(5, interfaces=[{"mac": OTHER}])
        said = house.metalease("put", "n1", ip(5), "--hostname", "web-2")
        assert said.err == f"metalease: {TOLD}\n"


def test_a_new_nic_leaves_the_route_to_the_first(house: House) -> None:
    """issue 5.3: two networks never both claim it unless told to: a new binding of a
    guest that another network serves has no metadata route, and a line says so."""
    second = ("--mac", "fa:16:3e:00:00:06", "--instance-id", "i-1")
    with house.running():
        said = house.metalease("put", "n1", ip(6), *second)
        assert (said.code, said.err) == (0, f"metalease: {LEFT}\n")
        shown = listed(house.metalease("show", "n1", ip(6), "--json").out)
        assert shown["metadata_route"] is False
        said = house.metalease("put", "n1", ip(6), "--metadata-route", "yes")
        assert (said.code, said.err) == (0, "")
        told = ("--mac", "fa:16:3e:00:00:07", "--instance-id", "i-1")
        said = house.metalease("put", "n1", ip(7), *told, "--metadata-route", "yes")
        assert (said.code, said.err) == (0, "")


def test_net_check_notes_a_contest(house: House) -> None:
    """issue 5.3: at each of both networks, as a note: it may be meant."""
    found = listed(house.metalease("net", "check", "--json").out)
    (note,) = [each for each in found["n1"]["notes"] if "one guest's" in each]
    assert note.startswith("10.0.0.5 of n1 and 10.7.0.5 of n2 are one guest's")
    assert [each for each in found["n2"]["notes"] if "one guest's" in each] == [TOLD]
    house.bind(5, instance_id="i-1", default_network=False)
    found = listed(house.metalease("net", "check", "n1", "--json").out)
    assert not [each for each in found["n1"]["notes"] if "one guest's" in each]


def test_a_further_nic_has_an_id_of_its_own(house: House) -> None:
    """clients C43: another id is a new instance to cloud-init, so who binds a further
    NIC is told to give it its guest's, once."""
    with house.running():
        further = ("--mac", "fa:16:3e:00:00:08", "--no-default")
        said = house.metalease("put", "n1", ip(8), *further)
        assert said.code == 0
        assert said.err.startswith(
            "metalease: 10.0.0.8 of n1 is told an instance_id of"
        )
        assert house.metalease("put", "n1", ip(8), "--hostname", "web").err == ""
        named = ("--mac", "fa:16:3e:00:00:09", "--no-default", "--instance-id", "i-9")
        assert house.metalease("put", "n1", ip(9), *named).err == ""
