"""How much a client gets by TCP, and how long it is waited for."""

import trio
import trio.testing

from appliance.resolver.connections import CONNECTIONS_AT_MOST
from appliance.resolver.connections import CONNECTIONS_PER_CLIENT
from appliance.resolver.connections import IDLE
from appliance.resolver.connections import PIPELINED_AT_MOST
from appliance.resolver.server import Limits

from .room import NAME
from .room import query
from .room import reply
from .tcp import Place
from .tcp import framed
from .tcp import in_place
from .tcp import jump


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
        many_more = framed(*[query("any.localhost", "TXT")] * 1000)
        async with trio.open_nursery() as nursery:

            async def talk() -> None:
                try:
                    for _ in range(300):  # far more than any buffer takes
                        await deaf.send(many_more)
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
