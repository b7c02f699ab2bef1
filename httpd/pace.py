"""How fast one caller may ask: who is over it waits, and who would wait long is told.

A bucket of tokens, one a request, that may be owed: what is owed is the time to wait.
No client that boots knows what to do with a 429, and few take a 503 well, so a delay
comes before either (clients C75).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """What one caller may ask."""

    per_second: float
    burst: float
    """Requests at once, after a rest."""
    wait_at_most: float
    """Seconds that a request may be held back."""


FIFTY = Rate(per_second=50, burst=200, wait_at_most=2.0)
"""A whole crawl of cloud-init is 60 requests at most."""


@dataclass(slots=True)
class Bucket:
    """What is left of a rate: tokens, below zero what is owed, and since when."""

    tokens: float
    since: float

    def claim(self, rate: Rate, now: float) -> float | None:
        """Take a token; return the seconds to wait for it, None where that is too long.

        *now* is in seconds of a clock that is never set.
        """
        tokens = self.tokens + (now - self.since) * rate.per_second
        self.since = now
        if tokens > rate.burst:
            tokens = rate.burst
        if tokens >= 1:
            self.tokens = tokens - 1
            return 0.0
        wait = (1 - tokens) / rate.per_second
        if wait > rate.wait_at_most:
            self.tokens = tokens
            return None
        self.tokens = tokens - 1
        return wait

    def is_full(self, rate: Rate, now: float) -> bool:
        """Whether nothing is known of it that a new one would not know."""
        return self.tokens + (now - self.since) * rate.per_second >= rate.burst
