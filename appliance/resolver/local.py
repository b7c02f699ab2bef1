"""What is known here: RFC 1034 section 4.3.2 over names that bindings give.

With what RFC 2308, 4592, 6604, 6761, 8020 and 8482 say of the corners.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from .body import FAILURE
from .body import Body
from .body import of_records
from .names import Kinds
from .names import Named
from .names import NameTable
from .names import encode_name
from .names import join
from .names import parent
from .names import reverse_name
from .upstreams import Routes
from .wire import FIXED
from .wire import IN
from .wire import Query
from .wire import Rcode
from .wire import Type
from .zones import ROOT
from .zones import Zones

LOCAL_LIFETIME = 10  # seconds: a guest that moves is found soon
ALIASES_AT_MOST = 8  # CNAMEs in a row
VALUES_AT_MOST = 64  # of one name and type in an answer: by UDP it has room for no more
LOCALHOST = encode_name("localhost")
QUESTION_AT = b"\xc0\x0c"  # a pointer to the name of the question
SOA_TIMES = (1, 3600, 600, 86_400, LOCAL_LIFETIME)
"""Serial, refresh, retry, expire; the minimum is for negative answers."""
SOA_VALUE = (
    encode_name("metalease")
    + encode_name("hostmaster")
    + b"".join(number.to_bytes(4, "big") for number in SOA_TIMES)
)
HINFO_VALUE = b"\x07RFC8482\x00"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """CNAMEs of ours that lead to a name that is not."""

    aliases: tuple[bytes, ...]
    """As records."""
    target: bytes


class Unknown(Enum):
    """Why nothing is known of a name."""

    ABSENT = "there is none, here or elsewhere"
    OUTSIDE = "others may know it"


def find_local(
    query: Query, names: NameTable, zones: Zones, routes: Routes
) -> Body | Elsewhere | None:
    """Return what is known of *query*'s name; None for what may be asked elsewhere."""
    answers: list[bytes] = []
    owner, name = QUESTION_AT, query.lowered
    for _ in range(ALIASES_AT_MOST):
        zone = zones.of(name)
        found = _known(name, zone, names, zones, routes)
        if zones.is_parents(name, query.qtype):
            above = zones.above(name)
            if above is None and routes.choose(name):
                found = Unknown.OUTSIDE
            # a SOA of the root without a signature says that there are none to be had
            # here: systemd-resolved takes nothing else for a sign of it
            zone = ROOT if parent(name) == ROOT else above or zone
        if found is Unknown.OUTSIDE:
            return Elsewhere(tuple(answers), name) if answers else None
        apex = zone or name
        if found is Unknown.ABSENT:
            return of_records(Rcode.NXDOMAIN, answers, (_soa(apex),))
        if query.qtype == Type.SOA and name == zone:
            return of_records(Rcode.NOERROR, (*answers, _soa(apex)))
        if query.qtype == Type.ANY:  # RFC 8482 section 4.2
            return of_records(
                Rcode.NOERROR, (encode_record(owner, Type.HINFO, HINFO_VALUE),)
            )
        values = found.get(query.qtype)
        if values:
            answers += (
                encode_record(owner, query.qtype, each)
                for each in _turned(values, query.id)
            )
            return of_records(Rcode.NOERROR, answers)
        alias = found.get(Type.CNAME)
        if not alias:
            return of_records(Rcode.NOERROR, answers, (_soa(apex),))
        answers.append(encode_record(owner, Type.CNAME, alias[0]))
        owner, name = alias[0], alias[0].lower()
    return FAILURE


def _known(
    name: bytes, zone: bytes | None, names: NameTable, zones: Zones, routes: Routes
) -> Kinds | Unknown:
    """Return what *name* has: by type, or nothing where only names below it do."""
    found = names.find(name)
    if found:
        return found
    if zone is None or len(routes.domain_of(name)) >= len(zone):
        return Unknown.OUTSIDE  # split horizon: the operator says who knows
    if found is None and not zones.is_apex(name):
        return Unknown.ABSENT
    return found or {}


def _turned(values: list[bytes], number: int) -> list[bytes]:
    """Return *values* from another one on each time (by the query's id).

    Of very many only some: each has its turn, and nobody waits while all are written.
    """
    start = number % len(values)
    end = start + VALUES_AT_MOST
    turned = values[start:end] + values[: max(0, end - len(values))]
    return list(dict.fromkeys(turned))[:VALUES_AT_MOST]


def encode_record(owner: bytes, kind: int, value: bytes) -> bytes:
    return owner + FIXED.pack(kind, IN, LOCAL_LIFETIME, len(value)) + value


def _soa(zone: bytes) -> bytes:
    return encode_record(zone, Type.SOA, SOA_VALUE)


def metadata_names(
    metadata: IPv4Address, servers: Iterable[IPv4Address], domain: bytes | None
) -> list[Named]:
    """Return the names by which guests find us: GCE's and CloudStack's words."""
    records: list[Named] = []
    for word, addresses in (("metadata", [metadata]), ("data-server", list(servers))):
        bare = encode_name(word)
        full = None if domain is None else join(bare, domain)
        for each in addresses:
            records.append((bare, Type.A, each.packed))
            if full is not None:
                records.append((full, Type.A, each.packed))
            # nslookup asks first what its server is called
            records.append((reverse_name(each), Type.PTR, full or bare))
    google = encode_name("metadata.google.internal")
    records.append((google, Type.A, metadata.packed))
    records.append((LOCALHOST, Type.A, IPv4Address("127.0.0.1").packed))
    records.append((LOCALHOST, Type.AAAA, bytes(15) + b"\x01"))
    return records
