"""The forwarder: a DNS client on the host's side, for daemons that have no way out.

It is not root and listens to nobody but its daemons; each question leaves from a fresh
socket, hence a random port, with a random id and random letters (RFC 5452), and only
the answer to exactly that comes back.
"""

import random
import socket
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

import trio

from .channel import LOOP
from .channel import MESSAGE_AT_MOST
from .channel import loop_name
from .errors import MalformedQuery
from .upstreams import IN_ALL
from .upstreams import PATIENCE
from .upstreams import Health
from .upstreams import Routes
from .wire import HEADER
from .wire import IN
from .wire import QR
from .wire import RD
from .wire import TC
from .wire import Query
from .wire import Rcode
from .wire import Type
from .wire import encode_query
from .wire import is_same_question

PORT = 53
TRIES = 3  # of one upstream: a datagram may be lost
LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
WITHOUT_QUESTION = {Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED}

_random = random.SystemRandom()


@dataclass(slots=True)
class Outcome:
    """What came of a question."""

    reply: bytes | None = None
    silent: int = 0
    """Upstreams that did not answer."""
    strange: int = 0
    """Answers to something else."""


class Forwarder:
    """Asks upstreams for one network."""

    def __init__(self, routes: Routes, *, port: int = PORT) -> None:
        self._routes = routes
        self._port = port
        self._health = Health(routes.upstreams)
        self._trouble = trio.Event()

    async def ask(self, octets: bytes, *, tcp: bool) -> Outcome:
        """Return an upstream's response to *octets*; none is a failure of all."""
        outcome = Outcome()
        try:
            query = Query.parse(octets)
        except MalformedQuery:
            return outcome
        upstreams = self._health.order(self._routes.choose(query.lowered))
        said_no: set[IPv4Address] = set()
        with trio.move_on_after(IN_ALL):
            for upstream in upstreams * TRIES:
                if upstream in said_no:
                    continue
                reply = await self._try(query, upstream, outcome, tcp=tcp)
                if reply is None:
                    outcome.silent += 1
                    self._health.failed(upstream, trio.current_time())
                    self._trouble.set()
                    continue
                self._health.answered(upstream)
                outcome.reply = reply
                if reply[3] & 15 in (Rcode.NOERROR, Rcode.NXDOMAIN):
                    break
                said_no.add(upstream)
        return outcome

    async def watch(self, token: str) -> None:
        """Probe the upstreams until cancelled: whether they live, and ask us.

        The daemon has a TXT record for every name below the token's; each probe asks
        for one of its own, so that no cache in between answers.
        """
        async with trio.open_nursery() as nursery:
            while True:
                self._trouble = trio.Event()
                now = trio.current_time()
                for upstream in self._health.due(now):
                    name = b"\x08" + b"%08x" % _random.getrandbits(32)
                    query = Query(0, RD, name + loop_name(token), Type.TXT, IN)
                    nursery.start_soon(self._probe, query, upstream)
                with trio.move_on_after(self._health.next_due() - now):
                    await self._trouble.wait()

    async def _probe(self, query: Query, upstream: IPv4Address) -> None:
        reply = await self._try(query, upstream, Outcome(), tcp=False)
        if reply is None:
            self._health.failed_again(upstream, trio.current_time())
            return
        loops = LOOP in reply[HEADER.size + len(query.question) :]
        self._health.probed(upstream, trio.current_time(), loops=loops)

    async def _try(
        self, query: Query, upstream: IPv4Address, outcome: Outcome, *, tcp: bool
    ) -> bytes | None:
        with trio.move_on_after(PATIENCE):
            try:
                reply = await self._by_udp(query, upstream, outcome, edns=True)
                edns = reply[3] & 15 != Rcode.FORMERR
                if not edns:  # it knows none
                    reply = await self._by_udp(query, upstream, outcome, edns=False)
                if tcp and reply[2] << 8 & TC:
                    reply = await self._by_tcp(query, upstream, outcome, edns=edns)
                return reply
            except (OSError, trio.BrokenResourceError):
                return None  # nobody listens there, or no way leads there
        return None

    async def _by_udp(
        self, query: Query, upstream: IPv4Address, outcome: Outcome, *, edns: bool
    ) -> bytes:
        asked = self._question(query, upstream, edns=edns)
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as fresh:
            await fresh.connect((str(upstream), self._port))
            await fresh.send(asked)
            while True:
                reply = await fresh.recv(MESSAGE_AT_MOST)
                match = _compare(reply, asked, query)
                if match is Match.EXACT:
                    return _restored(reply, query)
                outcome.strange += 1
                if match is Match.LETTERS:  # forged, or a poor upstream: TCP tells
                    return await self._by_tcp(query, upstream, outcome, edns=edns)

    async def _by_tcp(
        self, query: Query, upstream: IPv4Address, outcome: Outcome, *, edns: bool
    ) -> bytes:
        asked = self._question(query, upstream, edns=edns)
        stream = await trio.open_tcp_stream(str(upstream), self._port)
        async with stream:
            await stream.send_all(len(asked).to_bytes(2, "big") + asked)
            length = int.from_bytes(await _receive(stream, 2), "big")
            reply = await _receive(stream, length)
        match = _compare(reply, asked, query)
        if match is Match.NONE:
            outcome.strange += 1
            raise OSError("the upstream answered something else")
        if match is Match.LETTERS:
            self._health.changing_letters.add(upstream)
        return _restored(reply, query)

    def _question(self, query: Query, upstream: IPv4Address, *, edns: bool) -> bytes:
        letters = query.name
        if upstream not in self._health.changing_letters:
            letters = bytes(
                octet ^ 0x20 if octet in LETTERS and _random.getrandbits(1) else octet
                for octet in query.name
            )
        return encode_query(query, _random.getrandbits(16), letters, edns=edns)


class Match(Enum):
    """How well a response is one to what was asked."""

    EXACT = "to exactly that"
    LETTERS = "with other letters"
    NONE = "to something else"


def _compare(reply: bytes, asked: bytes, query: Query) -> Match:
    if len(reply) < HEADER.size or reply[:2] != asked[:2] or not reply[2] << 8 & QR:
        return Match.NONE
    questions = int.from_bytes(reply[4:6], "big")
    if not questions and reply[3] & 15 in WITHOUT_QUESTION:
        return Match.EXACT  # an old one says FORMERR to EDNS, and no more
    end = HEADER.size + len(query.question)
    given, wanted = reply[HEADER.size : end], asked[HEADER.size : end]
    if questions == 1 and given == wanted:
        return Match.EXACT
    if questions == 1 and is_same_question(given, wanted):
        return Match.LETTERS
    return Match.NONE


def _restored(reply: bytes, query: Query) -> bytes:
    """Return *reply* with the question's letters as our client's query had them."""
    if not int.from_bytes(reply[4:6], "big"):
        return reply[:4] + HEADER.pack(0, 0, 1, 0, 0, 0)[4:] + query.question
    end = HEADER.size + len(query.name)
    return reply[: HEADER.size] + query.name + reply[end:]


async def _receive(stream: trio.SocketStream, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        piece = await stream.receive_some(octets - len(found))
        if not piece:
            raise OSError("the upstream hung up")
        found += piece
    return found
