"""The daemon's part, over a real line to a forwarder with a real upstream behind."""

from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from appliance.metrics import Metrics
from appliance.proxy.courier import Courier
from appliance.proxy.errand import AT_ONCE
from appliance.proxy.porter import OF_ONE_GUEST
from appliance.proxy.porter import Porter
from appliance.resolver.channel import Channel
from appliance.resolver.forwarder import Forwarder
from appliance.resolver.line import serve_line
from appliance.resolver.upstreams import Routes
from httpd.messages import Response

from ..resolver.ends import pair
from .upstream import GUEST
from .upstream import Upstream
from .upstream import asking
from .upstream import ruled
from .upstream import run
from .upstream import serving

Scenario = Callable[[Porter, str], Awaitable[None]]


def joined(scenario: Scenario, upstream: Upstream) -> None:
    """Run *scenario* with a porter whose line leads to *upstream*."""

    async def test() -> None:
        ours, theirs = pair()
        channel = Channel("n1", ours, None)
        forwarder = Forwarder(Routes(()))
        async with serving(upstream) as name, trio.open_nursery() as nursery:
            courier = Courier(lambda: frozenset([name]))

            async def carry(message: bytes) -> bytes:
                upstream.carried += 1
                return await courier.run(message)

            nursery.start_soon(channel.run)
            nursery.start_soon(
                serve_line,
                theirs,
                lambda _: forwarder,
                forwarder,
                lambda _: carry,
            )
            await scenario(Porter(channel), name)
            nursery.cancel_scope.cancel()
        ours.close()

    run(test)


def numbers(porter: Porter) -> dict[tuple[str, ...], int]:
    metrics = Metrics("0")
    porter.measure(metrics)
    porter.measure(metrics)  # numbers, not sums of them
    return dict(metrics.counters["metalease_http_proxied"])


def test_a_push_and_its_answer() -> None:
    """issue 6.1: a body of 64 KiB goes over and 60 KiB come back; of the upstream's
    headers its content type does, and what the rule adds."""
    body = b"x" * 61_440
    upstream = Upstream(
        b"HTTP/1.1 202 Fine\r\nServer: x\r\nSet-Cookie: a=b\r\nConnection: close\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 61440\r\n\r\n" + body
    )

    async def scenario(porter: Porter, name: str) -> None:
        rule = replace(ruled(name, "/up", "a=1"), headers=(("X-Ours", "1"),))
        pushed = b"y" * 65_536
        answer = await porter.pass_on(asking("POST", pushed), rule, GUEST)
        assert answer == Response(
            202,
            (("Content-Type", "text/plain"), ("X-Ours", "1")),
            body,
            origin="proxy",
            rule="n1.rules:1",
        )
        (asked,) = upstream.asked
        assert asked.startswith(b"POST /up?a=1 HTTP/1.1\r\n")
        assert asked.endswith(b"\r\n\r\n" + pushed)
        assert numbers(porter) == {("answered",): 1}

    joined(scenario, upstream)


def said(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("says", "status", "result"),
    [
        (said("404 No", b""), 404, "answered"),
        (said("299 Odd", b""), 502, "strange"),
        (b"SSH-2.0\r\n\r\n", 502, "strange"),
        (said("200 OK", b"x" * 61_441), 502, "large"),
    ],
)
def test_what_a_guest_gets(says: bytes, status: int, result: str) -> None:
    """issue 6.1: an upstream's refusal is its answer; what is none is a 502, and each
    has its number."""

    async def scenario(porter: Porter, name: str) -> None:
        answer = await porter.pass_on(asking(), ruled(name), GUEST)
        assert (answer.status, answer.origin) == (status, "proxy")
        assert numbers(porter) == {(result,): 1}

    joined(scenario, Upstream(says))


def test_the_forwarder_has_the_last_word() -> None:
    """issue 6.1, host H16: what the daemon's rule names and the forwarder's do not."""
    upstream = Upstream()

    async def scenario(porter: Porter, name: str) -> None:
        other = name.replace("127.0.0.1", "127.0.0.2")
        answer = await porter.pass_on(asking(), ruled(other), GUEST)
        assert answer.status == 502
        assert numbers(porter) == {("unlisted",): 1}
        assert upstream.asked == []

    joined(scenario, upstream)


def test_a_path_that_leads_upwards_goes_nowhere() -> None:
    """issue 6.1: what is passed on is a normal path."""
    upstream = Upstream()

    async def scenario(porter: Porter, name: str) -> None:
        answer = await porter.pass_on(asking(), ruled(name, "/a/../b"), GUEST)
        assert answer.status == 400
        long = await porter.pass_on(asking(), ruled(name, "/" + "\u00fc" * 3000), GUEST)
        assert long.status == 414
        assert upstream.asked == []

    joined(scenario, upstream)


def test_without_a_forwarder() -> None:
    """issue 6.1: with none, or one that is lost, it is a 502 at once."""

    async def test() -> None:
        for porter in (Porter(None), Porter(Channel("n1", None, None))):
            answer = await porter.pass_on(asking(), ruled("x:1"), GUEST)
            assert answer.status == 502
            assert numbers(porter) == {("lost",): 1}
        ours, theirs = pair()
        channel = Channel("n1", ours, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            porter = Porter(channel)
            answers: list[Response] = []

            async def one() -> None:
                answers.append(await porter.pass_on(asking(), ruled("x:1"), GUEST))

            nursery.start_soon(one)
            await trio.testing.wait_all_tasks_blocked()
            theirs.close()
            while not answers:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert [each.status for each in answers] == [502]

    run(test)


def test_four_of_a_guest_and_32_in_all() -> None:
    """issue 6.1: one more is 503 with Retry-After, and passed on nowhere; who left
    makes room."""
    upstream = Upstream(goes_on=trio.Event())

    async def scenario(porter: Porter, name: str) -> None:
        answers: list[int] = []

        async def one(number: int) -> None:
            guest = IPv4Address(f"10.0.0.{number}")
            answer = await porter.pass_on(asking(), ruled(name), guest)
            answers.append(answer.status)

        async with trio.open_nursery() as nursery:
            for _ in range(OF_ONE_GUEST):
                nursery.start_soon(one, 5)
            while len(upstream.asked) < OF_ONE_GUEST:
                await trio.lowlevel.checkpoint()
            refused = await porter.pass_on(asking(), ruled(name), GUEST)
            assert refused.status == 503
            assert ("Retry-After", "1") in refused.headers
            for number in range(AT_ONCE - OF_ONE_GUEST):
                nursery.start_soon(one, 6 + number)
            while len(upstream.asked) < AT_ONCE:
                await trio.lowlevel.checkpoint()
            await one(200)
            assert answers == [503]
            assert upstream.goes_on is not None
            upstream.goes_on.set()
        assert sorted(answers) == [200] * AT_ONCE + [503]
        await one(5)
        assert answers[-1] == 200
        assert len(upstream.asked) == upstream.carried == AT_ONCE + 1
        assert numbers(porter) == {("answered",): AT_ONCE + 1, ("busy",): 2}

    joined(scenario, upstream)
