"""Walks through an automaton: its loops, and loops that can take the same text."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence

from .automaton import Automaton
from .automaton import IntricacyError

PAIRS_AT_MOST = 100_000
STEPS_AT_MOST = 2_000_000  # of pairs
TRIPLES_AT_MOST = 50_000


def components(steps: Sequence[Counter[int]]) -> list[frozenset[int]]:
    """Return the strongly connected parts, each after those that it leads to.

    (Tarjan 1972, without recursion: a pattern may be long.)
    """
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    held: list[int] = []
    on: set[int] = set()
    found: list[frozenset[int]] = []
    for root in range(len(steps)):
        if root in index:
            continue
        work: list[tuple[int, Iterator[int]]] = []
        index[root] = low[root] = len(index)
        held.append(root)
        on.add(root)
        work.append((root, iter(steps[root])))
        while work:
            state, left = work[-1]
            to = next(left, None)
            if to is None:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[state])
                if low[state] == index[state]:
                    part = set()
                    while state not in part:
                        part.add(held.pop())
                    on -= part
                    found.append(frozenset(part))
            elif to not in index:
                index[to] = low[to] = len(index)
                held.append(to)
                on.add(to)
                work.append((to, iter(steps[to])))
            elif to in on:
                low[state] = min(low[state], index[to])
    return found


def meets_itself(automaton: Automaton, loop: frozenset[int]) -> bool:
    """Whether two ways through *loop* take the same text and come back together."""
    steps = automaton.steps
    if any(
        ways > 1 and to in loop for each in loop for to, ways in steps[each].items()
    ):
        return True
    if len(loop) == 1:
        return False
    if len(loop) ** 2 > PAIRS_AT_MOST:
        raise IntricacyError("one of its repeats is too long to be looked through")
    apart = _pairs(automaton, loop, forward=True)
    together = _pairs(automaton, loop, forward=False)
    return any(first != second for first, second in apart & together)


def _pairs(
    automaton: Automaton, loop: frozenset[int], *, forward: bool
) -> set[tuple[int, int]]:
    """Return the pairs that two walks from (or to) one state are at together."""
    masks = automaton.masks
    near: dict[int, list[int]] = {state: [] for state in loop}
    for state in loop:
        for to in automaton.steps[state]:
            if to in loop:
                one, other = (state, to) if forward else (to, state)
                near[one].append(other)
    seen = {(state, state) for state in loop}
    left = list(seen)
    looked = 0
    while left:
        pair = left.pop()
        if not forward and not masks[pair[0]] & masks[pair[1]]:
            continue
        for first in near[pair[0]]:
            for second in near[pair[1]]:
                there = (first, second)
                looked += 1
                if looked > STEPS_AT_MOST:
                    raise IntricacyError("one of its repeats has too many branches")
                if there in seen or (forward and not masks[first] & masks[second]):
                    continue
                seen.add(there)
                left.append(there)
    return seen


def pumps(automaton: Automaton, before: frozenset[int], after: frozenset[int]) -> bool:
    """Whether a text leads around *before*, from it to *after*, and around that."""
    masks, steps = automaton.masks, automaton.steps
    common = any(masks[p] & masks[q] for p in before for q in after)
    if not common:
        return False
    looked = 0
    for p in before:
        for q in after:
            seen = {(p, p, q)}
            left = [(p, p, q)]
            while left:
                at = left.pop()
                for one in steps[at[0]]:
                    if one not in before:
                        continue
                    for two in steps[at[1]]:
                        both = masks[one] & masks[two]
                        if not both:
                            continue
                        for three in steps[at[2]]:
                            there = (one, two, three)
                            if three not in after or not both & masks[three]:
                                continue
                            if there == (p, q, q):
                                return True
                            if there not in seen:
                                seen.add(there)
                                left.append(there)
                            looked += 1
                            if looked > TRIPLES_AT_MOST:
                                return True  # not known: as if it were so
    return False
