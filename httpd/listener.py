"""Listening sockets that remember who called: the Ethernet header of the SYN.

TCP_SAVE_SYN with the value 2 keeps the link-layer header too (Linux 5.10).  Under SYN
cookies nothing is kept, and the caller is unknown.
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address
from typing import NamedTuple
from typing import Self

TCP_SAVE_SYN = 27
TCP_SAVED_SYN = 28
WITH_LINK_HEADER = 2
ETHERNET_OCTETS = 14
SYN_AT_MOST = 400  # octets
Connected = socket.SocketType  # of the interpreter, without what Python adds
BACKLOG = 4096  # a longer queue keeps the kernel from SYN cookies
# who does not answer holds a place of the backlog for 3 s, and not for 63: a flood of
# SYNs that nobody means takes them all
SYN_ACKS_AGAIN = 1


class Call(NamedTuple):
    """Who calls, in the kernel's words: a key that is made for every connection."""

    address: str
    hardware: bytes | None
    """The source MAC of its SYN; None where the kernel has not kept it."""
    at: str = ""
    """Whom it calls: "169.254.169.254:80"."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, as the network shows it."""

    address: IPv4Address | IPv6Address
    hardware: bytes | None
    """As in its call."""
    at: str = ""
    """As in its call."""

    @classmethod
    def of(cls, call: Call) -> Self:
        return cls(ip_address(call.address), call.hardware, call.at)


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


def accept(
    listener: socket.socket, *, at: str, save_syn: bool
) -> tuple[Connected, Call] | None:
    """Return the next connection, which blocks, and who called *at* this listener.

    None: nobody waits.

    Raises OSError when the process or the machine has no room for one.
    """
    while True:
        try:
            # accept() would make an object of Python's own around this one: a
            # boot opens a connection for each request
            descriptor, address = listener._accept()  # type: ignore[attr-defined] # it is the interpreter's
        except BlockingIOError:
            return None
        except ConnectionAbortedError:
            continue  # it went before its turn came
        connection = Connected(listener.family, socket.SOCK_STREAM, 0, descriptor)
        try:
            return connection, identify(connection, address[0], at, save_syn)
        except OSError:
            connection.close()


def identify(connection: Connected, address: str, at: str, save_syn: bool) -> Call:
    """Return who called; asked once, at the accept."""
    hardware = None
    if save_syn:
        syn = connection.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, SYN_AT_MOST)
        if len(syn) > ETHERNET_OCTETS:
            hardware = syn[6:12]
    return Call(address, hardware, at)


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
