"""How strictly a file is read, and what a block of it has said so far."""

from collections.abc import Callable
from collections.abc import Sequence
from functools import partial

from .blocks import Block
from .blocks import Condition
from .blocks import Link
from .blocks import headers_of
from .directives import AFTERWARDS
from .directives import READERS
from .directives import Place
from .expressions import Value
from .foreign import refuse
from .patterns import Pattern
from .planning import plan
from .tokens import Span
from .tokens import Token


class Reading:
    """How strictly a file is read: this is how a rules file is."""

    def foreign(
        self, key: Token, value: Value, around: tuple[str, ...], span: Span
    ) -> None:
        """Say what becomes of a setting that rules have no use for."""
        refuse(key, value)

    def known(
        self,
        name: str,
        value: Value,
        around: tuple[str, ...],
        read: Callable[[], object],
        spans: Sequence[Span],
    ) -> object:
        """Return what a setting of rules means; None leaves it out."""
        return read()


class BlockReading:
    """A block that is being read: what it has set so far, and its chains."""

    def __init__(
        self, condition: Condition | None, around: tuple[str, ...], reading: Reading
    ) -> None:
        self.said: dict[str, Value] = {}
        self.spans: dict[str, list[Span]] = {}
        self.chains: list[tuple[Link, ...]] = []
        self.around = around
        self._reading = reading
        self._groups: int | None = None
        self._of_url = False
        if condition is not None and not condition.negated:
            operand = condition.operand
            self._groups = operand.groups if isinstance(operand, Pattern) else 0
            self._of_url = condition.field == "url"

    def block(self) -> Block:
        changes: dict[str, object] = {}
        for name, (field, read) in READERS.items():
            if name not in self.said:
                continue
            said = self.said[name]
            place = Place(name, self._groups, bool(self.around), self._of_url)
            value = self._reading.known(
                name, said, self.around, partial(read, said, place), self.spans[name]
            )
            if value is None:
                continue
            before = changes.get(field)
            if isinstance(before, tuple) and isinstance(value, tuple):
                value = before + value
            changes[field] = value
        links = [link for chain in self.chains for link in chain]
        again = not AFTERWARDS.isdisjoint(changes)
        conditions = (each.condition for each in links if each.condition is not None)
        headers = headers_of(conditions, changes)
        for link in links:
            again = again or link.block.looks_again
            headers |= link.block.headers
        return Block(changes, plan(self.chains), again, frozenset(headers))
