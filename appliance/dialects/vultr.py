"""Vultr's metadata: one JSON document, and leaves of the same."""

from collections.abc import Mapping
from typing import Any

from .nics import Nic
from .nics import nics
from .told import ZONE
from .told import Make
from .told import Told
from .told import Tree
from .told import encode_json

DOCUMENT = "vultr/v1.json"
PUBLIC, PRIVATE = "public", "private"


def tree(guest: Told) -> Tree:
    """Return the document and its leaves."""
    made: dict[str, Make] = {DOCUMENT: lambda: encode_json(_document(guest))}
    for path, text in _leaves(guest).items():
        made[f"vultr/v1/{path}"] = text.encode
    return made


def _document(guest: Told) -> dict[str, Any]:
    """Return what cloud-init takes for given, whole: it fails where a key is not."""
    return {
        "hostname": guest.hostname,
        "instanceid": guest.instance_id,
        "instance-v2-id": guest.instance_id,
        "interfaces": _interfaces(guest),
        "public-keys": list(guest.record.public_keys.values()),
        "region": {"regioncode": ZONE},
        "tags": [],
        "user-data": guest.user_data or "",
        "vendor-data": guest.vendor_data or "",
    }


def _interfaces(guest: Told) -> list[dict[str, Any]]:
    """Return the NICs; of one whose address is not known, that it is not to be set."""
    return [_interface(at, nic) for at, nic in enumerate(nics(guest))]


def _interface(number: int, nic: Nic) -> dict[str, Any]:
    found: dict[str, Any] = {
        "mac": str(nic.mac),
        "network-type": PRIVATE if number else PUBLIC,
        "ipv4": {"additional": []},
        "ipv6": {"additional": []},
    }
    if nic.mtu is not None:
        found["mtu"] = nic.mtu
    if nic.address is None:
        return found | {"unconfigured": True}
    found["ipv4"] |= {
        "address": str(nic.address.ip),
        "netmask": str(nic.address.netmask),
    }
    if nic.gateway is not None:
        found["ipv4"]["gateway"] = str(nic.gateway)
    return found


def _leaves(guest: Told) -> Mapping[str, str]:
    leaves = {
        "hostname": guest.hostname,
        "instance-v2-id": guest.instance_id,
        "instanceid": guest.instance_id,
        "public-keys": "\n".join(guest.record.public_keys.values()),
        "region/regioncode": ZONE,
    }
    for number, each in enumerate(_interfaces(guest)):
        directory = f"interfaces/{number}/"
        leaves[directory + "mac"] = each["mac"]
        leaves[directory + "network-type"] = each["network-type"]
        for name in ("address", "netmask", "gateway"):
            leaves[f"{directory}ipv4/{name}"] = each["ipv4"].get(name, "")
    return {path: text for path, text in leaves.items() if text}
