"""Answers that somebody else has: they are awaited, and nobody waits with them."""

from contextlib import AsyncExitStack

import trio

from httpd.contract import Awaited
from httpd.contract import Later
from httpd.contract import Limits
from httpd.listener import Peer
from httpd.messages import Request
from httpd.messages import Response

from .site import Answering
from .site import run
from .site import serving


class Passing(Answering):
    """Has the answer to /far from elsewhere, and that to all else itself."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = trio.Event()
        self.fails = False

    def answer(  # type: ignore[override] # the base class knows less
        self, request: Request, peer: Peer, *, wait: bool, waited: float
    ) -> Response | Later | Awaited | None:
        if request.path == "/far":
            return Awaited(self._come)
        return super().answer(request, peer, wait=wait, waited=waited)

    async def _come(self) -> Response:
        await self.goes_on.wait()
        if self.fails:
            raise RuntimeError("a fault of ours")
        return Response(202, (), b"from afar")


def test_nobody_waits_for_an_upstream() -> None:
    """issue 6.1: more guests than there are threads wait, and others are answered
    meanwhile; what the same guest asks next comes after it."""

    async def test() -> None:
        answers = Passing()
        limits = Limits(connections_per_ip=100)
        async with serving(limits, answers) as site, AsyncExitStack() as stack:
            waiting = [await site.client() for _ in range(60)]
            other = await site.client()
            for each in (*waiting, other):
                await stack.enter_async_context(each.stream)
            for each in waiting:
                await each.say("GET /far HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
            # a document that a disk holds up needs one of the threads
            answers.paths["/cold"] = cold
            for _ in range(10):
                assert (await other.get("/a")).body == b"/a"
                assert (await other.get("/cold")).body == b"cold"
            answers.goes_on.set()
            for each in waiting:
                for _ in range(2):
                    found = await each.answer()
                    assert (found.status, found.body) == (202, b"from afar")
            assert site.reports == []

    run(test)


def cold(wait: bool) -> Response:
    if not wait:
        raise BlockingIOError
    return Response(200, (), b"cold")


def test_a_fault_while_it_is_awaited() -> None:
    """issue 6.1: is a 500 to that guest, and is reported."""

    async def test() -> None:
        answers = Passing()
        answers.fails = True
        answers.goes_on.set()
        async with (
            serving(answers=answers) as site,
            (client := await site.client()).stream,
        ):
            assert (await client.get("/far")).status == 500
            assert (await client.get("/a")).status == 200
            assert [str(each) for each in site.reports] == ["a fault of ours"]

    run(test)


def test_what_is_awaited_is_bounded() -> None:
    """issue 6.1: with all that waits it counts to the server's bound, and gives its
    place back."""

    async def test() -> None:
        answers = Passing()
        async with (
            serving(Limits(held_total=1), answers) as site,
            (one := await site.client()).stream,
            (two := await site.client()).stream,
        ):
            await one.say("GET /far HTTP/1.1\r\nHost: x\r\n\r\n")
            while len(answers.asked) < 1:
                assert (await two.get("/a")).status == 200
            while (await two.get("/far")).status != 503:
                await trio.lowlevel.checkpoint()
            answers.goes_on.set()
            assert (await one.answer()).status == 202
            assert (await two.get("/far")).status == 202

    run(test)
