"""A search that goes back and tries again, as re's does, and counts its steps."""

import sys
from collections.abc import Callable

from rewrite.nodes import Anchor
from rewrite.nodes import Atomic
from rewrite.nodes import Choice
from rewrite.nodes import Group
from rewrite.nodes import Look
from rewrite.nodes import Node
from rewrite.nodes import Repeat
from rewrite.nodes import Sequence
from rewrite.nodes import Set

FRAMES = 20_000  # a subject of 64 characters goes some frames each

On = Callable[[int], bool]
BEGINS, ENDS = ("^", r"\A"), ("$", r"\Z", r"(?=\n?\Z)")


class TooMany(Exception):  # noqa: N818 # it is the answer, not a fault
    """More steps than were allowed."""


class Search:
    """Searches *subject*; .steps are the characters and places that were looked at."""

    def __init__(self, subject: str, most: int) -> None:
        self.subject = subject
        self.steps = 0
        self._most = most

    def finds(self, node: Node) -> bool:
        last = len(self.subject) + 1
        return any(self._try(node, at, lambda _: True) for at in range(last))

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._most:
            raise TooMany

    def _try(self, node: Node, at: int, on: On) -> bool:
        match node:
            case Set(characters):
                self._step()
                if at == len(self.subject):
                    return False
                code = ord(self.subject[at])
                inside = any(low <= code <= high for low, high in characters.ranges)
                return inside and on(at + 1)
            case Anchor(text):
                self._step()
                holds = at == 0 if text in BEGINS else at == len(self.subject)
                return holds and on(at)
            case Sequence(parts):
                return self._all(parts, 0, at, on)
            case Choice(branches):
                return any(self._try(branch, at, on) for branch in branches)
            case Group(inner):
                return self._try(inner, at, on)
            case Atomic(inner):
                return self._once(inner, at, on)
            case Look(inner, _, negative):
                found = self._try(inner, at, lambda _: True)
                return found is not negative and on(at)
            case Repeat(inner, least, most, "+"):
                return self._once(Repeat(inner, least, most), at, on)
            case Repeat():
                return self._repeat(node, 0, at, -1, on)
        raise AssertionError(node)

    def _all(self, parts: tuple[Node, ...], place: int, at: int, on: On) -> bool:
        if place == len(parts):
            return on(at)
        return self._try(
            parts[place], at, lambda there: self._all(parts, place + 1, there, on)
        )

    def _once(self, node: Node, at: int, on: On) -> bool:
        ends: list[int] = []

        def keep(there: int) -> bool:
            ends.append(there)
            return True

        return self._try(node, at, keep) and on(ends[0])

    def _repeat(self, node: Repeat, count: int, at: int, before: int, on: On) -> bool:
        def again() -> bool:
            if count == node.most or (at == before and count >= node.least):
                return False
            return self._try(
                node.node,
                at,
                lambda there: self._repeat(node, count + 1, there, at, on),
            )

        if count < node.least:
            return again()
        if node.manner == "?":
            return on(at) or again()
        return again() or on(at)


def steps(node: Node, subject: str, most: int) -> int:
    """Return the steps that a search takes; raises TooMany."""
    search = Search(subject, most)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(FRAMES)
    try:
        search.finds(node)
    finally:
        sys.setrecursionlimit(before)
    return search.steps
