"""The table of bindings, and the limits of a binding."""

from dataclasses import replace
from ipaddress import IPv4Address
from time import process_time
from typing import Any

import pytest

from dhcp.bindings import Binding
from dhcp.bindings import BindingTable

from .guest import ADDRESS
from .guest import BINDING
from .guest import MAC
from .guest import NETWORK
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import many
from .guest import read
from .guest import responder
from .guest import silence

DUID = b"\xff" + bytes(8)


def test_a_binding_is_found_by_mac_and_by_address() -> None:
    """dhcp 13: the key is the MAC; the address finds its owner."""
    table = BindingTable([BINDING])
    assert table.find(MAC.octets) is BINDING
    assert table.find(MAC.octets, DUID) is BINDING
    assert table.find(STRANGER.octets) is None
    assert table.at(ADDRESS) is BINDING
    assert (len(table), list(table)) == (1, [BINDING])


def test_a_client_id_that_is_bound_wins() -> None:
    """dhcp 13: a binding that carries a client-id is found by it, before the MAC."""
    named = Binding(STRANGER, WRONG, client_id=DUID)
    table = BindingTable([BINDING, named])
    assert table.find(MAC.octets, DUID) is named
    assert table.find(STRANGER.octets) is named
    assert table.find(MAC.octets, DUID + b"\0") is BINDING


def test_an_address_of_another_mac_is_refused() -> None:
    """dhcp 14: two MACs of one address are refused, both are named, nothing changes."""
    table = BindingTable([BINDING])
    with pytest.raises(ValueError, match=str(MAC)) as caught:
        table.put(Binding(STRANGER, ADDRESS))
    assert str(STRANGER) in str(caught.value)
    assert str(ADDRESS) in str(caught.value)
    assert list(table) == [BINDING]


def test_a_client_id_moves_to_another_nic() -> None:
    """dhcp 13: of two bindings with one client-id the later is found by it, also when
    the earlier is gone."""
    old, new = (
        replace(BINDING, client_id=DUID),
        Binding(STRANGER, WRONG, client_id=DUID),
    )
    table = BindingTable([old, new])
    assert table.find(b"another", DUID) is new
    table.remove(MAC)
    assert table.find(b"another", DUID) is new
    table.put(old)
    assert table.find(b"another", DUID) is old
    table.remove(MAC)
    table.remove(STRANGER)
    assert table.find(b"another", DUID) is None


def test_a_set_with_a_mac_twice_is_refused() -> None:
    """dhcp 14, 66: a set that has a MAC twice is refused, with both addresses."""
    with pytest.raises(ValueError, match=f"{ADDRESS} and to {WRONG}"):
        BindingTable([BINDING, replace(BINDING, address=WRONG)])


def test_put_replaces_and_frees_the_old_address() -> None:
    """dhcp 67: a MAC that moves leaves its address and client-id to others."""
    table = BindingTable([replace(BINDING, client_id=DUID)])
    table.put(replace(BINDING, address=WRONG))
    assert table.at(ADDRESS) is None
    assert table.find(STRANGER.octets, DUID) is None
    table.put(Binding(STRANGER, ADDRESS, client_id=DUID))
    assert len(table) == 2


def test_remove_returns_what_there_was() -> None:
    """dhcp 67: what is removed is unknown at once, by each of its keys."""
    bound = replace(BINDING, client_id=DUID)
    table = BindingTable([bound])
    assert table.remove(MAC) is bound
    assert table.remove(MAC) is None
    assert table.find(MAC.octets, DUID) is None
    assert table.at(ADDRESS) is None


def test_a_set_is_replaced_whole_or_not_at_all() -> None:
    """dhcp 66: an invalid set raises before it is in force; a valid one is at once."""
    server = responder()
    with pytest.raises(ValueError, match="bound"):
        server.bindings = BindingTable([BINDING, Binding(STRANGER, ADDRESS)])
    assert read(server, Guest().discover()).yiaddr == ADDRESS
    server.bindings = BindingTable([Binding(STRANGER, ADDRESS)])
    assert silence(server, Guest().discover()).value == "unknown_client"
    assert read(server, Guest(STRANGER).discover()).yiaddr == ADDRESS


def test_a_change_is_seen_by_the_next_packet() -> None:
    """dhcp 67: the packet after put or remove sees it, remembered answers or not."""
    server = responder()
    guest = Guest()
    for octet in (7, 8, 9):
        binding = replace(BINDING, address=IPv4Address(f"10.0.0.{octet}"), mtu=1400)
        server.bindings.put(binding)
        offer = read(server, guest.discover())
        assert (offer.yiaddr, offer.options.number(26)) == (binding.address, 1400)
    server.bindings.put(replace(BINDING, mtu=1300))
    assert read(server, guest.discover()).options.number(26) == 1300
    server.network = replace(server.network, mtu=1200)
    assert read(server, guest.discover()).options.number(26) == 1200
    server.bindings.remove(MAC)
    assert silence(server, guest.discover()).value == "unknown_client"


def test_no_packet_is_lost_while_bindings_change() -> None:
    """dhcp 67: through 1,000 changes, each DISCOVER between two is answered."""
    server = responder()
    for binding in many(1000):
        server.bindings.put(binding)
        assert read(server, Guest().discover()).yiaddr == ADDRESS


def test_a_change_costs_the_same_in_a_large_table() -> None:
    """dhcp 67: adding and removing a binding is O(1)."""

    def cost(size: int) -> float:
        table = BindingTable(many(size))
        started = process_time()
        for _ in range(200):
            table.put(BINDING)
            table.remove(MAC)
        return process_time() - started

    small = min(cost(10) for _ in range(5))
    large = min(cost(20_000) for _ in range(3))
    assert large < 20 * small  # O(n) would be 2,000 times


def test_ten_thousand_bindings_and_the_first_offer() -> None:
    """dhcp 68: the table of 10,000 bindings is made and asked in under a second."""
    bindings = many(10_000)
    started = process_time()
    server = responder()
    server.bindings = BindingTable([*bindings, BINDING])
    assert read(server, Guest().discover()).yiaddr == ADDRESS
    assert process_time() - started < 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hostname": "a" * 64}, "domain name"),
        ({"hostname": ".web"}, "domain name"),
        ({"hostname": "w\u00e9b"}, "domain name"),
        ({"domain": "a..b"}, "domain name"),
        ({"prefix": 33}, "prefix 33"),
        ({"prefix": -1}, "prefix -1"),
        ({"mtu": 67}, "mtu 67"),
        ({"mtu": 65536}, "mtu 65536"),
        ({"lease_time": 0}, "lease_time 0"),
        ({"lease_time": 2**32}, "lease_time"),
    ],
)
def test_a_binding_that_no_option_could_carry(change: Any, says: str) -> None:
    """dhcp 12, 52, 57: a value that does not encode is refused, not met in a packet."""
    with pytest.raises(ValueError, match=says):
        replace(BINDING, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"prefix": 0},
        {"prefix": 32},
        {"mtu": 68},
        {"mtu": 65535},
        {"lease_time": 1},
        {"hostname": "a" * 63},
        {"hostname": ""},
        {"domain": ""},
    ],
)
def test_a_binding_at_the_limits(change: Any) -> None:
    """dhcp 52, 57: the limits themselves are answered with."""
    server = responder(NETWORK, replace(BINDING, **change))
    assert read(server, Guest().discover()).yiaddr == ADDRESS
