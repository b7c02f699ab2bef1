"""The shell of the resolver: UDP in line, TCP a task a connection, the rest waits.

A query that was answered before is answered from the same octets: a look-up, a send.
"""

import socket
from collections.abc import Callable
from collections.abc import Iterable
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
from .flights import Asker
from .flights import Flights
from .policy import Answer
from .policy import Forward
from .policy import Resolver
from .policy import Unread
from .wire import Type

QUERY_AT_MOST = 4096  # octets
DRAIN_AT_MOST = 256  # queries, then others have their turn
BUSY = 4  # queries at once: more come soon, without a wait for them
REMEMBERED_AT_MOST = 16_384  # queries
REMEMBERED_OCTETS_AT_MOST = 320  # of a query: a name, a question, a plain OPT
FOREIGN_AT_MOST = 4_096  # addresses that are known to be none of ours


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask."""

    queries_per_second: int = 1_000
    forwards_per_client: int = 100
    """Questions for elsewhere that wait at a time."""


Remembered = tuple[bytes, float, list[int]]
"""The answer after its id, until when it holds, where it is counted."""


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
        self._left: dict[str, int] = {}
        """How many queries each client has left in this second."""
        self._foreign: set[str] = set()
        if channel is not None:
            name = loop_name(channel.token)
            resolver.names.add(name, Type.TXT, LOOP)
            resolver.names.widen(name)

    def forget(self) -> None:
        """Forget what was answered: the names have changed."""
        self._remembered.clear()

    async def serve_udp(self, listener: socket.socket) -> None:
        """Answer what comes by UDP, until cancelled.

        Error handling: an answer that cannot be sent is lost: the client asks again.
        """
        listener.setblocking(False)
        while True:
            await trio.lowlevel.wait_readable(listener)
            while self._drain(listener, trio.current_time()) >= BUSY:
                await trio.lowlevel.checkpoint()

    async def serve_tcp(self, listener: trio.SocketListener) -> None:
        """Answer what comes by TCP, until cancelled (RFC 7766)."""
        await trio.serve_listeners(self._connections.serve, [listener])

    async def tick(self) -> None:
        """Give every client its queries of the next second, until cancelled."""
        while True:
            await trio.sleep(1)
            self._left.clear()

    def _drain(self, listener: socket.socket, now: float) -> int:
        """Answer what is there now; return how many queries it was, roughly."""
        receive, send = listener.recvfrom, listener.sendto
        recall, left, admits = self._remembered.get, self._left, self.admits
        for count in range(DRAIN_AT_MOST):
            try:
                query, peer = receive(QUERY_AT_MOST)
            except BlockingIOError:
                return count
            except OSError:
                continue  # an ICMP error of one of our answers
            client = peer[0]
            more = left.get(client, 0)
            if more:
                left[client] = more - 1
            elif not admits(client):
                continue
            known = recall(query[2:])
            if known is None or known[1] <= now:
                tell = partial(_send, listener, peer)
                self.answer(query, client, tell, now, tcp=False)
                continue
            known[2][0] += 1
            try:
                send(query[:2] + known[0], peer)
            except OSError:
                pass  # the client asks again
        return DRAIN_AT_MOST

    def admits(self, client: str) -> bool:
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

    def knows(self, client: str) -> bool:
        """Whether *client* is of one of our ranges."""
        if client in self._foreign:
            return False
        address = IPv4Address(client)
        if any(address in network for network in self._ranges):
            return True
        if len(self._foreign) >= FOREIGN_AT_MOST:
            self._foreign.clear()
        self._foreign.add(client)
        return False

    def answer(
        self,
        query: bytes,
        client: str,
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
        if len(self._remembered) >= REMEMBERED_AT_MOST:
            self._remembered.clear()
        label = (answer.qtype, answer.rcode, answer.source.value)
        until = now + answer.seconds
        self._remembered[query[2:]] = answer.octets[2:], until, self.counts.tally(label)


def _send(listener: socket.socket, peer: tuple[str, int], octets: bytes) -> None:
    try:
        listener.sendto(octets, peer)
    except OSError:
        pass  # the client asks again
