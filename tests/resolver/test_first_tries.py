"""The first try of a question: what it answers itself, and what it hands on."""

import os
import socket
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from appliance.resolver.channel import SILENCE
from appliance.resolver.channel import Channel
from appliance.resolver.forwarder import Forwarder
from appliance.resolver.line import serve_line
from appliance.resolver.upstreams import PATIENCE
from appliance.resolver.upstreams import Routes
from appliance.resolver.wire import Query

from .ends import Answers
from .ends import joined
from .ends import pair
from .room import NAME
from .room import query
from .room import read
from .room import reply
from .room import texts
from .upstream import ASKED
from .upstream import Upstream
from .upstream import refers
from .upstream import says
from .upstream import well
from .upstream import with_upstreams

FIRST, REST = slice(2), slice(12, None)
FOUND = [f"{NAME}. A 192.0.2.80"]


def asked_of(
    *upstreams: Upstream, asked: bytes = ASKED, tcp: bool = False, times: int = 1
) -> tuple[list[bytes | None], Channel]:
    """Return what comes back of a question to *upstreams*, and who asked."""
    answers = Answers()
    channels: list[Channel] = []

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        channels.append(channel)
        for number in range(1, times + 1):
            assert channel.ask(asked, answers, tcp=tcp)
            await answers.wait(number)

    joined(scenario, *upstreams)
    return answers.found, channels[0]


def questions(asked: list[bytes]) -> int:
    """Return how many of *asked* were ours; the rest are probes."""
    return sum(b"\x07example\x03org" in each.lower() for each in asked)


def texts_of(found: list[bytes | None]) -> list[list[str]]:
    return [[] if each is None else texts(read(each).answer) for each in found]


@pytest.mark.parametrize("tcp", [False, True])
def test_the_first_answer_is_the_answer(tcp: bool) -> None:
    """dns 7: the first upstream is asked once, the second not at all."""
    one, two = Upstream(10, udp=well), Upstream(11, udp=well)
    found, channel = asked_of(one, two, tcp=tcp)
    assert texts_of(found) == [FOUND]
    assert (questions(one.asked), questions(two.asked)) == (1, 0)
    assert not +channel.counts


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "NOERROR"])
def test_no_such_name_is_an_answer(rcode: str) -> None:
    """dns 7: that there is nothing is an answer too."""
    one, two = Upstream(10, udp=says(rcode)), Upstream(11, udp=well)
    (found,), _ = asked_of(one, two)
    assert found is not None
    assert read(found).answer == []
    assert (questions(one.asked), questions(two.asked)) == (1, 0)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP"])
def test_one_that_says_no_is_asked_once(rcode: str) -> None:
    """dns 7: who refuses is not asked again; the next one is, or that is the answer."""
    one, two = Upstream(10, udp=says(rcode)), Upstream(11, udp=well)
    found, _ = asked_of(one, two)
    assert texts_of(found) == [FOUND]
    assert (questions(one.asked), questions(two.asked)) == (1, 1)
    one = Upstream(10, udp=says(rcode))
    (alone,), _ = asked_of(one)
    assert alone is not None
    assert alone[3] & 15
    assert questions(one.asked) == 1


def test_a_referral_is_no_answer() -> None:
    """dns 7: who does not recurse and knows nothing is followed by the next; alone,
    what it says is the answer."""
    one, two = Upstream(10, udp=refers), Upstream(11, udp=well)
    found, _ = asked_of(one, two)
    assert texts_of(found) == [FOUND]
    (alone,), _ = asked_of(Upstream(10, udp=refers))
    assert alone is not None
    assert len(read(alone).authority) == 1


def probes_alone(asked: bytes) -> list[bytes]:
    return [] if questions([asked]) else well(asked)


def test_one_that_is_silent_is_waited_for_once() -> None:
    """dns 7: after 1.5 seconds the next is asked, and first from then on."""
    one, two = Upstream(10, udp=probes_alone), Upstream(11, udp=well)
    started: list[float] = []

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        answers = Answers()
        started.append(trio.current_time())
        assert channel.ask(ASKED, answers, tcp=False)
        await answers.wait(1)
        started.append(trio.current_time())
        assert channel.ask(ASKED, answers, tcp=False)
        await answers.wait(2)
        started.append(trio.current_time())
        assert texts_of(answers.found) == [FOUND, FOUND]
        assert channel.counts["silent"] == 1
        assert questions(one.asked) == 1

    joined(scenario, one, two)
    assert PATIENCE <= started[1] - started[0] < PATIENCE + 0.5
    assert started[2] - started[1] < 0.5


def test_all_are_silent_in_time() -> None:
    """dns 7: the daemon hears of it before it gives up itself."""
    waits: list[float] = []

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        answers, since = Answers(), trio.current_time()
        assert channel.ask(ASKED, answers, tcp=False)
        await answers.wait(1)
        waits.append(trio.current_time() - since)
        assert answers.found == [None]
        assert channel.counts["silent"] >= 3  # from the forwarder: it was no time-out

    joined(scenario, Upstream(10), Upstream(11))
    assert waits[0] < 5 < SILENCE


def test_nobody_listens() -> None:
    """dns 7: where nobody listens, the next is asked at once."""
    one = Upstream(10, udp=well)
    nobody = IPv4Address("127.0.0.99")

    async def scenario(unused: Forwarder) -> None:
        assert one.socket is not None
        routes = Routes.of([nobody, one.address], {})
        forwarder = Forwarder(routes, port=one.socket.getsockname()[1])
        ours, theirs = pair()
        channel, answers = Channel("net1", ours, None), Answers()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            nursery.start_soon(serve_line, theirs, lambda _: forwarder, None)
            since = trio.current_time()
            assert channel.ask(ASKED, answers, tcp=False)
            await answers.wait(1)
            assert texts_of(answers.found) == [FOUND]
            assert trio.current_time() - since < PATIENCE
            nursery.cancel_scope.cancel()

    with_upstreams(scenario, one)


def test_what_is_strange_is_waited_out() -> None:
    """dns 8: an answer to something else is dropped and counted."""
    one = Upstream(10, udp=lambda asked: [b"", b"strange", *well(asked)])
    found, channel = asked_of(one)
    assert texts_of(found) == [FOUND]
    assert channel.counts["strange"] == 2


def lower(asked: bytes) -> list[bytes]:
    return well(asked[:12] + asked[12:-15].lower() + asked[-15:])


def test_other_letters_are_the_forwarders() -> None:
    """dns 8: letters differ: asked after by TCP, and never believed as they are."""
    one = Upstream(10, udp=lower, tcp=well)
    found, channel = asked_of(one)
    assert texts_of(found) == [FOUND]
    assert questions(one.asked_by_tcp) == 1
    assert channel.counts["strange"] >= 2  # the probe is answered so too


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
def test_one_that_knows_no_edns_is_the_forwarders(rcode: str) -> None:
    """dns 10: FORMERR or NOTIMP to EDNS: asked again without, once."""

    def old(asked: bytes) -> list[bytes]:
        if Query.parse(asked).edns is not None:
            return [reply(asked, rcode=rcode, edns=False)[:4] + bytes(8)]
        return [reply(asked, f"{NAME} 300 A 192.0.2.80", edns=False)]

    one = Upstream(10, udp=old)
    found, _ = asked_of(one, asked=query(NAME, id=0, edns=1232))
    assert texts_of(found) == [FOUND]
    assert questions(one.asked) == 2


def test_what_is_cut_is_asked_by_tcp_for_tcp() -> None:
    """dns 9: TC passes to who asked by UDP; for who asked by TCP it is asked again."""

    def cut(asked: bytes) -> list[bytes]:
        return [reply(asked, tc=True)]

    one = Upstream(10, udp=cut, tcp=well)
    (found,), _ = asked_of(one)
    assert found is not None
    assert read(found).flags & 0x0200
    assert one.asked_by_tcp == []
    whole, _ = asked_of(one := Upstream(10, udp=cut, tcp=well), tcp=True)
    assert texts_of(whole) == [FOUND]
    assert questions(one.asked_by_tcp) == 1


def test_every_first_question_is_hard_to_guess() -> None:
    """dns 8: a fresh port, a random id and random letters each time (RFC 5452)."""
    one = Upstream(10, udp=well)
    found, _ = asked_of(one, times=40)
    assert texts_of(found) == [FOUND] * 40
    for seen in (
        one.ports,
        [each[:2] for each in one.asked],
        [each[12:] for each in one.asked],
    ):
        assert len(set(seen)) > 35


def test_no_socket_is_left() -> None:
    """dns 7: answered, given up, or left by its daemon: every socket is closed."""
    before = len(os.listdir("/proc/self/fd"))
    asked_of(Upstream(10, udp=well), times=3)

    async def leave(channel: Channel, forwarder: Forwarder) -> None:
        assert channel.ask(ASKED, Answers(), tcp=False)
        await trio.testing.wait_all_tasks_blocked()

    joined(leave, Upstream(10))
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_daemon_that_hangs_up() -> None:
    """dns 7: the line ends without a complaint, whatever is still asked."""

    async def scenario(forwarder: Forwarder) -> None:
        ended = trio.Event()
        ours, theirs = pair()
        channel = Channel("net1", ours, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            nursery.start_soon(serve, theirs, forwarder, ended)
            assert channel.ask(ASKED, Answers(), tcp=False)
            await trio.testing.wait_all_tasks_blocked()
            ours.shutdown(socket.SHUT_RDWR)
            with trio.fail_after(PATIENCE / 2):
                await ended.wait()
            nursery.cancel_scope.cancel()

    async def serve(
        line: socket.socket, forwarder: Forwarder, ended: trio.Event
    ) -> None:
        await serve_line(line, lambda _: forwarder, None)
        ended.set()

    with_upstreams(scenario, Upstream(10))
