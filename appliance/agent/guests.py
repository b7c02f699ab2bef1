"""Guests as ZStack tells of them: DhcpInfo and UserdataTO, and what is not built."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from dhcp.hardware import HardwareAddress
from dhcp.routes import ClasslessRoute

from .. import reader
from ..reader import Table
from ..records import hardware
from ..records import line

VERSIONS = 4, 6, 46
NO_VERSION_6 = "IPv6 leases are not built: give this network IPv4 alone, or SLAAC"
SLAAC = "SLAAC"
PVPANIC = "disable"  # where agentConfig does not say
PORT = reader.integer(1, 65_535)


@dataclass(frozen=True, slots=True)
class Guest:
    """One NIC: a DhcpInfo."""

    mac: HardwareAddress
    ip: IPv4Address
    prefix: int | None = None
    gateway: IPv4Address | None = None
    hostname: str | None = None
    default_network: bool = False
    domain: str | None = None
    dns: tuple[IPv4Address, ...] = ()
    mtu: int | None = None  # octets
    multi_gateway: bool = False
    """The gateway is told on a further NIC, too."""
    routes: tuple[ClasslessRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """What a guest's documents are made of: a UserdataTO."""

    ip: IPv4Address
    uuid: str
    hostname: str | None = None
    parts: tuple[str, ...] = ()
    """Its user-data: the user's own, and what ZStack made."""
    pvpanic: str | None = None
    """None where there is no agentConfig."""
    port: int | None = None


def refuse_version_6(table: Table, address: str, mode: str | None) -> None:
    """Raise SettingsError for what needs DHCPv6; *address* is the key of its address.

    Dual stack is served where the guest makes its IPv6 address itself.
    """
    version = table.take("ipVersion", reader.integer(4, 46), 4)
    six = table.take(address, reader.text, None)
    if version not in VERSIONS:
        raise table.wrong("ipVersion", f"{version} is none of {VERSIONS}")
    stateless = version == 46 and (six is None or mode == SLAAC)
    if version != 4 and not stateless:
        raise table.wrong("ipVersion", f"{version}: {NO_VERSION_6}")


def read_guest(table: Table) -> Guest:
    """Read a DhcpInfo; raises SettingsError."""
    refuse_version_6(table, "ip6", None)
    netmask = table.take("netmask", _prefix, None)
    return Guest(
        mac=table.demand("mac", hardware),
        ip=table.demand("ip", reader.address),
        prefix=netmask,
        gateway=table.take("gateway", reader.address, None),
        hostname=table.take("hostname", reader.text, None),
        default_network=table.take("isDefaultL3Network", reader.flag, False),
        domain=table.take("dnsDomain", reader.domain, None),
        dns=table.take("dns", reader.list_of(reader.server), ()),
        mtu=table.take("mtu", reader.integer(68, 65_535), None),
        multi_gateway=table.take("vmMultiGateway", reader.flag, False),
        routes=tuple(_route(each) for each in table.tables("hostRoutes")),
    )


def _prefix(value: object) -> int:
    return IPv4Network(f"0.0.0.0/{reader.text(value)}").prefixlen


def _route(table: Table) -> ClasslessRoute:
    prefix = table.demand("prefix", reader.text)
    nexthop = table.demand("nexthop", reader.address)
    try:
        return ClasslessRoute.parse(f"{prefix} via {nexthop}")
    except ValueError as problem:
        raise table.mistake("prefix", prefix, problem) from None


def read_described(table: Table) -> Described:
    """Read a UserdataTO; raises SettingsError, which never shows what is secret."""
    metadata = table.inner("metadata")
    return Described(
        ip=table.demand("vmIp", reader.address),
        uuid=metadata.demand("vmUuid", line),
        hostname=metadata.take("vmHostname", line, None),
        parts=_parts(table),
        pvpanic=table.take("agentConfig", _pvpanic, None),
        port=table.take("port", PORT, None),
    )


def _parts(table: Table) -> tuple[str, ...]:
    parts = table.take("userdataList", _as_it_is, [])
    if not isinstance(parts, list) or not all(isinstance(x, str) for x in parts):
        raise table.wrong("userdataList", "has to be a list of texts")
    return tuple(parts)


def _pvpanic(value: Any) -> str:
    return line(dict(value).get("pvpanic") or PVPANIC)


def _as_it_is(value: object) -> object:
    return value
