"""What happened, as plain numbers; appliance/metrics names and shows them."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from dataclasses import field

LATENCIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper ends of the histogram's buckets, in seconds; one more is for the rest."""

Label = tuple[int, int, str]
"""Type, response code, source."""


class Dropped:
    """Why a query got no answer: a closed set."""

    MALFORMED = "malformed"
    FOREIGN = "foreign"
    RATE = "rate"
    CONNECTIONS = "connections"


@dataclass(slots=True)
class Counts:
    """The numbers of one server since its start."""

    tallies: dict[Label, list[int]] = field(default_factory=dict)
    """A list of one number each, which who counts the same may hold."""
    dropped: Counter[str] = field(default_factory=Counter)
    truncated: int = 0
    failed: int = 0
    """Questions for elsewhere that nobody answered, or nobody was there to ask."""
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCIES) + 1))
    """Answers from elsewhere by how long they took, not cumulative."""
    seconds: float = 0.0
    """All of them together."""

    def tally(self, label: Label) -> list[int]:
        found = self.tallies.get(label)
        if found is None:
            found = self.tallies[label] = [0]
        return found

    def took(self, seconds: float) -> None:
        """Count an answer from elsewhere."""
        self.latencies[bisect_left(LATENCIES, seconds)] += 1
        self.seconds += seconds

    @property
    def answers(self) -> Counter[Label]:
        """Answers by type, response code and source."""
        return Counter({label: tally[0] for label, tally in self.tallies.items()})
