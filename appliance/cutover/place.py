"""The namespace and the pair as they were: taken down, and put back.

Whatever `up` and the keeper change there is compared with what was found, and only what
differs is changed. Links are told apart by their numbers, which stay.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from ipaddress import IPv4Address
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final

from dhcp.hardware import HardwareAddress

from .. import kernel
from .. import link_neighbours
from .. import namespace
from .. import neighbours
from .. import netlink
from .. import steering
from .. import veth
from ..attachment import Attachment
from ..errors import SettingsError
from ..inside import OF_NAMESPACE
from ..inside import PROC_SYS_NET
from ..kernel import Kernel
from ..kernel import Link
from ..namespace import entered
from ..veth import Pair
from .found import Address
from .found import End
from .found import Place

SETTINGS: Final = (
    *(name for name in OF_NAMESPACE if "/conf/" not in name),
    "ipv4/conf/*/*",
    "ipv6/conf/*/*",
)
PASSES: Final = 3  # a setting of all links changes those of each

_IFINFOMSG: Final = struct.Struct("=BxHiII")  # family, type, index, flags, change
_IFADDRMSG: Final = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
_IFF_UP: Final = 0x1
_IFLA_ADDRESS: Final = 1
_IFLA_MTU: Final = 4
_IFLA_MASTER: Final = 10
_IFLA_IFALIAS: Final = 20
_IFA_CACHEINFO: Final = 6
_IFA_FLAGS: Final = 8
# secondary, optimistic, failed, tentative, permanent: the kernel's own affair
_FLAGS_OF_KERNEL: Final = 0x01 | 0x04 | 0x08 | 0x40 | 0x80
_RTM_NEWADDR: Final = 20
_RTM_DELADDR: Final = 21
_AF_BRIDGE: Final = 7


def look(attachment: Attachment) -> Place:
    """Return what is there; raises SettingsError where that is no pair of ZStack's."""
    pair = _pair(attachment)
    where = pair.where
    if namespace.exists(where.netns) and not namespace.same(
        pair.namespace, where.netns
    ):
        what = f"is another namespace than {pair.namespace}: umount it first"
        raise SettingsError(where.netns, what)
    there, here = veth.ends(pair)
    if there is None or here is None or not veth.joined(pair, there, here):
        what = f"has no {pair.inner} that is joined to {pair.outer}, as ZStack makes it"
        raise SettingsError(f"namespace {where.namespace}", what)
    bridge = veth.bridge_of(pair)
    if there.master != bridge.index:
        what = f"is no port of {bridge.name}: correct `bridge` in its [attach]"
        raise SettingsError(f"link {pair.outer}", what)
    return _read(pair, there, here)


def differences(attachment: Attachment, place: Place) -> list[str]:
    """List what is not as it was in *place*; raises SettingsError."""
    pair = _pair(attachment)
    there, here = veth.ends(pair)
    if there is None or here is None:
        return [f"{pair.outer} and {pair.inner} are gone"]
    now = _read(pair, there, here)
    return [
        f"{field.name} of the namespace are not as they were"
        for field in fields(Place)
        if getattr(now, field.name) != getattr(place, field.name)
    ]


def restore(attachment: Attachment, place: Place) -> None:
    """Make it as it was in *place*; what is so stays. Raises SettingsError."""
    pair = _pair(attachment)
    try:
        _restore(pair, place)
    except OSError as problem:
        raise SettingsError(f"namespace {pair.where.namespace}", str(problem)) from None


def _pair(attachment: Attachment) -> Pair:
    where = veth.bridged(attachment)
    if not namespace.exists(namespace.path(where.namespace)):
        what = f"does not exist: nothing to cut over; metalease up {attachment.network}"
        raise SettingsError(f"namespace {where.namespace}", what)
    return Pair.of(attachment)


def _read(pair: Pair, there: Link, here: Link) -> Place:
    with entered(pair.namespace):
        addresses = tuple(_addresses())
        settings = dict(_settings())
        neighbours_of = {
            str(address): str(mac)
            for address, mac in neighbours.present(here.index).items()
        }
        for address, mac in link_neighbours.present(here.index).items():
            neighbours_of[str(address)] = mac.hex(":")
    return Place(
        outer=_end(there),
        inner=_end(here),
        addresses=addresses,
        settings=settings,
        neighbours=neighbours_of,
        named_twice=namespace.exists(pair.where.netns),
        steered=steering.loaded(pair.network) is not None,
        fixed=kernel.fixed(there, pair.mac),
    )


def _end(link: Link) -> End:
    return End(
        link.index,
        link.name,
        link.mac.hex(),
        link.mtu,
        link.up,
        link.alias,
        link.master,
    )


def _addresses() -> Iterator[Address]:
    with Kernel() as opened:
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in opened.dump(
                kernel.RTM_GETADDR, _IFADDRMSG.pack(family, 0, 0, 0, 0)
            ):
                yield _address(message.body)


def _address(body: bytes) -> Address:
    family, prefix, flags, scope, index = _IFADDRMSG.unpack_from(body)
    values = netlink.attributes(body, _IFADDRMSG.size)
    values.pop(_IFA_CACHEINFO, None)
    flags = netlink.number(values.pop(_IFA_FLAGS, struct.pack("=I", flags)))
    pairs = tuple((kind, value.hex()) for kind, value in sorted(values.items()))
    return Address(index, family, prefix, scope, flags & ~_FLAGS_OF_KERNEL, pairs)


def _encode(address: Address) -> bytes:
    head = (address.family, address.prefix, 0, address.scope, address.index)
    flags = netlink.attribute(_IFA_FLAGS, struct.pack("=I", address.flags))
    values = (
        netlink.attribute(kind, bytes.fromhex(octets))
        for kind, octets in address.attributes
    )
    return _IFADDRMSG.pack(*head) + flags + b"".join(values)


def _settings() -> Iterator[tuple[str, str]]:
    for pattern in SETTINGS:
        for file in sorted(PROC_SYS_NET.glob(pattern)):
            with suppress(OSError):  # a secret that is not told, a link that has gone
                yield str(file.relative_to(PROC_SYS_NET)), file.read_text().strip()


def _restore(pair: Pair, place: Place) -> None:
    there, here = veth.ends(pair)
    if there is None or here is None:
        raise SettingsError(f"link {pair.outer}", "is gone with its other end")
    if not place.fixed:
        _unfix(there, pair.mac)
    _set(there, place.outer)
    with entered(pair.namespace):
        _set(here, place.inner)
        for _ in range(PASSES):
            if not _set_settings(place):
                break
        _set_addresses(place)
        _set_neighbours(here.index, place)
    if not place.steered:
        steering.remove(pair.network)
    if not place.named_twice:
        namespace.unname(pair.where.netns)


def _set(link: Link, end: End) -> None:
    now, wanted = _end(link), b""
    if now.mac != end.mac:
        wanted += netlink.attribute(_IFLA_ADDRESS, bytes.fromhex(end.mac))
    if now.mtu != end.mtu:
        wanted += netlink.attribute(_IFLA_MTU, struct.pack("=I", end.mtu))
    if now.alias != end.alias:
        wanted += netlink.attribute(_IFLA_IFALIAS, os.fsencode(end.alias))
    if now.master != end.master:
        wanted += netlink.attribute(_IFLA_MASTER, struct.pack("=I", end.master))
    up = _IFF_UP if end.up else 0
    if wanted or now.up != end.up:
        head = _IFINFOMSG.pack(0, 0, link.index, up, _IFF_UP)
        with Kernel() as opened:
            opened.change(kernel.RTM_NEWLINK, head + wanted)


def _unfix(port: Link, mac: HardwareAddress) -> None:
    if kernel.fixed(port, mac):
        entry = kernel.NDMSG.pack(
            _AF_BRIDGE, port.index, kernel.NUD_NOARP, kernel.NTF_MASTER, 0
        )
        entry += netlink.attribute(kernel.NDA_LLADDR, mac.octets)
        with Kernel() as opened:
            opened.change(neighbours.RTM_DELNEIGH, entry)


def _set_settings(place: Place) -> bool:
    """Write what differs; return whether anything did."""
    changed = False
    for name, value in _settings():
        wanted = place.settings.get(name, value)
        if wanted != value:
            with suppress(PermissionError):  # the kernel's to count, not ours to set
                Path(PROC_SYS_NET, name).write_text(wanted)
                changed = True
    return changed


def _set_addresses(place: Place) -> None:
    with Kernel() as opened:
        for each in set(_addresses()).difference(place.addresses):
            with suppress(OSError):  # it went with another of its subnet
                opened.change(_RTM_DELADDR, _encode(each))
        present = set(_addresses())
        for each in place.addresses:  # the first of a subnet is its primary
            if each not in present:
                flags = netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
                opened.change(_RTM_NEWADDR, _encode(each), flags=flags)


def _set_neighbours(index: int, place: Place) -> None:
    wanted = {
        IPv4Address(address): HardwareAddress.parse(mac)
        for address, mac in place.neighbours.items()
        if ":" not in address
    }
    neighbours.keep(index, wanted)
    known = {IPv6Address(each) for each in place.neighbours if ":" in each}
    gone = link_neighbours.present(index).keys() - known
    neighbours.commit(
        [
            neighbours.encode_entry(
                socket.AF_INET6,
                index,
                each.packed,
                HardwareAddress.parse(place.neighbours[str(each)]).octets,
            )
            for each in known
        ],
        [link_neighbours.encode_removal(index, each) for each in gone],
    )
