"""Where we answer in dnsmasq's ranges, and which router it told (issue 6.6)."""

from ipaddress import IPv4Address
from ipaddress import IPv4Interface

import pytest

from appliance.errors import SettingsError
from appliance.migration.hosts import parse_host
from appliance.migration.options import Option
from appliance.migration.options import parse_option_line
from appliance.migration.places import places_of
from appliance.migration.ranges import DhcpRange
from appliance.migration.ranges import Span
from appliance.migration.ranges import parse_range
from appliance.migration.ranges import place_range
from appliance.migration.reading import Reading
from appliance.migration.told import Place
from appliance.migration.told import tell

STATIC = "10.0.0.0,static,255.255.255.0"
POOL = "10.0.0.100,10.0.0.254,255.255.255.0"
ROUTER = "3,10.0.0.1"


def reading(
    *ranges: str, options: tuple[str, ...] = (), hosts: tuple[str, ...] = ()
) -> Reading:
    read = Reading(interfaces=["br0"])
    for number, text in enumerate(ranges, 1):
        span = parse_range(text, f"conf:{number}")
        assert isinstance(span, Span), span
        found = place_range(span, (), ())
        assert isinstance(found, DhcpRange), found
        read.ranges.append(found)
    for text in options:
        option = parse_option_line(text, "conf:50")
        assert isinstance(option, Option), option
        read.options.append(option)
    read.hosts += (parse_host(each, "conf:60") for each in hosts)
    return read


def places(read: Reading, *interfaces: str) -> list[Place]:
    return places_of(read, [IPv4Interface(each) for each in interfaces])


def answered_at(read: Reading, *interfaces: str) -> str:
    return str(places(read, *interfaces)[0].server)


def test_we_answer_where_dnsmasq_did() -> None:
    """issue 6.6: the address of the interface in the subnet; then listen-address."""
    read = reading(STATIC, options=(ROUTER,))
    assert answered_at(read, "192.0.2.1/24", "10.0.0.7/24") == "10.0.0.7"
    (note,) = read.notes  # a bridge with the address would answer beside us
    assert "take it off there first" in note.what
    read.listening.append(IPv4Address("10.0.0.8"))
    assert answered_at(read) == "10.0.0.8"
    assert read.notes == [note]


def test_the_way_to_the_metadata_says_where_dnsmasq_was() -> None:
    """issue 6.6, zstack 2.2: a copied host has no interface; its routes lead to us."""
    routes = "121,0.0.0.0/0,10.0.0.1,169.254.169.254/32,10.0.0.9"
    assert answered_at(reading(STATIC, options=(ROUTER, routes))) == "10.0.0.9"


def test_else_we_take_the_last_address_that_is_nobodys() -> None:
    """issue 6.6: no guest's, no router's, none of the pool; and it is said."""
    read = reading(
        STATIC,
        "10.0.0.200,10.0.0.252,255.255.255.0",
        options=("3,10.0.0.254",),
        hosts=("02:00:00:00:00:01,10.0.0.253",),
    )
    assert answered_at(read) == "10.0.0.199"
    assert any("10.0.0.199, which nothing here has" in each.what for each in read.notes)


def test_a_pool_of_the_whole_subnet_gives_one_up() -> None:
    """issue 6.6: libvirt's pool leaves no address: then we have its last."""
    read = reading("10.0.0.2,10.0.0.254,255.255.255.0", options=(ROUTER,))
    assert answered_at(read) == "10.0.0.254"


def test_a_subnet_without_room_is_refused() -> None:
    """issue 6.6: a place that cannot be is said with its line."""
    hosts = ("02:00:00:00:00:01,10.0.0.1", "02:00:00:00:00:02,10.0.0.2")
    read = reading("10.0.0.0,static,255.255.255.252", options=(ROUTER,), hosts=hosts)
    with pytest.raises(SettingsError, match=r"conf:1.*no address left for us"):
        places(read)


def test_without_an_option_3_dnsmasqs_own_address_stays_the_router() -> None:
    """issue 6.6: dnsmasq(8) tells its own; we are then at another."""
    read = reading(POOL)
    (place,) = places(read, "10.0.0.1/24")
    assert (str(place.router), str(place.server)) == ("10.0.0.1", "10.0.0.99")
    assert any("10.0.0.1 stays the router" in each.what for each in read.notes)


@pytest.mark.parametrize(
    ("options", "hosts", "stays"),
    [
        ((ROUTER,), (), False),
        (("tag:lan,3,10.0.0.1",), (), False),
        (("tag:other,3,10.0.0.1",), (), True),
        (("3",), (), False),
        (("tag:a,3,10.0.0.1",), ("02:00:00:00:00:01,set:a,10.0.0.5",), False),
        (
            ("tag:a,3,10.0.0.1",),
            ("02:00:00:00:00:01,set:a,10.0.0.5", "02:00:00:00:00:02,10.0.0.6"),
            True,
        ),
    ],
)
def test_the_router_is_dnsmasqs_where_anyone_is_told_none(
    options: tuple[str, ...], hosts: tuple[str, ...], stays: bool
) -> None:
    """issue 6.6: by the tags of the range, of the interface and of each host; an empty
    option 3 is a word too."""
    read = reading(f"set:lan,{STATIC}", options=options, hosts=hosts)
    (place,) = places(read, "10.0.0.2/24")
    assert (place.router is not None) is stays


def test_ranges_of_one_subnet_have_one_address_of_ours() -> None:
    """issue 6.6: [network] has one dhcp_address for a subnet; it is chosen once."""
    read = reading(STATIC, POOL, "10.1.0.0,static,255.255.0.0", options=(ROUTER,))
    first, second, other = places(read)
    assert first.server == second.server
    assert str(other.server) == "10.1.255.254"
    assert len(read.notes) == 2


def test_a_domain_is_of_its_subnet() -> None:
    """dnsmasq(8), domain=NAME,SUBNET: else the one for all."""
    read = reading(STATIC, "10.1.0.0,static,255.255.0.0", options=(ROUTER,))
    read.domain = "all.example"
    read.domain_of[places(read)[1].range.subnet] = "own.example"
    assert [each.domain for each in places(read)] == ["all.example", "own.example"]


def test_what_dnsmasqs_host_serves_stays_its_own() -> None:
    """issue 6.6: 0.0.0.0 is dnsmasq's host, where it is the router by a line too: its
    NTP server does not move to our new address."""
    read = reading(POOL, options=("3,10.0.0.1", "42,0.0.0.0", "6,0.0.0.0"))
    (place,) = places(read, "10.0.0.1/24")
    told = tell({each.code: each for each in read.options}, place)
    assert str(place.server) == "10.0.0.99"
    assert told.keys["options"] == {"42": "10.0.0.1"}
    assert told.keys["dns"] == ["10.0.0.99"]


def test_a_router_of_0_0_0_0_is_dnsmasqs_own() -> None:
    """issue 6.6, dnsmasq(8): it says what no line at all says."""
    read = reading(POOL, options=("3,0.0.0.0",))
    (place,) = places(read, "10.0.0.1/24")
    told = tell({each.code: each for each in read.options}, place)
    assert (str(place.router), told.keys["gateway"]) == ("10.0.0.1", "10.0.0.1")
