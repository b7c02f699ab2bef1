"""[dhcp] pool and quarantine become addresses, or an error that names the key."""

import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import toml

from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.pool_settings import POOL_AT_MOST
from appliance.settings import Settings
from appliance.settings import parse_settings
from dhcp.codes import INFINITE

from .house import N1
from .house import ip

FILES = Layout(Path("/nowhere")).network("n1")
WIDE = N1.replace("10.0.0.0/24", "10.0.0.0/16")
ALSO = """
[[network.also]]
subnet = "10.9.0.0/24"
gateway = "10.9.0.1"
dhcp_address = "10.9.0.2"
"""


def parse(text: str, base: str = N1) -> Settings:
    return parse_settings(FILES, toml.loads(f"{base}\n[dhcp]\n{text}"))


def test_no_pool() -> None:
    """dhcp 18: without one, who is not bound gets silence."""
    pool = parse("").pool
    assert (pool.addresses, pool.quarantine) == ((), 600)


def test_spans_and_addresses() -> None:
    """A span with both its ends, or one address; in every range of the network."""
    text = 'pool = ["10.0.0.200-10.0.0.202", "10.9.0.9", "10.0.0.100 - 10.0.0.101"]'
    pool = parse(text, N1 + ALSO).pool
    said = ("200", "201", "202", None, "100", "101")
    assert pool.addresses == tuple(
        IPv4Address("10.9.0.9" if each is None else f"10.0.0.{each}") for each in said
    )


def test_one_address_is_a_pool() -> None:
    assert parse('pool = ["10.0.0.9-10.0.0.9"]').pool.addresses == (ip(9),)


@pytest.mark.parametrize(
    ("said", "seconds"), [("10m", 600), ("1h", 3600), ("infinite", INFINITE)]
)
def test_quarantine(said: str, seconds: int) -> None:
    """dhcp 34: how long an address rests that was found in use."""
    assert parse(f'quarantine = "{said}"').pool.quarantine == seconds


WRONG = {
    # what is in the pool: what is said, beside file, key and value
    "10.0.0.200-": "is not like 10.0.0.200-10.0.0.220 or 10.0.0.200",
    "ten": "is not like 10.0.0.200-10.0.0.220 or 10.0.0.200",
    "10.0.0.0/28": "is not like 10.0.0.200-10.0.0.220 or 10.0.0.200",
    "10.0.0.9-10.0.0.8": "ends before it begins",
    "10.0.1.5": "10.0.1.5 is not in this network (10.0.0.0/24)",
    "10.0.0.250-10.0.1.5": "10.0.0.255 is the broadcast address: leave it out",
    "10.0.0.0-10.0.0.9": "10.0.0.0 is the subnet's own: leave it out of the pool",
    "10.0.0.1-10.0.0.9": "10.0.0.1 is the gateway's: leave it out of the pool",
    "10.0.0.2": "10.0.0.2 is our DHCP address: leave it out of the pool",
}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_no_pool(said: str) -> None:
    """dhcp 15: file, key, value and the way out are named."""
    where = "/nowhere/etc/metalease/networks/n1.toml: dhcp.pool: "
    with pytest.raises(SettingsError, match=re.escape(where)) as refused:
        parse(f'pool = ["{said}"]')
    assert said in str(refused.value)
    assert WRONG[said] in str(refused.value)


def test_an_address_is_named_once() -> None:
    with pytest.raises(SettingsError, match=r"10\.0\.0\.9 is named twice"):
        parse('pool = ["10.0.0.8-10.0.0.9", "10.0.0.9"]')


def test_a_pool_is_small() -> None:
    """So many addresses are a pool, and one more is none."""
    first = IPv4Address("10.0.1.0")
    last = first + POOL_AT_MOST - 1
    found = parse(f'pool = ["{first}-{last}"]', WIDE).pool
    assert len(found.addresses) == POOL_AT_MOST
    for text in (f'["{first}-{last + 1}"]', f'["10.0.0.9", "{first}-{last}"]'):
        with pytest.raises(SettingsError, match=f"at most {POOL_AT_MOST} addresses"):
            parse(f"pool = {text}", WIDE)
    with pytest.raises(SettingsError, match="at most"):
        parse('pool = ["0.0.0.0-255.255.255.255"]')


@pytest.mark.parametrize("text", ['pool = "10.0.0.9"', "pool = [9]", "quarantine = 5"])
def test_the_type_is_named(text: str) -> None:
    key = text.partition(" ")[0]
    with pytest.raises(SettingsError, match=rf"dhcp\.{key}: .*has to be"):
        parse(text)
