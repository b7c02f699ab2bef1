"""A whole lighttpd.conf, for `metalease migrate`: its rules, and all else that it says.

What rules cannot hold is no error here but a setting with its reason, for the report.
"""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from .blocks import Block
from .errors import RuleSyntaxError
from .expressions import Value
from .grammar import Include
from .grammar import parse_rules
from .reading import Reading
from .tokens import Span
from .tokens import Token

Plain = str | int | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One assignment of the file; one by `+=` has the whole sum."""

    name: str
    value: Plain
    """A list with keys is a dict; of a key that is there twice the last counts."""
    pairs: tuple[tuple[str, Plain], ...]
    """The elements that have keys, in their order."""
    file: str
    line: int
    around: tuple[str, ...]
    """The conditions, outermost first: '$HTTP["url"] =~ "^/a"', or "else"."""
    problem: str | None = None
    """Why rules here do not hold it; None where they do."""
    spans: tuple[Span, ...] = ()
    """Where it is assigned: once, and once more for each `+=`."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a lighttpd.conf says."""

    block: Block
    """The rules that are understood here, for RuleSet.parse((name, block))."""
    settings: tuple[Setting, ...]
    """All of its settings, block by block, an inner one before that around it."""


@dataclass
class _Lenient(Reading):
    """Reads on where a rules file would be refused, and keeps what there was."""

    settings: list[Setting] = field(default_factory=list)

    def foreign(
        self, key: Token, value: Value, around: tuple[str, ...], span: Span
    ) -> None:
        try:
            super().foreign(key, value, around, span)
        except RuleSyntaxError as problem:
            self._keep(key.text, value, around, problem.what, (span,))

    def known(
        self,
        name: str,
        value: Value,
        around: tuple[str, ...],
        read: Callable[[], object],
        spans: Sequence[Span],
    ) -> object:
        try:
            found = read()
        except RuleSyntaxError as problem:
            self._keep(name, value, around, problem.what, spans)
            return None
        self._keep(name, value, around, None, spans)
        return found

    def _keep(
        self,
        name: str,
        value: Value,
        around: tuple[str, ...],
        problem: str | None,
        spans: Sequence[Span],
    ) -> None:
        where = value.where
        pairs: tuple[tuple[str, Plain], ...] = ()
        if isinstance(value.content, tuple):
            pairs = tuple(
                (str(item.key.content), _plain(item.value))
                for item in value.content
                if item.key is not None
            )
        self.settings.append(
            Setting(
                *(name, _plain(value), pairs, where.file, where.line),
                *(around, problem, tuple(spans)),
            )
        )


def _plain(value: Value) -> Plain:
    content = value.content
    if not isinstance(content, tuple):
        return content
    if any(item.key is not None for item in content):
        return {
            str(place if item.key is None else item.key.content): _plain(item.value)
            for place, item in enumerate(content)
        }
    return [_plain(item.value) for item in content]


def parse_lighttpd_conf(
    text: str, file: str, include: Include | None = None
) -> Configuration:
    """Read a lighttpd.conf; raises RuleSyntaxError where it is none."""
    reading = _Lenient()
    block = parse_rules(text, file, include, reading)
    return Configuration(block, tuple(reading.settings))
