"""Answers from memory are those that would be given (design.md, HTTP)."""

import os
from contextlib import AsyncExitStack

import pytest

from httpd import callers
from httpd.callers import ANSWERS_AT_MOST
from httpd.callers import REQUEST_AT_MOST
from httpd.callers import Callers
from httpd.contract import Served
from httpd.listener import Call
from httpd.listener import Peer
from httpd.messages import Response
from httpd.pace import FIFTY

from .site import Answering
from .site import Client
from .site import run
from .site import serving


class Book:
    """A document with a proof, and another text at each edition."""

    def __init__(self, answers: Answering) -> None:
        self.edition = 0
        self._answers = answers
        answers.paths["/book"] = self.read
        self.publish()

    def publish(self) -> None:
        self.edition += 1
        self._answers.proofs = {self.edition}

    @property
    def text(self) -> bytes:
        return b"edition %d" % self.edition

    def read(self, wait: bool) -> Response:
        return Response(200, (), self.text, proof=self.edition)


async def ask_once(client: Client) -> bytes:
    async with client.stream:
        return (await client.get("/book", "Connection: close")).body


@pytest.mark.parametrize("keep_alive", [True, False])
def test_the_next_request_sees_a_change(keep_alive: bool) -> None:
    """issue 5.7: what has changed since an answer was given is seen by the next
    request, however often the old answer was repeated."""

    async def test() -> None:
        answers = Answering()
        book = Book(answers)
        async with (
            serving(answers=answers) as site,
            (client := await site.client()).stream,
        ):
            for _ in range(3):
                for _ in range(4):
                    if keep_alive:
                        assert (await client.get("/book")).body == book.text
                    else:
                        assert await ask_once(await site.client()) == book.text
                book.publish()
            assert len(answers.asked) == 2 + 2

    run(test)


def test_what_was_answered_from_memory_is_told() -> None:
    """issue 5.7: every answer is counted and told with its request, as any other."""

    async def test() -> None:
        answers = Answering()
        book = Book(answers)
        async with serving(answers=answers) as site:
            for _ in range(5):
                assert await ask_once(await site.client()) == book.text
            served = [each for each in site.events if isinstance(each, Served)]
            assert sum(each.times for each in served) == 5
            paths = {each.request.path for each in served if each.request}
            assert paths == {"/book"}
            assert len(answers.asked) == 2

    run(test)


def test_the_same_octets_are_the_same_request() -> None:
    """issue 5.7: another header, method or half a request is another request; HEAD has
    no body; what comes after half of one is not taken for a whole."""

    async def test() -> None:
        answers = Answering()
        book = Book(answers)
        async with serving(answers=answers) as site, AsyncExitStack() as streams:
            client, half = await site.client(), await site.client()
            for each in (client, half):
                await streams.enter_async_context(each.stream)
            whole = "GET /book HTTP/1.1\r\nHost: x\r\n\r\n"
            for _ in range(3):
                await client.say(whole)
                assert (await client.answer()).body == book.text
                answer = await client.get("/book", method="HEAD")
                assert (answer.status, answer.headers["Content-Length"]) == (200, "9")
            await half.say("GET /x HTTP/1.1\r\nX-A: ")
            for _ in range(20):
                assert (await client.get("/book")).status == 200
            await half.say(whole)
            assert (await half.answer()).body == b"/x"

    run(test)


def test_without_a_proof_nothing_is_remembered() -> None:
    """issue 5.7: an answer for this once is asked for each time."""

    async def test() -> None:
        async with serving() as site, (client := await site.client()).stream:
            site.answers.proofs.add(None)
            for _ in range(5):
                assert (await client.get("/a")).body == b"/a"
            assert len(site.answers.asked) == 5

    run(test)


def test_what_has_a_body_is_not_remembered() -> None:
    """issue 5.7: a body is heard as often as it is sent, whatever proves the answer."""

    async def test() -> None:
        answers = Answering()
        Book(answers)
        async with (
            serving(answers=answers) as site,
            (client := await site.client()).stream,
        ):
            for _ in range(5):
                await client.say(
                    "POST /book HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
                )
                assert (await client.answer()).status == 200
            assert len(answers.asked) == 5

    run(test)


def test_two_requests_at_once_are_two() -> None:
    """issue 5.7: octets that hold two requests get two answers each time."""

    async def test() -> None:
        answers = Answering()
        book = Book(answers)
        async with (
            serving(answers=answers) as site,
            (client := await site.client()).stream,
        ):
            for _ in range(5):
                await client.say(
                    "GET /book HTTP/1.1\r\nHost: x\r\n\r\n"
                    "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
                )
                assert (await client.answer()).body == book.text
                await client.say("GET /c HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await client.answer()).body == b"/b"
                assert (await client.answer()).body == b"/c"

    run(test)


def test_a_drained_server_has_no_memory() -> None:
    """issue 5.7: the last answer says that the connection closes, also where the same
    request was answered from memory before."""

    async def test() -> None:
        answers = Answering()
        Book(answers)
        async with (
            serving(answers=answers) as site,
            (client := await site.client()).stream,
        ):
            for _ in range(3):
                assert "Connection" not in (await client.get("/book")).headers
            # by which the loop gets no turn
            os.write(
                client.stream.socket.fileno(), b"GET /book HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            site.server.drain()
            answer = await client.answer()
            assert answer.headers["Connection"] == "close"
            await site.done.wait()

    run(test)


PEER = Peer.of(("fe80::1", bytes(6), ""))


def call(number: int) -> Call:
    return (f"10.0.{number >> 8}.{number & 255}", number.to_bytes(6), "")


def test_the_table_of_callers_is_bounded() -> None:
    """issue 5.7: callers of whom nothing is to be known are forgotten; who holds a
    connection or has asked a lot is not."""
    table = Callers(FIFTY)
    for number in range(10 * callers.CALLERS_AT_LEAST):
        made = call(number)
        caller = table.meet(made, Peer.of(made), float(number))
        if number in (7, 8):
            caller.account.held = 1
        if number == 9:
            caller.account.bucket.tokens = -1e9
    assert len(table) <= 2 * callers.CALLERS_AT_LEAST
    assert all(table.known(call(number)) for number in (7, 8, 9))
    assert table.known(call(6)) is None


def test_one_station_has_one_account() -> None:
    """issue 5.7: whatever addresses a MAC gives itself, it holds and asks as one."""
    table = Callers(FIFTY)
    calls = [("10.0.0.5", b"\2\0\0\0\0\5", ""), ("fe80::5", b"\2\0\0\0\0\5", "")]
    first, second = (table.meet(each, Peer.of(each), 0.0) for each in calls)
    assert first.account is second.account
    other = ("10.0.0.6", None, "")
    assert table.meet(other, Peer.of(other), 0.0).account is not first.account


def test_a_station_with_many_addresses_is_bounded() -> None:
    """issue 5.7: a busy station that calls from ever new addresses neither fills the
    table nor loses count of what it holds."""
    table, mac = Callers(FIFTY), bytes(6)
    for number in range(3 * callers.CALLERS_AT_MOST):
        made = (f"fe80::{number:x}", mac, "")
        caller = table.known(made) or table.meet(made, PEER, 0.0)
        caller.account.held += 1
        assert len(table) <= callers.CALLERS_AT_MOST
    assert caller.account.held == 3 * callers.CALLERS_AT_MOST


def test_memory_is_bounded() -> None:
    """issue 5.7: so many answers are kept, of all callers; a long request never is."""
    table = Callers(FIFTY)
    made = call(1)
    caller = table.meet(made, Peer.of(made), 0.0)
    assert not table.see(caller, b"x" * (REQUEST_AT_MOST + 1))
    assert caller.kept == {}
    for number in range(3 * ANSWERS_AT_MOST):
        assert not table.see(caller, b"%d" % number)
        assert len(caller.kept) <= ANSWERS_AT_MOST
    assert table.see(caller, b"%d" % (3 * ANSWERS_AT_MOST - 1))


def test_who_is_in_the_table_no_more_is_not_remembered() -> None:
    """issue 5.7: a connection that outlives its caller's place in the table, since its
    station called from ever new addresses, holds no answers that nobody counts."""
    table, mac = Callers(FIFTY), bytes(6)
    first = ("fe80::1", mac, "")
    caller = table.meet(first, PEER, 0.0)
    caller.account.held += 1
    table.see(caller, b"once")
    for number in range(callers.CALLERS_AT_MOST):
        table.meet((f"fe80::1:{number:x}", mac, ""), PEER, 0.0)
    assert table.known(first) is None
    for _ in range(2):
        assert not table.see(caller, b"again")
    assert caller.kept == {}
