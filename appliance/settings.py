"""A network's settings: /etc/metalease/networks/<network>.toml as a value.

Every key is described in docs/example.toml; an unknown one is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dhcp.network import Network
from dhcp.network import Range

from . import reader
from .attaching import read_attachment
from .attachment import METADATA_ADDRESS
from .attachment import Attachment
from .attachment import Bridged
from .errors import SettingsError
from .files import read_text
from .layout import NetworkLayout
from .link_local import METADATA_INTERFACES
from .network_settings import read_network
from .network_settings import read_ranges
from .pool_settings import NO_POOL
from .pool_settings import PoolSettings
from .pool_settings import read_pool
from .reader import Table

TOKENS = reader.choice("optional", "required")
PRESETS = ("ec2", "openstack", "nocloud", "zstack")


@dataclass(frozen=True, slots=True)
class MetadataSettings:
    """[metadata]: how documents are served."""

    ports: tuple[int, ...] = (80, 1180)
    presets: tuple[str, ...] = PRESETS
    identity: str = "ip+mac"
    unknown: str = "404"
    endpoint: bool = True
    """False: guests without a word of their own are served nothing."""
    tokens: str = "optional"
    hop_limit: int = 1
    """Of the packets that carry a token."""
    reject_forwarded: str = "put"
    ipv6: bool = True
    """Beside 169.254.169.254; never where the IP alone tells who asks."""
    rewrite: tuple[Mapping[str, Any], ...] = ()
    """[[metadata.rewrite]]: rules, before the presets (rewrite/table.py reads them)."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """[limits]: what guests may hold."""

    connections_per_ip: int = 32
    connections_total: int = 4096
    requests_per_second_per_ip: int = 50
    """Of HTTP; who asks faster waits, 2 seconds at most."""
    burst_per_ip: int = 200
    """Requests that a guest may make at once."""
    dhcp_per_second_per_mac: int = 1_000
    """Messages of one guest that is bound, after twice as many at once."""
    dhcp_per_second_unknown: int = 1_000
    """Messages of all others together."""


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
    pool: PoolSettings = NO_POOL

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
    ranges = read_ranges(net)
    resolver = _dns(dns, ranges)
    network = read_network(net, dhcp, ranges, own_dns=resolver.enabled)
    if not resolver.enabled and not network.dns:
        # who would have been asked for the guests is told to them (dns 16)
        network = replace(network, dns=resolver.upstream)
    attachment, served = read_attachment(files, attach, ranges), _metadata(metadata)
    if served.ipv6 and served.identity == "ip+mac":
        attachment = replace(attachment, ipv6=METADATA_INTERFACES)
    settings = Settings(
        name=files.name,
        file=file,
        network=network,
        attachment=attachment,
        dhcp=dhcp.take("enabled", reader.flag, True),
        metadata=served,
        dns=resolver,
        limits=_limits(limits),
        pool=read_pool(dhcp, ranges),
    )
    for table in (net, attach, dhcp, metadata, limits, dns):
        table.close()
    return settings


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
        endpoint=table.take("endpoint", reader.flag, plain.endpoint),
        tokens=table.take("tokens", TOKENS, plain.tokens),
        hop_limit=table.take("hop_limit", reader.integer(1, 64), plain.hop_limit),
        reject_forwarded=table.take(
            "reject_forwarded",
            reader.choice("put", "all", "off"),
            plain.reject_forwarded,
        ),
        ipv6=table.take("ipv6", reader.flag, plain.ipv6),
        rewrite=tuple(_rewrite(each) for each in table.tables("rewrite")),
    )


def _rewrite(table: Table) -> Mapping[str, Any]:
    match, rest = table.demand("match", reader.text), table.rest()
    if not rest:
        raise table.wrong("to", "is missing")
    return {"match": match, **rest}


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
    domains: dict[str, tuple[IPv4Address, ...]] = {}
    for key in inner.left():
        try:
            domain = reader.domain(key).lower()
        except ValueError as problem:
            raise inner.wrong(key, f"{key!r}: {problem}") from None
        if domain in domains:
            raise inner.wrong(key, "has its upstreams already, in other letters")
        domains[domain] = inner.demand(key, upstreams)
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
    names = [field.name for field in fields(LimitSettings)]
    return LimitSettings(
        **{name: table.take(name, many, getattr(plain, name)) for name in names}
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
