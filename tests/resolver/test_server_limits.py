"""Who is answered, how much, and what is kept of it."""

from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from appliance.resolver.datagrams import client_of
from appliance.resolver.server import REMEMBERED_AT_MOST
from appliance.resolver.server import REMEMBERED_IN_ALL
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
        assert client_of(CLIENT) not in shell.server._foreign

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


@pytest.mark.parametrize("many", [1, 3, 7, 8, 9, 64])
def test_a_batch_is_answered_as_one_by_one(many: int) -> None:
    """dns 13, 17: a batch of one client's that is all remembered takes as many of its
    queries, is counted as often, and has the answers that single queries have."""

    async def scenario() -> None:
        together, alone = (
            Shell(limits=Limits(queries_per_second=10)) for _ in range(2)
        )
        names = ("web", "db", "web", "nobody")
        asked = [query(names[number % len(names)], id=number) for number in range(many)]
        for shell in (together, alone):
            shell.hear(query("web"), query("db"))
        said = together.hear(*asked)
        # what was not asked before is not in the batch that leaves together
        assert sorted(said) == sorted(each for one in asked for each in alone.hear(one))
        assert len(said) == min(many, 8)
        assert together.server.counts.answers == alone.server.counts.answers
        assert together.server.counts.dropped == alone.server.counts.dropped

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
    assert REMEMBERED_AT_MOST == 65_536
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


def test_memory_is_bounded_in_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    """dns 11: all that is remembered has so many octets at most, each counted once."""
    assert REMEMBERED_IN_ALL == 8 * 1024 * 1024
    monkeypatch.setattr("appliance.resolver.server.REMEMBERED_IN_ALL", 2_000)

    async def scenario() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        shell = Shell(limits=Limits(queries_per_second=10**9))
        server, most = shell.server, 0
        shell.hear(query(NAME))
        shell.channel.land(lambda sent: reply(sent, f"{NAME} 300 A 192.0.2.80"))
        for number in range(110):
            clock.jump(1.5)  # what was remembered of the cache is said anew
            shell.hear(query(NAME), query(f"n{number % 7}.local"))
            kept = server._remembered.items()
            octets = sum(len(each) + len(known[4].octets) + 4 for each, known in kept)
            assert octets == server._octets <= 2_000
            most = max(most, len(kept))
        assert most == 8
        for number in range(110):
            shell.hear(query(f"n{number}.local"))
            assert server._octets <= 2_000

    in_loop(scenario)
