"""How ZStack names things on a host (zstack 1.1): pure."""

from collections.abc import Iterable

from .layout import NAME

MARK = (
    "# `metalease agent` keeps this file. Without this line it is yours, and stays.\n"
)
"""The first line of a network's file that ZStack's management has the say over."""
PRESETS = ["zstack", "ec2", "openstack", "nocloud"]
"""Of a network of ZStack's: its own come first, so what they answer stays as it is."""


def network_name(namespace: str, bridge: str | None = None) -> str | None:
    """Return what we call the network of *namespace*; None where it has no name.

    A namespace is named <bridge>_<l3Uuid>.
    """
    ours = namespace.removeprefix(f"{bridge}_") if bridge else namespace
    names = (ours, namespace.rpartition("_")[2])
    return next((each for each in names if NAME.fullmatch(each)), None)


def wire_port(bridge: str, ports: Iterable[str], vlan: str | None = None) -> str | None:
    """Return which of the *ports* of *bridge* leads to the wire.

    br_eth0 has eth0, br_eth0_100 has eth0.100, br_vx_7863 has vxlan7863; *vlan*, as
    "vlan100", says it for other names.
    """
    there = set(ports)
    base = bridge.removeprefix("br_")
    device, _, number = base.rpartition("_")
    named = [base, f"{device}.{number}", f"vxlan{number}"]
    if vlan is not None:
        digits = vlan.removeprefix("vxlan").removeprefix("vlan")
        named = [vlan, f"{base}.{digits}", f"{device}.{digits}", *named]
    return next((each for each in named if each in there), None)
