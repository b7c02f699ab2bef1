"""What one guest may hold: time, connections, turns."""

import os
import resource
import socket
from contextlib import AsyncExitStack

import pytest
import trio

from httpd.contract import Limits
from httpd.guests import LINGER
from httpd.messages import Response
from httpd.pace import Rate

from .site import Hours
from .site import run
from .site import run_by
from .site import serving

SWEPT = 1.0  # seconds: deadlines are looked at once a second
SECONDS = Limits()


@pytest.mark.parametrize(
    "beginning",
    [
        "G",
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12345678",
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /",
    ],
    ids=["line", "headers", "body", "second request"],
)
def test_a_slow_request_is_cut_off(beginning: str) -> None:
    """A request that is not whole request_seconds after its first octet ends its
    connection, however steadily its octets drip (issue 3, point 4)."""

    async def test(hours: Hours) -> None:
        async with serving() as site, (client := await site.client()).stream:
            for octet in beginning.encode():
                await client.say(bytes([octet]))
            if "/a" in beginning:
                assert (await client.answer()).status == 200
            await hours.pass_(SECONDS.request_seconds - 2 * SWEPT)
            await client.say("o" if "8" not in beginning else "")
            await hours.pass_(SWEPT)
            assert len(site.server) == 1
            assert site.reasons() == []
            await hours.pass_(2 * SWEPT)
            assert len(site.server) == 0
            assert site.reasons() == ["timeout"]
            assert await client.closed()

    run_by(test)


def test_who_says_nothing_is_cut_off() -> None:
    """A connection that never asks ends after request_seconds, one that was answered
    after idle_seconds, and neither is worth a line."""

    async def test(hours: Hours) -> None:
        async with serving() as site, AsyncExitStack() as stack:
            mute, idle = await site.client(), await site.client()
            for each in (mute, idle):
                await stack.enter_async_context(each.stream)
            await hours.rest()
            assert (await idle.get("/a")).status == 200
            await hours.pass_(SECONDS.request_seconds + SWEPT)
            assert await mute.closed()
            await hours.pass_(
                SECONDS.idle_seconds - SECONDS.request_seconds - 2 * SWEPT
            )
            assert (await idle.get("/a")).status == 200
            await hours.pass_(SECONDS.idle_seconds + SWEPT)
            assert await idle.closed()
            assert site.reasons() == []

    run_by(test)


def test_empty_lines_are_no_way_to_stay() -> None:
    """A guest that sends nothing but empty lines is refused at the second."""

    async def test(hours: Hours) -> None:
        async with serving() as site, (client := await site.client()).stream:
            await client.say("\r\n")
            await hours.rest()
            await client.say("\r\n")
            assert (await client.answer()).status == 400

    run_by(test)


def test_a_reader_that_takes_nothing_is_cut_off() -> None:
    """Who reads none of a large answer for send_seconds loses it, and its place."""

    async def test(hours: Hours) -> None:
        async with serving() as site, (client := await site.client()).stream:
            site.answers.paths["/large"] = lambda _: Response(200, (), b"x" * 9_000_000)
            await client.say("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await hours.pass_(SECONDS.send_seconds - SWEPT)
            assert len(site.server) == 1
            await hours.pass_(2 * SWEPT)
            assert len(site.server) == 0

    run_by(test)


def test_a_refused_guest_has_a_moment_to_read_why() -> None:
    """Who was refused and does not close is closed after LINGER."""

    async def test(hours: Hours) -> None:
        async with serving() as site, (client := await site.client()).stream:
            await client.say("nonsense\r\n\r\n")
            await hours.pass_(LINGER - SWEPT)
            assert len(site.server) == 1
            await hours.pass_(2 * SWEPT)
            assert len(site.server) == 0
            assert site.reasons() == []
            assert (await client.answer()).status == 400
            assert await client.closed()

    run_by(test)


def test_one_address_holds_so_many_connections() -> None:
    """One more than connections_per_ip is 503 with Retry-After, never 429, and others
    are served; when one goes, there is room (metadata 1.2; clients C37, C75)."""

    async def test() -> None:
        limits = Limits(connections_per_ip=3, connections_total=100)
        async with serving(limits) as site, AsyncExitStack() as stack:
            clients = [await site.client() for _ in range(4)]
            for each in clients:
                await stack.enter_async_context(each.stream)
            refused = await clients[3].answer()
            assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
            assert await clients[3].closed()
            for each in clients[:3]:
                assert (await each.get("/a")).status == 200
            async with (other := await site.client("127.0.0.2")).stream:
                assert (await other.get("/a")).status == 200
            for each in clients[2:]:
                await each.stream.aclose()
            await trio.testing.wait_all_tasks_blocked(0.05)
            async with (again := await site.client()).stream:
                assert (await again.get("/a")).status == 200

    run(test)


def test_all_hold_so_many_connections() -> None:
    """One more than connections_total is 503, whoever asks."""

    async def test() -> None:
        limits = Limits(connections_per_ip=2, connections_total=4)
        async with serving(limits) as site, AsyncExitStack() as stack:
            clients = [await site.client(f"127.0.0.{host}") for host in (1, 1, 2, 3, 4)]
            for each in clients:
                await stack.enter_async_context(each.stream)
            assert (await clients[4].answer()).status == 503
            for each in clients[:4]:
                assert (await each.get("/a")).status == 200

    run(test)


def test_a_flood_from_one_address_takes_no_place_of_others() -> None:
    """An address that opens connections without end holds twice its share at most, the
    rest is reset; those that were refused do not count as served, so that everybody
    else still is (issue 3, limits on connections)."""

    async def test() -> None:
        limits = Limits(connections_per_ip=3, connections_total=8)
        async with serving(limits) as site, AsyncExitStack() as stack:
            for _ in range(50):
                here = ("127.0.0.1", site.port)
                stack.enter_context(socket.create_connection(here))
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert len(site.server) == 6
            assert site.statuses() == [503] * 3
            assert site.reasons() == ["crowded"] * 44
            for host in (2, 3, 4, 5, 6):
                other = await site.client(f"127.0.0.{host}")
                await stack.enter_async_context(other.stream)
                assert (await other.get("/a")).status == 200

    run(test)


def test_many_requests_at_once_wait_their_turn() -> None:
    """A guest that sends thousands of requests together gets so many answers in a turn,
    and another that asks after it is answered before they are all done."""

    async def test() -> None:
        limits = Limits(rate=Rate(per_second=1e6, burst=1e6, wait_at_most=0.0))
        async with serving(limits) as site, AsyncExitStack() as stack:
            greedy, modest = await site.client(), await site.client()
            for each in (greedy, modest):
                await stack.enter_async_context(each.stream)
            await trio.testing.wait_all_tasks_blocked(0.01)
            many = 2000
            for client, text in (
                (greedy, "GET /g HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * many),
                (modest, "GET /m HTTP/1.1\r\nHost: x\r\n\r\n"),
            ):
                sent = os.write(client.stream.socket.fileno(), text.encode())
                assert sent == len(text)
            for _ in range(many):
                assert (await greedy.answer()).body == b"/g"
            assert (await modest.answer()).body == b"/m"
            order = [path for path, _ in site.answers.asked]
            assert order.index("/m") < many / 10

    run(test)


def test_without_descriptors_those_who_wait_are_served_later() -> None:
    """Where the process has no descriptor left, that is reported once a second, open
    connections go on, and who waits is served when there is room again."""

    async def test(hours: Hours) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with serving() as site, (served := await site.client()).stream:
            assert (await served.get("/a")).status == 200
            waits = socket.socket()
            first = waits.fileno()  # the lowest that was free: all below are taken
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (first, hard))
                waits.connect(("127.0.0.1", site.port))
                await hours.rest()
                assert (await served.get("/a")).status == 200
                assert [type(each) for each in site.reports] == [OSError]
                await hours.pass_(SWEPT)
                assert len(site.reports) == 2
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            waits.send(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
            await hours.pass_(SWEPT)
            assert waits.recv(100).startswith(b"HTTP/1.1 200 OK")
            waits.close()
            assert len(site.reports) == 2

    run_by(test)


def test_who_hung_up_holds_no_place() -> None:
    """A guest that asks one thing after the other, however fast, has one connection at
    a time: those that it has closed do not count (clients C30)."""

    async def test() -> None:
        async with serving(Limits(connections_per_ip=4)) as site:
            callers = []
            for _ in range(40):  # by which the loop gets no turn
                caller = socket.create_connection(("127.0.0.1", site.port))
                caller.sendall(b"nonsense\r\n\r\n")
                caller.shutdown(socket.SHUT_WR)
                callers.append(caller)
            while len(site.statuses()) < 40:
                await trio.testing.wait_all_tasks_blocked(0.01)
            assert site.statuses() == [400] * 40
            for caller in callers:
                caller.close()

    run(test)
