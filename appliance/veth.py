"""The veth pair: outerN, a port of the bridge, and innerN, in the namespace (H1, H12).

N is the number that the host's namespace knows ours by, as on ZStack's hosts. outerN
carries the network's name as its alias: so what an earlier `up` left is recognised.
"""

import hashlib
import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from typing import Self

from dhcp.hardware import HardwareAddress

from . import kernel
from . import namespace
from .attachment import Attachment
from .attachment import Bridged
from .errors import SettingsError
from .inside import device
from .inside import route
from .kernel import Link
from .namespace import entered

VETH_MTU: Final = 65500
"""More than any guest's, so that the bridge's MTU stays that of its other ports."""
MACHINE_ID: Final = Path("/etc/machine-id")

_INNER: Final = b"\x02"
"""The first octet of innerN's MAC: locally administered."""
_OUTER: Final = b"\xfe"
"""That of outerN's: higher than any other port's, because a bridge without a MAC of its
own takes the lowest, and whoever knew the bridge by the old one loses it."""
_ALIAS: Final = "metalease "  # what an outerN says of itself, before its network
_AF_BRIDGE: Final = 7


def hardware_address(network: str, machine: str) -> HardwareAddress:
    """Choose innerN's MAC: always the same on one machine, another on the next."""
    chosen = hashlib.sha256(f"{machine} {network}".encode()).digest()
    return HardwareAddress(_INNER + chosen[:5])


def alias(network: str) -> str:
    """Say what the outerN of *network* carries as its alias."""
    return _ALIAS + network


def bridged(attachment: Attachment) -> Bridged:
    """Say where the namespace and the bridge are: for networks that have them."""
    assert isinstance(attachment.where, Bridged)  # else links.py took the wrong table
    return attachment.where


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a network's pair is to be, and which MAC innerN has."""

    attachment: Attachment
    where: Bridged
    number: int
    mac: HardwareAddress

    @classmethod
    def of(cls, attachment: Attachment) -> Self:
        """Find the pair's number. Raises SettingsError while there is none."""
        where = bridged(attachment)
        number = namespace.nsid(namespace.path(where.namespace))
        if number is None:
            raise SettingsError(
                f"namespace {where.namespace}", "has no number: run `up`"
            )
        machine = MACHINE_ID.read_text().strip() if MACHINE_ID.exists() else ""
        chosen = hardware_address(attachment.network, machine)
        return cls(attachment, where, number, chosen)

    @property
    def network(self) -> str:
        return self.attachment.network

    @property
    def outer(self) -> str:
        return f"outer{self.number}"

    @property
    def inner(self) -> str:
        return f"inner{self.number}"

    @property
    def outer_mac(self) -> HardwareAddress:
        return HardwareAddress(_OUTER + self.mac.octets[1:])

    @property
    def alias(self) -> str:
        return alias(self.network)

    @property
    def namespace(self) -> Path:
        return namespace.path(self.where.namespace)


def no_number(where: Bridged) -> list[str]:
    if namespace.nsid(namespace.path(where.namespace)) is None:
        return [f"the namespace {where.namespace} has no number"]
    return []


def give_number(where: Bridged) -> None:
    """Give the namespace the smallest number that neither it nor an outerN has (H2)."""
    name = namespace.path(where.namespace)
    # another `up` may take the number first: then the next one
    while namespace.nsid(name) is None:
        taken = namespace.numbers()
        outers = {link.name for link in kernel.links()}
        free = (n for n in count() if n not in taken and f"outer{n}" not in outers)
        namespace.set_nsid(name, next(free))


def ends(pair: Pair) -> tuple[Link | None, Link | None]:
    """Find outerN and innerN, each of which may be there alone, or a stranger."""
    with entered(pair.namespace):
        here = kernel.link(pair.inner)
    return kernel.link(pair.outer), here


def wrong(pair: Pair) -> list[str]:
    """List what is wrong with the pair itself."""
    there, here = ends(pair)
    if there is None or here is None or not joined(pair, there, here):
        return [f"{pair.outer} and {pair.inner} are not there, joined to each other"]
    return [
        f"{end.name} has MAC {end.mac.hex(':')} and MTU {end.mtu},"
        f" not {wanted} and {VETH_MTU}"
        for end, wanted in ((there, pair.outer_mac), (here, pair.mac))
        if (end.mac, end.mtu) != (wanted.octets, VETH_MTU)
    ]


def make(pair: Pair) -> None:
    """Make the pair, its inner end born in the namespace, or mend the one there is."""
    there, here = ends(pair)
    if there is None or here is None or not joined(pair, there, here):
        _clear(pair, there)
        _create(pair)
        return
    with route() as ip:
        ip.link("set", index=there.index, mtu=VETH_MTU, address=str(pair.outer_mac))
    with entered(pair.namespace), route() as ip:
        ip.link("set", index=here.index, mtu=VETH_MTU, address=str(pair.mac))


def joined(pair: Pair, there: Link, here: Link) -> bool:
    """Whether *there* and *here* are the two ends of the pair."""
    return (
        there.kind == here.kind == "veth"
        and there.peer_nsid == pair.number
        and (there.peer, here.peer) == (here.index, there.index)
    )


def _ours(pair: Pair, there: Link) -> bool:
    inward = there.kind == "veth" and there.peer_nsid == pair.number
    return inward or there.alias == pair.alias


def _clear(pair: Pair, there: Link | None) -> None:
    """Remove what stands in the pair's place, and what an earlier namespace left."""
    if there is not None and not _ours(pair, there):
        raise SettingsError(
            f"link {pair.outer}",
            f"exists and is not of network {pair.network}:"
            f" rename it, or `ip link del {pair.outer}`",
        )
    remove(pair.network, pair.number)
    with entered(pair.namespace):
        if here := kernel.link(pair.inner):
            with route() as ip:
                ip.link("del", index=here.index)


def _create(pair: Pair) -> None:
    handle = os.open(pair.namespace, os.O_RDONLY | os.O_CLOEXEC)
    ours = {
        "ifname": pair.outer,
        "kind": "veth",
        "mtu": VETH_MTU,
        "address": str(pair.outer_mac),
    }
    peer = {
        "ifname": pair.inner,
        "mtu": VETH_MTU,
        "address": str(pair.mac),
        "net_ns_fd": handle,
    }
    try:
        with route() as ip:
            ip.link("add", **ours, peer=peer)
    finally:
        os.close(handle)


def remove(network: str, number: int | None) -> None:
    """Remove each outerN of *network*; its innerN goes with it."""
    for link in kernel.links():
        inward = link.kind == "veth" and None is not link.peer_nsid == number
        named = inward and link.name == f"outer{number}"
        if named or link.alias == alias(network):
            with route() as ip:
                ip.link("del", index=link.index)


def bridge_of(pair: Pair) -> Link:
    """Find the bridge. Raises SettingsError."""
    name = pair.where.bridge
    bridge = kernel.link(name)
    if bridge is None:
        raise SettingsError(
            f"network {pair.network}",
            f"there is no bridge {name}: make it (ip link add {name} up type bridge),"
            " or correct `bridge` in its [attach]",
        )
    if bridge.kind != "bridge":
        raise SettingsError(
            f"network {pair.network}",
            f"{name} is no Linux bridge: correct `bridge` in its [attach]",
        )
    return bridge


def not_a_port(pair: Pair) -> list[str]:
    """List what keeps outerN from being a port of the bridge that forwards."""
    bridge, there = bridge_of(pair), device(pair.outer)
    if there.master != bridge.index:
        return [f"{pair.outer} is not a port of {bridge.name}"]
    if not there.up:
        return [f"{pair.outer} is down"]
    if there.alias != pair.alias:
        return [f"{pair.outer} does not carry the alias {pair.alias!r}"]
    if not bridge.up:  # the operator's: said, not done
        return [f"{bridge.name} is down: ip link set {bridge.name} up"]
    return []


def make_port(pair: Pair) -> None:
    index, master = device(pair.outer).index, bridge_of(pair).index
    with route() as ip:
        ip.link("set", index=index, master=master, ifalias=pair.alias, state="up")


def not_fixed(pair: Pair) -> list[str]:
    if kernel.fixed(device(pair.outer), pair.mac):
        return []
    return [
        f"{pair.where.bridge} has no static sticky entry of {pair.mac} at {pair.outer}"
    ]


def fix(pair: Pair) -> None:
    """Fix innerN's MAC to outerN, so that no guest's frame steals it (H12)."""
    index = device(pair.outer).index
    with route() as ip:
        ip.neigh(
            "replace",
            family=_AF_BRIDGE,
            ifindex=index,
            lladdr=str(pair.mac),
            flags=kernel.NTF_MASTER | kernel.NTF_STICKY,
            state=kernel.NUD_NOARP,
        )


def shares_bridge(pair: Pair) -> bool:
    """Whether another network's outerN is a port of the same bridge."""
    return any(
        port.alias.startswith(_ALIAS) and port.alias != pair.alias
        for port in kernel.ports(bridge_of(pair))
    )


def guest_ports(pair: Pair) -> set[str]:
    """List the ports where guests may be: no network's outerN, nor the uplink."""
    return {
        port.name
        for port in kernel.ports(bridge_of(pair))
        if not port.alias.startswith(_ALIAS) and port.name != pair.where.uplink
    }
