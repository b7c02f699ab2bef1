"""DigitalOcean's metadata: one JSON document, and leaves of the same.

A guest has two kinds of NIC there, "public" and "private": the binding's own is the
public one, which has the name servers and the default route.
"""

from collections.abc import Mapping
from typing import Any

from .nics import Nic
from .nics import nics
from .told import ZONE
from .told import Make
from .told import Told
from .told import Tree
from .told import encode_json
from .told import number_of

DOCUMENT = "digitalocean/v1.json"
PUBLIC, PRIVATE = "public", "private"


def tree(guest: Told) -> Tree:
    """Return the document and its leaves."""
    made: dict[str, Make] = {DOCUMENT: lambda: encode_json(_document(guest))}
    for path, text in _leaves(guest).items():
        made[f"digitalocean/v1/{path}"] = text.encode
    return made


def _document(guest: Told) -> dict[str, Any]:
    interfaces = _interfaces(guest)
    own = nics(guest)[0]
    document: dict[str, Any] = {
        "droplet_id": number_of(guest.instance_id),
        "hostname": guest.hostname,
        "public_keys": list(guest.record.public_keys.values()),
        "region": ZONE,
        "interfaces": interfaces,
        "dns": {"nameservers": [str(each) for each in own.name_servers]},
        "tags": [],
    }
    if guest.user_data is not None:
        document["user_data"] = guest.user_data
    if guest.vendor_data is not None:
        document["vendor_data"] = guest.vendor_data
    return document


def _interfaces(guest: Told) -> dict[str, list[dict[str, Any]]]:
    """Return the NICs by their kind; those of which no address is known are left out.

    cloud-init takes the address of each for given.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for number, nic in enumerate(nics(guest)):
        if nic.address is not None:
            kind = PRIVATE if number else PUBLIC
            found.setdefault(kind, []).append(_interface(nic, kind))
    return found


def _interface(nic: Nic, kind: str) -> dict[str, Any]:
    assert nic.address is not None
    ipv4 = {
        "ip_address": str(nic.address.ip),
        "netmask": str(nic.address.netmask),
        # cloud-init takes it from the private ones, and fails where it is not there
        "gateway": None if nic.gateway is None else str(nic.gateway),
    }
    return {"mac": str(nic.mac), "type": kind, "ipv4": ipv4}


def _leaves(guest: Told) -> Mapping[str, str]:
    leaves = {
        "id": str(number_of(guest.instance_id)),
        "hostname": guest.hostname,
        "region": ZONE,
        "public-keys": "\n".join(guest.record.public_keys.values()),
        "dns/nameservers": "\n".join(map(str, nics(guest)[0].name_servers)),
    }
    for kind, group in _interfaces(guest).items():
        for number, each in enumerate(group):
            directory = f"interfaces/{kind}/{number}/"
            leaves[directory + "mac"] = each["mac"]
            leaves[directory + "type"] = each["type"]
            leaves[directory + "ipv4/address"] = each["ipv4"]["ip_address"]
            leaves[directory + "ipv4/netmask"] = each["ipv4"]["netmask"]
            if each["ipv4"]["gateway"] is not None:
                leaves[directory + "ipv4/gateway"] = each["ipv4"]["gateway"]
    return {path: text for path, text in leaves.items() if text}
