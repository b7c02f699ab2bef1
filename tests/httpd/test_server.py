"""The server on real sockets: requests in, answers out, and what may go wrong."""

import os
import socket
from pathlib import Path

import pytest
import trio
import trio.testing

from httpd.messages import Response
from httpd.respond import Directory
from httpd.respond import respond

from .site import Ask
from .site import run
from .site import serving

LARGE = 5_000_000  # octets


@pytest.mark.parametrize(
    ("version", "header", "stays"),
    [
        ("1.1", (), True),
        ("1.1", ("Connection: close",), False),
        ("1.0", (), False),
        ("1.0", ("Connection: keep-alive",), True),
    ],
)
def test_who_stays_connected(
    version: str, header: tuple[str, ...], stays: bool
) -> None:
    """A connection is kept or closed as RFC 9112 section 9.3 says, and the answer says
    which (clients C30, C62: one connection per URL, or two requests on one)."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            for _ in range(3):
                answer = await client.get("/a", *header, version=version)
                assert (answer.status, answer.body) == (200, b"/a")
                said = answer.headers.get("Connection")
                if not stays:
                    assert said == "close"
                    assert await client.closed()
                    return
                assert said == ("keep-alive" if version == "1.0" else None)

    run(test)


def test_a_request_of_single_octets() -> None:
    """A request may come an octet at a time."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            for octet in b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n":
                await client.say(bytes([octet]))
            assert (await client.answer()).body == b"/a"

    run(test)


def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests that come together are answered in their order, however many, also when
    one of them waits for a disk or has a large body (RFC 9112 section 9.3.2)."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            site.answers.paths["/17"] = waiting(b"/17")
            site.answers.paths["/40"] = lambda _: Response(200, (), b"x" * LARGE)
            asked = [f"GET /{at} HTTP/1.1\r\nHost: x\r\n\r\n" for at in range(100)]
            await client.say("".join(asked))
            for at in range(100):
                body = b"x" * LARGE if at == 40 else b"/%d" % at
                assert (await client.answer()).body == body
            assert site.statuses() == [200] * 100

    run(test)


def waiting(body: bytes) -> Ask:
    def answer(wait: bool) -> Response:
        if not wait:
            raise BlockingIOError
        return Response(200, (), body)

    return answer


def test_head_has_the_headers_of_get(tmp_path: Path) -> None:
    """HEAD has the status and headers of GET, Content-Length too, and no body
    (metadata U8); a file that was opened for it is closed."""

    async def test() -> None:
        (tmp_path / "file").write_bytes(b"x" * LARGE)
        async with serving() as site, (client := await site.client()).stream:
            site.answers.file(tmp_path / "file")
            site.answers.paths["/list/"] = lambda _: respond(Directory(("a", "b/")))
            for path in ("/a", "/list/", "/absent", "/file"):
                got = await client.get(path)
                head = await client.get(path, method="HEAD")
                for each in (got, head):
                    each.headers.pop("Date")
                assert (got.status, got.headers) == (head.status, head.headers)
                assert int(head.headers["Content-Length"]) == len(got.body) > 0
                assert head.body == b""
            assert (await client.get("/a")).body == b"/a"

    run(test)


def test_the_headers_of_an_answer() -> None:
    """Date, Server and length are in each (metadata 1.5, headers; RFC 9110 6.6.1)."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            headers = (await client.get("/a")).headers
            assert headers.pop("Date").endswith(" GMT")
            assert headers == {
                "Server": "metalease",
                "Content-Type": "application/octet-stream",
                "Cache-Control": "no-store",
                "Content-Length": "2",
            }

    run(test)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("GET / HTTP/2.0\r\n\r\n", 505),
        ("GET /" + "a" * 9000, 414),
        ("GET / HTTP/1.1\r\n" + "A: b\r\n" * 4000, 431),
        ("GET / HTTP/1.1\r\n" + "A: b\r\n" * 101 + "\r\n", 431),
    ],
)
def test_a_refused_request_gets_its_status(head: str, status: int) -> None:
    """Who is refused reads why, then the end, although most of what it sent was never
    looked at: no reset overtakes the answer (metadata 1.2, order of checks)."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            await client.say(head)
            for _ in range(20):
                await client.say(b"x" * 50_000)
            answer = await client.answer()
            assert (answer.status, answer.headers["Connection"]) == (status, "close")
            assert await client.closed()
            assert site.statuses() == [status]
            assert site.answers.asked == []

    run(test)


def test_after_a_refusal_nothing_is_answered() -> None:
    """What follows a request that was refused is not read as another: nobody knows
    where it begins (request smuggling)."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            chunks = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            await client.say("GET /b HTTP/1.1\r\nHost: x\r\n\r\n" + chunks)
            await client.say("0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await client.answer()).body == b"/b"
            assert (await client.answer()).status == 411
            assert await client.closed()
            assert site.answers.asked == [("/b", False)]

    run(test)


def fails(_: bool) -> Response:
    raise RuntimeError("a fault of ours")


def fails_in_a_thread(wait: bool) -> Response:
    if wait:
        raise RuntimeError("a fault of ours")
    raise BlockingIOError


def waits_in_a_thread(_: bool) -> Response:
    raise BlockingIOError("again?")


@pytest.mark.parametrize("fault", [fails, fails_in_a_thread, waits_in_a_thread])
def test_a_fault_of_ours_is_a_500(fault: Ask) -> None:
    """An exception of the answers, in line or in a thread, is a 500 to that guest and a
    report; the connection and the server go on."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            site.answers.paths["/fault"] = fault
            assert (await client.get("/fault")).status == 500
            assert (await client.get("/a")).status == 200
            assert len(site.reports) == 1
            assert site.statuses() == [500, 200]

    run(test)


def test_who_is_unknown_is_reset() -> None:
    """A caller that is not admitted, or whose answer is None, gets a reset and no
    status (issue 5.6; design.md, who asks; host H21)."""

    async def test() -> None:
        async with serving() as site:
            site.answers.paths["/none"] = lambda _: None
            async with (client := await site.client()).stream:
                await client.say("GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
                assert await client.reset()
            site.answers.known = False
            with socket.create_connection(("127.0.0.1", site.port)) as raw:
                await trio.testing.wait_all_tasks_blocked(0.01)
                with pytest.raises(ConnectionResetError):
                    raw.recv(1)
            assert site.reasons() == ["identity", "identity"]
            assert len(site.server) == 0

    run(test)


def test_a_large_file_arrives_whole(tmp_path: Path) -> None:
    """A body of 5 MB comes octet by octet as it is on disk, and the connection goes on
    after it."""
    body = os.urandom(LARGE)
    (tmp_path / "large").write_bytes(body)

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            site.answers.file(tmp_path / "large")
            assert (await client.get("/large")).body == body
            assert (await client.get("/a")).body == b"/a"

    run(test)


def test_a_file_that_is_cut_ends_the_connection(tmp_path: Path) -> None:
    """A file that is shorter than it was when its length was said ends the connection:
    nothing else is sent in its place."""
    (tmp_path / "large").write_bytes(b"x" * LARGE)

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            site.answers.file(tmp_path / "large")
            await client.say("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked(0.01)
            os.truncate(tmp_path / "large", LARGE // 2)
            came = 0
            while octets := await client.stream.receive_some(1_000_000):
                came += len(octets)
            assert came < LARGE
            async with (other := await site.client()).stream:
                assert (await other.get("/a")).status == 200

    run(test)


def test_a_guest_that_goes_is_forgotten(tmp_path: Path) -> None:
    """Who closes, before a request, within one, or in the middle of an answer, leaves
    nothing behind: its file is closed and its place is free."""
    (tmp_path / "large").write_bytes(b"x" * LARGE)
    beginnings = ["", "GET /a HT", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"]

    async def test() -> None:
        async with serving() as site:
            site.answers.file(tmp_path / "large")
            for beginning in beginnings:
                async with (client := await site.client()).stream:
                    await client.say(beginning)
                    await trio.testing.wait_all_tasks_blocked(0.01)
                    assert len(site.server) == 1
                async with (other := await site.client()).stream:
                    assert (await other.get("/a")).status == 200
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert len(site.server) == 0

    run(test)
