"""Token buckets by key, in a table that a flood cannot grow.

Time comes in as an argument, in seconds of any clock that does not go back.
"""

from collections import OrderedDict
from collections.abc import Hashable


class Damping:
    """At most *rate* events a second and key, after a burst of *burst*."""

    def __init__(self, *, rate: float, burst: int, keys_at_most: int = 4096) -> None:
        self._rate = rate
        self._burst = burst
        self._keys_at_most = keys_at_most
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def admits(self, key: Hashable, now: float) -> bool:
        """Take a token of *key*; False where none is left."""
        return self.admitted(key, 1, now) == 1

    def admitted(self, key: Hashable, number: int, now: float) -> int:
        """Take up to *number* tokens of *key*; return how many there were.

        The key that was quiet for longest is forgotten when the table is full.
        """
        tokens, since = self._buckets.pop(key, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        admitted = min(number, int(tokens))
        self._buckets[key] = (tokens - admitted, now)
        if len(self._buckets) > self._keys_at_most:
            self._buckets.popitem(last=False)
        return admitted

    def __len__(self) -> int:
        return len(self._buckets)
