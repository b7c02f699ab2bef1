"""The shell of the resolver: UDP in line, TCP a task a connection, the rest waits.

A query that was answered before is answered from the same octets: a look-up, a send.
"""

import socket
import struct
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from time import monotonic

import trio

from .channel import Channel
from .policy import Answer
from .policy import Forward
from .policy import Resolver
from .policy import Unread
from .wire import Body
from .wire import Query
from .wire import Rcode
from .wire import encode_query

QUERY_AT_MOST = 4096  # octets
DRAIN_AT_MOST = 256  # queries, then others have their turn
REMEMBERED_AT_MOST = 16_384  # queries
ALLOWED_AT_MOST = 65_536  # clients
IDLE = 10.0  # seconds of a TCP connection without a query (RFC 7766 section 6.2.3)
CONNECTIONS_AT_MOST = 100
CONNECTIONS_PER_CLIENT = 8
PIPELINED_AT_MOST = 100  # queries of one connection


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask."""

    queries_per_second: int = 1_000
    forwards_per_client: int = 100
    """Questions for elsewhere that wait at a time."""


@dataclass(frozen=True, slots=True)
class Asker:
    """One who waits for an upstream's answer."""

    query: Query
    client: str
    tcp: bool
    reply: Callable[[bytes], None]


class Dropped:
    """Why a query got no answer: a closed set."""

    MALFORMED = "malformed"
    FOREIGN = "foreign"
    RATE = "rate"


@dataclass(slots=True)
class Counts:
    """What happened, for the metrics."""

    answers: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    """By type, response code and source."""
    dropped: Counter[str] = field(default_factory=Counter)
    truncated: int = 0


class DnsServer:
    """Answers the clients of *ranges*, and nobody else."""

    def __init__(
        self,
        resolver: Resolver,
        channel: Channel | None,
        ranges: Iterable[IPv4Network],
        limits: Limits,
    ) -> None:
        self._resolver = resolver
        self._channel = channel
        self._ranges = tuple(ranges)
        self._limits = limits
        self._remembered: dict[bytes, tuple[bytes, float, tuple[int, int, str]]] = {}
        self._allowed: dict[str, bool] = {}
        self._asked: Counter[str] = Counter()
        self._flights: dict[object, list[Asker]] = {}
        self._forwards: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self.counts = Counts()

    def forget(self) -> None:
        """Forget what was answered: the names have changed."""
        self._remembered.clear()

    async def serve_udp(self, listener: socket.socket) -> None:
        """Answer what comes by UDP, until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(listener)
            self._drain(listener)

    def _drain(self, listener: socket.socket) -> None:
        now = monotonic()
        receive, send = listener.recvfrom, listener.sendto
        remembered, asked, allowed = self._remembered, self._asked, self._allowed
        most, answers = self._limits.queries_per_second, self.counts.answers
        for _ in range(DRAIN_AT_MOST):
            try:
                octets, peer = receive(QUERY_AT_MOST)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of one of our answers
            client = peer[0]
            if not allowed.get(client) and not self._admits(client):
                continue
            asked[client] += 1
            if asked[client] > most:
                self.counts.dropped[Dropped.RATE] += 1
                continue
            kept = remembered.get(octets[2:])
            if kept is not None and kept[1] > now:
                answers[kept[2]] += 1
                try:
                    send(octets[:2] + kept[0], peer)
                except OSError:
                    pass  # it asks again
                continue
            self._answer(octets, client, partial(_send, listener, peer), now)

    def _admits(self, client: str) -> bool:
        known = self._allowed.get(client)
        if known is None:
            if len(self._allowed) >= ALLOWED_AT_MOST:
                self._allowed.clear()
            address = IPv4Address(client)
            known = any(address in network for network in self._ranges)
            self._allowed[client] = known
        if not known:
            self.counts.dropped[Dropped.FOREIGN] += 1
        return known

    def _answer(
        self,
        octets: bytes,
        client: str,
        reply: Callable[[bytes], None],
        now: float,
        *,
        tcp: bool = False,
    ) -> None:
        decision = self._resolver.decide(octets, now, tcp=tcp)
        match decision:
            case Unread():
                self.counts.dropped[Dropped.MALFORMED] += 1
            case Answer():
                self._send(decision, reply)
                if decision.seconds and not tcp:
                    self._remember(octets, decision, now)
            case Forward():
                self._forward(decision, Asker(decision.query, client, tcp, reply))

    def _remember(self, octets: bytes, answer: Answer, now: float) -> None:
        if len(self._remembered) >= REMEMBERED_AT_MOST:
            self._remembered.clear()
        labels = (answer.qtype, answer.rcode, answer.source.value)
        until = now + answer.seconds
        self._remembered[octets[2:]] = (answer.octets[2:], until, labels)

    def _send(self, answer: Answer, reply: Callable[[bytes], None]) -> None:
        labels = (answer.qtype, answer.rcode, answer.source.value)
        self.counts.answers[labels] += 1
        if answer.octets[2] & 2:  # TC
            self.counts.truncated += 1
        reply(answer.octets)

    def _forward(self, forward: Forward, asker: Asker) -> None:
        """Ask elsewhere once, however many want to know the same."""
        flight = (forward.key, asker.tcp)
        if (
            self._channel is None
            or self._forwards[asker.client] >= self._limits.forwards_per_client
        ):
            self._tell(asker, Body(0, Rcode.SERVFAIL, (0, 0, 0), b"", ()))
            return
        self._forwards[asker.client] += 1
        waiting = self._flights.get(flight)
        if waiting is not None:
            waiting.append(asker)
            return
        self._flights[flight] = [asker]
        query = encode_query(forward.query, 0, forward.query.lowered)
        self._channel.ask(query, partial(self._landed, flight, forward), tcp=asker.tcp)

    def _landed(self, flight: object, forward: Forward, reply: bytes | None) -> None:
        body = self._resolver.accept(forward, reply, monotonic())
        for asker in self._flights.pop(flight, ()):
            self._forwards[asker.client] -= 1
            if not self._forwards[asker.client]:
                del self._forwards[asker.client]
            self._tell(asker, body)

    def _tell(self, asker: Asker, body: Body) -> None:
        answer = self._resolver.finish(asker.query, body, tcp=asker.tcp)
        self._send(answer, asker.reply)

    async def tick(self) -> None:
        """Give every client its queries of the next second, until cancelled."""
        while True:
            await trio.sleep(1)
            self._asked.clear()

    async def serve_tcp(self, listener: trio.SocketListener) -> None:
        """Answer what comes by TCP, until cancelled (RFC 7766)."""
        await trio.serve_listeners(self._serve_connection, [listener])

    async def _serve_connection(self, stream: trio.SocketStream) -> None:
        try:
            client = stream.socket.getpeername()[0]
        except OSError:
            return
        total = sum(self._connections.values())
        if (
            not self._admits(client)
            or total >= CONNECTIONS_AT_MOST
            or self._connections[client] >= CONNECTIONS_PER_CLIENT
        ):
            await stream.aclose()
            return
        self._connections[client] += 1
        try:
            async with stream:
                await self._converse(stream, client)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass  # it left, or says nothing more
        finally:
            self._connections[client] -= 1
            if not self._connections[client]:
                del self._connections[client]

    async def _converse(self, stream: trio.SocketStream, client: str) -> None:
        sender, receiver = trio.open_memory_channel[bytes](PIPELINED_AT_MOST)

        def reply(octets: bytes) -> None:
            try:
                sender.send_nowait(struct.pack("!H", len(octets)) + octets)
            except (trio.WouldBlock, trio.BrokenResourceError):
                pass  # more answers than it takes: it asks again

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write, stream, receiver)
            buffer = b""
            while True:
                while len(buffer) >= 2 and len(buffer) >= 2 + int.from_bytes(
                    buffer[:2], "big"
                ):
                    end = 2 + int.from_bytes(buffer[:2], "big")
                    octets, buffer = buffer[2:end], buffer[end:]
                    self._answer(octets, client, reply, monotonic(), tcp=True)
                with trio.fail_after(IDLE):
                    piece = await stream.receive_some(QUERY_AT_MOST)
                if not piece:
                    break
                buffer += piece
            nursery.cancel_scope.cancel()


async def _write(
    stream: trio.SocketStream, answers: "trio.MemoryReceiveChannel[bytes]"
) -> None:
    async for octets in answers:
        with trio.fail_after(IDLE):
            await stream.send_all(octets)


def _send(listener: socket.socket, peer: tuple[str, int], octets: bytes) -> None:
    try:
        listener.sendto(octets, peer)
    except OSError:
        pass  # the client asks again
