"""What holds for a request: the settings of the blocks around it, the nearer first.

A block's setting replaces that of the file around as a whole; of two blocks that both
hold the later counts, as in lighttpd.
"""

import re
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from typing import NamedTuple

from .asked import Asked
from .blocks import Block
from .blocks import Chain
from .blocks import Condition
from .blocks import Link
from .blocks import Row
from .blocks import Settings
from .blocks import Table
from .conditions import examine
from .conditions import whole
from .tokens import Token

Match = re.Match[str] | None


class Tried(NamedTuple):
    """One condition or rule that was tried, for `metalease explain`."""

    where: Token
    what: str
    matched: bool
    captures: tuple[str, ...] = ()
    target: str | None = None


See = Callable[[Tried], None]


@dataclass(frozen=True, slots=True)
class Scope:
    """The settings that hold, and what the conditions around them matched."""

    settings: Settings
    captures: dict[str, Match]
    """By the names of Settings' fields."""


def resolve(
    block: Block, asked: Asked, path: str, query: str, see: See | None
) -> Scope:
    """Return what *block* says of *asked*, where the URL is now *path* and *query*."""
    changes = dict(block.changes)
    captures: dict[str, Match] = {}
    for inner, around in _held(block, _Look(asked, path, query, see)):
        changes.update(inner.changes)
        captures.update(dict.fromkeys(inner.changes, around))
    settings = _NOTHING
    if changes:
        settings = replace(settings, **changes)  # type: ignore[arg-type] # READERS' names
    return Scope(settings, captures)


_NOTHING = Settings()


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the conditions."""

    asked: Asked
    path: str
    query: str
    see: See | None

    def at(self, condition: Condition | None) -> tuple[bool, Match]:
        if condition is None:
            return True, None
        holds, found = examine(condition, self.asked, self.path, self.query)
        if self.see is not None:
            tried = Tried(condition.where, str(condition), holds, captures_of(found))
            self.see(tried)
        return holds, found


def captures_of(found: Match) -> tuple[str, ...]:
    """Return the whole of what matched and its groups."""
    return () if found is None else (found[0], *(each or "" for each in found.groups()))


def _held(block: Block, look: _Look) -> Iterator[tuple[Block, Match]]:
    for step in block.inner:
        chosen = _row(step, look) if isinstance(step, Row) else _chain(step, look)
        for link, found in chosen:
            yield link.block, found
            yield from _held(link.block, look)


def _row(row: Row, look: _Look) -> Iterator[tuple[Link, Match]]:
    for link in _looked_up(row.table, look):
        yield link, whole(str(look.asked.remoteip))


def _chain(chain: Chain, look: _Look) -> Iterator[tuple[Link, Match]]:
    for part in chain.parts:
        if isinstance(part, Table):
            links = _looked_up(part, look)
            if links:
                yield links[0], whole(str(look.asked.remoteip))
                return
            continue
        holds, found = look.at(part.condition)
        if holds:
            yield part, found
            return


def _looked_up(table: Table, look: _Look) -> list[Link]:
    links = table.of(look.asked.remoteip)
    if look.see is None:
        return links
    first = table.links[0].condition
    assert first is not None, "a table is of conditions"
    what = f'$HTTP["remoteip"] == one of {len(table.links)} addresses'
    where = links[0].condition.where if links and links[0].condition else first.where
    look.see(Tried(where, what, bool(links), (str(look.asked.remoteip),)))
    return links
