"""A binding's file, bindings/<mac>.json, as a value: the NIC and its guest.

What concerns DHCP becomes a `dhcp.Binding`; the rest is for the documents that are
made from it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

from dhcp.bindings import Binding
from dhcp.hardware import HardwareAddress

from . import reader
from .errors import SettingsError
from .network_settings import read_options
from .reader import Table
from .settings import TOKENS
from .settings import Settings
from .settings import check_address

LABEL_AT_MOST = 63  # octets (RFC 1035 section 2.3.4)
TEXT_AT_MOST = 1024 * 1024  # octets of a binding's file


@dataclass(frozen=True, slots=True)
class Interface:
    """Another NIC of the same guest, for network_data.json."""

    mac: HardwareAddress
    ip: IPv4Address | None = None
    prefix: int | None = None
    gateway: IPv4Address | None = None
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One NIC and what its guest is told of itself."""

    binding: Binding
    instance_id: str | None = None
    public_keys: Mapping[str, str] = field(default_factory=dict)
    admin_pass: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()
    tokens: str | None = None
    """"required" or "optional"; None leaves it to the network, as with *endpoint*."""
    endpoint: bool | None = None

    @property
    def mac(self) -> HardwareAddress:
        return self.binding.hardware

    @property
    def ip(self) -> IPv4Address:
        return self.binding.address

    @property
    def hostname(self) -> str:
        """The name that it has, or that its address gives it (docs/design.md)."""
        return self.binding.hostname or default_hostname(self.ip)


def default_hostname(address: IPv4Address) -> str:
    return "ip-" + str(address).replace(".", "-")


def parse_record(text: str, file: object, settings: Settings) -> Record:
    """Read a binding's file; raises SettingsError, which names the key."""
    if len(text) > TEXT_AT_MOST:
        raise SettingsError(file, f"is larger than {TEXT_AT_MOST} octets")
    try:
        values = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as problem:
        raise SettingsError(file, f"is not JSON: {problem}") from None
    return read_record(values, file, settings)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object's keys and values; one that comes twice is refused."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} comes twice")
    return found


def read_record(values: object, file: object, settings: Settings) -> Record:
    """Read a binding's values; raises SettingsError."""
    table = Table(file, "", values)
    mac = table.demand("mac", hardware)
    ip = table.demand("ip", reader.address)
    place = check_address(settings, ip, file, "ip")
    default_network = table.take("default_network", reader.flag, True)
    hostname = table.take("hostname", label, None)
    gateway = table.take("gateway", reader.address, None)
    if gateway is not None and gateway not in place.subnet:
        raise table.wrong("gateway", f"{gateway} is not in {place.subnet}")
    if gateway == ip:
        raise table.wrong("gateway", f"{gateway} is this guest's own address")
    mtu = table.take("mtu", reader.integer(68, 65_535), None)
    if mtu is not None and mtu > settings.network.mtu:
        raise table.wrong("mtu", f"{mtu} is over the network's {settings.network.mtu}")
    routes = table.take("routes", reader.list_of(reader.route), ())
    for each in routes:
        if each.router not in place.subnet:
            raise table.wrong("routes", f"{each.router} is not in {place.subnet}")
    binding = Binding(
        hardware=mac,
        address=ip,
        # a guest is told the name that its documents have, on the NIC that names it
        hostname=hostname or (default_hostname(ip) if default_network else None),
        default_network=default_network,
        router=table.take("router", reader.flag, False),
        metadata_route=table.take("metadata_route", reader.flag, None),
        prefix=table.take("prefix", reader.integer(1, 32), None),
        gateway=gateway,
        dns=table.take("dns", reader.list_of(reader.server), None),
        domain=table.take("domain", reader.domain, None),
        mtu=mtu,
        routes=routes,
        lease_time=table.take("lease_time", reader.lease_time, None),
        client_id=table.take("client_id", _client_id, None),
        options=read_options(table.inner("options")),
    )
    record = Record(
        binding,
        instance_id=table.take("instance_id", line, None),
        public_keys=_texts(table.inner("public_keys"), _key_name),
        admin_pass=table.take("admin_pass", line, None),
        meta=_texts(table.inner("meta"), line),
        interfaces=tuple(_interface(each) for each in table.tables("interfaces")),
        tokens=table.take("tokens", TOKENS, None),
        endpoint=table.take("endpoint", reader.flag, None),
    )
    table.close()
    return record


def hardware(value: object) -> HardwareAddress:
    """Read a MAC that a station can own; raises ValueError."""
    mac = HardwareAddress.parse(reader.text(value))
    if not mac.usable:
        raise ValueError("is no station's address: zero, broadcast or multicast")
    return mac


def label(value: object) -> str:
    """Read a host's name: one label of letters, digits and "-" (RFC 1123)."""
    name = reader.text(value)
    plain = name.replace("-", "a")
    if (
        not (plain.isascii() and plain.isalnum())
        or name.startswith("-")
        or name.endswith("-")
        or len(name) > LABEL_AT_MOST
    ):
        raise ValueError(
            "is no host name: letters, digits and -, at most 63,"
            " and no dot: the domain is the network's"
        )
    return name


def line(value: object) -> str:
    """Read text of one line: it becomes a line of a document."""
    found = reader.text(value)
    if not found.isprintable():
        raise ValueError("has to be one line of text")
    return found


def _key_name(value: object) -> str:
    name = line(value)
    if "=" in name or "/" in name:
        # cloudbase-init splits a listing's line at "=" and wants two parts
        raise ValueError("a key's name holds no = and no /")
    return name


def _client_id(value: object) -> bytes:
    octets = bytes.fromhex(reader.text(value).replace(":", ""))
    if not 2 <= len(octets) <= 255:
        raise ValueError("has to be 2 to 255 octets in hex")
    return octets


def _texts(table: Table, name: reader.Read[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.rest().items():
        try:
            found[name(key)] = line(value)
        except ValueError as problem:
            raise table.mistake(str(key), value, problem) from None
    return found


def _interface(table: Table) -> Interface:
    interface = Interface(
        mac=table.demand("mac", hardware),
        ip=table.take("ip", reader.address, None),
        prefix=table.take("prefix", reader.integer(1, 32), None),
        gateway=table.take("gateway", reader.address, None),
        mtu=table.take("mtu", reader.integer(68, 65_535), None),
    )
    table.close()
    return interface
