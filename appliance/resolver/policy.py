"""The decision about a query: an answer from here, a question for elsewhere, silence.

RFC 1034 section 4.3.2 over names that bindings give, with what RFC 2308, 6761, 8020,
8482 and 9619 say of the corners.  Pure: time comes in, octets go out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import dnslib

from .cache import Cache
from .cache import Key
from .errors import MalformedQuery
from .names import NameTable
from .names import encode_name
from .names import is_within
from .responses import Records
from .responses import encode_cached
from .responses import encode_error
from .responses import encode_local
from .upstreams import Routes
from .wire import CD
from .wire import FIXED
from .wire import HEADER
from .wire import IN
from .wire import OPCODE
from .wire import RD
from .wire import Body
from .wire import Query
from .wire import Rcode
from .wire import Type
from .wire import parse_body
from .zones import Zones

LOCAL_LIFETIME = 10  # seconds: a guest that moves is found soon
ALIASES_AT_MOST = 8  # CNAMEs in a row
TCP_ROOM = 65_535  # octets
LOCALHOST = encode_name("localhost")
QUESTION_AT = b"\xc0\x0c"  # a pointer to the name of the question


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
        try:
            query = Query.parse(octets)
        except MalformedQuery as problem:
            if not problem.answerable or len(octets) < HEADER.size:
                return Unread.DROPPED
            opcode = int.from_bytes(octets[2:4], "big") & OPCODE
            rcode = Rcode.NOTIMP if opcode else Rcode.FORMERR
            return Answer(encode_error(octets, rcode), rcode, Source.LOCAL)
        room = TCP_ROOM if tcp else query.room
        refusal = self._refuse(query)
        if refusal is not None:
            return self._say(query, refusal, Records(), room)
        local = self._find(query)
        if local is not None:
            return self._say(query, *local, room)
        if not query.flags & RD or not self._routes.choose(query.lowered):
            return self._say(query, Rcode.REFUSED, Records(), room)
        key = (
            query.lowered,
            query.qtype,
            query.qclass,
            query.dnssec_ok,
            bool(query.flags & CD),
        )
        kept = self._cache.find(key, now)
        if kept is None:
            return Forward(query, key)
        age = int(now - kept.since)
        seconds = min(kept.until, kept.since + age + 1) - now
        reply = encode_cached(query, kept.body, age, room=room)
        return Answer(reply, kept.body.rcode, Source.CACHE, seconds, query.qtype)

    def accept(self, forward: Forward, reply: bytes | None, now: float) -> Body:
        """Return what an upstream said, and keep it; None is a failure."""
        failure = Body(0, Rcode.SERVFAIL, (0, 0, 0), b"", ())
        body = failure
        if reply is not None:
            try:
                body = parse_body(reply, forward.query.question)
            except MalformedQuery:
                body = failure
        if any(self._rebinds(value) for value in body.addresses):
            body = Body(0, Rcode.REFUSED, (0, 0, 0), b"", ())
        self._cache.keep(forward.key, body, now)
        return body

    def finish(self, query: Query, body: Body, *, tcp: bool) -> Answer:
        """Return the answer to one of those who waited for *body*."""
        room = TCP_ROOM if tcp else query.room
        octets = encode_cached(query, body, 0, room=room)
        return Answer(octets, body.rcode, Source.UPSTREAM, qtype=query.qtype)

    def _rebinds(self, value: bytes) -> bool:
        return len(value) == 4 and any(
            IPv4Address(value) in network for network in self._rebinding
        )

    def _refuse(self, query: Query) -> Rcode | None:
        if query.opcode:
            return Rcode.NOTIMP
        if query.edns is not None and query.edns.version:
            return Rcode.BADVERS
        if query.qclass != IN or query.qtype in (Type.AXFR, Type.IXFR, Type.OPT):
            return Rcode.REFUSED
        return None

    def _say(self, query: Query, rcode: Rcode, records: Records, room: int) -> Answer:
        octets = encode_local(query, rcode, records, room=room)
        return Answer(octets, rcode, Source.LOCAL, float("inf"), query.qtype)

    def _find(self, query: Query) -> tuple[Rcode, Records] | None:
        """Return what is known here; None for what may be asked elsewhere."""
        name = query.lowered
        zone = self._zones.of(name)
        found = self.names.find(name)
        if found is None and self._routes.names_domain_of(name):
            return None  # split horizon: the operator says who knows
        if found is None and zone is None:
            return None
        if found is None and is_within(name, LOCALHOST):
            found = self.names.find(LOCALHOST)  # RFC 6761 section 6.3
        if found is None and name == zone:
            found = {}
        if found is None:
            return Rcode.NXDOMAIN, Records((), (_soa(zone or b"\0"),))
        if query.qtype == Type.SOA and name == zone:
            return Rcode.NOERROR, Records((_soa(zone),))
        if query.qtype == Type.ANY:  # RFC 8482 section 4.2
            return Rcode.NOERROR, Records((_hinfo(),))
        answers: list[bytes] = []
        owner = QUESTION_AT
        for _ in range(ALIASES_AT_MOST):
            values = found.get(query.qtype)
            if values:
                turned = _turned(values, query.id)
                answers += (_record(owner, query.qtype, value) for value in turned)
                break
            alias = found.get(Type.CNAME)
            if not alias:
                break
            answers.append(_record(owner, Type.CNAME, alias[0]))
            owner = alias[0]
            found = self.names.find(owner)
            if found is None:
                break
        if answers:
            return Rcode.NOERROR, Records(tuple(answers))
        return Rcode.NOERROR, Records((), (_soa(zone or name),))


def _turned(values: list[bytes], number: int) -> list[bytes]:
    """Return *values* from another one on each time (by the query's id)."""
    start = number % len(values)
    return values[start:] + values[:start]


def _record(owner: bytes, kind: int, value: bytes) -> bytes:
    return owner + FIXED.pack(kind, IN, LOCAL_LIFETIME, len(value)) + value


def _soa(zone: bytes) -> bytes:
    """Return the SOA of a zone of ours: its minimum is for negative answers."""
    times = (1, 3600, 600, 86_400, LOCAL_LIFETIME)
    buffer = dnslib.DNSBuffer()
    dnslib.SOA(
        dnslib.DNSLabel([b"metalease"]), dnslib.DNSLabel([b"hostmaster"]), times
    ).pack(buffer)
    value = bytes(buffer.data)
    return zone + FIXED.pack(Type.SOA, IN, LOCAL_LIFETIME, len(value)) + value


def _hinfo() -> bytes:
    return _record(QUESTION_AT, Type.HINFO, b"\x07RFC8482\x00")


def metadata_names(
    metadata: IPv4Address, servers: Iterable[IPv4Address], domain: str | None
) -> list[tuple[bytes, int, bytes]]:
    """Return the names by which guests find us: GCE's and CloudStack's words."""
    records = []
    for word, addresses in (("metadata", [metadata]), ("data-server", list(servers))):
        for name in (word, f"{word}.{domain}" if domain else word):
            for address in addresses:
                records.append((encode_name(name), int(Type.A), address.packed))
    google = encode_name("metadata.google.internal")
    records.append((google, int(Type.A), metadata.packed))
    loopback = encode_name("localhost")
    records.append((loopback, int(Type.A), IPv4Address("127.0.0.1").packed))
    records.append((loopback, int(Type.AAAA), bytes(15) + b"\x01"))
    return list(dict.fromkeys(records))
