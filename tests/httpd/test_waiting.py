"""What waits, and who does not wait for it; how a server stops."""

import os
import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from httpd.contract import Limits
from httpd.messages import FileBody
from httpd.messages import Response
from httpd.server import HttpServer

from .site import Answering
from .site import Client
from .site import Site
from .site import run
from .site import serving

LARGE = 5_000_000  # octets


class Disk:
    """A disk that stalls until it is told to go on."""

    def __init__(self, answer: Response) -> None:
        self.goes_on = threading.Event()
        self._answer = answer

    def __call__(self, wait: bool) -> Response:
        if not wait:
            raise BlockingIOError
        self.goes_on.wait()
        return self._answer


async def asks(client: Client, path: str) -> None:
    await client.say(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_stalled_disk_stops_nobody_else() -> None:
    """An answer that would wait goes to a thread: others are answered meanwhile, and
    what the same guest asks next is answered after it (design.md, HTTP)."""

    async def test() -> None:
        async with serving() as site, AsyncExitStack() as stack:
            disk = site.answers.paths["/cold"] = Disk(Response(200, (), b"cold"))
            slow, other = await site.client(), await site.client()
            for each in (slow, other):
                await stack.enter_async_context(each.stream)
            await asks(slow, "/cold")
            await asks(slow, "/next")
            for _ in range(100):
                assert (await other.get("/a")).body == b"/a"
            assert ("/next", False) not in site.answers.asked
            disk.goes_on.set()
            assert (await slow.answer()).body == b"cold"
            assert (await slow.answer()).body == b"/next"
            first, *rest = [path for path, _ in site.answers.asked if path != "/a"]
            assert (first, rest) == ("/cold", ["/cold", "/next"])

    run(test)


def test_who_writes_stops_no_reader() -> None:
    """issue 5.7: however many wait until what they posted is on a disk, what others
    read from one comes meanwhile."""
    disk = Disk(Response(200))

    async def test() -> None:
        async with serving() as site, AsyncExitStack() as stack:
            stack.callback(disk.goes_on.set)
            site.answers.paths["/post"] = disk
            again = [BlockingIOError()]
            site.answers.paths["/cold"] = lambda _: found(again)
            for host in (1, 2, 3):
                for _ in range(20):
                    writer = await site.client(f"127.0.0.{host}")
                    await stack.enter_async_context(writer.stream)
                    await writer.say("POST /post HTTP/1.1\r\nHost: x\r\n\r\n")
            while site.answers.asked.count(("/post", False)) < 60:
                await trio.lowlevel.checkpoint()
            reader = await stack.enter_async_context((await site.client()).stream)
            await asks(Client(reader), "/cold")
            with trio.fail_after(20.0):  # it would be for ever
                assert b"200" in await reader.receive_some(100)

    def found(again: list[BlockingIOError]) -> Response:
        if again:
            raise again.pop()
        return Response(200)

    run(test)


def test_what_became_anothers_is_not_sent(tmp_path: Path) -> None:
    """issue 5.6: while a disk is waited for an address can be bound to another guest,
    and what was found then is that one's: the connection is reset."""
    document = tmp_path / "secret"
    document.write_bytes(bytes(LARGE))

    def found_late(wait: bool) -> Response:
        if not wait:
            raise BlockingIOError
        descriptor = os.open(document, os.O_RDONLY | os.O_CLOEXEC)
        answers.known = False
        return Response(200, (), FileBody(descriptor, LARGE))

    answers = Answering()
    answers.paths["/cold"] = found_late

    async def test() -> None:
        async with (
            serving(answers=answers) as site,
            (client := await site.client()).stream,
        ):
            await asks(client, "/cold")
            assert await client.reset()
            assert site.reasons() == ["identity"]
            assert site.statuses() == []

    run(test)


@pytest.mark.parametrize("from_file", [True, False], ids=["file", "memory"])
def test_a_slow_reader_stops_nobody_else(tmp_path: Path, from_file: bool) -> None:
    """A guest that does not read its 5 MB holds up nobody, and gets all of it when it
    reads."""
    body = os.urandom(LARGE)
    (tmp_path / "large").write_bytes(body)

    async def test() -> None:
        async with serving() as site, AsyncExitStack() as stack:
            site.answers.paths["/large"] = lambda _: Response(200, (), body)
            if from_file:
                site.answers.file(tmp_path / "large")
            slow, other = await site.client(), await site.client()
            for each in (slow, other):
                await stack.enter_async_context(each.stream)
            await asks(slow, "/large")
            await asks(slow, "/next")
            await wait_all_tasks_blocked(0.02)
            for _ in range(100):
                assert (await other.get("/a")).body == b"/a"
            assert (await slow.answer()).body == body
            assert (await slow.answer()).body == b"/next"

    run(test)


def test_a_slow_disk_under_a_reader_that_left() -> None:
    """Who leaves while a thread waits for its document harms nobody, and an open file
    that comes too late is closed."""

    async def test() -> None:
        async with serving() as site:
            opened = os.open("/dev/zero", os.O_RDONLY)
            disk = Disk(Response(200, (), FileBody(opened, LARGE)))
            site.answers.paths["/cold"] = disk
            async with (client := await site.client()).stream:
                await asks(client, "/cold")
                await wait_all_tasks_blocked(0.01)
            disk.goes_on.set()
            async with (other := await site.client()).stream:
                assert (await other.get("/a")).status == 200
            while len(site.server):
                await wait_all_tasks_blocked(0.01)
            assert site.reports == []

    run(test)


async def refused(site: Site) -> bool:
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", site.port)
    except OSError:
        return True
    await stream.aclose()
    return False


def test_a_drained_server_finishes_what_it_began(tmp_path: Path) -> None:
    """`drain` closes idle connections and the listeners, finishes the requests that are
    open - half sent, waiting for a disk, half answered, arrived and not yet read - with
    "close", and `run` returns (hypercorn's shutdown; issue 3, SIGTERM drains)."""
    body = os.urandom(LARGE)
    (tmp_path / "large").write_bytes(body)

    async def test() -> None:
        async with serving() as site, AsyncExitStack() as stack:
            disk = site.answers.paths["/cold"] = Disk(Response(200, (), b"cold"))
            site.answers.file(tmp_path / "large")
            clients = [await site.client() for _ in range(6)]
            for each in clients:
                await stack.enter_async_context(each.stream)
            idle, mute, half, cold, reads, here = clients
            assert (await idle.get("/a")).status == 200
            await half.say("GET /half HTTP/1.1\r\nHo")
            await asks(cold, "/cold")
            await asks(reads, "/large")
            await wait_all_tasks_blocked(0.02)
            last = here.stream.socket.fileno()  # by which the loop gets no turn
            os.write(last, b"GET /here HTTP/1.1\r\nHost: x\r\n\r\n")
            site.server.drain()
            assert (await here.answer()).body == b"/here"
            assert await refused(site)
            assert await idle.closed()
            assert await mute.closed()
            await half.say("st: x\r\n\r\n")
            answer = await half.answer()
            assert (answer.body, answer.headers["Connection"]) == (b"/half", "close")
            assert await half.closed()
            assert (await reads.answer()).body == body
            assert await reads.closed()
            await wait_all_tasks_blocked(0.01)
            assert not site.done.is_set()
            disk.goes_on.set()
            answer = await cold.answer()
            assert (answer.body, answer.headers["Connection"]) == (b"cold", "close")
            assert await cold.closed()
            await site.done.wait()
            assert len(site.server) == 0
            site.server.drain()  # once more, as a second SIGTERM would

    run(test)


def test_a_server_without_guests_drains_at_once() -> None:
    """`run` returns when `drain` is called and nobody is there, also when a guest is
    drained in the middle of many requests."""

    async def test() -> None:
        async with serving() as site:
            site.server.drain()
            await site.done.wait()
        async with serving() as site, (client := await site.client()).stream:
            await client.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            assert (await client.answer()).status == 200
            site.server.drain()
            await site.done.wait()

    run(test)


def test_a_cancelled_server_closes_everything(tmp_path: Path) -> None:
    """However `run` ends, its listeners, connections and files are closed, those of
    answers under way too (conftest counts them)."""
    (tmp_path / "large").write_bytes(b"x" * LARGE)

    async def test() -> None:
        async with serving() as site, AsyncExitStack() as stack:
            opened = os.open("/dev/zero", os.O_RDONLY)
            disk = Disk(Response(200, (), FileBody(opened, LARGE)))
            site.answers.paths["/cold"] = disk
            site.answers.file(tmp_path / "large")
            for path in ("/large", "/cold", "/a", "/half HTTP/1.1\r\nX: "):
                client = await site.client()
                await stack.enter_async_context(client.stream)
                await asks(client, path)
            await wait_all_tasks_blocked(0.02)
            disk.goes_on.set()
            site.stop()
        assert site.listener.fileno() == -1
        assert len(site.server) == 0

    run(test)


def test_a_server_that_cannot_begin_closes_its_listeners() -> None:
    """A server that is cancelled before its first guest gives everything back."""

    async def test() -> None:
        async with serving(answers=Answering()) as site:
            site.stop()
        assert site.listener.fileno() == -1
        server = HttpServer([], Answering(), print, print, limits=Limits())
        server.drain()
        await server.run()

    run(test)
