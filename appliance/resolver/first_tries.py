"""The first try of each question, without a task: nearly all are answered by it.

All sockets are in one epoll(7), which is itself waited for.  What the first upstream
does not answer well at once is the forwarder's, with a task of its own.
"""

import select
import socket
from collections.abc import Callable
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

import trio

from .channel import MESSAGE_AT_MOST
from .forwarder import Forwarder
from .forwarder import Match
from .forwarder import Outcome
from .forwarder import compare
from .forwarder import is_final
from .forwarder import refuses_edns
from .forwarder import restored
from .upstreams import IN_ALL
from .upstreams import PATIENCE
from .wire import TC
from .wire import Query

AT_ONCE = 64  # replies, then others have their turn
SWEEP_EVERY = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and who wants to know."""

    query: Query
    tcp: bool
    tell: Callable[[Outcome], None]
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True, slots=True)
class Try:
    """A question on its way to one upstream."""

    question: Question
    upstream: IPv4Address
    fresh: socket.socket
    asked: bytes
    deadline: float


class FirstTries:
    """Asks the first upstream; *nursery* is for what needs more.

    Resource handling: `run` closes everything at its end.
    """

    def __init__(self, forwarder: Forwarder, nursery: trio.Nursery) -> None:
        self._forwarder = forwarder
        self._nursery = nursery
        self._epoll = select.epoll()
        self._tries: dict[int, Try] = {}
        """By descriptor; the oldest first."""

    def __len__(self) -> int:
        return len(self._tries)

    def ask(self, question: Question) -> None:
        """Ask, and tell who wants to know when it is known."""
        upstreams = self._forwarder.order(question.query)
        if not upstreams:
            question.tell(question.outcome)
            return
        try:
            fresh, asked = self._forwarder.send(question.query, upstreams[0])
        except OSError:
            self._nursery.start_soon(self._resolve, question, IN_ALL, frozenset())
            return
        deadline = trio.current_time() + PATIENCE
        self._tries[fresh.fileno()] = Try(
            question, upstreams[0], fresh, asked, deadline
        )
        self._epoll.register(fresh, select.EPOLLIN)

    async def run(self) -> None:
        """Tell what comes back, until cancelled."""
        self._nursery.start_soon(self._sweep)
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                for descriptor, _ in self._epoll.poll(0, AT_ONCE):
                    self._receive(descriptor)
        finally:
            self._epoll.close()
            for each in self._tries.values():
                each.fresh.close()

    def _receive(self, descriptor: int) -> None:
        tried = self._tries[descriptor]
        question = tried.question
        try:
            reply = tried.fresh.recv(MESSAGE_AT_MOST)
        except BlockingIOError:
            return  # its checksum was wrong
        except OSError:
            self._fail(descriptor)  # nobody listens there
            return
        match = compare(reply, tried.asked, question.query)
        if match is not Match.EXACT:
            question.outcome.strange += 1
            if match is Match.LETTERS:  # forged, or a poor upstream
                self._persist(self._end(descriptor))
            return
        self._end(descriptor)
        if refuses_edns(reply):
            question.outcome.plain.add(tried.upstream)
            self._persist(tried)
            return
        if question.tcp and reply[2] << 8 & TC:
            self._persist(tried)
            return
        self._forwarder.answered(tried.upstream)
        question.outcome.reply = restored(reply, question.query)
        if is_final(reply):
            question.tell(question.outcome)
        else:
            self._persist(tried, {tried.upstream})

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(SWEEP_EVERY)
            now = trio.current_time()
            while self._tries:
                descriptor = next(iter(self._tries))
                if self._tries[descriptor].deadline > now:
                    break
                self._fail(descriptor)

    def _fail(self, descriptor: int) -> None:
        tried = self._end(descriptor)
        tried.question.outcome.silent += 1
        self._forwarder.failed(tried.upstream)
        self._persist(tried)

    def _end(self, descriptor: int) -> Try:
        tried = self._tries.pop(descriptor)
        tried.fresh.close()  # the epoll forgets it
        return tried

    def _persist(self, tried: Try, said_no: Set[IPv4Address] = frozenset()) -> None:
        within = tried.deadline - PATIENCE + IN_ALL - trio.current_time()
        self._nursery.start_soon(self._resolve, tried.question, within, said_no)

    async def _resolve(
        self, question: Question, within: float, said_no: Set[IPv4Address]
    ) -> None:
        await self._forwarder.resolve(
            question.query,
            question.outcome,
            tcp=question.tcp,
            within=within,
            said_no=said_no,
        )
        question.tell(question.outcome)
