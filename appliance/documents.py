"""Documents that are made from a binding, for a guest whose operator dropped none.

Pure: a path below the guest's directory gives octets, or None.  The shapes are
EC2's (a leaf a value, no line feed), OpenStack's JSON, and NoCloud's YAML, of which
JSON is a part.
"""

import json
import uuid
from collections.abc import Callable
from collections.abc import Iterable
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from dhcp.codes import OptionCode
from dhcp.levels import configured
from dhcp.network import DEFAULT_ROUTE
from dhcp.routes import ClasslessRoute
from dhcp.routes import decode_routes

from .records import Interface
from .records import Record
from .settings import Settings

# of "metalease" in the DNS's name space: a guest's id is the same on every host
IDS = uuid.UUID("c998b25b-d307-53be-ac1d-d1d76a0a8aab")

Make = Callable[[Settings, Record], bytes]


def instance_id(settings: Settings, record: Record) -> str:
    """Return the id that it was given, or a UUIDv5 of network and MAC.

    What runs once per instance must see the same id at every boot, in every dialect.
    """
    if record.instance_id is not None:
        return record.instance_id
    return str(uuid.uuid5(IDS, f"{settings.name}/{record.mac}"))


def _instance_id(settings: Settings, record: Record) -> bytes:
    return instance_id(settings, record).encode()


def _local_hostname(settings: Settings, record: Record) -> bytes:
    return record.hostname.encode()


def _local_ipv4(settings: Settings, record: Record) -> bytes:
    return str(record.ip).encode()


def _mac(settings: Settings, record: Record) -> bytes:
    return str(record.mac).encode()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _meta_data(settings: Settings, record: Record) -> bytes:
    """OpenStack's meta_data.json."""
    document: dict[str, Any] = {
        "uuid": instance_id(settings, record),
        "name": record.hostname,
        "hostname": record.hostname,
        "launch_index": 0,
        "availability_zone": "nova",
        "meta": dict(record.meta),
    }
    if record.public_keys:
        document["public_keys"] = dict(record.public_keys)
        document["keys"] = [
            {"name": name, "type": "ssh", "data": key}
            for name, key in record.public_keys.items()
        ]
    if record.admin_pass is not None:
        document["admin_pass"] = record.admin_pass
    return _json(document)


def _network_data(settings: Settings, record: Record) -> bytes:
    """OpenStack's network_data.json: every NIC of the guest.

    Its own says what DHCP says: routes are option 121's, name servers option 6's.
    """
    binding = record.binding
    place = settings.network.range_of(record.ip)
    assert place is not None  # a record is only made of an address in a range
    options = configured(settings.network, place, binding)
    own = Interface(
        record.mac,
        record.ip,
        binding.prefix or place.subnet.prefixlen,
        mtu=settings.network.mtu if binding.mtu is None else binding.mtu,
    )
    routes = decode_routes(options.get(OptionCode.CLASSLESS_STATIC_ROUTES, b""))
    links, networks = [], []
    for number, each in enumerate((own, *record.interfaces)):
        name = f"nic{number}"
        links.append(
            {
                "id": name,
                "vif_id": name,
                "type": "phy",
                "ethernet_mac_address": str(each.mac),
                "mtu": each.mtu or settings.network.mtu,
            }
        )
        way = routes if each is own else _default_route(each)
        networks.append(_network(number))
        if not settings.dhcp and each.ip is not None:
            networks[-1] |= _static(each.ip, each.prefix, way)
    servers = options.get(OptionCode.DOMAIN_NAME_SERVER, b"")
    services = [
        {"type": "dns", "address": str(IPv4Address(servers[at : at + 4]))}
        for at in range(0, len(servers), 4)
    ]
    return _json({"links": links, "networks": networks, "services": services})


def _default_route(interface: Interface) -> tuple[ClasslessRoute, ...]:
    if interface.gateway is None:
        return ()
    return (ClasslessRoute(DEFAULT_ROUTE, interface.gateway),)


def _network(number: int) -> dict[str, Any]:
    return {
        "id": f"network{number}",
        "network_id": f"network{number}",
        "link": f"nic{number}",
        "type": "ipv4_dhcp",
    }


def _static(
    address: IPv4Address, prefix: int | None, routes: Iterable[ClasslessRoute]
) -> dict[str, Any]:
    subnet = IPv4Network((address, prefix or 32), strict=False)
    return {
        "type": "ipv4",
        "ip_address": str(address),
        "netmask": str(subnet.netmask),
        "routes": [
            {
                "network": str(route.destination.network_address),
                "netmask": str(route.destination.netmask),
                "gateway": str(route.router),
            }
            for route in routes
        ],
    }


def _vendor_data(settings: Settings, record: Record) -> bytes:
    return _json({})


def _nocloud_meta_data(settings: Settings, record: Record) -> bytes:
    document: dict[str, Any] = {
        "instance-id": instance_id(settings, record),
        "local-hostname": record.hostname,
    }
    if record.public_keys:
        document["public-keys"] = list(record.public_keys.values())
    return _json(document) + b"\n"


MADE: dict[str, Make] = {
    "meta-data/instance-id": _instance_id,
    "meta-data/local-hostname": _local_hostname,
    "meta-data/local-ipv4": _local_ipv4,
    "meta-data/mac": _mac,
    "meta_data.json": _meta_data,
    "network_data.json": _network_data,
    "vendor_data.json": _vendor_data,
    "nocloud/meta-data": _nocloud_meta_data,
}
KEYS = "meta-data/public-keys"
KEY = "openssh-key"


def make_document(settings: Settings, record: Record, path: str) -> bytes | None:
    """Return the document at *path*, or None where none is made there."""
    make = MADE.get(path)
    if make is not None:
        return make(settings, record)
    for number, (name, key) in enumerate(record.public_keys.items()):
        if path in (
            f"{KEYS}/{number}/{KEY}",
            f"{KEYS}/{number}={name}/{KEY}",
        ):
            return key.encode()
    return None


def made_names(record: Record, directory: str) -> tuple[str, ...]:
    """Return the names in *directory*, those of directories with "/" at the end."""
    paths = [
        *MADE,
        *(
            f"{KEYS}/{number}={name}/{KEY}"
            for number, name in enumerate(record.public_keys)
        ),
    ]
    prefix = f"{directory}/" if directory else ""
    prefix = _numbered(prefix, record)
    names: dict[str, None] = {}
    for path in paths:
        if path.startswith(prefix):
            name, slash, _ = path.removeprefix(prefix).partition("/")
            names[name + slash] = None
    return tuple(names)


def _numbered(prefix: str, record: Record) -> str:
    """Return *prefix* with a key's directory under its full name: 0/ is 0=ops/."""
    for number, name in enumerate(record.public_keys):
        if prefix == f"{KEYS}/{number}/":
            return f"{KEYS}/{number}={name}/"
    return prefix
