"""Which upstream is asked, and when: in order, those that failed lately last.

An upstream that does not answer is left alone for a second, then for twice as long
each time, up to half a minute; then it is tried again.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from .names import encode_name
from .names import is_within

PATIENCE = 1.5  # seconds for one upstream's answer
IN_ALL = 4.5  # seconds: a client asks again, or elsewhere, after 5
REST_AT_MOST = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Routes:
    """Which upstreams are for which names: the longest domain wins."""

    default: tuple[IPv4Address, ...]
    domains: tuple[tuple[bytes, tuple[IPv4Address, ...]], ...] = ()

    @classmethod
    def of(
        cls,
        default: Sequence[IPv4Address],
        domains: Mapping[str, Sequence[IPv4Address]],
    ) -> "Routes":
        """Return routes with the longest domains first; raises ValueError."""
        encoded = [(encode_name(name), tuple(each)) for name, each in domains.items()]
        encoded.sort(key=lambda each: -len(each[0]))
        return cls(tuple(default), tuple(encoded))

    def choose(self, name: bytes) -> tuple[IPv4Address, ...]:
        """Return the upstreams for *name*, in labels and lower case."""
        for domain, upstreams in self.domains:
            if is_within(name, domain):
                return upstreams
        return self.default

    def names_domain_of(self, name: bytes) -> bool:
        """Whether *name* is in a domain that has upstreams of its own."""
        return any(is_within(name, domain) for domain, _ in self.domains)

    def __bool__(self) -> bool:
        return bool(self.default or self.domains)


class Health:
    """Who has failed lately."""

    def __init__(self) -> None:
        self._rests: dict[IPv4Address, tuple[float, float]] = {}
        self._looping: set[IPv4Address] = set()

    def order(self, upstreams: Sequence[IPv4Address], now: float) -> list[IPv4Address]:
        """Return *upstreams* as they are to be tried; looping ones never."""
        usable = [each for each in upstreams if each not in self._looping]
        return sorted(usable, key=lambda each: self._rests.get(each, (0, 0))[1] > now)

    def failed(self, upstream: IPv4Address, now: float) -> None:
        rest = min(REST_AT_MOST, self._rests.get(upstream, (0.5, 0))[0] * 2)
        self._rests[upstream] = (rest, now + rest)

    def answered(self, upstream: IPv4Address) -> None:
        self._rests.pop(upstream, None)

    def loops(self, upstream: IPv4Address) -> None:
        """It asks us what we ask it: it is not asked again."""
        self._looping.add(upstream)
