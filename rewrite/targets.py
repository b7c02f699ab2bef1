r"""Where a rule leads: `/${ip}/user-data`, in parts.

A target is text as it is, $0 to $9 of the pattern, %0 to %9 of the condition around,
${...} and %{...} with words of how they are written, parts of the URL that was asked
for, and the facts of the asking VM.  $$ is a $, and %% a %, as in lighttpd.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from .escapes import WORDS
from .escapes import write

FACTS = ("ip", "mac", "network")
URL = (
    *("url.scheme", "url.authority", "url.authority.noport", "url.port"),
    *("url.path", "url.query", "qsa"),
)

_PART = re.compile(
    r"""
      (?P<doubled>\$\$|%%)
    | (?P<sign>[$%])(?:(?P<digit>[0-9])|\{(?P<words>[^}]*)(?P<closed>\})?)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Capture:
    """What group *number* matched; 0 is all of it."""

    number: int
    around: bool = False
    """Of the condition's pattern, not of the rule's."""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of the one who asks, or of the URL."""

    name: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filling:
    """What the parts of a target stand for."""

    found: re.Match[str] | None
    """Of the rule's pattern."""
    around: re.Match[str] | None
    """Of the condition's."""
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rule leads, in parts."""

    text: str
    parts: tuple[str | Capture | Fact, ...]

    @classmethod
    def parse(cls, text: str, groups: int, around: int | None = None) -> Self:
        """Read a target of a pattern that has *groups*; raises ValueError.

        *around* are the groups of the condition's pattern, None without one.
        """
        parts: list[str | Capture | Fact] = []
        at = 0
        for found in _PART.finditer(text):
            parts.append(text[at : found.start()])
            at = found.end()
            if found["doubled"] is not None:
                parts.append(found["doubled"][0])
            elif found["digit"] is not None:
                parts.append(_capture(found, int(found["digit"]), (), groups, around))
            else:
                parts.append(_named(found, groups, around))
        parts.append(text[at:])
        return cls(text, tuple(part for part in parts if part))

    @property
    def is_path(self) -> bool:
        """Whether it begins with "/", as far as its text says."""
        first = self.parts[0] if self.parts else ""
        if isinstance(first, str):
            return first.startswith("/")
        return isinstance(first, Capture) or first.name == "url.path"

    def expand(self, filling: Filling) -> str | None:
        """Return the URL; None where a fact is not known of this one who asks."""
        made = ""
        for part in self.parts:
            match part:
                case str():
                    made += part
                case Capture(number, around, words):
                    found = filling.around if around else filling.found
                    if found is not None and number <= found.re.groups:
                        made += write(found[number] or "", words)
                case Fact("qsa", words):
                    query = filling.facts["url.query"]
                    if query:
                        made += ("&" if "?" in made else "?") + write(query, words)
                case Fact(name, words):
                    value = filling.facts.get(name)
                    if value is None:
                        return None
                    made += write(value, words)
        return made


def _named(found: re.Match[str], groups: int, around: int | None) -> Capture | Fact:
    if not found["closed"]:
        raise ValueError(f"{found.group()} has no }}: write it, or $$ for a $ alone")
    *words, name = found["words"].split(":")
    for word in words:
        if word not in WORDS:
            known = ", ".join(f"{each}:" for each in WORDS)
            raise ValueError(f"{found.group()}: {word}: is not known: {known} are")
    if name.isdecimal() and name.isascii() and len(name) <= 2:  # digits
        written = tuple(words) or ("escpsnde",)
        return _capture(found, int(name), written, groups, around)
    if name in FACTS or name in URL:
        return Fact(name, tuple(words))
    if name[:1] in ("$", "%") and name[1:].isdecimal():
        inside = ":".join((*words, name[1:]))
        raise ValueError(f"{found.group()}: write {name[0]}{{{inside}}}")
    known = ", ".join(f"${{{each}}}" for each in (*FACTS, *URL))
    raise ValueError(f"{found.group()} is not known: $0 to $9, %0 to %9, {known} are")


def _capture(
    found: re.Match[str],
    number: int,
    words: tuple[str, ...],
    groups: int,
    around: int | None,
) -> Capture:
    if found["sign"] == "$":
        if number > groups:
            raise ValueError(
                f"{found.group()}: the pattern has only {groups} groups in ()"
            )
        return Capture(number, False, words)
    if around is None:
        raise ValueError(
            f"{found.group()} is of the condition around, and there is none that"
            " matches: write it inside $HTTP[...] =~ ... { }, or %% for a percent sign"
        )
    if number > around:
        raise ValueError(f"{found.group()}: the condition has only {around} groups")
    return Capture(number, True, words)
