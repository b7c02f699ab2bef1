"""Which names are ours."""

from ipaddress import IPv4Network

import pytest

from appliance.resolver.names import NameTable
from appliance.resolver.names import encode_name
from appliance.resolver.names import is_within
from appliance.resolver.zones import Zones

RANGES = {
    # range, name asked, zone (None: somebody else's)
    ("10.0.0.0/24", "5.0.0.10"): "0.0.10",
    ("10.0.0.0/24", "5.1.0.10"): "10",
    ("10.0.0.0/22", "5.3.0.10"): "3.0.10",
    ("10.0.0.0/22", "5.4.0.10"): "10",
    ("10.0.0.0/16", "5.4.0.10"): "0.10",
    ("10.0.0.0/9", "5.4.127.10"): "127.10",
    ("172.16.0.0/12", "5.4.31.172"): "31.172",
    ("172.16.0.0/12", "5.4.32.172"): None,
    ("203.0.112.0/24", "5.112.0.203"): "112.0.203",
    ("203.0.112.0/24", "5.111.0.203"): None,
    ("203.0.112.0/25", "5.112.0.203"): "112.0.203",
    ("203.0.112.0/25", "127.112.0.203"): "112.0.203",
    ("203.0.112.0/25", "128.112.0.203"): None,
    ("203.0.112.0/25", "112.0.203"): None,
    ("203.0.112.8/31", "9.112.0.203"): "112.0.203",
    ("203.0.112.8/32", "9.112.0.203"): None,
    ("11.0.0.0/8", "9.9.9.11"): "11",
    ("11.0.0.0/8", "x.y.z.9.9.9.11"): "11",
    ("11.0.0.0/8", "011"): None,
}


@pytest.mark.parametrize(("network", "asked"), RANGES)
def test_the_reverse_of_a_range(network: str, asked: str) -> None:
    """dns 2: exactly the range's and the private reverse is ours, at any width."""
    zones = Zones(None, [IPv4Network(network)])
    zone = RANGES[network, asked]
    expected = None if zone is None else encode_name(f"{zone}.in-addr.arpa")
    assert zones.of(encode_name(f"{asked}.in-addr.arpa")) == expected


def test_without_a_domain_only_the_special_names_are_ours() -> None:
    """dns 5: a network without a domain forwards what is nobody's."""
    zones = Zones(None, [])
    assert zones.of(encode_name("a.example")) is None
    assert zones.of(encode_name("a.local")) == encode_name("local")
    assert zones.of(encode_name("a")) == b"\0"


def test_a_domain_may_be_below_a_special_name() -> None:
    """dns 5: corp.local is a domain like any other."""
    zones = Zones("corp.local", [])
    assert zones.of(encode_name("a.corp.local")) == encode_name("corp.local")


def test_a_domain_may_be_a_special_name() -> None:
    """dns 5: who calls the network `test` has a zone of it, with an apex."""
    assert Zones("Test", []).is_apex(encode_name("test"))
    assert not Zones("example", []).is_apex(encode_name("test"))


WITHIN = {
    ("a.example", "example"): True,
    ("example", "example"): True,
    ("aexample", "example"): False,
    ("a.example.org", "example"): False,
}


@pytest.mark.parametrize(("name", "zone"), WITHIN)
def test_within_is_by_label(name: str, zone: str) -> None:
    """dns 5: a name is below another by whole labels."""
    assert is_within(encode_name(name), encode_name(zone)) is WITHIN[name, zone]


def test_octets_that_look_like_a_zone_are_none() -> None:
    """dns 5: "\\7example" inside a label is no label."""
    inside = b"\x10xxxxxxx\7example\0\0"
    assert not is_within(inside, b"\7example\0")


def test_a_name_that_two_brought_stays_when_one_goes() -> None:
    """dns 3, 16: records are counted: who adds twice removes twice."""
    table = NameTable()
    name = encode_name("a.b.example")
    for _ in range(2):
        table.add(name, 1, b"\0\0\0\1")
    table.remove(name, 1, b"\0\0\0\1")
    assert table.find(name) == {1: [b"\0\0\0\1"]}
    assert table.find(encode_name("b.example")) == {}
    table.remove(name, 1, b"\0\0\0\1")
    table.remove(name, 1, b"\0\0\0\1")
    assert table.find(name) is None
    assert table.find(encode_name("b.example")) is None
    assert len(table) == 0
