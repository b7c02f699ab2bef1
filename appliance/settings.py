"""A network's settings: /etc/metalease/networks/<network>.toml as a value.

Every key is described in docs/example.toml; an unknown one is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from dhcp.formats import parse_option
from dhcp.network import ALWAYS
from dhcp.network import DAY
from dhcp.network import Network
from dhcp.network import Range
from dhcp.network import ReplyTo
from dhcp.network import RouterWith121

from . import reader
from .attaching import read_attachment
from .attachment import METADATA_ADDRESS
from .attachment import Attachment
from .attachment import Bridged
from .errors import SettingsError
from .files import read_text
from .layout import NetworkLayout
from .reader import Table

PRESETS = ("ec2", "openstack", "nocloud", "zstack")


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """[metadata]: how documents are served."""

    ports: tuple[int, ...] = (80, 1180)
    presets: tuple[str, ...] = PRESETS
    identity: str = "ip+mac"
    unknown: str = "404"
    rewrite: tuple[tuple[str, str], ...] = ()
    """[[metadata.rewrite]]: pattern and target, before the presets."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """[limits]: what guests may hold."""

    connections_per_ip: int = 32
    connections_total: int = 4096


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """[dns]: the network's resolver."""

    enabled: bool = True
    upstream: tuple[IPv4Address, ...] = ()
    """Asked for every name that is not local, in this order."""
    domains: tuple[tuple[str, tuple[IPv4Address, ...]], ...] = ()
    """Upstreams for a domain alone."""
    cache: int = 10_000
    """Answers that are kept."""
    rebind_protection: bool = False
    """Refuse an upstream's answer that holds a private address."""
    queries_per_second_per_ip: int = 1_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator says of one network."""

    name: str
    file: Path
    network: Network
    attachment: Attachment
    dhcp: bool = True
    """[dhcp] enabled."""
    metadata: MetadataSettings = MetadataSettings()
    dns: DnsSettings = DnsSettings()
    limits: LimitSettings = LimitSettings()

    @property
    def bridge(self) -> str | None:
        where = self.attachment.where
        return where.bridge if isinstance(where, Bridged) else None


def load_settings(files: NetworkLayout) -> Settings:
    """Read the network's file; raises SettingsError."""
    try:
        text = read_text(files.settings)
    except FileNotFoundError:
        raise SettingsError(
            files.settings,
            f"there is no network {files.name!r}: metalease net add {files.name}",
        ) from None
    return parse_settings(files, reader.parse_toml(text, files.settings))


def parse_settings(
    files: NetworkLayout, values: Mapping[str, Any], file: Path | None = None
) -> Settings:
    """Read a network's values, of its own file or of *file*; raises SettingsError."""
    file = files.settings if file is None else file
    top = Table(file, "", values)
    net, attach, dhcp = top.inner("network"), top.inner("attach"), top.inner("dhcp")
    metadata, limits = top.inner("metadata"), top.inner("limits")
    dns = top.inner("dns")
    top.close()
    ranges = _ranges(net)
    resolver = _dns(dns, ranges)
    network = _network(net, dhcp, ranges, own_dns=resolver.enabled)
    settings = Settings(
        name=files.name,
        file=file,
        network=network,
        attachment=read_attachment(files, attach, ranges),
        dhcp=dhcp.take("enabled", reader.flag, True),
        metadata=_metadata(metadata),
        dns=resolver,
        limits=_limits(limits),
    )
    for table in (net, attach, dhcp, metadata, limits, dns):
        table.close()
    return settings


def _ranges(net: Table) -> tuple[Range, ...]:
    tables = [net, *net.tables("also")]
    ranges: list[Range] = []
    for table in tables:
        subnet = table.demand("subnet", reader.subnet)
        gateway = table.take("gateway", reader.address, None)
        server = table.demand("dhcp_address", reader.address)
        for key, each in (("gateway", gateway), ("dhcp_address", server)):
            if each is not None:
                _check_host(table, key, each, subnet)
        if server == gateway:
            raise table.wrong("dhcp_address", f"{server} is the gateway's already")
        for other in ranges:
            if other.subnet.overlaps(subnet):
                raise table.wrong("subnet", f"{subnet} overlaps {other.subnet}")
        ranges.append(Range(subnet, server, gateway))
        if table is not net:
            table.close()
    return tuple(ranges)


def _check_host(
    table: Table, key: str, address: IPv4Address, subnet: IPv4Network
) -> None:
    if address not in subnet:
        raise table.wrong(key, f"{address} is not in {subnet}")
    if address == METADATA_ADDRESS:
        raise table.wrong(key, f"{address} is where metadata are served")
    if subnet.prefixlen < 31 and address in (
        subnet.network_address,
        subnet.broadcast_address,
    ):
        raise table.wrong(key, f"{address} is {subnet}'s own, no host can have it")


def _network(
    net: Table, dhcp: Table, ranges: tuple[Range, ...], *, own_dns: bool
) -> Network:
    routes = net.take("routes", reader.list_of(reader.route), ())
    for each in routes:
        if not any(each.router in place.subnet for place in ranges):
            raise net.wrong("routes", f"{each.router} is not on this network's link")
    return Network(
        ranges=ranges,
        mtu=net.take("mtu", reader.integer(68, 65_535), 1500),
        dns=net.take("dns", reader.list_of(reader.server), ()),
        own_dns=own_dns,
        domain=net.take("domain", reader.domain, None),
        routes=routes,
        lease_time=dhcp.take("lease_time", reader.lease_time, DAY),
        authoritative=dhcp.take("authoritative", reader.flag, False),
        router_with_121=RouterWith121(
            dhcp.take("router_with_121", reader.choice("both", "rfc"), "both")
        ),
        reply=ReplyTo(dhcp.take("reply", reader.choice("auto", "broadcast"), "auto")),
        rapid_commit=dhcp.take("rapid_commit", reader.flag, False),
        echo_client_id=dhcp.take("echo_client_id", reader.flag, True),
        trust_option_82=dhcp.take("trust_option_82", reader.flag, False),
        always=dhcp.take("always", reader.list_of(reader.integer(1, 254)), ALWAYS),
        options=read_options(dhcp.inner("options")),
    )


def read_options(table: Table) -> dict[int, bytes]:
    """Read a table of options by number; raises SettingsError."""
    options: dict[int, bytes] = {}
    for code, value in table.rest().items():
        try:
            number, octets = parse_option(str(code), reader.text(value))
        except ValueError as problem:
            raise table.mistake(str(code), value, problem) from None
        options[number] = octets
    return options


def _metadata(table: Table) -> MetadataSettings:
    plain = MetadataSettings()
    ports = table.take("ports", reader.list_of(reader.integer(1, 65_535)), plain.ports)
    if not ports:
        raise table.wrong("ports", "needs at least one port")
    if len(set(ports)) < len(ports):
        raise table.wrong("ports", f"{list(ports)}: each port is named once")
    return MetadataSettings(
        ports=ports,
        presets=table.take("presets", reader.list_of(reader.text), plain.presets),
        identity=table.take("identity", reader.choice("ip+mac", "ip"), plain.identity),
        unknown=table.take("unknown", reader.choice("404", "default"), plain.unknown),
        rewrite=tuple(_rewrite(each) for each in table.tables("rewrite")),
    )


def _rewrite(table: Table) -> tuple[str, str]:
    rule = table.demand("match", reader.text), table.demand("to", reader.text)
    table.close()
    return rule


def _dns(table: Table, ranges: tuple[Range, ...]) -> DnsSettings:
    plain = DnsSettings()
    ours = {METADATA_ADDRESS, *(place.server_id for place in ranges)}

    def upstreams(value: object) -> tuple[IPv4Address, ...]:
        found = reader.list_of(reader.server)(value)
        for each in found:
            if each in ours:
                raise ValueError(f"{each} is this network's own resolver: a loop")
        return found

    inner = table.inner("domains")
    domains = {
        reader.domain(name): inner.demand(name, upstreams) for name in inner.left()
    }
    return DnsSettings(
        enabled=table.take("enabled", reader.flag, plain.enabled),
        upstream=table.take("upstream", upstreams, plain.upstream),
        domains=tuple(domains.items()),
        cache=table.take("cache", reader.integer(0, 1_000_000), plain.cache),
        rebind_protection=table.take(
            "rebind_protection", reader.flag, plain.rebind_protection
        ),
        queries_per_second_per_ip=table.take(
            "queries_per_second_per_ip",
            reader.integer(1, 1_000_000),
            plain.queries_per_second_per_ip,
        ),
    )


def _limits(table: Table) -> LimitSettings:
    plain = LimitSettings()
    many = reader.integer(1, 1_000_000)
    return LimitSettings(
        table.take("connections_per_ip", many, plain.connections_per_ip),
        table.take("connections_total", many, plain.connections_total),
    )


def check_address(
    settings: Settings, address: IPv4Address, where: object, key: str
) -> Range:
    """Return the range in which a guest can have *address*; raises SettingsError."""
    at = f"{where}: {key}" if key else str(where)
    place = settings.network.range_of(address)
    if place is None or address == METADATA_ADDRESS:
        subnets = ", ".join(str(each.subnet) for each in settings.network.ranges)
        raise SettingsError(at, f"{address} is not in this network ({subnets})")
    taken = {place.gateway: "the gateway's", place.server_id: "our DHCP address"}
    if place.subnet.prefixlen < 31:
        taken[place.subnet.network_address] = "the subnet's own"
        taken[place.subnet.broadcast_address] = "the broadcast address"
    if address in taken:
        raise SettingsError(at, f"{address} is {taken[address]}: choose another")
    return place
