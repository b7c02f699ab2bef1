"""The forwarder, against upstreams of our own: whom it asks, and what it believes."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from appliance.resolver.forwarder import Forwarder
from appliance.resolver.wire import Query

from .room import ADDRESS
from .room import NAME
from .room import query
from .room import read
from .room import reply
from .room import texts
from .upstream import ASKED
from .upstream import Say
from .upstream import Upstream
from .upstream import good
from .upstream import well
from .upstream import with_upstreams


def test_a_question_and_its_answer() -> None:
    """dns 8: the upstream's answer comes back with the letters of who asked."""
    one = Upstream(10, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert good(outcome)
        assert (outcome.silent, outcome.strange) == (0, 0)
        assert outcome.reply is not None
        assert outcome.reply[12 : len(ASKED)] == ASKED[12:]

    with_upstreams(scenario, one)


def test_every_question_is_hard_to_guess() -> None:
    """dns 8: a fresh port, a random id and random letters each time (RFC 5452)."""
    one = Upstream(10, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        for _ in range(40):
            assert good(await forwarder.ask(ASKED, tcp=False))

    with_upstreams(scenario, one)
    assert len(set(one.ports)) > 35
    assert len({each[:2] for each in one.asked}) > 35
    assert len({each[12:] for each in one.asked}) > 35
    assert {Query.parse(each).lowered for each in one.asked} == {
        Query.parse(ASKED).lowered
    }
    assert min(one.ports) >= 1024


def other_id(asked: bytes) -> bytes:
    return reply(bytes([asked[0] ^ 1]) + asked[1:], ADDRESS)


def other_name(asked: bytes) -> bytes:
    return reply(asked[:2] + query("xxx.example.org")[2:])


def other_type(asked: bytes) -> bytes:
    return reply(asked[:2] + query(NAME, "TXT")[2:])


def no_response(asked: bytes) -> bytes:
    octets = reply(asked, ADDRESS)
    return octets[:2] + bytes([octets[2] & 0x7F]) + octets[3:]


def two_questions(asked: bytes) -> bytes:
    octets = reply(asked, ADDRESS)
    return octets[:4] + b"\0\2" + octets[6:]


STRANGE: dict[str, Callable[[bytes], bytes]] = {
    "another id": other_id,
    "another name": other_name,
    "another type": other_type,
    "no response": no_response,
    "two questions": two_questions,
    "nothing": lambda asked: b"",
    "a header without a question": lambda asked: asked[:2] + b"\x81\x80" + bytes(8),
    "half": lambda asked: reply(asked, ADDRESS)[:20],
}  # fmt: skip


@pytest.mark.parametrize("case", STRANGE)
def test_an_answer_to_something_else_is_not_believed(case: str) -> None:
    """dns 8: wrong id, question or flag: dropped, and the right one is waited for."""
    say = STRANGE[case]
    one = Upstream(10, udp=lambda asked: [say(asked), say(asked), *well(asked)])

    async def scenario(forwarder: Forwarder) -> None:
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert good(outcome)
        assert outcome.strange == 2

    with_upstreams(scenario, one)


def test_an_answer_from_another_address_or_port_is_not_heard() -> None:
    """dns 8: the socket is connected: only the one who was asked is heard."""

    async def scenario(forwarder: Forwarder) -> None:
        one.udp = lambda asked: forge(asked)
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert outcome.reply is None
        assert outcome.strange == 0
        assert outcome.silent == 3

    def forge(asked: bytes) -> list[bytes]:
        import socket

        for address in ("127.0.0.10", "127.0.0.11"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
                forger.bind((address, 0))
                forger.sendto(well(asked)[0], ("127.0.0.1", one.ports[-1]))
        return []

    one = Upstream(10)
    with_upstreams(scenario, one)
    assert one.ports


def lower(asked: bytes) -> list[bytes]:
    """Answer as one that does not keep the letters."""
    return [reply(asked[:12] + asked[12:-15].lower() + asked[-15:], ADDRESS)]


def test_other_letters_are_not_believed_but_asked_after_by_tcp() -> None:
    """dns 8: letters differ: forged, or an upstream that changes them; TCP tells."""
    one = Upstream(10, udp=lower, tcp=well)

    async def scenario(forwarder: Forwarder) -> None:
        assert good(await forwarder.ask(ASKED, tcp=False))
        assert len(one.asked_by_tcp) == 1
        assert not forwarder._health.changing_letters

    with_upstreams(scenario, one)


def test_an_upstream_that_changes_letters_is_sent_none() -> None:
    """dns 8: one that changes letters by TCP too is sent plain names from then on."""
    one = Upstream(10, udp=lower, tcp=lower)

    async def scenario(forwarder: Forwarder) -> None:
        for _ in range(4):
            assert good(await forwarder.ask(ASKED, tcp=False))
        assert len(one.asked_by_tcp) == 1

    with_upstreams(scenario, one)


def cut(asked: bytes) -> list[bytes]:
    return [reply(asked, tc=True)]


def test_tc_is_for_udp_and_tcp_is_for_tcp() -> None:
    """dns 9: a truncated answer passes to UDP clients; for TCP's it is asked again."""
    many = [f"{NAME} 300 A 192.0.2.{number}" for number in range(250)]
    one = Upstream(10, udp=cut, tcp=lambda asked: [reply(asked, *many)])

    async def scenario(forwarder: Forwarder) -> None:
        outcome = await forwarder.ask(ASKED, tcp=False)
        assert outcome.reply is not None
        assert read(outcome.reply).flags & 0x0200
        assert one.asked_by_tcp == []
        outcome = await forwarder.ask(ASKED, tcp=True)
        assert outcome.reply is not None
        assert len(texts(read(outcome.reply).answer)) == 250

    with_upstreams(scenario, one)


BAD_TCP: dict[str, Say] = {
    "hangs up": lambda asked: [],
    "another id": lambda asked: [other_id(asked)],
    "another name": lambda asked: [other_name(asked)],
    "less than a header": lambda asked: [b"x"],
}


@pytest.mark.parametrize("case", BAD_TCP)
def test_tcp_that_fails_is_followed_by_the_next(case: str) -> None:
    """dns 7, 9: a broken or strange TCP answer is a failure of that upstream."""
    one = Upstream(10, udp=cut, tcp=BAD_TCP[case])
    two = Upstream(11, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        assert good(await forwarder.ask(ASKED, tcp=True))

    with_upstreams(scenario, one, two)


def test_nothing_but_questions_is_asked() -> None:
    """dns 15: what is no query goes nowhere."""
    one = Upstream(10, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        assert (await forwarder.ask(b"short", tcp=False)).reply is None
        assert (await forwarder.ask(reply(ASKED), tcp=False)).reply is None

    with_upstreams(scenario, one)
    assert one.asked == []


def test_a_loop_is_found_and_not_entered_again() -> None:
    """dns 14: an upstream by which our token's name comes back to us is not asked."""
    token = "0123456789abcdef"
    looping = True

    def ours(asked: bytes) -> list[bytes]:
        parsed = Query.parse(asked)
        name = read(asked).question[0].name.to_text()
        if token.encode() not in parsed.lowered:
            return well(asked)
        seen.add(parsed.lowered)
        if looping:
            return [reply(asked, f'{name} 10 TXT "a loop of metalease"')]
        return [reply(asked, rcode="NXDOMAIN")]

    seen: set[bytes] = set()
    one, two = Upstream(10, udp=ours), Upstream(11, udp=well)

    async def scenario(forwarder: Forwarder) -> None:
        nonlocal looping
        await trio.testing.wait_all_tasks_blocked(0.01)
        before = len(one.asked)
        assert good(await forwarder.ask(ASKED, tcp=False))
        assert len(one.asked) == before
        looping = False
        await trio.sleep(61)
        assert good(await forwarder.ask(ASKED, tcp=False))
        assert len(one.asked) == before + 2
        assert len(seen) == 2  # each probe has a name of its own

    with_upstreams(scenario, one, two, watch=token)
