"""How many messages a client may have decided: a bucket for each that we know.

All others share one, so that a flood of invented MACs neither grows a table nor
takes the time of those that are bound here (dhcp 71).  Where a message is looked at
before it is parsed, its chaddr is what its octets say.
"""

from collections.abc import Callable
from dataclasses import dataclass

SECONDS_OF_BURST = 2
BUCKETS_AT_LEAST = 1024  # before those are looked for that nobody needs any more


@dataclass(slots=True)
class Bucket:
    """What is left of a rate: tokens, and when they were counted."""

    tokens: float
    since: float

    def take(self, rate: float, now: float) -> bool:
        """Take a token; False where none is left."""
        most = rate * SECONDS_OF_BURST
        tokens, elapsed = self.tokens, now - self.since
        if elapsed > 0:
            tokens += elapsed * rate
        self.since = now
        if tokens > most:
            tokens = most
        if tokens < 1:
            self.tokens = tokens
            return False
        self.tokens = tokens - 1
        return True


class Guards:
    """The buckets of one network; *known* and *unknown* are messages a second."""

    def __init__(
        self, knows: Callable[[bytes], bool], *, known: float, unknown: float
    ) -> None:
        """*knows* tells of a chaddr whether it is one of ours."""
        self._knows = knows
        self.known = known
        self._unknown = unknown
        self._buckets: dict[bytes, Bucket] = {}
        self._enough = BUCKETS_AT_LEAST
        self._strangers = Bucket(unknown * SECONDS_OF_BURST, 0.0)

    def admits(self, chaddr: bytes, now: float) -> bool:
        """Whether a message of *chaddr* is looked at; *now* is in seconds."""
        bucket = self._buckets.get(chaddr)
        if bucket is None:
            if not self._knows(chaddr):
                return self._strangers.take(self._unknown, now)
            bucket = self._meet(chaddr, now)
        return bucket.take(self.known, now)

    def bucket_of(self, chaddr: bytes, now: float) -> Bucket:
        """Return the bucket of a client that is known to be ours."""
        return self._buckets.get(chaddr) or self._meet(chaddr, now)

    def _meet(self, chaddr: bytes, now: float) -> Bucket:
        if len(self._buckets) >= self._enough:
            self._buckets = {
                mac: bucket for mac, bucket in self._buckets.items() if self._knows(mac)
            }
            self._enough = max(BUCKETS_AT_LEAST, 2 * len(self._buckets))
        bucket = Bucket(self.known * SECONDS_OF_BURST, now)
        self._buckets[chaddr] = bucket
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)
