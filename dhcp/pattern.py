"""Octets with holes: a message, or an answer, but for its guest's own values."""

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from .options import Span

# whose octets fill a hole
MAC, ADDRESS, NAME, T1, XID = range(5)
Hole = tuple[int, int, int]
"""From octet, to octet, whose."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Octets with holes."""

    pieces: list[bytes]
    holes: tuple[tuple[int, int], ...]
    """Which piece is whose."""

    @classmethod
    def cut(cls, octets: bytes, holes: Iterable[Hole]) -> Self:
        pieces: list[bytes] = []
        places = []
        at = 0
        for start, stop, whose in sorted(holes):
            pieces += (octets[at:start], b"")
            places.append((len(pieces) - 1, whose))
            at = stop
        return cls([*pieces, octets[at:]], tuple(places))

    def fill(self, own: Sequence[bytes]) -> bytes:
        pieces = self.pieces.copy()
        for at, whose in self.holes:
            pieces[at] = own[whose]
        return b"".join(pieces)


def find_macs(mac: bytes, message: bytes, span: Span) -> list[Hole]:
    """Return a hole for each time that *mac* stands in the option at *span*."""
    found = []
    at = message.find(mac, span.start, span.stop)
    while at >= 0:
        found.append((at, at + len(mac), MAC))
        at = message.find(mac, at + len(mac), span.stop)
    return found
