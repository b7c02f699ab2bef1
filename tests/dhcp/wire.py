"""A veth pair: `inner0` is ours, `outer0` a guest's; for tests in a namespace."""

import os
import socket
import struct
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from dhcp.backlog import Received
from dhcp.hardware import HardwareAddress
from dhcp.port import RawPort

from .guest import ADDRESS
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .namespace import ip

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
CSUM_NOT_READY = 8
GUEST = HardwareAddress.parse("fa:16:3e:00:00:05")


@contextmanager
def port_and_peer() -> Iterator[tuple[RawPort, socket.socket]]:
    """Open a port on inner0, and a guest's packet socket on outer0."""
    # a veth keeps the order of frames that one processor sends, and only that
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ip("link set lo up")
    ip("link add name inner0 type veth peer name outer0")
    ip(f"link set inner0 address {SERVER_HARDWARE}")
    ip(f"link set outer0 address {GUEST}")
    for device in ("inner0", "outer0"):
        ip(f"link set {device} up mtu 9000")
    ip(f"addr add {SERVER}/24 dev inner0")
    ip(f"neigh replace {ADDRESS} lladdr {GUEST} dev inner0 nud permanent")
    port = RawPort.open("inner0", [SERVER])
    peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    try:
        peer.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        peer.bind(("outer0", ETH_P_ALL))
        peer.settimeout(5)
        yield port, peer
    finally:
        peer.close()
        port.close()


def receive(port: RawPort, count: int = 1) -> list[Received]:
    """Return the next *count* frames, or more."""

    async def collect() -> list[Received]:
        frames: list[Received] = []
        with trio.fail_after(5):
            while len(frames) < count:
                await port.wait()
                frames += port.drain()
        return frames

    return trio.run(collect)


def seen(peer: socket.socket, wanted: Callable[[bytes], bool]) -> tuple[bytes, int]:
    """Return the next frame at the peer that is *wanted*, and its status."""
    while True:
        frame, ancillary, _, _ = peer.recvmsg(9216, 256)
        if wanted(frame):
            return frame, int(struct.unpack_from("I", ancillary[0][2])[0])


def from_server(frame: bytes) -> bool:
    return frame[6:12] == SERVER_HARDWARE.octets and frame[12:14] == b"\x08\0"
