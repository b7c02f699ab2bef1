"""What upstreams said, for as long as it holds (RFC 2181, 2308, 9520)."""

from collections import OrderedDict
from dataclasses import dataclass

from .wire import TC
from .wire import Body
from .wire import Rcode

LIFETIME_AT_MOST = 86_400  # seconds
NEGATIVE_AT_MOST = 3_600  # seconds (RFC 2308 section 5)
FAILURE = 5  # seconds that an upstream's failure holds (RFC 9520 section 3.2)

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
    if body.flags & TC:
        return 0
    if body.rcode == Rcode.SERVFAIL:
        return FAILURE
    negative = body.rcode == Rcode.NXDOMAIN or not body.counts[0]
    if body.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        return 0
    least = min((seconds for _, seconds in body.lifetimes), default=0)
    if negative:
        if body.minimum is None:
            return 0
        return min(least, body.minimum, NEGATIVE_AT_MOST)
    return min(least, LIFETIME_AT_MOST)


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
        seconds = lifetime(body)
        if seconds <= 0 or self._entries <= 0:
            return
        self._kept[key] = Kept(body, now, now + seconds)
        self._kept.move_to_end(key)
        if len(self._kept) > self._entries:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)
