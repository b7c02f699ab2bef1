"""Permanent neighbours: an answer to a bound address goes to its MAC alone (H7, H22).

A guest that borrows another's address never completes a handshake, and what it says by
ARP changes nothing, because the kernel does not learn over a permanent entry. The
codec is pure; `keep` and `change` speak to the namespace that the thread is in.

`link set innerN down` removes every entry: the healer puts them back.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from dhcp.hardware import HardwareAddress

from . import netlink
from .errors import SettingsError
from .kernel import NDA_LLADDR
from .kernel import NDMSG
from .kernel import RTM_GETNEIGH
from .kernel import Kernel
from .netlink import Message

RTM_NEWNEIGH: Final = 28
RTM_DELNEIGH: Final = 29

_NUD_PERMANENT: Final = 0x80
_NDA_DST: Final = 1
_ATTRIBUTE: Final = struct.Struct("=HH")  # length and kind, then its octets
_LLADDR: Final = struct.Struct("=HH6sxx")


@dataclass(frozen=True, slots=True)
class Change:
    """What makes one set of entries of another."""

    put: Mapping[IPv4Address, HardwareAddress]
    """New ones, and those of another MAC."""
    removed: frozenset[IPv4Address]

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)


def difference(
    present: Mapping[IPv4Address, HardwareAddress],
    wanted: Mapping[IPv4Address, HardwareAddress],
) -> Change:
    put = {ip: mac for ip, mac in wanted.items() if present.get(ip) != mac}
    return Change(put, frozenset(present.keys() - wanted.keys()))


def encode(index: int, address: IPv4Address, mac: HardwareAddress) -> bytes:
    """Write a permanent entry of the link *index*: the body of RTM_NEWNEIGH."""
    return encode_entry(socket.AF_INET, index, address.packed, mac.octets)


def encode_removal(index: int, address: IPv4Address) -> bytes:
    """Write the body of RTM_DELNEIGH."""
    return encode_entry(socket.AF_INET, index, address.packed)


def encode_entry(
    family: int, index: int, address: bytes, mac: bytes | None = None
) -> bytes:
    """Write an entry of either family, permanent with *mac*, or one to be removed."""
    state = 0 if mac is None else _NUD_PERMANENT
    entry = NDMSG.pack(family, index, state, 0, 0)
    entry += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address), _NDA_DST) + address
    return entry if mac is None else entry + _LLADDR.pack(10, NDA_LLADDR, mac)


def parse(index: int, answers: Iterable[Message]) -> dict[IPv4Address, HardwareAddress]:
    """Read the permanent entries of the link *index*, of a dump.

    Raises NetlinkSyntaxError.
    """
    return {
        IPv4Address(address): HardwareAddress(mac)
        for address, mac in entries(socket.AF_INET, index, answers)
        if len(address) == 4 and len(mac) == 6
    }


def entries(
    family: int, index: int, answers: Iterable[Message]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield address and MAC of each permanent entry of *family* at the link *index*.

    Raises NetlinkSyntaxError.
    """
    for answer in answers:
        if len(answer.body) < NDMSG.size:
            raise netlink.NetlinkSyntaxError(f"an entry of {len(answer.body)} octets")
        kind, owner, state, _, _ = NDMSG.unpack_from(answer.body)
        if (kind, owner) != (family, index) or not state & _NUD_PERMANENT:
            continue  # learnt by itself: the kernel's own affair
        values = netlink.attributes(answer.body, NDMSG.size)
        yield values.get(_NDA_DST, b""), values.get(NDA_LLADDR, b"")


def present(index: int) -> dict[IPv4Address, HardwareAddress]:
    """List the permanent neighbours of the link *index*."""
    return parse(index, dump(socket.AF_INET))


def dump(family: int) -> list[Message]:
    """Ask the kernel for all entries of *family*."""
    with Kernel() as kernel:
        return list(kernel.dump(RTM_GETNEIGH, NDMSG.pack(family, 0, 0, 0, 0)))


def keep(index: int, wanted: Mapping[IPv4Address, HardwareAddress]) -> Change:
    """Bring the permanent neighbours of the link *index* to exactly *wanted*.

    Return what had to change. Error handling: SettingsError without the privilege.
    """
    needed = difference(present(index), wanted)
    change(index, needed)
    return needed


def change(index: int, needed: Change) -> None:
    """Put and remove entries: one costs the same among ten thousand.

    Error handling: SettingsError without the privilege, or for what else the kernel
    refuses; what it does not refuse is in force.
    """
    if not needed:
        return
    put = [encode(index, ip, mac) for ip, mac in needed.put.items()]
    removed = [encode_removal(index, ip) for ip in needed.removed]
    commit(put, removed)


def commit(put: Sequence[bytes], removed: Sequence[bytes]) -> None:
    """Send the bodies of what is put and removed; errors are those of `change`."""
    with Kernel() as kernel:
        refused = kernel.batch(RTM_DELNEIGH, removed, flags=0)
        del refused[errno.ENOENT]  # gone already
        creating = netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE
        refused += kernel.batch(RTM_NEWNEIGH, put, flags=creating)
    if refused:
        raise SettingsError("permanent neighbours", _reason(refused))


def _reason(refused: Mapping[int, int]) -> str:
    number = next(iter(refused))
    if number == errno.EPERM:
        return (
            "only CAP_NET_ADMIN may keep them: run as root,"
            " a container with --cap-add NET_ADMIN"
        )
    return f"the kernel refuses {sum(refused.values())}: {os.strerror(number)}"
