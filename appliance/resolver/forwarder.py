"""The forwarder: a DNS client on the host's side, for daemons that have no way out.

It is not root and listens to nobody but its daemons; each question leaves from a fresh
socket, hence a random port, with a random id and random letters (RFC 5452), and only
the answer to exactly that comes back.
"""

import os
import socket
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import field
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
from .wire import AA
from .wire import HEADER
from .wire import IN
from .wire import QR
from .wire import RA
from .wire import RD
from .wire import TC
from .wire import Query
from .wire import Rcode
from .wire import Type
from .wire import encode_query
from .wire import is_same_question

PORT = 53
TRIES = 3  # of one upstream: a datagram may be lost
CASE = bytes(
    0x20 if chr(each).isascii() and chr(each).isalpha() else 0 for each in range(256)
)
"""By octet, the bit that a letter's case is."""
FRESH = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
WITHOUT_QUESTION = {Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED}


@dataclass(slots=True)
class Outcome:
    """What came of a question."""

    reply: bytes | None = None
    silent: int = 0
    """Upstreams that did not answer."""
    strange: int = 0
    """Answers to something else."""
    plain: set[IPv4Address] = field(default_factory=set)
    """Upstreams that refused EDNS."""


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
        await self.resolve(query, outcome, tcp=tcp)
        return outcome

    async def resolve(
        self,
        query: Query,
        outcome: Outcome,
        *,
        tcp: bool,
        within: float = IN_ALL,
        said_no: Set[IPv4Address] = frozenset(),
    ) -> None:
        """Ask one upstream after the other; say in *outcome* what came of it.

        Who is of *said_no* was asked already, and had no answer of use.
        """
        upstreams, said_no = self.order(query), set(said_no)
        with trio.move_on_after(within):
            for upstream in upstreams * TRIES:
                if upstream in said_no:
                    continue
                reply = await self._try(query, upstream, outcome, tcp=tcp)
                if reply is None:
                    outcome.silent += 1
                    self.failed(upstream)
                    continue
                self.answered(upstream)
                outcome.reply = reply
                if is_final(reply):
                    break
                said_no.add(upstream)

    def order(self, query: Query) -> list[IPv4Address]:
        """Return whom to ask, one after the other."""
        return self._health.order(self._routes.choose(query.lowered))

    def failed(self, upstream: IPv4Address) -> None:
        """It was asked and did not answer."""
        self._health.failed(upstream, trio.current_time())
        self._trouble.set()

    def answered(self, upstream: IPv4Address) -> None:
        self._health.answered(upstream)

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
                    name = b"\x08" + os.urandom(4).hex().encode()
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
                edns = upstream not in outcome.plain
                reply = await self._by_udp(query, upstream, outcome, edns=edns)
                if edns and refuses_edns(reply):
                    edns = False
                    outcome.plain.add(upstream)
                    reply = await self._by_udp(query, upstream, outcome, edns=False)
                if tcp and reply[2] << 8 & TC:
                    reply = await self._by_tcp(query, upstream, outcome, edns=edns)
                return reply
            except (OSError, trio.BrokenResourceError):
                return None  # nobody listens there, or no way leads there
        return None

    def send(
        self, query: Query, upstream: IPv4Address, *, edns: bool = True
    ) -> tuple[socket.socket, bytes]:
        """Ask *upstream* from a fresh socket: it, and what was asked.

        Resource handling: the socket is the caller's.  Error handling: an OSError.
        """
        asked = self._question(query, upstream, edns=edns)
        fresh = socket.socket(socket.AF_INET, FRESH)
        try:
            fresh.connect((str(upstream), self._port))
            fresh.send(asked)
        except OSError:
            fresh.close()
            raise
        return fresh, asked

    async def _by_udp(
        self, query: Query, upstream: IPv4Address, outcome: Outcome, *, edns: bool
    ) -> bytes:
        fresh, asked = self.send(query, upstream, edns=edns)
        with fresh:
            while True:
                await trio.lowlevel.wait_readable(fresh)
                try:
                    reply = fresh.recv(MESSAGE_AT_MOST)
                except BlockingIOError:
                    continue  # its checksum was wrong
                match = compare(reply, asked, query)
                if match is Match.EXACT:
                    return restored(reply, query)
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
        match = compare(reply, asked, query)
        if match is Match.NONE:
            outcome.strange += 1
            raise OSError("the upstream answered something else")
        if match is Match.LETTERS:
            self._health.changing_letters.add(upstream)
        return restored(reply, query)

    def _question(self, query: Query, upstream: IPv4Address, *, edns: bool) -> bytes:
        letters = query.name
        if upstream not in self._health.changing_letters:
            letters = _shuffled(query.name)
        number = int.from_bytes(os.urandom(2), "big")
        return encode_query(query, number, letters, edns=edns)


class Match(Enum):
    """How well a response is one to what was asked."""

    EXACT = "to exactly that"
    LETTERS = "with other letters"
    NONE = "to something else"


def _shuffled(name: bytes) -> bytes:
    """Return *name* with each letter's case as chance has it."""
    case = int.from_bytes(name.translate(CASE), "big")
    chance = int.from_bytes(os.urandom(len(name)), "big")
    changed = int.from_bytes(name, "big") ^ case & chance
    return changed.to_bytes(len(name), "big")


def compare(reply: bytes, asked: bytes, query: Query) -> Match:
    """Return how well *reply* is one to *query*, which was sent as *asked*."""
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


def refuses_edns(reply: bytes) -> bool:
    """Whether who was asked with EDNS may know none (RFC 6891 section 7).

    It says FORMERR, or NOTIMP as RFC 2671 section 5.3 had it; NOTIMP with an OPT is of
    the question.  FORMERR is not: some send back all that they got.
    """
    if reply[3] & 15 == Rcode.NOTIMP:
        return reply[10:12] == b"\0\0"  # no record in the additional section
    return reply[3] & 15 == Rcode.FORMERR


def is_final(reply: bytes) -> bool:
    """Whether another upstream would say the same.

    Not of who fails, or refers to others: it does not recurse, and knows nothing.
    """
    if reply[3] & 15 != Rcode.NOERROR:
        return reply[3] & 15 == Rcode.NXDOMAIN
    return bool(reply[3] & RA or reply[2] << 8 & AA or reply[6:8] != b"\0\0")


def restored(reply: bytes, query: Query) -> bytes:
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
