"""A server on the loopback interface, whose answers a test chooses, and its clients."""

import os
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from pathlib import Path
from socket import socket

import trio
import trio.testing

from httpd.contract import Event
from httpd.contract import Later
from httpd.contract import Limits
from httpd.contract import Served
from httpd.contract import TurnedAway
from httpd.listener import Peer
from httpd.listener import open_listener
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.messages import Response
from httpd.respond import Document
from httpd.respond import Missing
from httpd.respond import respond
from httpd.server import HttpServer

LOOPBACK = IPv4Address("127.0.0.1")
LONG = 60.0  # seconds: a test that takes as long hangs

Ask = Callable[[bool], Response | Later | None]


class Answering:
    """Answers each path as it was told to, by default with the path itself."""

    def __init__(self) -> None:
        self.paths: dict[str, Ask] = {}
        self.asked: list[tuple[str, bool]] = []
        self.known = True
        self.guests: Callable[[Peer], bool] = lambda _: True
        self.closed: Response | None = None
        self.proofs: set[object] = set()
        """What still holds."""

    def admits(self, peer: Peer) -> bool:
        return self.known

    def knows(self, peer: Peer) -> bool:
        return self.known and self.guests(peer)

    def shut(self, request: Request, peer: Peer) -> Response | None:
        return self.closed

    def holds(self, peer: Peer, proof: object) -> bool:
        return proof in self.proofs

    def answer(
        self, request: Request, peer: Peer, *, wait: bool, waited: float
    ) -> Response | Later | None:
        self.asked.append((request.path, wait))
        if request.path in self.paths:
            return self.paths[request.path](wait)
        if request.path == "/absent":
            return respond(Missing())
        return respond(Document(request.path.encode()))

    def file(self, path: Path) -> None:
        """Answer the name of *path* with it, from an open descriptor."""

        def answer(_: bool) -> Response:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return respond(Document(FileBody(descriptor, path.stat().st_size)))

        self.paths["/" + path.name] = answer


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A connection to the server, as a guest's program has one."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._came = b""

    async def say(self, text: str | bytes) -> None:
        await self.stream.send_all(text.encode() if isinstance(text, str) else text)

    async def get(
        self, path: str, *headers: str, version: str = "1.1", method: str = "GET"
    ) -> Answer:
        lines = [f"{method} {path} HTTP/{version}", "Host: x", *headers, "", ""]
        await self.say("\r\n".join(lines))
        return await self.answer(bodiless=method == "HEAD")

    async def answer(self, *, bodiless: bool = False) -> Answer:
        while b"\r\n\r\n" not in self._came:
            await self._more()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = dict(each.split(": ", 1) for each in fields)
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        length = 0 if bodiless else int(headers.get("Content-Length", 0))
        while len(self._came) < length:
            await self._more()
        body, self._came = self._came[:length], self._came[length:]
        return Answer(int(status), headers, body)

    async def _more(self) -> None:
        octets = await self.stream.receive_some(256 * 1024)
        assert octets, f"the server closed after {self._came!r}"
        self._came += octets

    async def closed(self) -> bool:
        """Whether the server closes in order, with nothing more to say."""
        return self._came == b"" and await self.stream.receive_some(1) == b""

    async def reset(self) -> bool:
        """Whether the connection is reset."""
        try:
            await self.stream.receive_some(1)
        except trio.BrokenResourceError:
            return True
        return False


@dataclass
class Site:
    """A server that runs, with all that it told."""

    server: HttpServer
    answers: Answering
    listener: socket
    port: int
    stop: Callable[[], None]
    events: list[Event] = field(default_factory=list)
    reports: list[BaseException] = field(default_factory=list)
    done: trio.Event = field(default_factory=trio.Event)

    async def client(self, address: str = "127.0.0.1") -> Client:
        """A new connection, from *address*."""
        return Client(
            await trio.open_tcp_stream("127.0.0.1", self.port, local_address=address)
        )

    def statuses(self) -> list[int]:
        return [
            each.response.status for each in self.events if isinstance(each, Served)
        ]

    def reasons(self) -> list[str]:
        return [each.reason for each in self.events if isinstance(each, TurnedAway)]


@asynccontextmanager
async def serving(
    limits: Limits | None = None, answers: Answering | None = None
) -> AsyncIterator[Site]:
    """Run a server while the block runs."""
    answers = answers or Answering()
    listener = open_listener(LOOPBACK, 0, device=None, save_syn=False)
    events: list[Event] = []
    reports: list[BaseException] = []
    server = HttpServer(
        [listener],
        answers,
        events.append,
        reports.append,
        limits=limits or Limits(),
        save_syn=False,
    )
    async with trio.open_nursery() as nursery:
        port = listener.getsockname()[1]
        stop = nursery.cancel_scope.cancel
        site = Site(server, answers, listener, port, stop, events, reports)

        async def run(*, task_status: "trio.TaskStatus[None]") -> None:
            await server.run(task_status=task_status)
            site.done.set()

        await nursery.start(run)
        yield site
        nursery.cancel_scope.cancel()


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run *test* by the clock on the wall."""

    async def main() -> None:
        with trio.fail_after(LONG):
            await test()

    trio.run(main)


def run_by(test: Callable[["Hours"], Awaitable[None]]) -> None:
    """Run *test* by a clock that moves only when the test says so."""
    clock = trio.testing.MockClock()
    trio.run(test, Hours(clock), clock=clock)


class Hours:
    """The clock of a test: nothing waits for it."""

    def __init__(self, clock: trio.testing.MockClock) -> None:
        self._clock = clock

    async def rest(self) -> None:
        """Return when everybody waits: all that was sent has been read."""
        await trio.testing.wait_all_tasks_blocked(0.005)

    async def pass_(self, seconds: float) -> None:
        """Let *seconds* pass, as slowly as the server sweeps."""
        await self.rest()
        while seconds > 0:
            step = min(1.0, seconds)
            self._clock.jump(step)
            seconds -= step
            await self.rest()
