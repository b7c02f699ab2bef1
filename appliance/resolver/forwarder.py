"""The forwarder: a DNS client on the host's side, for daemons that have no way out.

It is not root and listens to nobody but its daemons; each question leaves from a fresh
socket, hence a random port, with a random id and random letters (RFC 5452), and only
the answer to exactly that comes back.
"""

import random
import socket
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address

import trio

from .channel import ANSWERED
from .channel import ASKED
from .channel import HELLO
from .channel import MESSAGE_AT_MOST
from .errors import MalformedQuery
from .upstreams import IN_ALL
from .upstreams import PATIENCE
from .upstreams import Health
from .upstreams import Routes
from .wire import HEADER
from .wire import QR
from .wire import TC
from .wire import Query
from .wire import Rcode
from .wire import encode_query

PORT = 53
QUESTIONS_AT_MOST = 1_000  # at a time

_random = random.SystemRandom()


class Forwarder:
    """Asks upstreams for one network."""

    def __init__(self, routes: Routes, *, port: int = PORT) -> None:
        self._routes = routes
        self._port = port
        self._health = Health()
        self.counts: Counter[str] = Counter()

    async def ask(self, octets: bytes, *, tcp: bool) -> bytes | None:
        """Return an upstream's response to *octets*, or None for a failure."""
        try:
            query = Query.parse(octets)
        except MalformedQuery:
            return None
        upstreams = self._health.order(
            self._routes.choose(query.lowered), trio.current_time()
        )
        last: bytes | None = None
        with trio.move_on_after(IN_ALL):
            for upstream in upstreams:
                reply = await self._try(query, upstream, tcp=tcp)
                if reply is None:
                    self._health.failed(upstream, trio.current_time())
                    self.counts["timeout"] += 1
                    continue
                self._health.answered(upstream)
                last = reply
                if reply[3] & 15 not in (Rcode.SERVFAIL, Rcode.REFUSED):
                    break
        return last

    async def _try(
        self, query: Query, upstream: IPv4Address, *, tcp: bool
    ) -> bytes | None:
        with trio.move_on_after(PATIENCE):
            try:
                reply = await self._by_udp(query, upstream, edns=True)
                if reply[3] & 15 == Rcode.FORMERR:  # one that knows no EDNS
                    reply = await self._by_udp(query, upstream, edns=False)
                if tcp and int.from_bytes(reply[2:4], "big") & TC:
                    reply = await self._by_tcp(query, upstream)
                return reply
            except OSError:
                return None  # nobody listens there, or no way leads there
        return None

    async def _by_udp(
        self, query: Query, upstream: IPv4Address, *, edns: bool
    ) -> bytes:
        asked = self._question(query, edns=edns)
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fresh:
            await fresh.connect((str(upstream), self._port))
            await fresh.send(asked)
            while True:
                reply = await fresh.recv(MESSAGE_AT_MOST)
                if _answers(reply, asked, query):
                    return _restored(reply, query)
                self.counts["mismatch"] += 1

    async def _by_tcp(self, query: Query, upstream: IPv4Address) -> bytes:
        asked = self._question(query, edns=True)
        stream = await trio.open_tcp_stream(str(upstream), self._port)
        async with stream:
            await stream.send_all(len(asked).to_bytes(2, "big") + asked)
            buffer = b""
            while len(buffer) < 2 or len(buffer) < 2 + int.from_bytes(
                buffer[:2], "big"
            ):
                piece = await stream.receive_some(MESSAGE_AT_MOST)
                if not piece:
                    raise OSError("the upstream hung up")
                buffer += piece
        reply = buffer[2 : 2 + int.from_bytes(buffer[:2], "big")]
        if not _answers(reply, asked, query):
            raise OSError("the upstream answered something else")
        return _restored(reply, query)

    def _question(self, query: Query, *, edns: bool) -> bytes:
        letters = bytes(
            octet ^ 0x20 if chr(octet).isalpha() and _random.getrandbits(1) else octet
            for octet in query.name
        )
        return encode_query(query, _random.getrandbits(16), letters, edns=edns)


def _answers(reply: bytes, asked: bytes, query: Query) -> bool:
    """Whether *reply* is to exactly what was *asked*, letter by letter."""
    end = HEADER.size + len(query.question)
    return (
        len(reply) >= end
        and reply[:2] == asked[:2]
        and bool(reply[2] << 8 & QR)
        and reply[HEADER.size : end] == asked[HEADER.size : end]
    )


def _restored(reply: bytes, query: Query) -> bytes:
    """Return *reply* with the question's letters as our client's query had them."""
    end = HEADER.size + len(query.name)
    return reply[: HEADER.size] + query.name + reply[end:]


async def serve_line(
    line: socket.socket,
    open_network: Callable[[str], Forwarder],
    first: Forwarder | None,
) -> None:
    """Answer one daemon's questions until it hangs up.

    Resource handling: closes the line.  *open_network* gives the forwarder of the
    network that a first message names; *first* is it where it is known already.
    """
    forwarder = first
    room = trio.Semaphore(QUESTIONS_AT_MOST)
    line.setblocking(False)

    async def answer(ticket: int, octets: bytes, tcp: bool) -> None:
        assert forwarder is not None
        async with room:
            reply = await forwarder.ask(octets, tcp=tcp)
        await trio.lowlevel.wait_writable(line)
        try:
            line.send(ANSWERED.pack(ticket, reply is not None) + (reply or b""))
        except OSError:
            pass  # full, or it hung up: it counts the time itself

    try:
        async with trio.open_nursery() as nursery:
            while True:
                await trio.lowlevel.wait_readable(line)
                message = line.recv(MESSAGE_AT_MOST)
                if not message:
                    break
                ticket, tcp = ASKED.unpack_from(message)
                if ticket == HELLO:
                    forwarder = open_network(message[ASKED.size :].decode())
                elif forwarder is not None:
                    octets = message[ASKED.size :]
                    nursery.start_soon(answer, ticket, octets, bool(tcp))
            nursery.cancel_scope.cancel()
    finally:
        line.close()
