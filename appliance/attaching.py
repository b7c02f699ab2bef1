"""[attach]: where in the kernel a network is, read from its settings."""

from ipaddress import IPv4Interface

from dhcp.network import Range

from . import reader
from .attachment import METADATA_ADDRESS
from .attachment import Attachment
from .attachment import Bridged
from .attachment import Device
from .layout import NetworkLayout
from .reader import Table

IFNAME_AT_MOST = 15  # octets of a link's name in the kernel


def read_attachment(
    files: NetworkLayout, attach: Table, ranges: tuple[Range, ...]
) -> Attachment:
    """Return the place of a network with *ranges*; raises SettingsError."""
    bridge = attach.take("bridge", _link_name, None)
    device = attach.take("device", _link_name, None)
    uplink = attach.take("uplink", _link_name, None)
    namespace = attach.take("namespace", _namespace_name, f"{bridge}_{files.name}")
    if (bridge is None) == (device is None):
        raise attach.wrong("bridge", "one of bridge and device is needed, not both")
    if uplink is not None and uplink == bridge:
        raise attach.wrong("uplink", f"{uplink!r} is the bridge itself, not its port")
    if device is not None and uplink is not None:
        raise attach.wrong("uplink", "is a port of a bridge: a device has none")
    where = (
        Device(device)
        if device is not None
        else Bridged(str(bridge), namespace, files.netns, uplink)
    )
    addresses = [
        IPv4Interface(f"{each.server_id}/{each.subnet.prefixlen}") for each in ranges
    ]
    addresses.append(IPv4Interface(f"{METADATA_ADDRESS}/32"))
    subnets = tuple(each.subnet for each in ranges)
    return Attachment(files.name, where, tuple(addresses), subnets)


def _link_name(value: object) -> str:
    name = reader.text(value)
    if (
        len(name.encode()) > IFNAME_AT_MOST
        or name in (".", "..")
        or not name.isprintable()
        or set("/: ") & set(name)
    ):
        raise ValueError(f"is no link's name: at most {IFNAME_AT_MOST} letters, no /")
    return name


def _namespace_name(value: object) -> str:
    name = reader.text(value)
    if (
        "/" in name
        or name in (".", "..")
        or len(name.encode()) > 255
        or not name.isprintable()
    ):
        raise ValueError("is no namespace's name: no /, at most 255 letters")
    return name
