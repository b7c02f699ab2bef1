"""The line between daemon and forwarder: questions over, answers back, and losses."""

import os
import socket
import tempfile
from pathlib import Path

import pytest
import trio
import trio.testing

from appliance.errors import SettingsError
from appliance.resolver import channel as channel_module
from appliance.resolver.channel import AGAIN
from appliance.resolver.channel import ANSWERED
from appliance.resolver.channel import HELLO
from appliance.resolver.channel import SILENCE
from appliance.resolver.channel import WAITING_AT_MOST
from appliance.resolver.channel import Channel
from appliance.resolver.forwarder import Forwarder
from appliance.resolver.line import QUESTIONS_AT_MOST
from appliance.resolver.line import serve_line

from .ends import Answers
from .ends import joined
from .ends import pair
from .room import NAME
from .room import read
from .room import texts
from .upstream import ASKED
from .upstream import Upstream
from .upstream import well
from .upstream import with_upstreams


def test_a_question_goes_over_and_its_answer_comes_back() -> None:
    """dns 7: the daemon's question is asked by the forwarder."""

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        answers = Answers()
        assert channel.ask(ASKED, answers, tcp=False)
        assert channel.ask(ASKED, answers, tcp=True)
        await answers.wait(2)
        for octets in answers.found:
            assert octets is not None
            assert texts(read(octets).answer) == [f"{NAME}. A 192.0.2.80"]
        assert not channel._waiting

    joined(scenario, Upstream(10, udp=well))


def test_a_thousand_at_a_time() -> None:
    """dns 7, 11: a thousand questions may wait; one more is refused at once."""

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        answers = Answers()
        for _ in range(WAITING_AT_MOST):
            assert channel.ask(ASKED, answers, tcp=False)
        assert channel._unsent  # more than the line takes at once
        assert not channel.ask(ASKED, answers, tcp=False)
        await answers.wait(WAITING_AT_MOST)
        assert len(answers.found) - answers.found.count(None) > 100
        # the rest found the upstream's socket full

    joined(scenario, Upstream(10, udp=well))


def test_what_went_wrong_is_told() -> None:
    """dns 17: silent upstreams and strange answers are counted by the daemon."""
    strange = Upstream(11, udp=lambda asked: [b"strange", b"still", *well(asked)])

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        answers = Answers()
        channel.ask(ASKED, answers, tcp=False)
        await answers.wait(1)
        assert answers.found[0] is not None
        assert channel.counts == {"silent": 1, "strange": 2}

    joined(scenario, Upstream(10), strange)


def test_a_forwarder_that_says_nothing_is_given_up() -> None:
    """dns 7: after six seconds a question is a failure, whatever the forwarder does."""

    async def scenario(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        channel = Channel("net1", ours, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            answers = Answers()
            started = trio.current_time()
            assert channel.ask(ASKED, answers, tcp=False)
            await answers.wait(1)
            assert SILENCE <= trio.current_time() - started < SILENCE + 1.1
            assert answers.found == [None]
            nursery.cancel_scope.cancel()
        ours.close()
        theirs.close()

    with_upstreams(scenario)


def test_a_lost_line_fails_what_waits() -> None:
    """dns 7: a forwarder that goes is a failure of what was asked, at once."""

    async def scenario(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        channel = Channel("net1", ours, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            answers = Answers()
            assert channel.ask(ASKED, answers, tcp=False)
            theirs.close()
            await answers.wait(1, 1)
            assert answers.found == [None]
            assert not channel.ask(ASKED, answers, tcp=False)
            nursery.cancel_scope.cancel()

    with_upstreams(scenario)


def test_the_daemon_finds_a_restarted_forwarder() -> None:
    """dns 7: the forwarder is looked for again, every second, and greeted anew."""
    networks: list[str] = []

    async def scenario(forwarder: Forwarder) -> None:
        def open_network(name: str) -> Forwarder:
            networks.append(name)
            return forwarder

        async def serve(path: Path) -> None:
            if path.exists():  # noqa: ASYNC240 # a file of our own
                os.unlink(path)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.setblocking(False)
                listener.bind(str(path))
                listener.listen()
                await trio.lowlevel.wait_readable(listener)
                line, _ = listener.accept()
                await serve_line(line, open_network, None)

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "forward.sock"
            channel = Channel("net1", None, path)
            answers = Answers()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(channel.run)
                await trio.sleep(3 * AGAIN)
                assert not channel.ask(ASKED, answers, tcp=False)
                for life in range(1, 4):
                    async with trio.open_nursery() as inner:
                        inner.start_soon(serve, path)
                        await trio.sleep(2 * AGAIN)
                        assert channel.ask(ASKED, answers, tcp=False)
                        await answers.wait(life)
                        assert answers.found[-1] is not None
                        inner.cancel_scope.cancel()
                    await trio.sleep(AGAIN)
                    assert not channel.ask(ASKED, answers, tcp=False)
                nursery.cancel_scope.cancel()
        assert networks == ["net1"] * 3

    with_upstreams(scenario, Upstream(10, udp=well))


def test_a_forwarder_that_hangs_up_is_not_courted() -> None:
    """dns 7: one that accepts and hangs up is looked for once a second, not more."""
    came = 0

    async def scenario(forwarder: Forwarder) -> None:
        nonlocal came
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "forward.sock"
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.setblocking(False)
                listener.bind(str(path))
                listener.listen()
                channel = Channel("net1", None, path)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(channel.run)
                    with trio.move_on_after(10):
                        while True:
                            await trio.lowlevel.wait_readable(listener)
                            listener.accept()[0].close()
                            came += 1
                    nursery.cancel_scope.cancel()

    with_upstreams(scenario)
    assert 5 <= came <= 11


HELLOS = {
    "silence": b"",
    "a question": b"\0\0\0\1\0" + ASKED,
}


@pytest.mark.parametrize("case", HELLOS)
def test_a_line_begins_with_a_name(case: str) -> None:
    """dns 13: who does not say which network it is gets nothing."""

    async def scenario(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        with ours:
            if HELLOS[case]:
                ours.send(HELLOS[case])
            with trio.fail_after(11):
                await serve_line(theirs, lambda _: forwarder, None)
            assert ours.recv(100) == b""

    with_upstreams(scenario)


def test_a_network_that_cannot_be_opened_harms_no_other() -> None:
    """dns 7: the error is the line's owner's to handle, not a group of them."""

    def refuse(name: str) -> Forwarder:
        raise SettingsError(name, "there is no such network")

    async def scenario(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        channel = Channel("net1", ours, None)
        with pytest.raises(SettingsError, match="net1: there is no such network"):
            await serve_line(theirs, refuse, None)
        assert theirs.fileno() == -1
        assert channel._socket is not None
        channel._socket.close()

    with_upstreams(scenario)


def test_a_daemon_that_reads_late_misses_nothing() -> None:
    """dns 7: what the line does not take at once is sent when it does."""
    count = 600

    async def scenario(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        ours.setblocking(False)
        with ours:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_line, theirs, lambda _: forwarder, None)
                ours.send(channel_module.ASKED.pack(HELLO, 0) + b"token net1")
                for ticket in range(1, count + 1):
                    await trio.lowlevel.wait_writable(ours)
                    ours.send(channel_module.ASKED.pack(ticket, 0) + ASKED)
                    if not ticket % 50:  # not more than the upstream's socket holds
                        await trio.sleep(0.5)
                tickets: set[int] = set()
                with trio.fail_after(5):
                    while len(tickets) < count:
                        await trio.lowlevel.wait_readable(ours)
                        tickets.add(ANSWERED.unpack_from(ours.recv(4096))[0])
                nursery.cancel_scope.cancel()
        assert tickets == set(range(1, count + 1))

    with_upstreams(scenario, Upstream(10, udp=well))


def test_a_forwarder_has_so_many_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """dns 7: more questions than a daemon asks at a time are not asked."""
    assert QUESTIONS_AT_MOST == 1_000
    monkeypatch.setattr("appliance.resolver.line.QUESTIONS_AT_MOST", 20)
    one = Upstream(10)

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        answers = Answers()
        for _ in range(30):
            assert channel.ask(ASKED, answers, tcp=False)
        await trio.testing.wait_all_tasks_blocked(0.005)
        assert 10 < len(one.asked) <= 21

    joined(scenario, one)
