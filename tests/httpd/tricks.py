"""The corpora of requests that are no honest guest's: tests/corpus/http."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus" / "http"
NEIGHBOUR = b"10.0.0.12"


@dataclass(frozen=True, slots=True)
class Trick:
    """Octets that a guest sends at once, and what it is answered."""

    name: str
    octets: bytes
    answers: tuple[int, ...]

    def __str__(self) -> str:
        return self.name


def smuggling() -> list[Trick]:
    """Return smuggling.toml: its letters are octets, below 256."""
    found = tomllib.loads((CORPUS / "smuggling.toml").read_text(encoding="utf-8"))
    return [
        Trick(
            each["name"],
            each["octets"].encode("latin-1").replace(b"NEIGHBOUR", NEIGHBOUR),
            tuple(each["answers"]),
        )
        for each in found["trick"]
    ]


def traversal() -> list[str]:
    """Return the targets of traversal.txt."""
    lines = (CORPUS / "traversal.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
