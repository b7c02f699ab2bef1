"""Values of the configuration language: strings, numbers, lists, and sums of them."""

from dataclasses import dataclass
from typing import NamedTuple
from typing import NoReturn

from .tokens import Token


class Item(NamedTuple):
    """One element of a list, with its key where it has one."""

    key: "Value | None"
    value: "Value"


@dataclass(frozen=True, slots=True)
class Value:
    """What stands behind an `=`, and where."""

    content: str | int | tuple[Item, ...]
    where: Token

    def fail(self, what: str) -> NoReturn:
        self.where.fail(what)

    @property
    def kind(self) -> str:
        return {str: "a string", int: "a number"}.get(type(self.content), "a list")

    def text(self) -> str:
        """Return the string that this has to be."""
        if not isinstance(self.content, str):
            self.fail(f'a string in "..." belongs here, not {self.kind}')
        return self.content

    def items(self) -> tuple[Item, ...]:
        """Return the elements of the list that this has to be."""
        if not isinstance(self.content, tuple):
            self.fail(f"a list in ( ) belongs here, not {self.kind}")
        return self.content

    def pairs(self) -> list[tuple["Value", "Value"]]:
        """Return a list of which every element is `"..." => "..."`."""
        pairs = []
        for key, value in self.items():
            if key is None:
                value.fail('"..." => "..." belongs here')
            pairs.append((key, value))
        return pairs

    def plus(self, other: "Value") -> "Value":
        """Return the sum, as lighttpd adds: a list to a list, text to text."""
        mine, others = self.content, other.content
        if isinstance(mine, tuple) and isinstance(others, tuple):
            return Value(mine + others, self.where)
        if isinstance(mine, tuple) or isinstance(others, tuple):
            other.fail(f"{self.kind} and {other.kind} cannot be added")
        if isinstance(mine, int) and isinstance(others, int):
            return Value(mine + others, self.where)
        return Value(f"{mine}{others}", self.where)
