"""Which upstream is asked when one fails."""

import pytest
import trio
import trio.testing

from appliance.resolver.forwarder import Forwarder

from .room import read
from .upstream import ASKED
from .upstream import Say
from .upstream import Upstream
from .upstream import good
from .upstream import refers
from .upstream import says
from .upstream import well
from .upstream import with_upstreams

FAILS: dict[str, Say] = {
    "nothing": lambda asked: [],
    "SERVFAIL": says("SERVFAIL"),
    "REFUSED": says("REFUSED"),
    "NOTIMP": says("NOTIMP"),
    "FORMERR": says("FORMERR"),
    "a referral": refers,
}


@pytest.mark.parametrize("case", FAILS)
def test_the_next_upstream_is_asked(case: str) -> None:
    """dns 7: one that does not answer, or fails, is followed by the next."""
    one, two = Upstream(10, udp=FAILS[case]), Upstream(11, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        started = trio.current_time()
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert good(outcome)
        assert trio.current_time() - started < 2
        assert outcome.silent == (case == "nothing")

    with_upstreams(scenario, one, two)
    assert one.asked
    assert len(two.asked) == 1


def test_an_upstream_that_listens_nowhere() -> None:
    """dns 7: an ICMP error is a failure at once."""
    two = Upstream(11, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        from appliance.resolver.upstreams import Routes

        nobody = Upstream(12).address
        routes = Routes.of([nobody, two.address], {})
        away = Forwarder(routes, port=forwarder._port)
        started = trio.current_time()
        assert good(await away.ask(ASKED, tcp=False))
        assert trio.current_time() - started < 1

    with_upstreams(scenario, two)


def test_all_fail() -> None:
    """dns 7: nobody answers: a failure, within the client's five seconds."""
    many = [Upstream(10 + number) for number in range(5)]

    async def scenario(forwarder: Forwarder) -> None:
        started = trio.current_time()
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert outcome.reply is None
        assert 4.6 < trio.current_time() - started < 5

    with_upstreams(scenario, *many)
    assert [len(each.asked) for each in many] == [1, 1, 1, 1, 0]


def test_a_lost_datagram_is_sent_again() -> None:
    """dns 7: the only upstream is asked again, from a fresh port."""
    one = Upstream(10, udp=lambda asked: well(asked) if len(one.asked) == 3 else [])

    async def scenario(forwarder: Forwarder) -> None:
        assert good(await forwarder.ask(ASKED, tcp=False))
        assert 2.9 < trio.current_time() < 3.1

    with_upstreams(scenario, one)
    assert len(set(one.ports)) == 3


def test_the_last_word_of_those_who_fail() -> None:
    """dns 7: all say no: the last one's no is the answer."""

    async def scenario(forwarder: Forwarder) -> None:
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert outcome.reply is not None
        assert read(outcome.reply).rcode() == 5

    with_upstreams(scenario, Upstream(10, udp=says("SERVFAIL")),
                   Upstream(11, udp=says("REFUSED")))  # fmt: skip


def test_one_that_did_not_answer_a_question_is_asked_last() -> None:
    """dns 7: no probe has to find out first."""
    one, two = Upstream(10), Upstream(11, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        for _ in range(3):
            assert good(await forwarder.ask(ASKED, tcp=False))

    with_upstreams(scenario, one, two)
    assert (len(one.asked), len(two.asked)) == (1, 3)


def test_a_dead_upstream_costs_one_wait() -> None:
    """dns 7: who failed is asked after the others, until a probe finds it well."""
    one, two = Upstream(10), Upstream(11, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        await trio.sleep(10)  # both were probed; the first did not answer
        before = len(one.asked)
        for _ in range(20):
            started = trio.current_time()
            assert good(await forwarder.ask(ASKED, tcp=False))
            assert trio.current_time() - started < 0.1
        assert len(one.asked) == before
        await trio.sleep(100)
        assert 3 <= len(one.asked) - before <= 6  # probes: 30 seconds apart, at last
        one.udp = well
        await trio.sleep(31)
        two.asked.clear()
        assert good(await forwarder.ask(ASKED, tcp=False))
        assert two.asked == []

    with_upstreams(scenario, one, two, watch="0123456789abcdef")
