"""Permanent neighbours by IPv6: an answer to a guest's link-local address is its MAC's.

As neighbours.py, for the one IPv6 address that a binding has (link_local.py): so no
guest gets another's answers by a neighbour advertisement of its own.
"""

import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Final

from . import neighbours
from . import netlink
from .kernel import NDA_LLADDR
from .kernel import NDMSG
from .kernel import RTM_GETNEIGH
from .kernel import Kernel
from .link_local import address_of
from .netlink import Message

_NUD_PERMANENT: Final = 0x80
_NDA_DST: Final = 1
_DST: Final = struct.Struct("=HH16s")  # the two attributes of an entry, as packed
_LLADDR: Final = struct.Struct("=HH6sxx")


def encode(index: int, mac: bytes) -> bytes:
    """Write the permanent entry of *mac* at the link *index*, for RTM_NEWNEIGH."""
    return (
        NDMSG.pack(socket.AF_INET6, index, _NUD_PERMANENT, 0, 0)
        + _DST.pack(20, _NDA_DST, address_of(mac).packed)
        + _LLADDR.pack(10, NDA_LLADDR, mac)
    )


def encode_removal(index: int, address: IPv6Address) -> bytes:
    """Write the body of RTM_DELNEIGH."""
    entry = NDMSG.pack(socket.AF_INET6, index, 0, 0, 0)
    return entry + _DST.pack(20, _NDA_DST, address.packed)


def parse(index: int, answers: Iterable[Message]) -> dict[IPv6Address, bytes]:
    """Read the permanent entries of the link *index*, of a dump.

    Raises NetlinkSyntaxError.
    """
    found = {}
    for answer in answers:
        if len(answer.body) < NDMSG.size:
            raise netlink.NetlinkSyntaxError(f"an entry of {len(answer.body)} octets")
        family, owner, state, _, _ = NDMSG.unpack_from(answer.body)
        if (family, owner) != (socket.AF_INET6, index) or not state & _NUD_PERMANENT:
            continue
        values = netlink.attributes(answer.body, NDMSG.size)
        address = values.get(_NDA_DST, b"")
        if len(address) == 16:
            found[IPv6Address(address)] = values.get(NDA_LLADDR, b"")
    return found


def present(index: int) -> dict[IPv6Address, bytes]:
    """List the permanent neighbours of the link *index*, by IPv6."""
    with Kernel() as kernel:
        request = NDMSG.pack(socket.AF_INET6, 0, 0, 0, 0)
        return parse(index, kernel.dump(RTM_GETNEIGH, request))


def keep(index: int, macs: Iterable[bytes]) -> int:
    """Bring the permanent neighbours of the link *index* to exactly *macs*.

    Return how many had to change. Errors are those of `neighbours.change`.
    """
    held = present(index)
    wanted = {address_of(mac): mac for mac in macs}
    put = [mac for address, mac in wanted.items() if held.get(address) != mac]
    removed = held.keys() - wanted.keys()
    _commit(index, put, removed)
    return len(put) + len(removed)


def change(index: int, put: Iterable[bytes], gone: Iterable[bytes]) -> None:
    """Put and remove the entries of MACs. Errors are those of `neighbours.change`."""
    _commit(index, put, map(address_of, set(gone).difference(put)))


def _commit(index: int, put: Iterable[bytes], removed: Iterable[IPv6Address]) -> None:
    bodies = [encode(index, mac) for mac in put]
    removals = [encode_removal(index, address) for address in removed]
    if bodies or removals:
        neighbours.commit(bodies, removals)
