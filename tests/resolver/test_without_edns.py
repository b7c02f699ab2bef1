"""Upstreams that know no EDNS, and those that refuse something else."""

import dns.rcode
import pytest

from appliance.resolver.forwarder import Forwarder
from appliance.resolver.wire import Query

from .room import ADDRESS
from .room import NAME
from .room import query
from .room import read
from .room import reply
from .upstream import ASKED
from .upstream import Upstream
from .upstream import good
from .upstream import says
from .upstream import well
from .upstream import with_upstreams


@pytest.mark.parametrize("payload", [None, 1232])
@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
def test_an_upstream_without_edns(rcode: str, payload: int | None) -> None:
    """dns 10: FORMERR or NOTIMP to EDNS: asked again without (RFC 6891 section 7), for
    a client without EDNS too: the OPT is ours, and dnsmasq has it answered."""

    def old(asked: bytes) -> list[bytes]:
        if Query.parse(asked).edns is None:
            return [reply(asked, ADDRESS, edns=False)]
        said = reply(asked, rcode=rcode, edns=False)
        return [said[:4] + bytes(8)]  # not even the question

    one = Upstream(10, udp=old)

    async def scenario(forwarder: Forwarder) -> None:
        outcome = await forwarder.ask(query(NAME, edns=payload), tcp=False)
        assert good(outcome)
        assert outcome.strange == 0

    with_upstreams(scenario, one)
    assert len(one.asked) == 2


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
def test_an_upstream_that_refuses_whatever_it_is_asked(rcode: str) -> None:
    """dns 10: it is asked without EDNS once, and what it says then is what it says."""
    one = Upstream(10, udp=lambda asked: [reply(asked, rcode=rcode, edns=False)])

    async def scenario(forwarder: Forwarder) -> None:
        outcome = await forwarder.ask(query(NAME, edns=1232), tcp=False)
        assert outcome.reply is not None
        assert dns.rcode.to_text(read(outcome.reply).rcode()) == rcode

    with_upstreams(scenario, one)
    assert [Query.parse(each).edns is None for each in one.asked] == [False, True]


def test_one_that_knows_edns_but_not_the_question() -> None:
    """dns 10: NOTIMP with an OPT is no refusal of EDNS (RFC 6891 section 7): to ask
    again would not help.  A FORMERR with one is, of who sends back what it got."""
    asked = []
    for rcode in ("NOTIMP", "FORMERR", "SERVFAIL", "REFUSED", "NXDOMAIN"):
        one = Upstream(10, udp=says(rcode))

        async def scenario(forwarder: Forwarder) -> None:
            await forwarder.ask(query(NAME, "ANY"), tcp=False)

        with_upstreams(scenario, one)
        asked.append(len(one.asked))
    assert asked == [1, 2, 1, 1, 1]


def test_one_that_refused_edns_is_silent_then() -> None:
    """dns 7, 10: a datagram is lost: what is asked again is without EDNS at once."""

    def poor(asked: bytes) -> list[bytes]:
        if Query.parse(asked).edns is not None:
            return [reply(asked, rcode="NOTIMP", edns=False)]
        return [reply(asked, ADDRESS, edns=False)] if len(one.asked) == 3 else []

    one = Upstream(10, udp=poor)

    async def scenario(forwarder: Forwarder) -> None:
        assert good(await forwarder.ask(ASKED, tcp=False))

    with_upstreams(scenario, one)
    assert len(one.asked) == 3


def test_an_upstream_without_edns_by_tcp() -> None:
    """dns 9, 10: what it truncates is asked without EDNS by TCP too."""

    def old(asked: bytes) -> list[bytes]:
        if Query.parse(asked).edns is not None:
            return [reply(asked, rcode="FORMERR", edns=False)]
        return [reply(asked, tc=True, edns=False)]

    def whole(asked: bytes) -> list[bytes]:
        return old(asked) if Query.parse(asked).edns is not None else well(asked)

    one = Upstream(10, udp=old, tcp=whole)

    async def scenario(forwarder: Forwarder) -> None:
        assert good(await forwarder.ask(query(NAME, edns=1232), tcp=True))

    with_upstreams(scenario, one)
    assert len(one.asked_by_tcp) == 1
