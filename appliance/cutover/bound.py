"""The probe guest's binding: written as `put` writes one, and removed as by `rm`."""

import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import islice
from typing import Final

from dhcp.hardware import HardwareAddress

from ..attachment import METADATA_ADDRESS
from ..change import bring_in_force
from ..directory import SUFFIX
from ..directory import StateDirectory
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..files import locked
from ..files import remove_file
from ..files import remove_tree
from ..layout import NetworkLayout
from ..settings import Settings
from ..state import State
from ..writing import known_values
from ..writing import write_all

CANDIDATES: Final = 5


def instance_id(files: NetworkLayout) -> str:
    return f"metalease-probe-{files.name}"


def candidates(settings: Settings, files: NetworkLayout) -> list[IPv4Address]:
    """Return addresses that nobody is bound to; raises SettingsError for none."""
    state = State(StateDirectory(files.bindings), settings)
    state.load()
    taken = {each.ip for each in state.records.values()}
    found = list(islice(free(settings, taken), CANDIDATES))
    if not found:
        subnets = ", ".join(map(str, settings.attachment.subnets))
        what = f"every address of {subnets} is bound: none is left for a probe guest"
        raise SettingsError(f"network {settings.name}", what)
    return found


def free(settings: Settings, taken: set[IPv4Address]) -> Iterator[IPv4Address]:
    """Yield the addresses that a guest may have and nobody has: the last ones first."""
    used = taken.union(settings.pool.addresses, settings.network.dns)
    for place in settings.network.ranges:
        subnet = place.subnet
        first, last = int(subnet.network_address), int(subnet.broadcast_address)
        own = {place.gateway, place.server_id, METADATA_ADDRESS}
        if subnet.prefixlen < 31:
            own |= {subnet.network_address, subnet.broadcast_address}
        for number in range(last, first - 1, -1):
            address = IPv4Address(number)
            if address not in used and address not in own:
                yield address


def bind(files: NetworkLayout, mac: HardwareAddress, address: IPv4Address) -> None:
    """Write the binding, for a daemon that is not running yet; raises SettingsError."""
    values = {
        "mac": str(mac),
        "ip": str(address),
        "instance_id": instance_id(files),
        # its GET is a plain one, whatever the network demands of others
        "tokens": "optional",
        "endpoint": True,
    }
    text = json.dumps(values, indent=1) + "\n"
    path = files.bindings / (mac.digits + SUFFIX)
    with locked(files.lock):
        write_all({path: text.encode()}, None, files.metadata / str(address))


def unbind(files: NetworkLayout, mac: HardwareAddress) -> None:
    """Remove the binding, if it is there, with its documents; raises SettingsError."""
    path = files.bindings / (mac.digits + SUFFIX)
    if not path.exists():
        return
    with locked(files.lock):
        address = known_values(path).get("ip")
        for folder in (files.metadata, files.spool):
            if address:
                remove_tree(folder / str(IPv4Address(address)))
        remove_file(path)
        try:
            bring_in_force(files, [mac.digits], "")
        except SettingsError as problem:
            if problem.exit_code != NOT_RUNNING:
                raise
