r"""Patterns and targets: `^/(.+)/user-data$` => `/${ip}/user-data`.

A target is a list of parts: text as it is, $0 to $9 of the pattern, and the facts of
the asking VM: ${ip}, ${mac}, ${network}; ${url.path} is the path that was asked for.
$$ is a $, and %% a %, as in lighttpd.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

FACTS = ("ip", "mac", "network", "url.path")

_PART = re.compile(
    r"""
      (?P<doubled>\$\$|%%)
    | \$(?P<digit>[0-9])
    | \$\{(?P<fact>[^}]*)\}
    | %[0-9] | %\{[^}]*\}     # of the condition around: not known here
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Capture:
    """What the pattern's group *number* matched; 0 is all of it."""

    number: int


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of the one who asks."""

    name: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rule leads, in parts."""

    parts: tuple[str | Capture | Fact, ...]

    @classmethod
    def parse(cls, text: str, groups: int) -> Self:
        """Read a target of a pattern that has *groups*; raises ValueError."""
        parts: list[str | Capture | Fact] = []
        at = 0
        for found in _PART.finditer(text):
            parts.append(text[at : found.start()])
            at = found.end()
            if found["doubled"] is not None:
                parts.append(found["doubled"][0])
            elif found["digit"] is not None:
                number = int(found["digit"])
                if number > groups:
                    raise ValueError(
                        f"${number}: the pattern has only {groups} groups in ()"
                    )
                parts.append(Capture(number))
            elif found["fact"] in FACTS:
                parts.append(Fact(found["fact"]))
            else:
                known = ", ".join(f"${{{fact}}}" for fact in FACTS)
                raise ValueError(f"{found.group()} is not known: $0 to $9, {known} are")
        parts.append(text[at:])
        return cls(tuple(part for part in parts if part))

    def expand(
        self, found: re.Match[str] | None, facts: Mapping[str, str]
    ) -> str | None:
        """Return the path; None where a fact is not known of this one who asks."""
        words = []
        for part in self.parts:
            match part:
                case str():
                    words.append(part)
                case Capture(number):
                    assert found is not None
                    words.append(found[number] or "")
                case Fact(name):
                    value = facts.get(name)
                    if value is None:
                        return None
                    words.append(value)
        return "".join(words)


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern as PCRE would mean it; raises ValueError."""
    try:
        with warnings.catch_warnings():
            # re warns of what it may one day read as PCRE reads it now: [[:alpha:]]
            warnings.simplefilter("error")
            # PCRE's $ is also before a last newline, re's too; \d is ASCII's in PCRE
            return re.compile(text, re.ASCII)
    except (re.error, OverflowError, RecursionError, Warning) as problem:
        raise ValueError(f"{text!r} is no regular expression: {problem}") from None
