"""The shell of the resolver: UDP in line, TCP a task a connection, the rest waits.

A query that was answered before is answered from the same octets: a look-up, a send.
"""

import socket
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import trio

from .channel import LOOP
from .channel import Channel
from .channel import loop_name
from .connections import Connections
from .counts import Counts
from .counts import Dropped
from .datagrams import Datagrams
from .datagrams import Prepared
from .datagrams import address_of
from .flights import Asker
from .flights import Flights
from .policy import Answer
from .policy import Forward
from .policy import Resolver
from .policy import Unread
from .wire import Type

DRAIN_AT_MOST = 256  # queries, then others have their turn
BUSY = 4  # queries at once: more are there by now, without a wait for them
REMEMBERED_AT_MOST = 65_536  # queries: 10,000 guests' A, AAAA and PTR, twice
REMEMBERED_IN_ALL = 8 * 1024 * 1024  # octets of queries and answers
REMEMBERED_OCTETS_AT_MOST = 320  # of a query: a name, a question, a plain OPT
FOREIGN_AT_MOST = 4_096  # addresses that are known to be none of ours


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask."""

    queries_per_second: int = 1_000
    forwards_per_client: int = 100
    """Questions for elsewhere that wait at a time."""


Remembered = tuple[float, list[int], int, int, Prepared]
"""Until when it holds, where it is counted, where it lies, its length, the answer."""


class DnsServer:
    """Answers the clients of *ranges*, and nobody else."""

    def __init__(
        self,
        resolver: Resolver,
        channel: Channel | None,
        ranges: Iterable[IPv4Network],
        limits: Limits,
    ) -> None:
        self.counts = Counts()
        self._resolver = resolver
        self._ranges = tuple(ranges)
        self._most = limits.queries_per_second
        self._flights = Flights(
            resolver, channel, self.counts, per_client=limits.forwards_per_client
        )
        self._connections = Connections(self)
        self._remembered: dict[bytes, Remembered] = {}
        self._octets = 0
        """Of what is remembered."""
        self._left: dict[int, int] = {}
        """How many queries each client has left in this second."""
        self._foreign: set[int] = set()
        if channel is not None:
            name = loop_name(channel.token)
            resolver.names.add(name, Type.TXT, LOOP)
            resolver.names.widen(name)

    def forget(self) -> None:
        """Forget what was answered: the names have changed."""
        self._remembered.clear()
        self._octets = 0

    async def serve_udp(self, listener: socket.socket) -> None:
        """Answer what comes by UDP, until cancelled.

        Error handling: an answer that cannot be sent is lost: the client asks again.
        """
        listener.setblocking(False)
        datagrams = Datagrams(listener)
        while True:
            await trio.lowlevel.wait_readable(listener)
            while self._drain(datagrams, trio.current_time()):
                await trio.lowlevel.checkpoint()

    async def serve_tcp(self, listener: trio.SocketListener) -> None:
        """Answer what comes by TCP, until cancelled (RFC 7766)."""
        await trio.serve_listeners(self._connections.serve, [listener])

    async def tick(self) -> None:
        """Give every client its queries of the next second, until cancelled."""
        while True:
            await trio.sleep(1)
            self._left.clear()

    def _drain(self, datagrams: Datagrams, now: float) -> bool:
        """Answer what is there now; True where there is more, after others' turn."""
        count = 0
        while count < DRAIN_AT_MOST:
            batch = self._answer_batch(datagrams, now)
            if batch < BUSY:
                return False
            count += batch
        return True

    def _answer_batch(self, datagrams: Datagrams, now: float) -> int:
        """Answer a batch; return how many queries it was."""
        queries, clients = datagrams.receive()
        known = [*map(self._remembered.get, queries)]
        if self._answer_known(datagrams, known, clients, now):
            return len(queries)
        answers: list[Prepared | None] = []
        for place, client in enumerate(clients):
            if not self.admits(client):
                answers.append(None)
                continue
            # it may be the answer to one of this very batch
            one = known[place] or self._remembered.get(queries[place])
            if one is None or one[0] <= now:
                tell = partial(datagrams.send, datagrams.peer(place))
                self.answer(datagrams.query(place), client, tell, now, tcp=False)
                answers.append(None)
                continue
            one[1][0] += 1
            answers.append(one[4])
        datagrams.answer(answers)
        return len(answers)

    def _answer_known(
        self,
        datagrams: Datagrams,
        known: Sequence[Remembered | None],
        clients: Sequence[int],
        now: float,
    ) -> bool:
        """Answer a batch of one client's that all is remembered of; else False.

        The same as one by one, and half as dear: nearly all batches are so.
        """
        count = len(known)
        if not count or clients.count(clients[0]) < count:
            return False
        left = self._left.get(clients[0], 0)
        fresh = [each for each in known if each is not None and each[0] > now]
        if left < count or len(fresh) < count:
            return False
        self._left[clients[0]] = left - count
        for each in fresh:
            each[1][0] += 1
        datagrams.answer_all([each[2] for each in fresh], [each[3] for each in fresh])
        return True

    def admits(self, client: int) -> bool:
        """Take one of the queries that *client* has in this second, if it has any."""
        left = self._left.get(client)
        if left is None:
            if not self.knows(client):
                self.counts.dropped[Dropped.FOREIGN] += 1
                return False
            left = self._most
        if not left:
            self.counts.dropped[Dropped.RATE] += 1
            return False
        self._left[client] = left - 1
        return True

    def knows(self, client: int) -> bool:
        """Whether *client* is of one of our ranges."""
        if client in self._foreign:
            return False
        address = IPv4Address(address_of(client))
        if any(address in network for network in self._ranges):
            return True
        if len(self._foreign) >= FOREIGN_AT_MOST:
            self._foreign.clear()
        self._foreign.add(client)
        return False

    def answer(
        self,
        query: bytes,
        client: int,
        send: Callable[[bytes], None],
        now: float,
        *,
        tcp: bool,
    ) -> bool:
        """Answer *query* now or later; False where it gets no answer at all."""
        decision = self._resolver.decide(query, now, tcp=tcp)
        match decision:
            case Unread():
                self.counts.dropped[Dropped.MALFORMED] += 1
                return False
            case Answer():
                self._tell(send, decision)
                if decision.seconds and not tcp:
                    self._remember(query, decision, now)
            case Forward():
                tell = partial(self._tell, send)
                self._flights.join(decision, Asker(decision.query, client, tcp, tell))
        return True

    def _tell(self, send: Callable[[bytes], None], answer: Answer) -> None:
        label = (answer.qtype, answer.rcode, answer.source.value)
        self.counts.tally(label)[0] += 1
        if answer.octets[2] & 2:  # TC
            self.counts.truncated += 1
        send(answer.octets)

    def _remember(self, query: bytes, answer: Answer, now: float) -> None:
        if len(query) > REMEMBERED_OCTETS_AT_MOST:
            return
        key, size = query[2:], len(query) + len(answer.octets)
        known = self._remembered.pop(key, None)
        if known is not None:
            self._octets -= len(query) + 2 + known[3]
        if (
            len(self._remembered) >= REMEMBERED_AT_MOST
            or self._octets + size > REMEMBERED_IN_ALL
        ):
            self.forget()
        self._octets += size
        label = (answer.qtype, answer.rcode, answer.source.value)
        until, prepared = now + answer.seconds, Prepared.of(answer.octets[2:])
        self._remembered[key] = (
            until,
            self.counts.tally(label),
            prepared.start,
            prepared.length,
            prepared,
        )
