"""What upstreams said, for as long as it holds (RFC 2181, 2308, 9520)."""

from collections import OrderedDict
from dataclasses import dataclass

from .body import Body
from .wire import TC
from .wire import Rcode

FAILURE_FOR = 5  # seconds that an upstream's failure holds (RFC 9520 section 3.2)
OCTETS_AT_MOST = 4_096  # of one answer's records: the cache is bounded in octets too

Key = tuple[bytes, int, int, bool, bool]
"""Name in lower case, type, class, DO, CD."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, since when it is here and until when it holds, in seconds."""

    body: Body
    since: float
    until: float


def lifetime(body: Body) -> int:
    """Return for how many seconds *body* may be kept; 0 for not at all."""
    if body.rcode == Rcode.SERVFAIL:
        return FAILURE_FOR
    if body.flags & TC or len(body.records) > OCTETS_AT_MOST:
        return 0
    if body.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return 0
    is_negative = body.rcode == Rcode.NXDOMAIN or not body.counts[0]
    if is_negative and not body.has_soa:
        return 0  # without a SOA nobody knows for how long (RFC 2308 section 5)
    return body.least


class Cache:
    """At most *entries* answers; the one that was not asked for longest goes first."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    def find(self, key: Key, now: float) -> Kept | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= now:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept

    def keep(self, key: Key, body: Body, now: float) -> None:
        """Keep *body*, if it can be; what was kept before is gone."""
        self._kept.pop(key, None)
        seconds = lifetime(body)
        if seconds <= 0 or self._entries <= 0:
            return
        if len(self._kept) >= self._entries:
            self._kept.popitem(last=False)
        self._kept[key] = Kept(body, now, now + seconds)

    def __len__(self) -> int:
        return len(self._kept)
