"""The forwarder's part: real upstreams, and what they do to whoever asks them."""

from collections.abc import Awaitable
from collections.abc import Callable

import pytest
import trio
import trio.testing

from appliance.errors import SettingsError
from appliance.proxy.courier import Courier
from appliance.proxy.errand import ANSWER_AT_MOST
from appliance.proxy.errand import AT_ONCE
from appliance.proxy.errand import WITHIN
from appliance.proxy.errand import Brought
from appliance.proxy.errand import Errand
from appliance.proxy.errand import Result

from .upstream import Upstream
from .upstream import run
from .upstream import serving

IDLE = 0.1  # seconds, real ones, after which a clock that jumps does
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")


async def carry(courier: Courier, upstream: str, octets: bytes = GET) -> Brought:
    return Brought.parse(await courier.run(Errand(upstream, octets).encode()))


async def asked(upstream: Upstream, octets: bytes = GET) -> Brought:
    """Return what comes of one errand to *upstream*, which is listed."""
    async with serving(upstream) as name:
        return await carry(Courier(lambda: frozenset([name])), name, octets)


def by_a_jumping_clock(test: Callable[[], Awaitable[None]]) -> None:
    trio.run(test, clock=trio.testing.MockClock(autojump_threshold=IDLE))


OK = "HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "a length": (f"{OK}Content-Length: 2\r\nContent-Type: a/b\r\n\r\nok", 200, "a/b"),
    "chunks": (f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, ""),
    "an end": (f"{OK}Content-Type: a/b\r\n\r\nok", 200, "a/b"),
    "HTTP/1.0": ("HTTP/1.0 202 Fine\r\n\r\nok", 202, ""),
    "first another": (
        f"HTTP/1.1 103 Early\r\nX: y\r\n\r\n{OK}Content-Length: 2\r\n\r\nok",
        200,
        "",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer(case: str) -> None:
    """issue 6.1: status, content type and body come back, however it is framed."""
    says, status, kind = ANSWERS[case]

    async def test() -> None:
        upstream = Upstream(says.encode())
        brought = await asked(upstream)
        assert brought == Brought(Result.ANSWERED, status, kind, b"ok")
        assert upstream.asked == [GET]

    run(test)


@pytest.mark.parametrize(
    ("octets", "says", "status"),
    [
        (HEAD, f"{OK}Content-Length: 2\r\n\r\n", 200),
        (GET, "HTTP/1.1 204 None\r\n\r\n", 204),
    ],
)
def test_an_answer_without_a_body(octets: bytes, says: str, status: int) -> None:
    """issue 6.1: of HEAD, and of a status that has none, no body is waited for; nor
    that an upstream hangs up, which many do not."""

    async def test() -> None:
        brought = await asked(Upstream(says.encode(), hangs_up=False), octets)
        assert brought == Brought(Result.ANSWERED, status)

    run(test)


STRANGE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Len",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
    "another protocol": b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\n"
    + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "a large head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
}


@pytest.mark.parametrize("case", STRANGE)
def test_what_is_no_answer(case: str) -> None:
    """issue 6.1: what is not HTTP, or not whole, is nothing that a guest gets."""

    async def test() -> None:
        assert await asked(Upstream(STRANGE[case])) == Brought(Result.STRANGE)

    run(test)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_answer(chunked: bool) -> None:
    """issue 6.1: 60 KiB come back, an octet more does not, said or not in advance."""

    async def test() -> None:
        for more, result in ((0, Result.ANSWERED), (1, Result.LARGE)):
            body = b"x" * (ANSWER_AT_MOST + more)
            head, end = f"Content-Length: {len(body)}", b""
            if chunked:
                head, end = "Transfer-Encoding: chunked", b"\r\n0\r\n\r\n"
                body = f"{len(body):x}\r\n".encode() + body
            says = f"{OK}{head}\r\n\r\n".encode() + body + end
            assert (await asked(Upstream(says))).result is result

    run(test)


def test_an_upstream_that_is_not_listed() -> None:
    """issue 6.1, host H16: whatever a daemon says, nobody is asked whom the network's
    own rules do not name: not by another port, and not by another name of the same."""

    async def test() -> None:
        upstream = Upstream()
        async with serving(upstream) as name:
            port = name.partition(":")[2]
            courier = Courier(lambda: frozenset(["127.0.0.1:1"]))
            for other in (name, f"localhost:{port}", f" {name}", "", f"{name}\r"):
                assert await carry(courier, other) == Brought(Result.UNLISTED)
        assert upstream.asked == []

    run(test)


def test_rules_that_cannot_be_read_name_nobody() -> None:
    """issue 6.1: and they are read again for the next errand, then never more."""
    reads = 0

    async def test() -> None:
        upstream = Upstream()
        async with serving(upstream) as name:

            def read() -> frozenset[str]:
                nonlocal reads
                reads += 1
                if reads == 1:
                    raise SettingsError("n1.rules:1:1", "is not to be read")
                return frozenset([name])

            courier = Courier(read)
            assert await carry(courier, name) == Brought(Result.UNLISTED)
            for _ in range(3):
                assert (await carry(courier, name)).result is Result.ANSWERED
        assert reads == 2

    run(test)


def test_a_dead_upstream() -> None:
    """issue 6.1: where nobody listens that is known at once."""

    async def test() -> None:
        async with serving(Upstream()) as name:
            pass
        courier = Courier(lambda: frozenset([name, "no-such-host.invalid:80"]))
        assert await carry(courier, name) == Brought(Result.DEAD)

    run(test)


def test_a_slow_upstream() -> None:
    """issue 6.1: after five seconds in all it is given up, though it lives."""

    async def test() -> None:
        upstream = Upstream(hangs_up=False, says=b"HTTP/1.1 200 OK\r\n")
        async with serving(upstream) as name:
            courier = Courier(lambda: frozenset([name]))
            began = trio.current_time()
            assert await carry(courier, name) == Brought(Result.SLOW)
            assert WITHIN <= trio.current_time() - began < 2 * WITHIN

    by_a_jumping_clock(test)


def test_an_upstream_that_answers_before_it_has_read() -> None:
    """issue 6.1: an early refusal of a large body is its answer."""

    async def test() -> None:
        async def attend(stream: trio.SocketStream) -> None:
            async with stream:
                await stream.send_all(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
                await stream.send_eof()
                while await stream.receive_some(65536):
                    pass

        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, attend, 0)
            name = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            post = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n"
            brought = await carry(
                Courier(lambda: frozenset([name])), name, post + b"x" * 65536
            )
            assert brought == Brought(Result.ANSWERED, 413)
            nursery.cancel_scope.cancel()

    run(test)


def test_no_more_than_32_at_once() -> None:
    """issue 6.1: of one network; when one is done the next may go."""

    async def test() -> None:
        upstream = Upstream(goes_on=trio.Event())
        results: list[Result] = []
        async with serving(upstream) as name, trio.open_nursery() as nursery:
            courier = Courier(lambda: frozenset([name]))

            async def one() -> None:
                results.append((await carry(courier, name)).result)

            for _ in range(AT_ONCE):
                nursery.start_soon(one)
            while len(upstream.asked) < AT_ONCE:
                await trio.lowlevel.checkpoint()
            assert await carry(courier, name) == Brought(Result.BUSY)
            assert upstream.goes_on is not None
            upstream.goes_on.set()
            while len(results) < AT_ONCE:
                await trio.lowlevel.checkpoint()
            assert (await carry(courier, name)).result is Result.ANSWERED
        assert results == [Result.ANSWERED] * AT_ONCE

    run(test)
