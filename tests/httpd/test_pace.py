"""How fast one caller may ask: a burst, then a delay, then a refusal (issue 5.7)."""

from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st

from httpd.contract import Limits
from httpd.messages import Response
from httpd.pace import Bucket
from httpd.pace import Rate

from .site import Answering
from .site import Hours
from .site import run_by
from .site import serving

RATE = Rate(per_second=10, burst=5, wait_at_most=2.0)


def test_a_burst_is_free_and_the_next_waits() -> None:
    """issue 5.7, clients C75: after the burst a request is delayed, by what it is
    over; after however long a rest the burst is the same."""
    bucket = Bucket(RATE.burst, 0.0)
    for now in (0.0, 10.0):
        waits = [bucket.claim(RATE, now) for _ in range(7)]
        assert waits == [0.0] * 5 + [0.1, 0.2]


def test_who_would_wait_too_long_owes_nothing_for_it() -> None:
    """issue 5.7: past 2 s of delay a request is refused, and that costs no token."""
    bucket = Bucket(RATE.burst, 0.0)
    waits = [bucket.claim(RATE, 0.0) for _ in range(40)]
    assert waits[:25].count(None) == 0
    assert waits[24] == 2.0
    assert waits[25:] == [None] * 15
    assert bucket.claim(RATE, 0.1) == 2.0


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_no_more_than_the_rate_is_let_through(pauses: list[float]) -> None:
    """However requests come, in any time at most rate * time + burst are answered."""
    bucket, now, answered = Bucket(RATE.burst, 0.0), 0.0, []
    for pause in pauses:
        now += pause
        wait = bucket.claim(RATE, now)
        if wait is not None:
            assert 0 <= wait <= RATE.wait_at_most
            answered.append(now + wait)
    for first, begin in enumerate(answered):
        for count, end in enumerate(answered[first:], 1):
            assert count <= RATE.burst + RATE.per_second * (end - begin) + 1e-6


def test_a_bucket_that_is_full_can_be_forgotten() -> None:
    """issue 5.7: a new one would know the same."""
    bucket = Bucket(RATE.burst, 0.0)
    assert bucket.is_full(RATE, 0.0)
    bucket.claim(RATE, 0.0)
    assert not bucket.is_full(RATE, 0.05)
    assert bucket.is_full(RATE, 0.1)


def test_over_the_rate_a_request_is_delayed_then_refused() -> None:
    """issue 5.7, metadata 1.2: delayed up to 2 s, past that 503 with Retry-After: 1,
    never 429; another guest, and what is shut, are not delayed."""

    async def test(hours: Hours) -> None:
        limits = Limits(rate=Rate(per_second=1, burst=3, wait_at_most=2.0))
        async with serving(limits) as site, AsyncExitStack() as streams:
            for _ in range(3):
                async with (guest := await site.client()).stream:
                    assert (await guest.get("/a")).status == 200
            late = [await site.client() for _ in range(3)]
            for each in late:
                await streams.enter_async_context(each.stream)
                await each.say("GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
                await hours.rest()
            assert [path for path, _ in site.answers.asked] == ["/a"] * 3
            refused = await late[2].answer()
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "1"
            async with (other := await site.client("127.0.0.2")).stream:
                assert (await other.get("/b")).status == 200
            await hours.pass_(1.0)
            assert (await late[0].answer()).body == b"/late"
            assert site.answers.asked[-1] == ("/late", True)
            await hours.pass_(1.0)
            assert (await late[1].answer()).body == b"/late"
            site.answers.closed = Response(403)
            async with (guest := await site.client()).stream:
                await guest.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
                await hours.rest()
                assert site.statuses()[-1] == 403

    run_by(test)


def test_as_many_wait_as_there_is_room_for() -> None:
    """issue 5.7, metadata 1.2: who waits is bounded in number; one more is told to come
    again, and finds room when it does."""

    async def test(hours: Hours) -> None:
        rate = Rate(per_second=1, burst=1, wait_at_most=9.0)
        limits = Limits(rate=rate, held_total=4)  # half of it for those over the rate
        async with serving(limits) as site, AsyncExitStack() as streams:
            guests = [await site.client() for _ in range(4)]
            for each in guests:
                await streams.enter_async_context(each.stream)
                await each.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
                await hours.rest()
            assert site.statuses() == [200, 503]
            assert [(await guests[n].answer()).status for n in (0, 3)] == [200, 503]
            await hours.pass_(2.0)
            assert [(await guests[n].answer()).status for n in (1, 2)] == [200, 200]
            for each in guests[:2]:  # as many as have room, once more
                await each.say("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
            await hours.pass_(5.0)
            assert [(await guests[n].answer()).status for n in (0, 1)] == [200, 200]

    run_by(test)


def test_memory_counts_what_it_answers() -> None:
    """issue 5.7: what is answered from memory takes tokens as any other does."""

    async def test(hours: Hours) -> None:
        answers = Answering()
        answers.proofs.add("it stands")
        answers.paths["/a"] = lambda _: Response(200, (), b"a", proof="it stands")
        rate = Rate(per_second=1, burst=5, wait_at_most=0.0)
        async with serving(Limits(rate=rate), answers) as site:
            statuses = []
            for _ in range(8):
                async with (guest := await site.client()).stream:
                    statuses.append((await guest.get("/a")).status)
            assert statuses == [200] * 5 + [503] * 3
            assert len(answers.asked) == 2
            await hours.rest()

    run_by(test)
