"""Upstreams on loopback: each reads a request and says what it was told to."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

import trio

from httpd.messages import Request
from rewrite.ruleset import Rewrite

LONG = 30.0  # seconds: a test that takes as long hangs
GUEST = IPv4Address("10.0.0.5")
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Upstream:
    """What it says, and what it was asked."""

    says: bytes = PLAIN
    hangs_up: bool = True
    asked: list[bytes] = field(default_factory=list)
    goes_on: trio.Event | None = None
    """Until then it says nothing."""
    name: str = ""
    carried: int = 0
    """Errands that the forwarder had, whatever it did with them."""

    async def answer(self, stream: trio.SocketStream) -> None:
        octets = b""
        while not _whole(octets):
            more = await stream.receive_some(65536)
            if not more:
                return
            octets += more
        self.asked.append(octets)
        if self.goes_on is not None:
            await self.goes_on.wait()
        try:
            await stream.send_all(self.says)
            if not self.hangs_up:
                await trio.sleep_forever()
        except trio.BrokenResourceError:
            pass  # it was said enough


def _whole(octets: bytes) -> bool:
    head, end, body = octets.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length or 0)


@asynccontextmanager
async def serving(upstream: Upstream) -> AsyncIterator[str]:
    """Serve while the block runs; give the upstream's name, "host:port"."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

        async def attend(stream: trio.SocketStream) -> None:
            async with stream:
                await upstream.answer(stream)

        async def serve() -> None:
            await trio.serve_listeners(attend, [listener])

        nursery.start_soon(serve)
        upstream.name = f"127.0.0.1:{listener.socket.getsockname()[1]}"
        yield upstream.name
        nursery.cancel_scope.cancel()


def asking(method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, "/metrics/job/x", "/metrics/job/x", "", named, body=body)


def ruled(upstream: str, target: str = "/metrics/job/x", query: str = "") -> Rewrite:
    return Rewrite(target, query, proxy=upstream, origin="n1.rules:1")


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run *test* by the clock on the wall."""

    async def main() -> None:
        with trio.fail_after(LONG):
            await test()

    trio.run(main)
