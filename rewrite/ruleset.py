"""A request's path and the one who asks give the document's path, or nothing.

The files are asked in their order, and in each its rules in theirs: the first match
wins.  As in lighttpd, what a rule made is then looked at by the other settings - a
redirect, a refusal, a proxy, an alias - whose conditions see the URL as it is now.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .asked import Asked as Asked  # what this is asked and answers, by this name
from .asked import Redirect as Redirect
from .asked import Refusal as Refusal
from .asked import Rewrite as Rewrite
from .blocks import Block
from .grammar import Include
from .grammar import parse_rules
from .passage import Passage
from .patterns import SUBJECT_AT_MOST
from .scope import See
from .scope import Tried as Tried


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was tried for a request, in its order, and what came of it."""

    tried: tuple[Tried, ...]
    rewrite: Rewrite | None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules files in the order in which they are asked."""

    files: tuple[tuple[str, Block], ...]

    @classmethod
    def parse(
        cls, *files: tuple[str, str | Block], include: Include | None = None
    ) -> "RuleSet":
        """Read (name, text) of each file, or take its block; raises RuleSyntaxError.

        *include* gives the text of a file that another includes, by its name.
        """
        return cls(
            tuple(
                (name, text if isinstance(text, Block) else _read(name, text, include))
                for name, text in files
            )
        )

    @property
    def headers(self) -> frozenset[str]:
        """The headers of requests that the rules look at, beside "host"."""
        return frozenset().union(*(block.headers for _, block in self.files))

    @property
    def _seen(self) -> frozenset[str]:
        return self.headers | {"host"}

    def apply(self, asked: Asked) -> Rewrite | None:
        """Return what is meant by *asked*; None where no rule knows it."""
        return next(self.matches(asked), None)

    def matches(self, asked: Asked) -> Iterator[Rewrite]:
        """Yield what each rule that matches means; a later one is for "next"."""
        return self._matches(asked, None)

    def explain(self, asked: Asked) -> Explanation:
        """Return every condition and rule that apply() tries, and what it returns."""
        tried: list[Tried] = []
        rewrite = next(self._matches(asked, tried.append), None)
        return Explanation(tuple(tried), rewrite)

    def _matches(self, asked: Asked, see: See | None) -> Iterator[Rewrite]:
        if len(asked.path) + len(asked.query) >= SUBJECT_AT_MOST:
            return  # no document has such a name, and a pattern need not look at it
        seen = [asked.headers.get(name, "") for name in self._seen]
        if any(len(value) > SUBJECT_AT_MOST for value in seen):
            return  # else it would pass by =~ that denies, and hold for !~ that lets in
        for _, block in self.files:
            yield from Passage(block, asked, see).answers()


def _read(name: str, text: str, include: Include | None) -> Block:
    return parse_rules(text, name, include)
