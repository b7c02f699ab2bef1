"""The UDP shell: remembered answers, one question for many, limits."""

from collections.abc import Sequence
from ipaddress import IPv4Address

import dns.flags
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from appliance.resolver.names import encode_name
from appliance.resolver.policy import Answer
from appliance.resolver.policy import Source
from appliance.resolver.server import BUSY
from appliance.resolver.server import DRAIN_AT_MOST

from .room import ADDRESS
from .room import NAME
from .room import query
from .room import read
from .room import reply
from .room import texts
from .shell import CLIENT
from .shell import Shell
from .shell import in_loop

ASKED = st.builds(
    query,
    st.sampled_from(
        ["web", "WEB.net1.example", "nobody.net1.example", "5.0.0.10.in-addr.arpa",
         "db", "first.net1.example", NAME, "localhost", "x.local"]
    ),
    st.sampled_from(["A", "AAAA", "PTR", "ANY", "SOA", "AXFR", "TYPE65"]),
    id=st.integers(0, 65_535),
    rd=st.booleans(),
    edns=st.sampled_from([None, 512, 4096]),
)  # fmt: skip


@given(st.lists(ASKED, min_size=1, max_size=20), st.integers(0, 65_535))
def test_what_is_remembered_is_what_would_be_said(
    asked: list[bytes], other: int
) -> None:
    """dns 11: a remembered answer is a fresh one, octet by octet, but for its id."""

    async def scenario() -> None:
        shell, fresh = Shell(), Shell()
        for each in [*asked, *asked]:
            mine = other.to_bytes(2, "big") + each[2:]
            answers = shell.hear(mine)
            if not answers:
                shell.channel.land(lambda sent: reply(sent, rcode="REFUSED"))
                continue
            decision = fresh.resolver.decide(mine, 0.0)
            assert isinstance(decision, Answer)
            assert answers == [decision.octets]

    in_loop(scenario)


def test_a_second_answer_costs_a_look_up() -> None:
    """dns 11: the same query of anybody is answered from the same octets, counted."""

    async def scenario() -> None:
        shell = Shell()
        one = shell.hear(query("web", id=1))
        decide, shell.resolver.decide = shell.resolver.decide, None  # type: ignore[method-assign, assignment] # not to be called
        two = shell.hear(query("web", id=2), client="10.0.0.99")
        shell.resolver.decide = decide  # type: ignore[method-assign] # as it was
        assert two == [b"\0\2" + one[0][2:]]
        assert shell.server.counts.answers == {(1, 0, "local"): 2}

    in_loop(scenario)


def test_a_change_of_names_is_seen_by_the_next_query() -> None:
    """dns 1, 16: what was remembered is forgotten when names change."""

    async def scenario() -> None:
        shell = Shell()
        (missing,) = shell.hear(query("new"))
        assert read(missing).rcode() == 3
        value = IPv4Address("10.0.0.50").packed
        shell.resolver.names.add(encode_name("new"), 1, value)
        shell.server.forget()
        (found,) = shell.hear(query("new"))
        assert texts(read(found).answer) == ["new. A 10.0.0.50"]

    in_loop(scenario)


def test_what_is_forgotten_meanwhile_is_sent_whole() -> None:
    """issue 7: whoever forgets all answers between a batch's coming and its going, and
    uses their memory anew: what goes is what was remembered."""

    async def scenario() -> None:
        shell = Shell()
        batch = [query(each) for each in ("web", "x.local", "nobody.net1.example") * 5]
        shell.hear(*batch)
        expected = shell.hear(*batch)
        answer_all = shell.listener.answer_all
        litter: list[bytes] = []

        def later(starts: Sequence[int], lengths: Sequence[int]) -> None:
            shell.server.forget()
            for length in lengths:
                litter.extend(b"!" * (length + more) for more in range(-40, 40))
            answer_all(starts, lengths)

        shell.listener.answer_all = later  # type: ignore[method-assign] # for once
        assert shell.hear(*batch) == expected
        assert len(litter) == len(batch) * 80

    in_loop(scenario)


def test_a_remembered_answer_of_the_cache_gets_older() -> None:
    """dns 11: TTLs go down by the second also where octets are remembered."""

    async def scenario() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        shell = Shell()
        shell.hear(query(NAME))
        clock.jump(0.25)
        shell.channel.land(lambda sent: reply(sent, ADDRESS))
        lifetimes = []
        for _ in range(7):
            (found,) = shell.hear(query(NAME))
            lifetimes.append(read(found).answer[0].ttl)
            clock.jump(0.5)
        assert lifetimes == [300, 300, 299, 299, 298, 298, 297]
        clock.jump(300)
        assert shell.hear(query(NAME)) == []
        assert len(shell.channel.asked) == 1

    in_loop(scenario)


def test_many_askers_are_one_question() -> None:
    """dns 11: a question in flight is not asked again; all who wait are answered."""

    async def scenario() -> None:
        shell = Shell()
        letters = ["www.example.org", "WWW.example.org", "wWw.eXample.oRg"]
        for number in range(60):
            asked = query(letters[number % 3], id=number)
            assert shell.hear(asked, client=f"10.0.0.{number % 30}") == []
        assert len(shell.channel.asked) == 1
        assert shell.listener.sent == []
        shell.channel.land(lambda sent: reply(sent, ADDRESS))
        found = [read(octets) for octets, _ in shell.listener.sent]
        assert [each.id for each in found] == list(range(60))
        assert [str(each.question[0].name) for each in found[:3]] == [
            f"{name}." for name in letters
        ]
        assert shell.server.counts.answers[1, 0, Source.UPSTREAM.value] == 60
        assert len(shell.server._flights) == 0
        assert not shell.server._flights._of_client

    in_loop(scenario)


def test_what_differs_is_asked_apart() -> None:
    """dns 11: type, DO and CD make another question."""

    async def scenario() -> None:
        shell = Shell()
        shell.hear(
            query(NAME),
            query(NAME, "AAAA"),
            query(NAME, edns=1232, dnssec=True),
            query(NAME, flags=dns.flags.CD),
            query(NAME, flags=dns.flags.AD),
        )
        assert len(shell.channel.asked) == 4

    in_loop(scenario)


def test_errors_of_the_socket_are_no_matter() -> None:
    """dns 15: an ICMP error, or an answer that cannot leave, stops nothing."""

    async def scenario() -> None:
        shell = Shell()
        shell.listener.coming.append(ConnectionRefusedError(111, "refused"))
        assert len(shell.hear(query("web"))) == 1
        shell.listener.takes = False
        shell.hear(query("web"), query("db"))
        shell.listener.takes = True
        assert len(shell.hear(query("web"))) == 1

    in_loop(scenario)


def test_a_burst_leaves_others_their_turn() -> None:
    """dns 13: 256 queries are answered at a time, then others have their turn."""

    async def scenario() -> None:
        shell = Shell()
        shell.listener.coming += [(query("web"), (CLIENT, 1))] * 300
        shell.drain()
        assert len(shell.listener.sent) == 256

    in_loop(scenario)


def test_a_busy_socket_is_looked_at_again() -> None:
    """Where queries came in a row more are expected at once, others having had their
    turn; where few came the socket is waited for (issue 7, queries per second)."""

    async def scenario() -> None:
        shell = Shell()
        for count, looks in ((0, 1), (1, 1), (BUSY - 1, 1), (BUSY, 2), (300, 4)):
            shell.listener.coming = [(query("web"), (CLIENT, 1))] * count
            shell.listener.looks = 0
            assert shell.drain() == (count >= DRAIN_AT_MOST)
            assert shell.listener.looks == looks
        assert 1 < BUSY < DRAIN_AT_MOST

    in_loop(scenario)


def test_what_is_counted() -> None:
    """dns 17: by type, code and source; truncated, dropped, failed, and how long."""

    async def scenario() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        shell = Shell()
        counts = shell.server.counts
        shell.hear(query("web"), query("web"), query("nobody"), query("web", "TXT"))
        shell.hear(b"short", query(NAME))
        clock.jump(0.03)
        many = [f"{NAME} 300 A 192.0.2.{number}" for number in range(100)]
        shell.channel.land(lambda sent: reply(sent, *many))
        shell.hear(query(NAME), query("gone.example"))
        shell.channel.land(lambda sent: None)
        assert counts.answers == {
            (1, 0, "local"): 2,
            (1, 3, "local"): 1,
            (16, 0, "local"): 1,
            (1, 0, "upstream"): 1,
            (1, 0, "cache"): 1,
            (1, 2, "upstream"): 1,
        }
        assert counts.dropped == {"malformed": 1}
        assert (counts.truncated, counts.failed) == (2, 1)
        assert counts.latencies[5] == 1  # over 0.02, up to 0.05 seconds
        assert sum(counts.latencies) == 1
        assert abs(counts.seconds - 0.03) < 1e-6

    in_loop(scenario)


def test_the_loops_name_is_answered() -> None:
    """dns 14: whoever asks for the token's name asks us what we asked it."""

    async def scenario() -> None:
        shell = Shell()
        name = f"1a2b3c4d.{shell.channel.token}.metalease.internal"
        (found,) = shell.hear(query(name, "TXT"))
        assert texts(read(found).answer) == [f'{name}. TXT "a loop of metalease"']
        assert shell.hear(query(f"x.{'0' * 16}.metalease.internal", "TXT")) == []

    in_loop(scenario)


def test_a_real_socket() -> None:
    """dns 1: the same by a socket of the kernel."""

    async def main() -> None:
        shell = Shell(ranges=())
        from .shell import LOOPBACK

        shell.server._ranges = (LOOPBACK,)
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind(("127.0.0.1", 0))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(shell.server.serve_udp, listener)
                with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    await client.connect(listener.getsockname())
                    with trio.fail_after(5):
                        for number in range(600):
                            await client.send(query("web", id=number))
                            found = read(await client.recv(4096))
                            assert found.id == number
                nursery.cancel_scope.cancel()

    trio.run(main)
