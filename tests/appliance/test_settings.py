"""A network's file becomes a value, or an error that names the key."""

from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import toml
from hypothesis import given
from hypothesis import strategies as st

from appliance.attachment import Bridged
from appliance.attachment import Device
from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.settings import Settings
from appliance.settings import check_address
from appliance.settings import load_settings
from appliance.settings import parse_settings
from dhcp.codes import INFINITE
from dhcp.network import Range

from .house import N1
from .house import House
from .house import ip

FILES = Layout(Path("/nowhere")).network("n1")
LEAST: dict[str, Any] = {
    "network": {"subnet": "10.0.0.0/24", "dhcp_address": "10.0.0.2"},
    "attach": {"bridge": "br0"},
}


def parse(text: str, base: str = N1) -> Settings:
    return parse_settings(FILES, toml.loads(base + text))


def test_the_least_that_a_network_says() -> None:
    """Every default is docs/design.md's."""
    settings = parse_settings(FILES, LEAST)
    network = settings.network
    assert network.ranges == (
        Range(IPv4Network("10.0.0.0/24"), IPv4Address("10.0.0.2"), None),
    )
    assert (network.mtu, network.lease_time) == (1500, 86_400)
    assert (network.dns, network.domain, network.routes) == ((), None, ())
    assert not network.authoritative
    assert settings.dhcp
    assert settings.metadata.ports == (80, 1180)
    assert settings.metadata.presets == ("ec2", "openstack", "nocloud", "zstack")
    assert settings.metadata.identity == "ip+mac"
    assert settings.metadata.unknown == "404"
    assert settings.limits.connections_per_ip == 32
    assert settings.limits.connections_total == 4096


def test_the_bridge_gives_the_namespace_its_name() -> None:
    """namespace: default <bridge>_<network>, and a second name that a unit knows."""
    settings = parse_settings(FILES, LEAST)
    assert settings.attachment.where == Bridged("br0", "br0_n1", FILES.netns, None)
    assert settings.bridge == "br0"
    assert settings.attachment.addresses == (
        IPv4Interface("10.0.0.2/24"),
        IPv4Interface("169.254.169.254/32"),
    )


def test_a_device_is_where_we_were_started() -> None:
    settings = parse("")
    assert settings.attachment.where == Device("eth0")
    assert settings.bridge is None


def test_further_ranges_are_of_the_same_network() -> None:
    settings = parse(
        """
        [[network.also]]
        subnet = "10.0.1.0/24"
        gateway = "10.0.1.1"
        dhcp_address = "10.0.1.2"
        """
    )
    assert settings.network.server_ids == (ip(2), IPv4Address("10.0.1.2"))
    assert settings.attachment.subnets == (
        IPv4Network("10.0.0.0/24"),
        IPv4Network("10.0.1.0/24"),
    )


def test_dhcp_can_be_off_and_leases_without_end() -> None:
    """dhcp 58, 75."""
    settings = parse('[dhcp]\nenabled = false\nlease_time = "infinite"')
    assert not settings.dhcp
    assert settings.network.lease_time == INFINITE


def test_options_are_octets_by_number() -> None:
    settings = parse('[dhcp.options]\n"42" = "10.0.0.3"')
    assert settings.network.options == {42: ip(3).packed}


@pytest.mark.parametrize("code", [0, 255, 50, 52, 53, 54, 55, 57, 61, 82])
def test_options_that_are_the_protocols_own(code: int) -> None:
    """dhcp 61: codes 0, 255, 50, 52, 53, 54, 55, 57, 61, 82 are refused."""
    where = rf"n1\.toml: dhcp\.options\.{code}: "
    with pytest.raises(SettingsError, match=f"{where}.* is the protocol's own"):
        parse(f'[dhcp.options]\n"{code}" = "01"')


@pytest.mark.parametrize("code", [108, 249])
def test_who_does_not_ask_is_not_sent_what_is_for_who_asks(code: int) -> None:
    """dhcp 50, 59: 108 takes IPv4 away from who has not asked for it."""
    what = rf"dhcp\.always: .*option {code} is only for who asks for it: leave it out"
    with pytest.raises(SettingsError, match=what):
        parse(f"[dhcp]\nalways = [1, {code}]")


def test_an_architecture_has_one_file() -> None:
    """dhcp 63: by its word and by its number it is the same."""
    what = r"dhcp\.boot\.files\.bios: architecture 0 has a file already"
    with pytest.raises(SettingsError, match=what):
        parse('[dhcp.boot.files]\n0 = "one"\nbios = "other"')


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("10.0.1.5", r"is not in this network \(10\.0\.0\.0/24\)"),
        ("169.254.169.254", "is not in this network"),
        ("10.0.0.0", "is the subnet's own: choose another"),
        ("10.0.0.255", "is the broadcast address: choose another"),
        ("10.0.0.1", "is the gateway's: choose another"),
        ("10.0.0.2", "is our DHCP address: choose another"),
    ],
)
def test_addresses_that_no_guest_can_have(address: str, what: str) -> None:
    """dhcp 15: inside the subnet, and not network, broadcast, server or gateway."""
    with pytest.raises(SettingsError, match=f"^f: ip: {address} {what}"):
        check_address(parse(""), IPv4Address(address), "f", "ip")


def test_addresses_that_a_guest_can_have() -> None:
    for last in (3, 254):
        assert check_address(parse(""), ip(last), "f", "ip").server_id == ip(2)


def test_a_point_to_point_range_has_no_broadcast_address() -> None:
    """RFC 3021: both addresses of a /31 are hosts'."""
    values = {
        "network": {"subnet": "10.0.0.4/31", "dhcp_address": "10.0.0.4"},
        "attach": {"bridge": "br0"},
    }
    settings = parse_settings(FILES, values)
    assert check_address(settings, ip(5), "f", "ip").gateway is None


def test_the_example_on_disk(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    assert load_settings(house.files).file == house.files.settings


@given(st.text(max_size=40), st.integers(0, len(N1)), st.integers(0, 8))
def test_any_file_is_read_or_refused(text: str, at: int, less: int) -> None:
    """Garbage gives the one exception, whatever the TOML library makes of it."""
    broken = N1[:at] + text + N1[at + less :]
    try:
        values = toml.loads(broken)
    except (ValueError, IndexError, TypeError):
        return  # load_settings says so: tests/test_errors.py
    try:
        parse_settings(FILES, values)
    except SettingsError as problem:
        assert str(problem).startswith(str(FILES.settings))  # noqa: PT017 # or it is read


@pytest.mark.parametrize(
    ("text", "told", "own"),
    [
        ("", (), True),
        ('[dns]\nupstream = ["10.0.0.53"]\n', (), True),
        ("[dns]\nenabled = false\n", (), False),
        (
            '[dns]\nenabled = false\nupstream = ["10.0.0.53"]\n',
            (IPv4Address("10.0.0.53"),),
            False,
        ),
    ],
)
def test_which_name_servers_guests_are_told(
    text: str, told: tuple[IPv4Address, ...], own: bool
) -> None:
    """dns 16: our own address, or the upstreams where the resolver is off."""
    base = N1.replace('dns = ["10.0.0.53"]\n', "")
    network = parse(text, base).network
    assert (network.dns, network.own_dns) == (told, own)


@pytest.mark.parametrize("key", ["", ".", "*.example", "a..b", "-\N{SNOWMAN}"])
def test_a_domain_that_is_none(key: str) -> None:
    """issue 7: a key of [dns.domains] that is no domain is named, and is no traceback:
    it would stop `metalease host` for every network."""
    what = "f: dns.domains.*is no domain name|f: dns.domains.*has to be text"
    with pytest.raises(SettingsError, match=what.replace("f:", r"n1\.toml:")):
        parse(f'[dns.domains]\n"{key}" = ["10.0.9.53"]')


def test_a_domain_has_one_list_of_upstreams() -> None:
    """issue 7: the same domain in other letters is not silently left out."""
    with pytest.raises(SettingsError, match=r"Corp\.example: has its upstreams"):
        parse(
            '[dns.domains]\n"corp.example" = ["10.0.9.53"]\n'
            '"Corp.example" = ["10.0.9.54"]'
        )
