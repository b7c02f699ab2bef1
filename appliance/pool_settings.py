"""[dhcp] pool: the addresses that go to clients whom nobody has bound."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from dhcp.network import Range

from . import reader
from .attachment import METADATA_ADDRESS
from .reader import Table

POOL_AT_MOST = 4096  # addresses
QUARANTINE = 600  # seconds

Span = tuple[IPv4Address, IPv4Address]
"""The first and the last address."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """The addresses, and how long one rests that was found in use."""

    addresses: tuple[IPv4Address, ...] = ()
    quarantine: int = QUARANTINE
    """Seconds."""


NO_POOL = PoolSettings()


def read_pool(table: Table, ranges: Sequence[Range]) -> PoolSettings:
    """Read the keys of [dhcp]; raises SettingsError."""

    def pool(value: object) -> tuple[IPv4Address, ...]:
        found: dict[IPv4Address, None] = {}
        for first, last in reader.list_of(_span)(value):
            if int(last) - int(first) + len(found) >= POOL_AT_MOST:
                raise ValueError(f"a pool has at most {POOL_AT_MOST} addresses")
            for each in _addresses(first, last):
                _check(each, ranges)
                if each in found:
                    raise ValueError(f"{each} is named twice")
                found[each] = None
        return tuple(found)

    return PoolSettings(
        addresses=table.take("pool", pool, ()),
        quarantine=table.take("quarantine", reader.lease_time, QUARANTINE),
    )


def _span(value: object) -> Span:
    first, dash, last = reader.text(value).partition("-")
    try:
        low = IPv4Address(first.strip())
        high = IPv4Address(last.strip()) if dash else low
    except ValueError:
        raise ValueError(
            f"{value!r} is not like 10.0.0.200-10.0.0.220 or 10.0.0.200"
        ) from None
    if high < low:
        raise ValueError(f"{value!r} ends before it begins")
    return low, high


def _addresses(first: IPv4Address, last: IPv4Address) -> Iterator[IPv4Address]:
    return map(IPv4Address, range(int(first), int(last) + 1))


def _check(address: IPv4Address, ranges: Sequence[Range]) -> None:
    for place in ranges:
        if address in place.subnet:
            break
    else:
        subnets = ", ".join(str(each.subnet) for each in ranges)
        raise ValueError(f"{address} is not in this network ({subnets})")
    whose = {
        METADATA_ADDRESS: "where metadata are served",
        place.server_id: "our DHCP address",
        place.gateway: "the gateway's",
    }
    if place.subnet.prefixlen < 31:
        whose[place.subnet.network_address] = "the subnet's own"
        whose[place.subnet.broadcast_address] = "the broadcast address"
    if address in whose:
        raise ValueError(f"{address} is {whose[address]}: leave it out of the pool")
