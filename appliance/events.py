"""What the kernel tells unasked: links, addresses, forwarding, nftables (H6).

A raw socket stays in the namespace that it was made in, so one a namespace is enough,
with no process and no capability. Neighbours are not listened to: guests write there
by ARP, as fast as they like, and nobody of them shall keep us busy.
"""

import errno
import select
import socket
from collections.abc import Callable
from typing import Final

import trio

Heard = Callable[[bytes | None], None]
"""Called with each datagram; with None when the kernel had to drop some."""

DATAGRAM_AT_MOST: Final = 1 << 20  # octets
DATAGRAMS_A_TURN: Final = 64
"""Before the other sockets, and the other tasks, have their turn."""

_LINK: Final = 0x1
_IPV4_IFADDR: Final = 0x10
_IPV6_IFADDR: Final = 0x100
_IPV4_NETCONF: Final = 1 << 23  # ip_forward, rp_filter
_IPV6_NETCONF: Final = 1 << 24
_NETLINK_NETFILTER: Final = 12
_NFTABLES: Final = 1 << 6


def host_socket() -> socket.socket:
    """Listen to the links of the host: bridges, their ports, our outerN."""
    return _socket(socket.NETLINK_ROUTE, _LINK)


def inside_socket() -> socket.socket:
    """Listen to innerN, of the namespace that the thread is in."""
    addresses, settings = _IPV4_IFADDR | _IPV6_IFADDR, _IPV4_NETCONF | _IPV6_NETCONF
    return _socket(socket.NETLINK_ROUTE, _LINK | addresses | settings)


def tables_socket() -> socket.socket:
    """Listen to nftables: so `flush ruleset` is heard."""
    return _socket(_NETLINK_NETFILTER, _NFTABLES)


def _socket(protocol: int, groups: int) -> socket.socket:
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    opened = socket.socket(socket.AF_NETLINK, kind, protocol)
    opened.bind((0, groups))
    return opened


class Events:
    """All the sockets that are listened to, behind one descriptor.

    Resource handling: closes what it was given.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sources: dict[int, tuple[socket.socket, Heard]] = {}

    def add(self, source: socket.socket, heard: Heard) -> None:
        self._sources[source.fileno()] = source, heard
        self._epoll.register(source, select.EPOLLIN)

    def discard(self, source: socket.socket) -> None:
        del self._sources[source.fileno()]
        self._epoll.unregister(source)
        source.close()

    def close(self) -> None:
        for source, _ in self._sources.values():
            source.close()
        self._sources.clear()
        self._epoll.close()

    async def run(self) -> None:
        """Hand on what is heard, until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
            for descriptor, _ in self._epoll.poll(0):
                if descriptor in self._sources:
                    self._drain(*self._sources[descriptor])

    def _drain(self, source: socket.socket, heard: Heard) -> None:
        for _ in range(DATAGRAMS_A_TURN):
            try:
                heard(source.recv(DATAGRAM_AT_MOST))
            except BlockingIOError:
                return
            except OSError as problem:
                if problem.errno != errno.ENOBUFS:
                    raise
                heard(None)  # some are lost: only a look at everything helps
