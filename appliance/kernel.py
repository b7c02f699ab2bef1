"""What the kernel says of links, addresses, bridge ports and forwarding entries.

Every question is put to the namespace that the calling thread is in. Reading is raw
netlink: pyroute2 takes 0.3 ms to parse a link, and a host has a thousand of them, while
a healer asks often; /sys/class/net is of the namespace that mounted /sys, so it
cannot be asked at all (spec/packaging.md). The functions only ask; `Kernel` is also
how namespace.py gives a number and neighbours.py keeps ten thousand entries.
"""

import errno
import os
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv6Address
from ipaddress import IPv6Interface
from typing import Final
from typing import Self

from dhcp.hardware import HardwareAddress

from . import netlink
from .netlink import Message

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_GETADDR: Final = 22
RTM_GETNEIGH: Final = 30

ANSWER_SECONDS: Final = 10.0
"""The kernel answers at once; who waits longer has found a bug of the kernel."""
DATAGRAM_AT_MOST: Final = 1 << 20  # octets; a dump comes in pieces of 32 KiB
DUMPS_AT_MOST: Final = 100  # while the table changes under the dump
MESSAGES_A_SEND: Final = 500
REFUSALS_AT_MOST: Final = 8 << 20  # octets of socket buffer
NAME_AT_MOST: Final = 15  # octets, IFNAMSIZ without its zero

_SO_RCVBUFFORCE: Final = 33

_SOL_NETLINK: Final = 270
_NETLINK_GET_STRICT_CHK: Final = 12

_IFINFOMSG: Final = struct.Struct("=BxHiII")  # family, type, index, flags, change
_IFADDRMSG: Final = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
NDMSG: Final = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type
_IFF_UP: Final = 0x1
_IFLA_ADDRESS: Final = 1
_IFLA_IFNAME: Final = 3
_IFLA_MTU: Final = 4
_IFLA_LINK: Final = 5
_IFLA_MASTER: Final = 10
_IFLA_LINKINFO: Final = 18
_IFLA_IFALIAS: Final = 20
_IFLA_EXT_MASK: Final = 29
_IFLA_LINK_NETNSID: Final = 37
_IFLA_INFO_KIND: Final = 1
_RTEXT_FILTER_SKIP_STATS: Final = 8
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
NDA_LLADDR: Final = 2
_PF_BRIDGE: Final = 7

NTF_MASTER: Final = 0x4
NTF_STICKY: Final = 0x40
NUD_NOARP: Final = 0x40  # what `bridge fdb` calls static

_INNER: Final = re.compile(r"inner\d+")


class Kernel:
    """A blocking rtnetlink socket of the namespace that the thread is in now.

    Resource handling: a context manager; the socket stays in its namespace when the
    thread leaves it. Error handling: what the kernel refuses is an OSError.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0
        )
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        self._socket.settimeout(ANSWER_SECONDS)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> list[Message]:
        """Read a whole table, again if it changed meanwhile."""
        for _ in range(DUMPS_AT_MOST):
            messages = list(self._ask(kind, body, netlink.NLM_F_DUMP))
            if not any(m.flags & netlink.NLM_F_DUMP_INTR for m in messages):
                break
        return messages

    def ask(self, kind: int, body: bytes) -> Message | None:
        """Ask for one thing: None when there is none such."""
        try:
            return next(self._ask(kind, body, netlink.NLM_F_ACK), None)
        except OSError as problem:
            if problem.errno in (errno.ENODEV, errno.ENOENT):
                return None
            raise

    def change(self, kind: int, body: bytes, *, flags: int = 0) -> None:
        for _ in self._ask(kind, body, netlink.NLM_F_ACK | flags):
            pass

    def batch(self, kind: int, bodies: Sequence[bytes], *, flags: int) -> Counter[int]:
        """Send many changes, each datagram's last with an acknowledgement (H7).

        Return how often the kernel refused one, by error number. The first goes
        alone: who lacks a privilege is told once, not once for each.
        """
        # 10,000 refusals fit; who may not raise it may not change anything either
        with suppress(PermissionError):
            self._socket.setsockopt(
                socket.SOL_SOCKET, _SO_RCVBUFFORCE, REFUSALS_AT_MOST
            )
        refused: Counter[int] = Counter()
        start, end = 0, 1
        while start < len(bodies) and not refused[errno.EPERM]:
            self._send(kind, bodies[start:end], flags)
            refused.update(self._refusals())
            start, end = end, end + MESSAGES_A_SEND
        return refused

    def _send(self, kind: int, bodies: Sequence[bytes], flags: int) -> None:
        packed = []
        flags |= netlink.NLM_F_REQUEST
        for body in bodies:
            self._sequence += 1
            packed.append(Message(kind, body, flags, self._sequence))
        packed[-1] = replace(packed[-1], flags=flags | netlink.NLM_F_ACK)
        self._socket.send(b"".join(message.pack() for message in packed))

    def _refusals(self) -> Iterator[int]:
        while True:
            for answer in netlink.parse(self._socket.recv(DATAGRAM_AT_MOST)):
                if answer.errno:
                    yield answer.errno
                if answer.sequence == self._sequence:
                    return

    def _ask(self, kind: int, body: bytes, flags: int) -> Iterator[Message]:
        self._sequence += 1
        wanted = self._sequence
        question = Message(kind, body, netlink.NLM_F_REQUEST | flags, wanted)
        self._socket.send(question.pack())
        found: list[Message] = []
        while True:
            for answer in netlink.parse(self._socket.recv(DATAGRAM_AT_MOST)):
                if answer.sequence != wanted:
                    continue  # left over from a question that was given up
                if answer.kind in (netlink.NLMSG_ERROR, netlink.NLMSG_DONE):
                    if answer.errno:
                        raise OSError(answer.errno, os.strerror(answer.errno))
                    return iter(found)
                found.append(answer)


@dataclass(frozen=True, slots=True)
class Link:
    """A link, as RTM_NEWLINK describes it."""

    index: int
    name: str
    up: bool
    mac: bytes
    mtu: int
    kind: str
    """veth, bridge, ...: empty for a device of hardware."""
    master: int
    """The bridge that it is a port of: 0 for none."""
    peer: int
    """A veth's other end, by its index there."""
    peer_nsid: int | None
    """The namespace of that other end: None for our own."""
    alias: str

    @classmethod
    def parse(cls, message: Message) -> Self:
        """Read an RTM_NEWLINK or RTM_DELLINK. Raises NetlinkSyntaxError."""
        if len(message.body) < _IFINFOMSG.size:
            raise netlink.NetlinkSyntaxError(f"a link of {len(message.body)} octets")
        _, _, index, flags, _ = _IFINFOMSG.unpack_from(message.body)
        found = netlink.attributes(message.body, _IFINFOMSG.size)
        kinds = netlink.attributes(found.get(_IFLA_LINKINFO, b""))
        nsid = found.get(_IFLA_LINK_NETNSID)
        return cls(
            index=index,
            name=netlink.text(found.get(_IFLA_IFNAME, b"")),
            up=bool(flags & _IFF_UP),
            mac=found.get(_IFLA_ADDRESS, b""),
            mtu=netlink.number(found.get(_IFLA_MTU, bytes(4))),
            kind=netlink.text(kinds.get(_IFLA_INFO_KIND, b"")),
            master=netlink.number(found.get(_IFLA_MASTER, bytes(4))),
            peer=netlink.number(found.get(_IFLA_LINK, bytes(4))),
            peer_nsid=None if nsid is None else netlink.signed(nsid),
            alias=netlink.text(found.get(_IFLA_IFALIAS, b"")),
        )


def _link_request(*attributes: bytes) -> bytes:
    no_stats = netlink.attribute(
        _IFLA_EXT_MASK, struct.pack("=I", _RTEXT_FILTER_SKIP_STATS)
    )
    return _IFINFOMSG.pack(0, 0, 0, 0, 0) + b"".join((*attributes, no_stats))


def link(name: str) -> Link | None:
    """Find a link of the current namespace by its name."""
    if not 0 < len(os.fsencode(name)) <= NAME_AT_MOST:
        return None
    wanted = netlink.attribute(_IFLA_IFNAME, os.fsencode(name) + b"\0")
    with Kernel() as kernel:
        found = kernel.ask(RTM_GETLINK, _link_request(wanted))
    return Link.parse(found) if found else None


def links() -> list[Link]:
    with Kernel() as kernel:
        return [Link.parse(m) for m in kernel.dump(RTM_GETLINK, _link_request())]


def ports(bridge: Link) -> list[Link]:
    """List the ports of *bridge*: the kernel chooses, a host has many links."""
    master = netlink.attribute(_IFLA_MASTER, struct.pack("=I", bridge.index))
    with Kernel() as kernel:
        found = map(Link.parse, kernel.dump(RTM_GETLINK, _link_request(master)))
        return [port for port in found if port.master == bridge.index]


def inner() -> Link | None:
    """Find our end of the veth pair: for who is in the namespace, and only that."""
    return next((found for found in links() if _INNER.fullmatch(found.name)), None)


def addresses(index: int) -> list[IPv4Interface | IPv6Interface]:
    """List the addresses of the link *index*, in the kernel's order, IPv4 first."""
    found: list[IPv4Interface | IPv6Interface] = []
    with Kernel() as kernel:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = _IFADDRMSG.pack(family, 0, 0, 0, index)
            for message in kernel.dump(RTM_GETADDR, request):
                address = _address(message, index)
                if address is not None:
                    found.append(address)
    return found


def _address(message: Message, index: int) -> IPv4Interface | IPv6Interface | None:
    """Read an RTM_NEWADDR; None where it is of another link, or of another kind."""
    family, prefix, _, _, owner = _IFADDRMSG.unpack_from(message.body)
    values = netlink.attributes(message.body, _IFADDRMSG.size)
    if owner != index:
        return None
    if family == socket.AF_INET and _IFA_LOCAL in values:
        return IPv4Interface((IPv4Address(values[_IFA_LOCAL]), prefix))
    if family == socket.AF_INET6 and _IFA_ADDRESS in values:
        return IPv6Interface((IPv6Address(values[_IFA_ADDRESS]), prefix))
    return None


def fixed(port: Link, mac: HardwareAddress) -> bool:
    """Whether *port*'s bridge holds *mac* there, static and sticky (H12)."""
    request = NDMSG.pack(_PF_BRIDGE, port.index, 0, NTF_MASTER, 0)
    wanted = netlink.attribute(NDA_LLADDR, mac.octets)
    with Kernel() as kernel:
        found = kernel.ask(RTM_GETNEIGH, request + wanted)
    if found is None:
        return False
    _, index, state, flags, _ = NDMSG.unpack_from(found.body)
    return bool(index == port.index and state & NUD_NOARP and flags & NTF_STICKY)
