"""Hetzner Cloud's metadata: one YAML document, and leaves of the same.

JSON is a part of YAML.
"""

from typing import Any

from .nics import Nic
from .nics import nics
from .told import ZONE
from .told import Make
from .told import Told
from .told import Tree
from .told import encode_json
from .told import number_of

DOCUMENT = "hetzner/metadata.yaml"


def tree(guest: Told) -> Tree:
    """Return the document and its leaves."""
    record = guest.record
    leaves: dict[str, Make] = {
        "availability-zone": ZONE.encode,
        "hostname": guest.hostname.encode,
        "instance-id": guest.instance_id.encode,
        "local-ipv4": str(record.ip).encode,
        "private-networks": lambda: encode_json(_private(guest)) + b"\n",
        "public-ipv4": str(record.ip).encode,
        "region": ZONE.encode,
    }
    if record.public_keys:
        keys = list(record.public_keys.values())
        leaves["public-keys"] = lambda: encode_json(keys) + b"\n"
    made = {f"hetzner/metadata/{name}": make for name, make in leaves.items()}
    made[DOCUMENT] = lambda: encode_json(_document(guest)) + b"\n"
    return made


def _document(guest: Told) -> dict[str, Any]:
    document: dict[str, Any] = {
        "instance-id": number_of(guest.instance_id),
        "hostname": guest.hostname,
        "availability-zone": ZONE,
        "region": ZONE,
        "local-ipv4": str(guest.record.ip),
        "public-ipv4": str(guest.record.ip),
        "public-keys": list(guest.record.public_keys.values()),
        "network-config": _network_config(guest),
    }
    if guest.vendor_data is not None:
        document["vendor_data"] = guest.vendor_data
    return document


def _private(guest: Told) -> list[dict[str, Any]]:
    """Return the further NICs as the networks they are in."""
    return [
        {"ip": str(nic.address.ip), "mac_address": str(nic.mac), "interface_num": at}
        for at, nic in enumerate(nics(guest)[1:], 1)
        if nic.address is not None
    ]


def _network_config(guest: Told) -> dict[str, Any]:
    """Return version 1, as it is there."""
    config = [_interface(at, nic) for at, nic in enumerate(nics(guest))]
    servers = nics(guest)[0].name_servers
    if servers:
        named = [str(each) for each in servers]
        config.append({"type": "nameserver", "address": named})
    return {"version": 1, "config": config}


def _interface(number: int, nic: Nic) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "physical",
        "name": f"eth{number}",
        "mac_address": str(nic.mac),
    }
    if nic.mtu is not None:
        found["mtu"] = nic.mtu
    if not nic.static or nic.address is None:
        return found | {"subnets": [{"type": "dhcp"}]}
    subnet: dict[str, Any] = {"type": "static", "address": str(nic.address)}
    if nic.routes:
        subnet["routes"] = [
            {
                "network": str(route.destination.network_address),
                "netmask": str(route.destination.netmask),
                "gateway": str(route.router),
            }
            for route in nic.routes
        ]
    return found | {"subnets": [subnet]}
