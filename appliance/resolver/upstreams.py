"""Which upstream is asked, and when: in order, those that failed lately last.

An upstream that does not answer is asked after the others until a probe finds it well:
a second later, then after twice as long each time, up to half a minute.  No guest waits
for one that is known to be dead.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from .names import encode_name
from .names import is_within

PATIENCE = 1.5  # seconds for one upstream's answer
IN_ALL = 4.7  # seconds: a client asks again, or elsewhere, after 5
REST_AT_LEAST = 1.0  # seconds
REST_AT_MOST = 30.0
CHECK_EVERY = 60.0  # seconds: a well one is asked whether it asks us


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

    def domain_of(self, name: bytes) -> bytes:
        """Return the domain with upstreams of its own that *name* is in; else none."""
        for domain, _ in self.domains:
            if is_within(name, domain):
                return domain
        return b""

    @property
    def upstreams(self) -> tuple[IPv4Address, ...]:
        """Every upstream, once."""
        of_domains = (each for _, upstreams in self.domains for each in upstreams)
        return tuple(dict.fromkeys((*self.default, *of_domains)))

    def __bool__(self) -> bool:
        return bool(self.default or self.domains)


class Health:
    """Who has failed lately, who asks us, and who changes letters."""

    def __init__(self, upstreams: Sequence[IPv4Address]) -> None:
        self._due = dict.fromkeys(upstreams, 0.0)
        """When each is to be probed."""
        self._rests: dict[IPv4Address, float] = {}
        """How long each that failed is left alone, in seconds."""
        self._looping: set[IPv4Address] = set()
        self.changing_letters: set[IPv4Address] = set()

    def order(self, upstreams: Sequence[IPv4Address]) -> list[IPv4Address]:
        """Return *upstreams* as they are to be tried; looping ones never."""
        usable = [each for each in upstreams if each not in self._looping]
        return sorted(usable, key=lambda each: each in self._rests)

    def due(self, now: float) -> list[IPv4Address]:
        """Return who is to be probed now; each is taken to be, and due again later."""
        found = [each for each, when in self._due.items() if when <= now]
        for each in found:
            self._due[each] = now + self._rests.get(each, CHECK_EVERY)
        return found

    def next_due(self) -> float:
        return min(self._due.values(), default=float("inf"))

    def failed(self, upstream: IPv4Address, now: float) -> None:
        """It was asked and did not answer."""
        if upstream not in self._rests:
            self._rests[upstream] = REST_AT_LEAST
            self._due[upstream] = now + REST_AT_LEAST

    def failed_again(self, upstream: IPv4Address, now: float) -> None:
        """It was probed and did not answer."""
        rest = self._rests.get(upstream, REST_AT_LEAST / 2)
        self._rests[upstream] = min(REST_AT_MOST, rest * 2)
        self._due[upstream] = now + self._rests[upstream]

    def answered(self, upstream: IPv4Address) -> None:
        self._rests.pop(upstream, None)

    def probed(self, upstream: IPv4Address, now: float, *, loops: bool) -> None:
        """It answered a probe; where *loops*, what it is asked comes back to us."""
        self.answered(upstream)
        self._due[upstream] = now + CHECK_EVERY
        if loops:
            self._looping.add(upstream)
        else:
            self._looping.discard(upstream)
