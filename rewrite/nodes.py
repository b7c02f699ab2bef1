"""A pattern as a tree, and how re says it."""

from dataclasses import dataclass
from typing import Union

from .characters import Characters

Node = Union[
    "Set", "Sequence", "Choice", "Repeat", "Group", "Atomic", "Look", "Anchor", "Back"
]


@dataclass(frozen=True, slots=True)
class Set:
    """One character out of some."""

    characters: Characters

    def __str__(self) -> str:
        return str(self.characters)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return "".join(
            f"(?:{part})" if isinstance(part, Choice) else str(part)
            for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these, tried in their order."""

    branches: tuple[Node, ...]

    def __str__(self) -> str:
        return "|".join(map(str, self.branches))


@dataclass(frozen=True, slots=True)
class Repeat:
    """So often; *most* None: without an end."""

    node: Node
    least: int
    most: int | None
    manner: str = ""
    """"": as many as can be, "?": as few, "+": all, and never one less."""

    def __str__(self) -> str:
        inner = str(self.node)
        if not isinstance(self.node, Set | Group | Atomic):
            inner = f"(?:{inner})"
        often = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get(
            (self.least, self.most)
        )
        if often is None:
            most = "" if self.most is None else self.most
            often = f"{{{self.least},{most}}}"
        if self.manner == "+" and not isinstance(self.node, Set):
            # re of Python 3.11.2 and 3.12.1 loses its place in (..)++ (gh-106052)
            return f"(?>{inner}{often})"
        return f"{inner}{often}{self.manner}"


@dataclass(frozen=True, slots=True)
class Group:
    """A part that is captured."""

    node: Node

    def __str__(self) -> str:
        return f"({self.node})"


@dataclass(frozen=True, slots=True)
class Atomic:
    """A part that is not tried otherwise once it has matched."""

    node: Node

    def __str__(self) -> str:
        return f"(?>{self.node})"


@dataclass(frozen=True, slots=True)
class Look:
    """What has to stand here, or must not, and is not taken."""

    node: Node
    behind: bool
    negative: bool

    def __str__(self) -> str:
        sign = f"{'<' if self.behind else ''}{'!' if self.negative else '='}"
        if not self.behind:
            return f"(?{sign}{self.node})"
        # PCRE looks behind each branch by its own width, re by one width alone
        node = self.node
        branches = node.branches if isinstance(node, Choice) else (node,)
        looks = [f"(?{sign}{branch})" for branch in branches]
        return "".join(looks) if self.negative else f"(?:{'|'.join(looks)})"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place: the begin, the end, between words."""

    text: str
    """As re says it."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Back:
    """What a group before it captured, once more."""

    number: int

    def __str__(self) -> str:
        return f"(?:\\{self.number})"


def width(node: Node) -> int | None:
    """Return how many characters *node* takes; None where it varies."""
    match node:
        case Set():
            return 1
        case Anchor() | Look():
            return 0
        case Sequence(parts):
            widths = [width(part) for part in parts]
            if None in widths:
                return None
            return sum(each for each in widths if each is not None)
        case Choice(branches):
            found = {width(branch) for branch in branches}
            return found.pop() if len(found) == 1 else None
        case Repeat(inner, least, most):
            one = width(inner)
            return one * least if one is not None and least == most else None
        case Group(inner) | Atomic(inner):
            return width(inner)
    return None


def may_be_empty(node: Node) -> bool:
    """Return whether *node* may take no character at all."""
    match node:
        case Set():
            return False
        case Sequence(parts):
            return all(map(may_be_empty, parts))
        case Choice(branches):
            return any(map(may_be_empty, branches))
        case Repeat(inner, least):
            return least == 0 or may_be_empty(inner)
        case Group(inner) | Atomic(inner):
            return may_be_empty(inner)
    return True
