"""Who is answered, how much, and what is kept of it."""

from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from appliance.resolver.server import REMEMBERED_AT_MOST
from appliance.resolver.server import REMEMBERED_OCTETS_AT_MOST
from appliance.resolver.server import Limits

from .room import NAME
from .room import query
from .room import read
from .room import reply
from .shell import CLIENT
from .shell import Shell
from .shell import in_loop


def test_strangers_get_nothing() -> None:
    """dns 13: only addresses of the network's ranges are answered, or counted long."""

    async def scenario() -> None:
        shell = Shell()
        assert shell.hear(query("web"), client="10.0.1.5") == []
        assert shell.hear(query("web"), client="8.8.8.8") == []
        assert shell.server.counts.dropped == {"foreign": 2}
        for number in range(10_000):
            address = str(IPv4Address(0x0B000000 + number))
            assert shell.hear(b"", client=address) == []
        assert len(shell.server._foreign) <= 4_096
        assert CLIENT not in shell.server._foreign

    in_loop(scenario)


def test_a_client_has_so_many_queries_a_second() -> None:
    """dns 13: the limit is answered, one more is dropped; the next second is new."""

    async def scenario() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        shell = Shell(limits=Limits(queries_per_second=5))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(shell.server.tick)
            await trio.testing.wait_all_tasks_blocked()
            assert len(shell.hear(*[query("web")] * 5)) == 5
            assert len(shell.hear(*[query("web")] * 3)) == 0
            assert shell.server.counts.dropped == {"rate": 3}
            assert len(shell.hear(query("web"), client="10.0.0.6")) == 1
            clock.jump(1)
            await trio.testing.wait_all_tasks_blocked()
            assert len(shell.hear(*[query("web")] * 6)) == 5
            nursery.cancel_scope.cancel()

    in_loop(scenario)


def test_a_client_has_so_many_questions_elsewhere() -> None:
    """dns 13: one who asks for more outside names than the limit gets SERVFAIL."""

    async def scenario() -> None:
        shell = Shell(limits=Limits(forwards_per_client=3))
        asked = [query(f"{number}.example.org") for number in range(4)]
        (failed,) = shell.hear(*asked)
        assert read(failed).rcode() == 2
        assert shell.hear(query("5.example.org"), client="10.0.0.6") == []
        shell.channel.land(lambda sent: reply(sent))
        assert shell.hear(query("6.example.org")) == []

    in_loop(scenario)


def test_nobody_to_ask_is_a_failure_of_the_moment() -> None:
    """dns 7: without a forwarder SERVFAIL at once, which is not kept."""

    async def scenario() -> None:
        shell = Shell()
        shell.channel.there = False
        (failed,) = shell.hear(query(NAME))
        assert read(failed).rcode() == 2
        assert shell.server.counts.failed == 1
        shell.channel.there = True
        assert shell.hear(query(NAME)) == []
        assert len(shell.channel.asked) == 1
        (failed,) = Shell(channel=False).hear(query(NAME))
        assert read(failed).rcode() == 2

    in_loop(scenario)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """dns 11: remembered queries are bounded, in number and in octets."""
    assert REMEMBERED_AT_MOST == 16_384
    monkeypatch.setattr("appliance.resolver.server.REMEMBERED_AT_MOST", 100)

    async def scenario() -> None:
        shell = Shell(limits=Limits(queries_per_second=10**9))
        for number in range(110):
            shell.hear(query(f"n{number}.local"))
            assert len(shell.server._remembered) <= 100
        shell.server.forget()
        room = REMEMBERED_OCTETS_AT_MOST - len(query("web"))
        shell.hear(query("web") + bytes(room))
        assert len(shell.server._remembered) == 1
        shell.hear(query("web") + bytes(room + 1))
        assert len(shell.server._remembered) == 1

    in_loop(scenario)
