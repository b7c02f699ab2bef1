"""The decision about a query: an answer from here, a question for elsewhere, silence.

Pure: time comes in, octets go out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import IPv6Address
from ipaddress import IPv6Network

from .aliases import behind_aliases
from .body import FAILURE
from .body import Body
from .body import of_records
from .body import parse_body
from .cache import Cache
from .cache import Key
from .errors import MalformedQuery
from .local import Elsewhere
from .local import find_local
from .names import NameTable
from .responses import encode_answer
from .responses import encode_error
from .upstreams import Routes
from .wire import CD
from .wire import HEADER
from .wire import IN
from .wire import OPCODE
from .wire import QR
from .wire import RD
from .wire import TC
from .wire import Query
from .wire import Rcode
from .wire import Type
from .zones import Zones

TCP_ROOM = 65_535  # octets
# of the connection, not of a name (RFC 6895 section 3.1)
META = {0, Type.OPT, Type.TKEY, Type.TSIG, Type.IXFR, Type.AXFR}
# what an outside name may not have for an address, with rebind protection
PRIVATE_6 = tuple(
    IPv6Network(text) for text in ("::/127", "fc00::/7", "fe80::/10", "fec0::/10")
)


class Source(Enum):
    """Where an answer is from: a closed set."""

    LOCAL = "local"
    CACHE = "cache"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and for how long the same query gets the same octets."""

    octets: bytes
    rcode: int
    source: Source
    seconds: float = 0.0
    """0: not to be remembered."""
    qtype: int = 0


@dataclass(frozen=True, slots=True)
class Forward:
    """What has to be asked elsewhere."""

    query: Query
    key: Key
    asked: Query
    """*query*, or one for the name to which CNAMEs of ours lead."""
    aliases: tuple[bytes, ...] = ()


class Unread(Enum):
    """Silence: the octets are no query."""

    DROPPED = "malformed"


Decision = Answer | Forward | Unread


class Resolver:
    """Answers for one network."""

    def __init__(
        self,
        names: NameTable,
        zones: Zones,
        *,
        routes: Routes,
        entries: int,
        rebinding: Iterable[IPv4Network] = (),
    ) -> None:
        self.names = names
        self._zones = zones
        self._routes = routes
        self._cache = Cache(entries)
        self._rebinding = tuple(rebinding)
        """Networks that an upstream's answer may not hold."""

    def decide(self, octets: bytes, now: float, *, tcp: bool = False) -> Decision:
        """Return what to do with a query that came by UDP, or by TCP."""
        flags = int.from_bytes(octets[2:4], "big")
        if len(octets) >= HEADER.size and flags & OPCODE and not flags & QR:
            return _error(octets, Rcode.NOTIMP)  # what comes after it is not for us
        try:
            query = Query.parse(octets)
        except MalformedQuery as problem:
            if not problem.answerable:
                return Unread.DROPPED
            return _error(octets, Rcode.FORMERR)
        room = TCP_ROOM if tcp else query.room
        refusal = _refusal(query)
        if refusal is not None:
            return _local(query, of_records(refusal), room)
        found = find_local(query, self.names, self._zones, self._routes)
        if isinstance(found, Body):
            return _local(query, found, room)
        name = query.lowered if found is None else found.target
        if not query.flags & RD or not self._routes.choose(name):
            return _local(query, _unasked(found), room)
        kind = (query.qtype, query.qclass, query.dnssec_ok, bool(query.flags & CD))
        key = (query.lowered, *kind)
        kept = self._cache.find(key, now)
        if kept is None:
            asked = query if found is None else replace(query, name=name)
            return Forward(query, key, asked, () if found is None else found.aliases)
        age = int(now - kept.since)
        reply = encode_answer(query, kept.body, room=room, age=age)
        seconds = min(kept.until, kept.since + age + 1) - now
        return _answer(query, kept.body, reply, Source.CACHE, seconds)

    def accept(self, forward: Forward, reply: bytes | None, now: float) -> Body:
        """Return what an upstream said, and keep it; None is a failure."""
        body = FAILURE if reply is None else self._read(forward, reply)
        self._cache.keep(forward.key, body, now)
        return body

    def finish(self, query: Query, body: Body, *, tcp: bool) -> Answer:
        """Return the answer to one of those who waited for *body*."""
        room = TCP_ROOM if tcp else query.room
        reply = encode_answer(query, body, room=room)
        return _answer(query, body, reply, Source.UPSTREAM)

    def _read(self, forward: Forward, reply: bytes) -> Body:
        try:
            if forward.aliases:
                reply = behind_aliases(
                    forward.query, forward.aliases, forward.asked, reply
                )
            body = parse_body(reply, forward.query.question)
        except MalformedQuery:
            # cut within a record: who asks by TCP gets all of it
            is_cut = int.from_bytes(reply[2:4], "big") & TC
            return Body(TC) if is_cut else FAILURE
        if body.rcode > 15:  # of EDNS, which ends here: it has no letters elsewhere
            return FAILURE
        trusted = self._routes.domain_of(forward.asked.lowered)  # the operator says so
        if not trusted and any(self._rebinds(value) for value in body.addresses):
            return Body()
        return body

    def _rebinds(self, value: bytes) -> bool:
        if not self._rebinding or len(value) not in (4, 16):
            return False
        if len(value) == 16:
            six = IPv6Address(value)
            if six.ipv4_mapped is None:
                return any(six in network for network in PRIVATE_6)
            value = six.ipv4_mapped.packed
        four = IPv4Address(value)
        return any(four in network for network in self._rebinding)


def _refusal(query: Query) -> Rcode | None:
    if query.edns is not None and query.edns.version:
        return Rcode.BADVERS
    if query.qclass != IN or query.qtype in META:
        return Rcode.REFUSED
    return None


def _unasked(found: Elsewhere | None) -> Body:
    """Return what is said where nobody else is asked: what is known, or nothing."""
    if found is None:
        return of_records(Rcode.REFUSED)
    return of_records(Rcode.NOERROR, found.aliases)


def _error(octets: bytes, rcode: Rcode) -> Answer:
    return Answer(encode_error(octets, rcode), rcode, Source.LOCAL)


def _local(query: Query, body: Body, room: int) -> Answer:
    reply = encode_answer(query, body, room=room)
    # several records are turned by the query's id: each time another one is first
    seconds = 0.0 if body.counts[0] > 1 else float("inf")
    return _answer(query, body, reply, Source.LOCAL, seconds)


def _answer(
    query: Query, body: Body, reply: bytes, source: Source, seconds: float = 0.0
) -> Answer:
    if reply[2] << 8 & TC:
        seconds = 0.0  # each one is counted
    return Answer(reply, body.rcode, source, seconds, query.qtype)
