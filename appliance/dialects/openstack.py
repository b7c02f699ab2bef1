"""OpenStack's metadata service: its JSON, made from a binding.

Nova adds keys from version to version and drops none: each version is told all that
the last one knows, and who reads an old one reads past the rest.
"""

import base64
import re
import uuid
from typing import Any

from .nics import Nic
from .nics import nics
from .told import IDS
from .told import ZONE
from .told import ContentFile
from .told import Told
from .told import Tree
from .told import encode_json

FRESH = frozenset({"meta_data.json"})
"""Documents with random octets."""
WITH_CONTENT = frozenset({"meta_data.json"})
"""Documents that name the files of content/."""
INDEX = "content/index"
"""A document that says where they go: a line is "0000 /etc/motd"."""
_INDEXED = re.compile(r"(\d+)[ \t]+(/\S.*)", re.ASCII)


def tree(guest: Told) -> Tree:
    """Return the documents of the directory that every version shows."""
    return {
        "meta_data.json": lambda: encode_json(_meta_data(guest)),
        "network_data.json": lambda: encode_json(_network_data(guest)),
        "vendor_data.json": lambda: encode_json({}),
        "vendor_data2.json": lambda: encode_json({}),
    }


def parse_index(text: str) -> tuple[ContentFile, ...]:
    """Read the index of content/; lines that name no number and path are comments."""
    lines = (_INDEXED.fullmatch(line.strip()) for line in text.splitlines())
    return tuple(
        ContentFile(f"content/{line[1]}", line[2]) for line in lines if line is not None
    )


def _meta_data(guest: Told) -> dict[str, Any]:
    record = guest.record
    document: dict[str, Any] = {
        "uuid": guest.instance_id,
        "name": guest.hostname,
        "hostname": guest.fqdn,
        "launch_index": 0,
        "availability_zone": ZONE,
        "meta": dict(record.meta),
        "random_seed": base64.b64encode(guest.seed()).decode(),
        "project_id": uuid.uuid5(IDS, guest.settings.name).hex,
        "devices": [],
    }
    if record.public_keys:
        document["public_keys"] = dict(record.public_keys)
        document["keys"] = [
            {"name": name, "type": "ssh", "data": key}
            for name, key in record.public_keys.items()
        ]
    if guest.content:
        document["files"] = [
            {"content_path": f"/{each.where}", "path": each.path}
            for each in guest.content
        ]
    if record.admin_pass is not None:
        document["admin_pass"] = record.admin_pass
    return document


def _network_data(guest: Told) -> dict[str, Any]:
    """Return every NIC: `ipv4` where the guest sets it, `ipv4_dhcp` where DHCP does."""
    own, *others = nics(guest)
    numbered = list(enumerate((own, *others)))
    return {
        "links": [_link(number, nic) for number, nic in numbered],
        "networks": [_network(number, nic) for number, nic in numbered],
        "services": [
            {"type": "dns", "address": str(each)} for each in own.name_servers
        ],
    }


def _link(number: int, nic: Nic) -> dict[str, Any]:
    return {
        "id": f"nic{number}",
        "vif_id": f"nic{number}",
        "type": "phy",
        "ethernet_mac_address": str(nic.mac),
        "mtu": nic.mtu,
    }


def _network(number: int, nic: Nic) -> dict[str, Any]:
    network = {
        "id": f"network{number}",
        "network_id": f"network{number}",
        "link": f"nic{number}",
        "type": "ipv4_dhcp",
    }
    if not nic.static or nic.address is None:
        return network
    return network | {
        "type": "ipv4",
        "ip_address": str(nic.address.ip),
        "netmask": str(nic.address.netmask),
        "routes": [
            {
                "network": str(route.destination.network_address),
                "netmask": str(route.destination.netmask),
                "gateway": str(route.router),
            }
            for route in nic.routes
        ],
    }
