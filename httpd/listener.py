"""Listening sockets that remember who called: the Ethernet header of the SYN.

TCP_SAVE_SYN with the value 2 keeps the link-layer header too (Linux 5.10).  Under SYN
cookies nothing is kept, and the caller is unknown.
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple
from typing import Self

TCP_SAVE_SYN = 27
TCP_SAVED_SYN = 28
WITH_LINK_HEADER = 2
ETHERNET_OCTETS = 14
SYN_AT_MOST = 512  # octets
BACKLOG = 4096  # a longer queue keeps the kernel from SYN cookies


class Call(NamedTuple):
    """Who calls, in the kernel's words: a key that is made for every connection."""

    address: str
    hardware: bytes | None
    """The source MAC of its SYN; None where the kernel has not kept it."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, as the network shows it."""

    address: IPv4Address
    hardware: bytes | None
    """As in its call."""

    @classmethod
    def of(cls, call: Call) -> Self:
        return cls(IPv4Address(call.address), call.hardware)


def open_listener(
    address: IPv4Address, port: int, *, device: str | None, save_syn: bool
) -> socket.socket:
    """Listen on exactly *address*; raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if device is not None:
            listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode()
            )
        if save_syn:
            listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, WITH_LINK_HEADER)
        listener.bind((str(address), port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def accept(
    listener: socket.socket, *, save_syn: bool
) -> tuple[socket.socket, Call] | None:
    """Return the next connection, which blocks, and who called; None: nobody waits.

    Raises OSError when the process or the machine has no room for one.
    """
    while True:
        try:
            connection, address = listener.accept()
        except BlockingIOError:
            return None
        except ConnectionAbortedError:
            continue  # it went before its turn came
        try:
            return connection, identify(connection, address[0], save_syn=save_syn)
        except OSError:
            connection.close()


def identify(connection: socket.socket, address: str, *, save_syn: bool) -> Call:
    """Return who called; asked once, at the accept."""
    hardware = None
    if save_syn:
        syn = connection.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, SYN_AT_MOST)
        if len(syn) > ETHERNET_OCTETS:
            hardware = syn[6:12]
    return Call(address, hardware)


def reset(connection: socket.socket) -> None:
    """Close with a reset: whoever called learns nothing, not even a status."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
