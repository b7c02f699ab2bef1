"""DNS by TCP: pipelining, framing, patience and limits, by real sockets of loopback."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager

import dns.flags
import pytest
import trio
import trio.testing

from appliance.resolver.connections import CONNECTIONS_AT_MOST
from appliance.resolver.connections import CONNECTIONS_PER_CLIENT
from appliance.resolver.connections import IDLE
from appliance.resolver.connections import PIPELINED_AT_MOST
from appliance.resolver.server import Limits

from .room import query
from .room import read
from .room import reply
from .shell import LIMITS
from .shell import LOOPBACK
from .shell import Shell

NAME = "www.example.org"


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
            try:
                piece = await self.stream.receive_some(65_536)
            except trio.BrokenResourceError:
                return None
            if not piece:
                return None
            self._buffer += piece


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


def test_queries_in_a_row() -> None:
    """dns 9: many queries of one segment are answered in order (RFC 7766 6.2.1.1)."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(*[query("web", id=number) for number in range(50)]))
        for number in range(50):
            octets = await client.receive()
            assert octets is not None
            assert read(octets).id == number

    in_place(scenario)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
def test_the_frame_may_be_split_anywhere(size: int) -> None:
    """dns 9: length and query may come in pieces of any size."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        octets = framed(query("web", id=1), query("db", id=2))
        for at in range(0, len(octets), size):
            await client.send(octets[at : at + size])
            await trio.testing.wait_all_tasks_blocked()
        for number in (1, 2):
            found = await client.receive()
            assert found is not None
            assert read(found).id == number

    in_place(scenario)


def test_answers_as_they_are_ready() -> None:
    """dns 9: a local answer waits for no question elsewhere (RFC 7766 6.2.1.1)."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(query(NAME, id=1), query("web", id=2)))
        first = await client.receive()
        assert first is not None
        assert read(first).id == 2
        assert [tcp for _, _, tcp in place.channel.asked] == [True]
        many = [f"{NAME} 300 A 192.0.2.{number}" for number in range(200)]
        place.channel.land(lambda sent: reply(sent, *many))
        second = await client.receive()
        assert second is not None
        assert len(second) > 1232
        assert not read(second).flags & dns.flags.TC

    in_place(scenario)


def test_one_that_has_said_its_last_is_answered() -> None:
    """dns 9: a client may close its half; what it asked before is answered."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(query("web", id=1), query(NAME, id=2)))
        await client.stream.send_eof()
        assert await client.receive()
        await trio.testing.wait_all_tasks_blocked(0.001)
        place.channel.land(lambda sent: reply(sent))
        octets = await client.receive()
        assert octets is not None
        assert read(octets).id == 2
        assert await client.receive() is None

    in_place(scenario)


def test_a_silent_client_is_left() -> None:
    """dns 9: ten seconds without a whole query end a connection (RFC 7766 6.2.3)."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await jump(IDLE - 1)
        await client.send(framed(query("web")))
        assert await client.receive()
        await jump(IDLE - 1)
        await client.send(framed(query("web"))[:-1])  # all but one octet
        await jump(0.9)
        assert len(place.server._connections) == 1
        await jump(0.2)
        assert await client.receive() is None
        assert len(place.server._connections) == 0

    in_place(scenario)


BAD = {
    "an empty query": b"\0\0",
    "less than a header": b"\0\x05hello",
    "a response": framed(b"ab\x81\0\0\1\0\0\0\0\0\0\0\0\1\0\1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_query_ends_the_connection(case: str) -> None:
    """dns 15: what gets no answer ends the connection; what came before is answered."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(query("web")) + BAD[case] + framed(query("web")))
        assert await client.receive()
        assert await client.receive() is None

    in_place(scenario)


def test_what_cannot_be_read_is_answered() -> None:
    """dns 15: a malformed query is FORMERR by TCP too, and the next is answered."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(query("web")[:-1], bytes(65_535), query("web")))
        found = [await client.receive() for _ in range(3)]
        assert [read(each).rcode() for each in found if each] == [1, 1, 0]

    in_place(scenario)


def test_so_many_connections_of_one_client() -> None:
    """dns 9, 13: the limit is served, one more is closed; one ends, one may come."""

    async def scenario(place: Place) -> None:
        clients = [await place.connect() for _ in range(CONNECTIONS_PER_CLIENT)]
        one_more = await place.connect()
        assert await one_more.receive() is None
        assert place.server.counts.dropped == {"connections": 1}
        for client in clients:
            await client.send(framed(query("web")))
            assert await client.receive()
        await clients[0].stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.001)
        again = await place.connect()
        await again.send(framed(query("web")))
        assert await again.receive()

    in_place(scenario)


def test_so_many_connections_in_all() -> None:
    """dns 9: the limit of all clients together."""

    async def scenario(place: Place) -> None:
        clients = [
            await place.connect(f"127.0.0.{10 + number // 5}")
            for number in range(CONNECTIONS_AT_MOST)
        ]
        one_more = await place.connect("127.0.1.1")
        assert await one_more.receive() is None
        await clients[-1].send(framed(query("web")))
        assert await clients[-1].receive()
        for client in clients:
            await client.stream.aclose()

    in_place(scenario)


def test_strangers_are_not_served() -> None:
    """dns 13: the source filter holds for TCP."""

    async def scenario(place: Place) -> None:
        place.server._ranges = ()
        client = await place.connect()
        assert await client.receive() is None
        assert place.server.counts.dropped == {"foreign": 1}

    in_place(scenario)


def test_the_rate_holds_for_tcp() -> None:
    """dns 13: by TCP a client has no more queries than by UDP: the rest is cut."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(*[query("web")] * 8))
        assert [bool(await client.receive()) for _ in range(6)] == [True] * 5 + [False]
        assert place.server.counts.dropped == {"rate": 1}

    in_place(scenario, Limits(queries_per_second=5))


def test_a_client_that_reads_late_gets_all() -> None:
    """dns 9: more queries than may wait: reading pauses, nothing is lost."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        many = framed(*[query("web", id=number) for number in range(5_000)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, many)
            await trio.testing.wait_all_tasks_blocked(0.01)
            for number in range(5_000):
                octets = await client.receive()
                assert octets is not None
                assert octets[:2] == number.to_bytes(2, "big")

    in_place(scenario, Limits(queries_per_second=10_000))


def test_a_client_that_never_reads_is_left() -> None:
    """dns 9: one that takes no answers is left after ten seconds; others are served."""

    async def scenario(place: Place) -> None:
        deaf, other = await place.connect(), await place.connect()
        endless = framed(*[query("any.localhost", "TXT")] * 1000)
        async with trio.open_nursery() as nursery:

            async def talk() -> None:
                try:
                    while True:
                        await deaf.send(endless)
                except trio.BrokenResourceError:
                    pass

            nursery.start_soon(talk)
            await trio.testing.wait_all_tasks_blocked(0.05)
            await other.send(framed(query("web")))
            assert await other.receive()
            await other.stream.aclose()
            await jump(IDLE + 0.1)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert len(place.server._connections) == 0

    in_place(scenario, Limits(queries_per_second=10**9))


def test_so_many_queries_wait() -> None:
    """dns 9: a connection has so many unanswered queries; others wait unread."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        many = [query(f"{number}.example.org") for number in range(150)]
        await client.send(framed(*many))
        await trio.testing.wait_all_tasks_blocked(0.001)
        assert len(place.channel.asked) == PIPELINED_AT_MOST
        place.channel.land(lambda sent: reply(sent))
        await trio.testing.wait_all_tasks_blocked(0.001)
        assert len(place.channel.asked) == 50
        place.channel.land(lambda sent: reply(sent))
        assert all([await client.receive() for _ in range(150)])

    in_place(scenario, Limits(forwards_per_client=1_000))


def test_an_answer_to_one_that_has_left_is_no_matter() -> None:
    """dns 9: a client that goes while its question is elsewhere harms nobody."""

    async def scenario(place: Place) -> None:
        client = await place.connect()
        await client.send(framed(query(NAME)))
        await trio.testing.wait_all_tasks_blocked(0.001)
        await client.stream.aclose()
        await jump(IDLE + 1)
        place.channel.land(lambda sent: reply(sent))
        other = await place.connect()
        await other.send(framed(query(NAME)))
        await trio.testing.wait_all_tasks_blocked(0.001)
        place.channel.land(lambda sent: reply(sent))
        assert await other.receive()

    in_place(scenario)
