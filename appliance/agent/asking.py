"""Who has an address: asked by ARP, on the link of a network's guests (RFC 5227)."""

from contextlib import AbstractContextManager
from contextlib import nullcontext
from ipaddress import IPv4Address
from typing import Final

import trio

from dhcp.arp import ArpPacket
from dhcp.arp import probe
from dhcp.arp_port import ArpPort
from dhcp.errors import MalformedMessage
from dhcp.hardware import HardwareAddress

from .. import links
from .. import namespace
from ..attachment import Bridged
from ..errors import SettingsError
from ..layout import NetworkLayout
from ..settings import load_settings

PROBES: Final = 3
APART: Final = 0.3  # seconds
WAIT: Final = 0.7  # seconds for answers to the last one


async def ask(
    files: NetworkLayout | None, bridge: str | None, target: IPv4Address
) -> list[HardwareAddress]:
    """Return the MACs of all who say that they have *target*.

    It is asked from the network's namespace; where there is none yet, from the bridge.
    Raises SettingsError.
    """
    port = _open(files, bridge)
    found: dict[HardwareAddress, None] = {}

    async def hear() -> None:
        while True:
            for frame in await port.receive():
                try:
                    packet = ArpPacket.parse(frame)
                except MalformedMessage:
                    continue
                theirs = packet.sender_hardware != port.hardware
                if packet.claimed == target and theirs:
                    found[packet.sender_hardware] = None

    try:
        port.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            for number in range(PROBES):
                port.send(probe(target, port.hardware))
                await trio.sleep(APART if number < PROBES - 1 else WAIT)
            nursery.cancel_scope.cancel()
    finally:
        port.close()
    return list(found)


def _open(files: NetworkLayout | None, bridge: str | None) -> ArpPort:
    inside = None if files is None else load_settings(files).attachment
    if inside is not None and isinstance(inside.where, Bridged):
        first = namespace.path(inside.where.namespace)
        where: AbstractContextManager[None] = namespace.entered(first)
        device = links.device(inside)
    elif bridge is not None:
        where, device = nullcontext(), bridge
    else:
        raise SettingsError("bridgeName", "is missing, and no network is there yet")
    try:
        with where:
            return ArpPort.open(device)
    except OSError as problem:
        what = f"cannot be asked on: {problem.strerror}"
        raise SettingsError(f"device {device}", what) from None
