"""A request's path and the one who asks give the document's path, or nothing.

The files are asked in their order, and in each its rules in theirs: the first match
wins.  A block's settings count where its condition holds, over those around it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .grammar import Alias
from .grammar import Block
from .grammar import Condition
from .grammar import Settings
from .grammar import parse_rules
from .patterns import Target


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for and by whom, as conditions see it."""

    path: str
    """Decoded and normalised, without the query."""
    remoteip: IPv4Address
    method: str = "GET"
    facts: Mapping[str, str] = field(default_factory=dict)
    """For ${...} in targets; ip is always among them."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The document that is meant, and how it is served."""

    target: str | None
    """A path below "/": None where the listing is the answer."""
    listing: tuple[tuple[str, str | None], ...] = ()
    """Names, each with the target that has to exist for it to be shown."""
    content_type: str | None = None
    if_missing: str = "404"
    aliases: tuple[Alias, ...] = ()
    origin: str = ""
    """The file and the line of the rule that decided."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules files in the order in which they are asked."""

    files: tuple[tuple[str, Block], ...]

    @classmethod
    def parse(cls, *files: tuple[str, str]) -> "RuleSet":
        """Read (name, text) of each file; raises RuleSyntaxError."""
        return cls(tuple((name, parse_rules(text, name)) for name, text in files))

    def apply(self, asked: Asked) -> Rewrite | None:
        """Return what is meant by *asked*; None where no rule knows it."""
        for name, block in self.files:
            settings = _effective(block, asked, Settings())
            found = _decide(settings, asked, name)
            if found is not None:
                return found
        return None


def _effective(block: Block, asked: Asked, around: Settings) -> Settings:
    settings = _over(around, block.settings)
    for inner in block.inner:
        chosen: Block | None = inner
        while chosen is not None and not _holds(chosen.condition, asked):
            chosen = chosen.otherwise
        if chosen is not None:
            settings = _effective(chosen, asked, settings)
    return settings


def _over(around: Settings, nearer: Settings) -> Settings:
    if nearer == _UNSET:
        return around
    return Settings(
        around.rules if nearer.rules is None else nearer.rules,
        around.aliases if nearer.aliases is None else nearer.aliases,
        around.entries if nearer.entries is None else nearer.entries,
        nearer.entries_line or around.entries_line,
        around.content_type if nearer.content_type is None else nearer.content_type,
        around.if_missing if nearer.if_missing is None else nearer.if_missing,
    )


_UNSET = Settings()


def _holds(condition: Condition | None, asked: Asked) -> bool:
    if condition is None:
        return True
    return _matches(condition, asked) is not condition.negated


def _matches(condition: Condition, asked: Asked) -> bool:
    operand = condition.operand
    if isinstance(operand, IPv4Network):
        return asked.remoteip in operand
    value = asked.path if condition.field == "url" else asked.method
    if isinstance(operand, re.Pattern):
        return operand.search(value) is not None
    return value == operand


def _decide(settings: Settings, asked: Asked, file: str) -> Rewrite | None:
    facts = {**asked.facts, "ip": str(asked.remoteip), "url.path": asked.path}
    served = Rewrite(
        None,
        content_type=settings.content_type,
        if_missing=settings.if_missing or "404",
        aliases=settings.aliases or (),
    )
    if settings.entries is not None:
        listing = tuple(
            (entry.name, _expand(entry.target, facts)) for entry in settings.entries
        )
        origin = f"{file}:{settings.entries_line}"
        return replace(served, listing=listing, origin=origin)
    for rule in settings.rules or ():
        found = rule.pattern.search(asked.path)
        if found is not None:
            target = rule.target.expand(found, facts)
            if target is not None:
                return replace(served, target=target, origin=f"{file}:{rule.line}")
    return None


def _expand(target: Target | None, facts: Mapping[str, str]) -> str | None:
    return None if target is None else target.expand(None, facts)
