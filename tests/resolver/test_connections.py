"""DNS by TCP: pipelining, framing, patience and limits, by real sockets of loopback."""

import dns.flags
import pytest
import trio
import trio.testing

from appliance.resolver.connections import IDLE

from .room import NAME
from .room import query
from .room import read
from .room import reply
from .tcp import Place
from .tcp import framed
from .tcp import in_place
from .tcp import jump


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
    assert IDLE == 10

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
