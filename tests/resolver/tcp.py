"""Clients by TCP, under a clock that the test moves."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from appliance.resolver.server import Limits

from .shell import LIMITS
from .shell import LOOPBACK
from .shell import Shell

NOTHING_FOR = 5.0  # seconds, real ones, in which nobody acts


def framed(*queries: bytes) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in queries)


class Client:
    """One connection, from an address of its own if need be."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def send(self, octets: bytes) -> None:
        await self.stream.send_all(octets)

    async def receive(self) -> bytes | None:
        """Return the next answer; None when the server has hung up."""
        while True:
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) >= end > 2:
                found, self._buffer = self._buffer[2:end], self._buffer[end:]
                return found
            piece = await self._receive_some()
            if not piece:
                return None
            self._buffer += piece

    async def _receive_some(self) -> bytes:
        """Return what comes; fail where nothing does and nobody acts, for no clock goes
        on meanwhile."""
        piece = b""

        async def receive(nursery: trio.Nursery) -> None:
            nonlocal piece
            try:
                piece = await self.stream.receive_some(65_536)
            except trio.BrokenResourceError:
                pass
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive, nursery)
            await trio.testing.wait_all_tasks_blocked(NOTHING_FOR)
            pytest.fail("nothing comes, and the connection stays open")
        return piece


class Place(Shell):
    """A shell that listens on loopback."""

    port: int
    streams: tuple[trio.SocketStream, ...] = ()

    async def connect(self, address: str = "127.0.0.1") -> Client:
        stream = await trio.open_tcp_stream(
            "127.0.0.1", self.port, local_address=address
        )
        self.streams = (*self.streams, stream)
        await trio.testing.wait_all_tasks_blocked(0.001)
        return Client(stream)


Scenario = Callable[[Place], Awaitable[None]]


def in_place(scenario: Scenario, limits: Limits = LIMITS) -> None:
    """Serve by TCP, and run *scenario*, under a clock that only it moves."""

    @asynccontextmanager
    async def served() -> AsyncIterator[Place]:
        place = Place(limits=limits, ranges=(LOOPBACK,))
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        place.port = listener.socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(place.server.serve_tcp, listener)
            yield place
            for stream in place.streams:
                await stream.aclose()
            nursery.cancel_scope.cancel()

    async def main() -> None:
        async with served() as place:
            await scenario(place)

    trio.run(main, clock=trio.testing.MockClock(), strict_exception_groups=True)


async def jump(seconds: float) -> None:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    await trio.testing.wait_all_tasks_blocked(0.001)
    clock.jump(seconds)
    await trio.testing.wait_all_tasks_blocked(0.001)
