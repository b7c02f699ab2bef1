"""Answers that were given before, as octets, and the proof by which each still holds.

Within one turn of the loop, about a millisecond, an answer is proven once.  Whoever
changes something by a command is told so between two turns, so no request that is sent
after that is answered with what was.
"""

from time import perf_counter

from .callers import BODY_AT_MOST
from .callers import Caller
from .callers import Callers
from .callers import Kept
from .contract import Answers
from .contract import Observer
from .contract import Served
from .messages import Request
from .messages import Response
from .transmission import Sender


class Memory:
    """The answers that one server remembers."""

    def __init__(
        self, answers: Answers, callers: Callers, sender: Sender, observe: Observer
    ) -> None:
        self._answers = answers
        self._callers = callers
        self._sender = sender
        self._observe = observe
        self._turn = 0
        self._date = sender.date
        self._began = 0.0
        self._repeated: list[tuple[Caller, Kept]] = []

    def begin_turn(self) -> None:
        """What was proven before is to be proven anew."""
        self._turn += 1
        self._date = self._sender.date
        if not self._repeated:
            self._began = perf_counter()

    def tell(self) -> None:
        """Tell what was answered since it was told last."""
        if not self._repeated:
            return
        number = sum(kept.times for _, kept in self._repeated)
        each = (perf_counter() - self._began) / number
        for caller, kept in self._repeated:
            self._observe(
                Served(caller.peer, kept.request, kept.response, each, kept.times)
            )
            kept.times = 0
        self._repeated.clear()

    def proves(self, caller: Caller, kept: Kept) -> bool:
        """Whether an answer holds and may go out; it then counts as sent."""
        if kept.turn != self._turn:
            if not self._answers.holds(caller.peer, kept.response.proof):
                return False
            kept.turn = self._turn
            kept.date_as(self._date)
        bucket = caller.bucket
        if bucket.tokens < 1:
            return False  # the long way counts anew what has been earned
        bucket.tokens -= 1
        if kept.times:
            kept.times += 1
        else:
            kept.times = 1
            self._repeated.append((caller, kept))
        return True

    def keep(
        self, caller: Caller, octets: bytes, request: Request, response: Response
    ) -> None:
        """Remember an answer that can be proven, from its second time on."""
        body = response.body
        if (
            response.proof is None
            or request.body
            or not isinstance(body, bytes)
            or len(body) > BODY_AT_MOST
            or not self._callers.see(caller, octets)
        ):
            return
        keep_alive = request.keeps_alive
        encoded, _ = self._sender.encode(request, response, keep_alive=keep_alive)
        before, _, after = encoded.partition(self._sender.date)
        caller.kept[octets] = Kept(request, response, before, after, keep_alive)
