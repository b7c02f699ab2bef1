"""Which sockets are held in a namespace: /proc/net/tcp and its like, as values.

Of TCP those that listen; of UDP those of ports that a server has. dnsmasq asks its
upstreams from ports of chance, which nobody has to hold again.
"""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .found import Held

KINDS: Final = ("udp", "tcp", "udp6", "tcp6")
SERVED_BELOW: Final = 1024

_LISTENS: Final = "0A"
_LOCAL, _STATE, _INODE = 1, 3, 9  # columns


def parse(kind: str, text: str) -> Iterator[tuple[Held, int]]:
    """Yield each socket of *kind* that serves, with its inode."""
    for line in text.splitlines()[1:]:
        columns = line.split()
        octets, _, port = columns[_LOCAL].partition(":")
        held = Held(kind, _address(octets), int(port, 16))
        listens = columns[_STATE] == _LISTENS
        if listens if kind.startswith("tcp") else held.port < SERVED_BELOW:
            yield held, int(columns[_INODE])


def _address(digits: str) -> str:
    """Read an address: words of four octets, each in the machine's own order."""
    octets = bytes.fromhex(digits)
    words = struct.unpack(f"={len(octets) // 4}I", octets)
    whole = struct.pack(f"!{len(words)}I", *words)
    family = socket.AF_INET if len(whole) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, whole)


def here() -> list[tuple[Held, int]]:
    """List what is held in the namespace that the calling thread is in."""
    found = []
    for kind in KINDS:
        file = Path("/proc/thread-self/net", kind)
        if file.exists():  # a kernel without IPv6 has half of them
            found += list(parse(kind, file.read_text()))
    return found
