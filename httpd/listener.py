"""Listening sockets that remember who called: the Ethernet header of the SYN.

TCP_SAVE_SYN with the value 2 keeps the link-layer header too (Linux 5.10).  Under SYN
cookies nothing is kept, and the caller is unknown.
"""

import errno
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from typing import Self

TCP_SAVE_SYN = 27
TCP_SAVED_SYN = 28
WITH_LINK_HEADER = 2
ETHERNET_OCTETS = 14
SYN_AT_MOST = 400  # octets
TCP, STREAM = int(socket.IPPROTO_TCP), int(socket.SOCK_STREAM)  # quicker than an enum's
Connected = socket.SocketType  # of the interpreter, without what Python adds
FULL = "no file is left for guests: raise LimitNOFILE, or lower connections_total"
BACKLOG = 4096  # a longer queue keeps the kernel from SYN cookies
# who does not answer holds a place of the backlog for 3 s, and not for 63: a flood of
# SYNs that nobody means takes them all
SYN_ACKS_AGAIN = 1


# who calls, in the kernel's words - the fields of a Peer: a key that is made for every
# connection, by the thousand in a second
Call = tuple[str, bytes | None, str]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, as the network shows it."""

    address: IPv4Address | IPv6Address
    hardware: bytes | None
    """The source MAC of its SYN; None where the kernel has not kept it."""
    at: str = ""
    """Whom it calls: "169.254.169.254:80"."""

    @classmethod
    def of(cls, call: Call) -> Self:
        address, hardware, at = call
        return cls(ip_address(address), hardware, at)


class Listener:
    """A listening socket that is called; it owns the socket.

    *descriptors_at_most* are for guests: one that takes a higher one is reset, and
    `accept` raises OSError.
    """

    def __init__(
        self, listening: socket.socket, *, save_syn: bool, descriptors_at_most: int
    ) -> None:
        self.fileno, self.close = listening.fileno, listening.close
        # accept() would make an object of Python's own around this one: a boot opens
        # a connection for each request
        self._accept: Callable[[], tuple[int, tuple[str, int]]]
        self._accept = listening._accept  # type: ignore[attr-defined] # it is the interpreter's
        self._family = int(listening.family)
        self._at = where(listening)
        self._save_syn = save_syn
        self._descriptors_at_most = descriptors_at_most

    def accept(self) -> tuple[Connected, Call] | None:
        """Return the next connection, which blocks, and who calls; None: nobody waits.

        Raises OSError when the process or the machine has no room for one.
        """
        while True:
            try:
                descriptor, address = self._accept()
            except BlockingIOError:
                return None
            except ConnectionAbortedError:
                continue  # it went before its turn came
            connection = Connected(self._family, STREAM, 0, descriptor)
            if descriptor >= self._descriptors_at_most:
                # to report that none is left can itself take one: a daemon ends then
                reset(connection)
                raise OSError(errno.EMFILE, FULL)
            if not self._save_syn:
                return connection, (address[0], None, self._at)
            try:
                syn = connection.getsockopt(TCP, TCP_SAVED_SYN, SYN_AT_MOST)
            except OSError:
                connection.close()
                continue
            hardware = syn[6:12] if len(syn) > ETHERNET_OCTETS else None
            return connection, (address[0], hardware, self._at)


def open_listener(
    address: IPv4Address | IPv6Address,
    port: int,
    *,
    device: str | None,
    save_syn: bool,
    defer: bool = False,
) -> socket.socket:
    """Listen on exactly *address*; raises OSError.

    With *defer* a connection is seen with its first octets, or a second later: one
    that comes and asks at once, as all do that boot, is then one event, and not three.

    A link-local address is that of *device*, which it then needs.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if device is not None:
            listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode()
            )
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, SYN_ACKS_AGAIN)
        if save_syn:
            listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, WITH_LINK_HEADER)
        if defer:
            seconds = 1
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, seconds)
        if address.version == 4:
            listener.bind((str(address), port))
        else:
            scope = socket.if_nametoindex(device) if device is not None else 0
            listener.bind((str(address), port, 0, scope))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def where(listener: socket.socket) -> str:
    """Return a listener's address and port, as $SERVER["socket"] says them."""
    address, port = listener.getsockname()[:2]
    address = address.partition("%")[0]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def limit_hops(connection: Connected, hops: int) -> None:
    """Have what leaves from now on pass fewer than *hops* routers, repeats too."""
    if connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
    else:
        connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)


def reset(connection: Connected) -> None:
    """Close with a reset: whoever called learns nothing, not even a status."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
