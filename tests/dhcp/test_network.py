"""What a network can say."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

import pytest

from dhcp.network import Range
from dhcp.network import RouterWith121

from .guest import BINDING
from .guest import GATEWAY
from .guest import NETWORK
from .guest import RANGE
from .guest import SERVER
from .guest import Guest
from .guest import read
from .guest import responder

SECOND = Range(IPv4Network("10.0.1.0/24"), IPv4Address("10.0.1.2"))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.0.0", RANGE),
        ("10.0.0.255", RANGE),
        ("10.0.1.9", SECOND),
        ("9.255.255.255", None),
        ("10.0.2.0", None),
        ("0.0.0.0", None),
    ],
)
def test_a_range_is_found_by_address(address: str, found: Range | None) -> None:
    """dhcp 36: an address is in one of our ranges, or in none."""
    network = replace(NETWORK, ranges=(RANGE, SECOND))
    assert network.range_of(IPv4Address(address)) is found


def test_every_range_has_our_address() -> None:
    """dhcp 24: each range's own address is one of our server identifiers."""
    network = replace(NETWORK, ranges=(RANGE, SECOND))
    assert network.server_ids == (SERVER, IPv4Address("10.0.1.2"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ranges": ()}, "needs a range"),
        ({"domain": "a..b"}, "domain name"),
        ({"mtu": 67}, "mtu 67 is not in 68..65535"),
        ({"mtu": 65536}, "mtu 65536"),
        ({"lease_time": 0}, "lease_time 0"),
        ({"lease_time": 2**32}, "lease_time"),
    ],
)
def test_a_network_that_no_option_could_carry(change: Any, says: str) -> None:
    """dhcp 12, 52: a value that does not encode is refused, not met in a packet."""
    with pytest.raises(ValueError, match=says):
        replace(NETWORK, **change)


@pytest.mark.parametrize("mtu", [68, 575, 576, 1500, 65535])
def test_the_mtu_of_the_network_is_option_26(mtu: int) -> None:
    """dhcp 52: option 26 is the network's MTU, 68 to 65535."""
    server = responder(replace(NETWORK, mtu=mtu))
    assert read(server, Guest().discover()).options.number(26) == mtu


@pytest.mark.parametrize(("mtu", "sent"), [(1400, 1400), (1450, 1450), (9000, 1450)])
def test_a_guest_has_no_larger_mtu_than_its_link(mtu: int, sent: int) -> None:
    """dhcp 52: a binding lowers option 26, and cannot raise it over the network's."""
    binding = replace(next(iter(responder().bindings)), mtu=mtu)
    server = responder(NETWORK, binding)
    assert read(server, Guest().discover()).options.number(26) == sent


@pytest.mark.parametrize(
    ("own", "dns", "default_network", "sent"),
    [
        (True, (), True, SERVER),
        (True, (GATEWAY,), True, GATEWAY),
        (False, (), True, None),
        (True, (), False, None),
        (True, (GATEWAY,), False, None),
    ],
)
def test_our_own_resolver_is_option_6(
    own: bool,
    dns: tuple[IPv4Address, ...],
    default_network: bool,
    sent: IPv4Address | None,
) -> None:
    """dhcp 51: where no name server is given it is we; none off the default network."""
    binding = replace(BINDING, default_network=default_network)
    server = responder(replace(NETWORK, own_dns=own, dns=dns), binding)
    assert read(server, Guest().discover()).options.address(6) == sent


RFC = replace(NETWORK, router_with_121=RouterWith121.RFC, options={33: bytes(8)})


def test_rfc_keeps_3_for_who_sends_no_list() -> None:
    """dhcp 49: "rfc" is about clients that ask for 121; who sends no list has both."""
    offer = read(responder(RFC), Guest(options={}).discover())
    assert {3, 33, 121} <= offer.options.values.keys()


def test_rfc_keeps_33_where_there_is_no_121() -> None:
    """dhcp 49: where there is nothing to say in 121, option 33 stays."""
    network = replace(RFC, ranges=(replace(RANGE, gateway=None),))
    server = responder(network, replace(BINDING, metadata_route=False))
    offer = read(server, Guest(options={55: bytes([33, 121])}).discover())
    assert (33 in offer.options, 121 in offer.options) == (True, False)
