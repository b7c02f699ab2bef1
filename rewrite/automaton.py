"""A pattern as an automaton without empty steps, for the question what it may cost.

Each position of a character set in the pattern is a state.  How many ways lead from
one to the next without a character is kept: where there are two, a search that fails
tries both.
"""

from collections import Counter
from dataclasses import dataclass
from dataclasses import field

from .characters import ASCII
from .characters import Characters
from .nodes import Anchor
from .nodes import Atomic
from .nodes import Back
from .nodes import Choice
from .nodes import Group
from .nodes import Look
from .nodes import Node
from .nodes import Repeat
from .nodes import Sequence
from .nodes import Set

COPIED_AT_MOST = 4  # times that a part of variable length is written out, not looped
SETS_AT_MOST = 100  # times that one character is
STATES_AT_MOST = 600
NEWLINE = 1 << ord("\n")
EVERY = ((1 << ASCII + 1) - 1) & ~NEWLINE  # no subject has a line end


class IntricacyError(ValueError):
    """The pattern may cost too much, or too much to know."""


@dataclass
class Part:
    """A piece of the automaton: where it can begin and end."""

    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)
    empty: int = 0
    """In how many ways it takes no character."""


class Automaton:
    """States and steps, with how many ways there are for each step."""

    def __init__(self) -> None:
        self.masks: list[int] = []
        self.texts: list[str] = []
        self.steps: list[Counter[int]] = []
        self.possessive: set[int] = set()
        """States of a loop that is left only by what it does not take."""
        self.backs = 0
        """1 where a step may be as long as the subject."""
        self.loose = False
        """Whether one round of a loop stands for several that there have to be."""
        self.bounded: set[int] = set()
        """States of loops that have an end."""
        self.looks: list[Node] = []
        """Patterns within, each looked at on its own."""

    def state(self, characters: Characters) -> int:
        if len(self.masks) >= STATES_AT_MOST:
            raise IntricacyError("it is too long, with its repeats written out")
        self.masks.append(characters.mask & EVERY)
        self.texts.append(str(characters))
        self.steps.append(Counter())
        return len(self.masks) - 1

    def add(self, node: Node) -> Part:
        """Build the piece that *node* is."""
        match node:
            case Set(characters):
                state = self.state(characters)
                return Part(Counter([state]), Counter([state]), 0)
            case Anchor():
                return Part(empty=1)
            case Look(inner):
                self.looks.append(inner)
                return Part(empty=1)
            case Back():
                # it has no choice: what it takes is decided before it
                self.backs = 1
                return Part(empty=1)
            case Sequence(parts):
                whole = Part(empty=1)
                for part in parts:
                    whole = self.joined(whole, self.add(part))
                return whole
            case Choice(branches):
                whole = Part()
                for branch in branches:
                    found = self.add(branch)
                    whole.first += found.first
                    whole.last += found.last
                    whole.empty += found.empty
                return whole
            case Group(inner) | Atomic(inner):
                return self.add(inner)
            case Repeat():
                return self._repeat(node)
        raise AssertionError(node)

    def joined(self, before: Part, after: Part) -> Part:
        """Return *before* and then *after*."""
        self._connect(before.last, after.first)
        return Part(
            before.first + _times(after.first, before.empty),
            after.last + _times(before.last, after.empty),
            before.empty * after.empty,
        )

    def _connect(self, last: Counter[int], first: Counter[int]) -> None:
        for state, ways in last.items():
            for to, more in first.items():
                if state in self.possessive and not self.masks[to] & ~self.masks[state]:
                    continue
                self.steps[state][to] += ways * more

    def _loop(self, node: Node, *, empty: bool) -> Part:
        part = self.add(node)
        if part.empty:
            raise IntricacyError(
                "what is repeated may be nothing, so that there are many ways to repeat"
                " it: write + and not * inside, or leave out one of the two"
            )
        self._connect(part.last, part.first)
        part.empty = int(empty)
        return part

    def _repeat(self, node: Repeat) -> Part:
        inner, least, most = node.node, node.least, node.most
        if most == 0:
            return Part(empty=1)
        few = SETS_AT_MOST if isinstance(inner, Set) else COPIED_AT_MOST
        if _varies(inner):
            few = 1
        fixed = COPIED_AT_MOST if least != most else few
        if most is not None and most <= min(few, fixed):
            return self._copies(inner, least, most)
        before = Part(empty=1)
        if 1 < least <= few:
            before = self._copies(inner, least - 1, least - 1)
        else:
            self.loose = self.loose or least > 1
        loop = self._loop(inner, empty=least == 0)
        if most is not None:
            self.bounded.update(loop.last)
        elif node.manner == "+" and isinstance(inner, Set):
            self.possessive.update(loop.last)
        return self.joined(before, loop)

    def _copies(self, node: Node, least: int, most: int) -> Part:
        whole = Part(empty=1)
        for _ in range(most - least):  # x(x(x)?)?: one way for each number
            whole = self.joined(self.add(node), whole)
            whole.empty += 1
        for _ in range(least):
            whole = self.joined(self.add(node), whole)
        return whole


def _times(ways: Counter[int], factor: int) -> Counter[int]:
    if factor == 1:
        return ways
    return Counter({each: many * factor for each, many in ways.items() if factor})


def _varies(node: Node) -> bool:
    """Whether there is more than one way through *node*."""
    match node:
        case Repeat(inner, least, most):
            return least != most or _varies(inner)
        case Choice():
            return True
        case Sequence(parts):
            return any(map(_varies, parts))
        case Group(inner) | Atomic(inner) | Look(inner):
            return _varies(inner)
        case Back():
            return True
    return False
