"""Both ends of a line, and upstreams behind it."""

import socket
from collections.abc import Awaitable
from collections.abc import Callable

import trio
import trio.testing

from appliance.resolver.channel import Channel
from appliance.resolver.forwarder import Forwarder
from appliance.resolver.line import serve_line

from .upstream import Upstream
from .upstream import with_upstreams


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Answers:
    """What came back, in order."""

    def __init__(self) -> None:
        self.found: list[bytes | None] = []
        self._came = trio.lowlevel.ParkingLot()

    def __call__(self, octets: bytes | None) -> None:
        self.found.append(octets)
        self._came.unpark_all()

    async def wait(self, count: int, seconds: float = 10) -> None:
        with trio.fail_after(seconds):
            while len(self.found) < count:
                await self._came.park()


Scenario = Callable[[Channel, Forwarder], Awaitable[None]]


def joined(scenario: Scenario, *upstreams: Upstream) -> None:
    """Run *scenario* with a channel whose other end serves."""

    async def main(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        channel = Channel("net1", ours, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            nursery.start_soon(serve_line, theirs, lambda _: forwarder, None)
            await scenario(channel, forwarder)
            nursery.cancel_scope.cancel()
        ours.close()

    with_upstreams(main, *upstreams)
