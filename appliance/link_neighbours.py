"""Permanent neighbours by IPv6: an answer to a guest's link-local address is its MAC's.

As neighbours.py, for the one IPv6 address that a binding has (link_local.py): so no
guest gets another's answers by a neighbour advertisement of its own.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv6Address

from . import neighbours
from .link_local import address_of
from .netlink import Message


def encode(index: int, mac: bytes) -> bytes:
    """Write the permanent entry of *mac* at the link *index*, for RTM_NEWNEIGH."""
    address = address_of(mac).packed
    return neighbours.encode_entry(socket.AF_INET6, index, address, mac)


def encode_removal(index: int, address: IPv6Address) -> bytes:
    """Write the body of RTM_DELNEIGH."""
    return neighbours.encode_entry(socket.AF_INET6, index, address.packed)


def parse(index: int, answers: Iterable[Message]) -> dict[IPv6Address, bytes]:
    """Read the permanent entries of the link *index*, of a dump.

    Raises NetlinkSyntaxError.
    """
    return {
        IPv6Address(address): mac
        for address, mac in neighbours.entries(socket.AF_INET6, index, answers)
        if len(address) == 16
    }


def present(index: int) -> dict[IPv6Address, bytes]:
    """List the permanent neighbours of the link *index*, by IPv6."""
    return parse(index, neighbours.dump(socket.AF_INET6))


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
