"""cloud-init's NoCloud seed, in YAML: JSON is a part of it."""

from typing import Any

from .nics import Nic
from .nics import nics
from .told import Told
from .told import Tree
from .told import encode_json


def tree(guest: Told) -> Tree:
    """Return what a seed needs; there is no vendor-data where nobody dropped any."""
    return {
        "nocloud/meta-data": lambda: encode_json(_meta_data(guest)) + b"\n",
        "network-config": lambda: encode_json(_network_config(guest)) + b"\n",
    }


def _meta_data(guest: Told) -> dict[str, Any]:
    document: dict[str, Any] = {
        "instance-id": guest.instance_id,
        "local-hostname": guest.hostname,
    }
    if guest.record.public_keys:
        document["public-keys"] = list(guest.record.public_keys.values())
    return document


def _network_config(guest: Told) -> dict[str, Any]:
    """Return version 2: each NIC is known by its MAC.

    No set-name: a NIC that is up already cannot be renamed.  Its key is only a name
    where cloud-init finds no NIC with that MAC.
    """
    ethernets = {f"eth{at}": _ethernet(nic) for at, nic in enumerate(nics(guest))}
    return {"version": 2, "ethernets": ethernets}


def _ethernet(nic: Nic) -> dict[str, Any]:
    config: dict[str, Any] = {"match": {"macaddress": str(nic.mac)}}
    if not nic.static or nic.address is None:
        return config | {"dhcp4": True}
    config |= {"dhcp4": False, "addresses": [str(nic.address)]}
    if nic.mtu is not None:
        config["mtu"] = nic.mtu
    if nic.routes:
        config["routes"] = [
            {"to": str(route.destination), "via": str(route.router)}
            for route in nic.routes
        ]
    servers = {"addresses": [str(each) for each in nic.name_servers]}
    if nic.name_servers:
        search = {"search": [nic.domain]} if nic.domain else {}
        config["nameservers"] = servers | search
    return config
