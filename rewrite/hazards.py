"""What a pattern may cost on the worst URL that a guest can think of.

re tries one way after the other.  Where two ways through a loop take the same text,
the ways double with each character; where loops in a row can take the same text, they
grow as its square, its cube, and so on.  Up to the square is let in: some tens of
milliseconds at most, for a subject of 1 KiB.  (Weber and Seidl, On the degree of
ambiguity of finite automata, 1991; a search that is not anchored is one loop more.)
"""

from collections import Counter
from collections.abc import Iterator

from .automaton import COPIED_AT_MOST
from .automaton import EVERY
from .automaton import Automaton
from .automaton import IntricacyError
from .characters import LAST
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
from .nodes import may_be_empty
from .walks import components
from .walks import meets_itself
from .walks import pumps

DEGREE_AT_MOST = 2
WAYS_AT_MOST = {0: 1024, 1: 256, 2: 8}
"""By degree: in how many ways parts that are no loops may take the same text."""
BEGINS = ("^", r"\A")
ENDS = ("$", r"\Z", r"(?=\n?\Z)")
REMEDY = (
    "write a class that leaves out what comes next, [^/]* for .*, or *+, which gives"
    " nothing back; ^ where it begins"
)


def check(node: Node) -> None:
    """Raise IntricacyError where *node* may cost too much."""
    _check(node, anchored=False)


def _check(node: Node, *, anchored: bool) -> int:
    """Return the degree: subjects twice as long cost 2 ** degree times as much."""
    branches = node.branches if isinstance(node, Choice) else (node,)
    degree = max(_branch(branch, anchored) for branch in branches)
    if degree > DEGREE_AT_MOST:
        raise IntricacyError(
            f"with its looks, or groups once more, it has too many loops: {REMEDY}"
        )
    return degree


def _branch(branch: Node, anchored: bool) -> int:
    parts = branch.parts if isinstance(branch, Sequence) else (branch,)
    first = parts[0] if parts else None
    last = parts[-1] if parts else None
    anchored = anchored or (isinstance(first, Anchor) and first.text in BEGINS)
    automaton = Automaton()
    whole = automaton.add(branch)
    begin = whole.first
    if not anchored:
        # a search begins anywhere: it is a loop over everything before
        search = automaton.state(Characters(((0, LAST),)))
        automaton.texts[search] = "the search without ^"
        automaton.steps[search] = Counter({search: 1}) + whole.first
        begin = Counter([search])
    surely: set[int] = set()
    if automaton.loose:
        pass  # the end of a loop is not the end of what has to be there
    elif _ends_freely(parts):
        surely = set(whole.last)  # here it has matched, and nothing is tried again
    elif isinstance(last, Anchor) and last.text in ENDS and _ends_freely(parts[:-1]):
        surely = {
            state
            for state in set(whole.last) - automaton.bounded
            if automaton.masks[state] == EVERY and state in automaton.steps[state]
        }
    for steps in automaton.steps:
        for state in surely & set(steps):
            del steps[state]
    for state in surely:
        automaton.steps[state].clear()
    degree = _degree(automaton, begin)
    inner = [
        # what it takes is looked at from each place, even where it matches at once
        max(_check(look, anchored=True), int(_is_long(look)))
        for look in automaton.looks
    ]
    return degree + automaton.backs + max(inner, default=0)


def _ends_freely(parts: tuple[Node, ...]) -> bool:
    """Whether nothing has to hold behind the last character that they take."""
    for part in reversed(parts):
        if _has_places(part):
            return False
        if not may_be_empty(part):
            return True
    return True


def _is_long(node: Node) -> bool:
    """Whether it can take as much as there is."""
    match node:
        case Back():
            return True
        case Sequence(parts) | Choice(parts):
            return any(map(_is_long, parts))
        case Repeat(inner, least, most):
            long = most is None or (least != most and most > COPIED_AT_MOST)
            return long or _is_long(inner)
        case Group(inner) | Atomic(inner) | Look(inner):
            return _is_long(inner)
    return False


def _has_places(node: Node) -> bool:
    match node:
        case Anchor() | Look() | Back():
            return True
        case Sequence(parts) | Choice(parts):
            return any(map(_has_places, parts))
        case Repeat(inner) | Group(inner) | Atomic(inner):
            return _has_places(inner)
    return False


def _degree(automaton: Automaton, begin: Counter[int]) -> int:
    parts = components(automaton.steps)
    loops = [part for part in parts if _is_loop(automaton, part)]
    for loop in loops:
        if meets_itself(automaton, loop):
            texts = " ".join(dict.fromkeys(automaton.texts[state] for state in loop))
            raise IntricacyError(
                f"a repeat of {texts} can take the same text in many ways: {REMEDY}"
            )
    # the parts come with what they lead to before them
    follows: dict[int, list[int]] = {}
    chain: dict[int, list[int]] = {}
    for place, loop in enumerate(loops):
        follows[place] = [
            earlier
            for earlier in range(place)
            if pumps(automaton, loop, loops[earlier])
        ]
        longest = max((chain[each] for each in follows[place]), key=len, default=[])
        chain[place] = [place, *longest]
    worst = max(chain.values(), key=len, default=[])
    if len(worst) > DEGREE_AT_MOST:
        texts = ", ".join(_text(automaton, loops[place]) for place in worst)
        raise IntricacyError(f"{texts} in a row can take the same text: {REMEDY}")
    ways = _ways(automaton, parts, begin)
    if ways > WAYS_AT_MOST[len(worst)]:
        raise IntricacyError(
            f"its branches and ? can take the same text in {ways} ways: make them"
            " begin differently"
        )
    return len(worst)


def _text(automaton: Automaton, loop: frozenset[int]) -> str:
    texts = dict.fromkeys(automaton.texts[state] for state in sorted(loop))
    said = "".join(texts)
    return said if said.startswith("the ") else f"{said}*"


def _is_loop(automaton: Automaton, part: frozenset[int]) -> bool:
    return any(state in automaton.steps[state] or len(part) > 1 for state in part)


def _ways(
    automaton: Automaton, parts: list[frozenset[int]], begin: Counter[int]
) -> int:
    """Return in how many ways the same text can be taken, but for loops."""
    most: dict[int, int] = {}
    for part in parts:
        out = Counter[int]()
        for state in part:
            out |= Counter(
                {to: n for to, n in automaton.steps[state].items() if to not in part}
            )
        worst = _worst(automaton, out, most)
        most.update(dict.fromkeys(part, worst))
    return _worst(automaton, begin, most)


def _worst(automaton: Automaton, out: Counter[int], most: dict[int, int]) -> int:
    """Return the most ways that go on with one and the same character."""
    totals: Counter[int] = Counter()
    for state, ways in out.items():
        for bit in _bits(automaton.masks[state]):
            totals[bit] += ways * most[state]
    return max(totals.values(), default=1)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length()
        mask ^= low
