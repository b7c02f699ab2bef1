"""A network's file as the agent keeps it: pure.

An operator's file is never rewritten; ours says in its first line that it is ours.
"""

from collections.abc import Mapping
from typing import Any

from ..zstack import MARK
from ..zstack import PRESETS
from .orders import Prepare

PORTS = (80, 1180)
MTU = 1500  # octets


def is_ours(text: str) -> bool:
    return text.startswith(MARK)


def prepared(
    known: Mapping[str, Any], wanted: Prepare, uplink: str | None
) -> dict[str, Any]:
    """Return the file's values for a network that is prepared; *known* are there."""
    values = {key: dict(table) for key, table in known.items()}
    network = values.setdefault("network", {})
    network |= {"subnet": str(wanted.subnet), "dhcp_address": str(wanted.server)}
    attach = values.setdefault("attach", {})
    attach["namespace"] = wanted.place.namespace
    if wanted.place.bridge is not None:
        attach["bridge"] = wanted.place.bridge
    if uplink is not None:
        attach["uplink"] = uplink
    values.setdefault("metadata", {"presets": PRESETS})
    dhcp = values.pop("dhcp", {})  # it may have been flushed
    dhcp.pop("enabled", None)
    return {**values, "dhcp": dhcp} if dhcp else values


def flushed(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file's values without DHCP."""
    return {**known, "dhcp": {**known.get("dhcp", {}), "enabled": False}}


def widened(known: Mapping[str, Any], mtu: int) -> dict[str, Any]:
    """Return the file's values so that a guest can have *mtu*."""
    network = known.get("network", {})
    most = max(mtu, network.get("mtu", MTU))
    return (
        dict(known) if most == MTU else {**known, "network": {**network, "mtu": most}}
    )


def listening(known: Mapping[str, Any], port: int) -> dict[str, Any]:
    """Return the file's values with metadata at *port* as well."""
    metadata = known.get("metadata", {})
    ports = metadata.get("ports", list(PORTS))
    if port in ports:
        return dict(known)
    return {**known, "metadata": {**metadata, "ports": [*ports, port]}}
