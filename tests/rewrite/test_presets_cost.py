"""What the presets' patterns cost on the worst URLs that a guest can think of."""

import re
from collections.abc import Iterator
from dataclasses import fields
from dataclasses import is_dataclass
from importlib.resources import files

import pytest

from rewrite.grammar import parse_rules
from rewrite.patterns import SUBJECT_AT_MOST
from rewrite.patterns import Pattern
from rewrite.pcre import read_pattern

from .backtracking import steps

BUDGET = 31_250  # steps for the longest subject: a millisecond or two of re's
SHORT = 32  # characters at least, and twice as many: how the cost grows is known
PUMPS = 4


def patterns_in(value: object) -> Iterator[str]:
    """Yield each pattern of a block, wherever it stands."""
    if isinstance(value, Pattern):
        yield value.text
    elif isinstance(value, dict):
        for each in value.values():
            yield from patterns_in(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from patterns_in(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from patterns_in(getattr(value, field.name))


PRESETS = {
    path.name: parse_rules(path.read_text(encoding="utf-8"), path.name)
    for path in (files("rewrite") / "presets").iterdir()
    if path.name.endswith(".rules")
}
PATTERNS = sorted({text for block in PRESETS.values() for text in patterns_in(block)})


def hostile(pattern: str) -> set[tuple[str, str]]:
    """Return beginnings, and what to repeat behind them, out of the pattern's words."""
    plain = re.sub(r"\\[dw]|\(\?[:!i]", " ", pattern).replace("\\", "")
    words = set(re.findall(r"[\w.&=-]+", plain))
    begin = re.match(r"\^((?:/[\w-]+)*/?)", pattern)
    pumps = {"/", "a", "a/", "?", "&", "2013-04-", *words}
    pumps |= {f"/{word}" for word in words} | {f"/{word}/" for word in words}
    begins = {"", "/x/meta-data/", begin[1] if begin is not None else ""}
    return {(begin, pump) for begin in begins for pump in pumps}


def cost(pattern: str, subject: str) -> int:
    return steps(read_pattern(pattern), subject, 10 * BUDGET)


def test_all_presets_are_looked_at() -> None:
    assert len(PRESETS) >= 9
    assert len(PATTERNS) >= 70


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_preset_costs_no_more_than_its_url_is_long(pattern: str) -> None:
    """Each pattern is linear in the URL, and the longest that is looked at stays below
    a budget (issue 6.2)."""
    for begin, pump in hostile(pattern):
        part = pump * max(PUMPS, SHORT // len(pump))
        once = cost(pattern, begin + part)
        first = once - cost(pattern, begin)
        second = cost(pattern, begin + part + part) - once
        assert second <= 1.5 * first + SHORT, (begin, pump)
        assert second <= len(part) * BUDGET / SUBJECT_AT_MOST, (begin, pump)
