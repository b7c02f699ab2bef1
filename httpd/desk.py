"""Who is asked for an answer, and how often: at once, or later from a thread.

Before the question comes the caller's pace; what has to wait is bounded in number.
"""

from collections.abc import Callable
from functools import partial

import trio

from .callers import Caller
from .contract import Answers
from .contract import Awaited
from .contract import Later
from .contract import Limits
from .messages import Request
from .messages import Response
from .respond import ALLOWED
from .respond import refuse
from .root import discard

WRITERS = 8  # threads that wait for what is written: those who read have the others


class Desk:
    """Puts the guests' questions to *answers*; what fails goes to *report*."""

    def __init__(
        self,
        answers: Answers,
        report: Callable[[BaseException], None],
        limits: Limits,
    ) -> None:
        self._answers = answers
        self._report = report
        self._limits = limits
        self._held = 0
        self._writers = trio.CapacityLimiter(WRITERS)

    def ask(self, caller: Caller, request: Request) -> Response | Later | None:
        """Return the answer; Later has to be followed by `ask_again`."""
        try:
            answer = self._ask(caller, request)
        except BlockingIOError:
            answer = Later(0.0)
        except Exception as problem:
            return self._fault(problem)
        if isinstance(answer, Later):
            if self._held >= self._limits.held_total:
                return busy("too many requests wait")
            self._held += 1
        return answer

    def _ask(self, caller: Caller, request: Request) -> Response | Later | None:
        shut = self._answers.shut(request, caller.peer)
        if shut is not None:
            return shut
        bucket = caller.bucket
        pause = bucket.claim(self._limits.rate, trio.current_time())
        if pause is None:
            return busy("too many requests")
        if pause:  # who is too fast leaves room for who waits for a disk
            full = 2 * self._held >= self._limits.held_total
            return busy("too many requests wait") if full else Later(pause)
        answer = self._answers.answer(request, caller.peer, wait=False, waited=0.0)
        return Later(0.0) if isinstance(answer, Awaited) else answer

    async def ask_again(
        self, caller: Caller, request: Request, pause: float
    ) -> Response | None:
        """Return the answer that comes after *pause* seconds, and perhaps some more.

        None where the caller's address has become another's meanwhile: what was found
        may be that one's.
        """
        response = await self._wait_for(caller, request, pause)
        if response is None or self._answers.admits(caller.peer):
            return response
        discard(response.body)
        return None

    async def _wait_for(
        self, caller: Caller, request: Request, pause: float
    ) -> Response | None:
        waited = 0.0
        limiter = None if request.method in ALLOWED else self._writers
        try:
            while True:
                await trio.sleep(pause)
                waited += pause
                ask = partial(
                    self._answers.answer,
                    request,
                    caller.peer,
                    wait=True,
                    waited=waited,
                )
                try:
                    answer = await trio.to_thread.run_sync(ask, limiter=limiter)
                    if isinstance(answer, Awaited):
                        return await answer.come()
                except Exception as problem:
                    return self._fault(problem)
                if not isinstance(answer, Later):
                    return answer
                pause = answer.seconds
        finally:
            self._held -= 1

    def _fault(self, problem: Exception) -> Response:
        """Answer for an exception of ours, which ends no more than this request."""
        self._report(problem)
        return refuse(500, "internal error")


def busy(what: str) -> Response:
    """Return the refusal of one who may come again."""
    return refuse(503, what, ("Retry-After", "1"))
