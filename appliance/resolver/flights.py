"""Questions for elsewhere on their way: each once, however many wait for it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import trio

from .body import FAILURE
from .body import Body
from .cache import Key
from .channel import Channel
from .counts import Counts
from .policy import Answer
from .policy import Forward
from .policy import Resolver
from .wire import Query
from .wire import encode_query


@dataclass(frozen=True, slots=True)
class Asker:
    """One who waits for an upstream's answer."""

    query: Query
    client: int
    tcp: bool
    tell: Callable[[Answer], None]


class Flights:
    """What is asked elsewhere now, and for whom."""

    def __init__(
        self,
        resolver: Resolver,
        channel: Channel | None,
        counts: Counts,
        *,
        per_client: int,
    ) -> None:
        self._resolver = resolver
        self._channel = channel
        self._counts = counts
        self._per_client = per_client
        self._waiting: dict[tuple[Key, bool], list[Asker]] = {}
        self._of_client: Counter[int] = Counter()

    def join(self, forward: Forward, asker: Asker) -> None:
        """Let *asker* wait for the answer, and ask if nobody has."""
        if self._of_client[asker.client] >= self._per_client:
            self._tell(asker, FAILURE)
            return
        flight = (forward.key, asker.tcp)
        waiting = self._waiting.get(flight)
        if waiting is None:
            if not self._ask(flight, forward):
                self._counts.failed += 1
                self._tell(asker, FAILURE)
                return
            waiting = self._waiting[flight] = []
        waiting.append(asker)
        self._of_client[asker.client] += 1

    def _ask(self, flight: tuple[Key, bool], forward: Forward) -> bool:
        if self._channel is None:
            return False
        query = encode_query(forward.asked, 0, forward.asked.lowered)
        landed = partial(self._landed, flight, forward, trio.current_time())
        return self._channel.ask(query, landed, tcp=flight[1])

    def _landed(
        self,
        flight: tuple[Key, bool],
        forward: Forward,
        since: float,
        reply: bytes | None,
    ) -> None:
        now = trio.current_time()
        if reply is None:
            self._counts.failed += 1
        else:
            self._counts.took(now - since)
        body = self._resolver.accept(forward, reply, now)
        for asker in self._waiting.pop(flight):
            self._of_client[asker.client] -= 1
            if not self._of_client[asker.client]:
                del self._of_client[asker.client]
            self._tell(asker, body)

    def _tell(self, asker: Asker, body: Body) -> None:
        asker.tell(self._resolver.finish(asker.query, body, tcp=asker.tcp))

    def __len__(self) -> int:
        return len(self._waiting)
