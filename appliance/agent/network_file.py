"""A network's file as the agent keeps it: pure.

An operator's file is never rewritten; ours says in its first line that it is ours.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from ..layout import NAME
from .orders import Place
from .orders import Prepare

MARK = (
    "# `metalease agent` keeps this file. Without this line it is yours, and stays.\n"
)
PORTS = (80, 1180)
MTU = 1500  # octets
PRESETS = ["zstack", "ec2", "openstack", "nocloud"]


def name_of(place: Place) -> str | None:
    """Return the name of a network that is made for *place*; None where it has none.

    ZStack's namespaces are named <bridge>_<l3Uuid>.
    """
    whole = place.namespace
    ours = whole.removeprefix(f"{place.bridge}_") if place.bridge else whole
    names = (ours, whole.rpartition("_")[2])
    return next((each for each in names if NAME.fullmatch(each)), None)


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


def uplink_of(wanted: Prepare, ports: Iterable[str]) -> str | None:
    """Return which of the bridge's *ports* leads to the wire, by ZStack's names.

    br_eth0 has eth0, br_eth0_100 has eth0.100, br_vx_7863 has vxlan7863; vlanId says it
    for other names.
    """
    there = set(ports)
    base = (wanted.place.bridge or "").removeprefix("br_")
    device, _, number = base.rpartition("_")
    named = [base, f"{device}.{number}", f"vxlan{number}"]
    if wanted.vlan is not None:
        digits = wanted.vlan.removeprefix("vxlan").removeprefix("vlan")
        named = [wanted.vlan, f"{base}.{digits}", f"{device}.{digits}", *named]
    return next((each for each in named if each in there), None)
