"""Patterns, as PCRE means them: `^/(.+)/user-data$`."""

import re
from dataclasses import dataclass
from functools import lru_cache

from .automaton import IntricacyError
from .hazards import check
from .pcre import read_pattern

# characters of what is matched: no document's URL is as long, and at the square of it
# a pattern holds the loop for some tens of milliseconds at most
SUBJECT_AT_MOST = 1024
GROUPS_AT_MOST = 19  # lighttpd's


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern: its text, and what matches it here."""

    text: str
    regex: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Compile a pattern as PCRE would mean it; raises ValueError.

        One that may cost a guest's URL more than its square is refused.
        """
        return _compiled(text)

    @property
    def groups(self) -> int:
        return self.regex.groups

    def search(self, subject: str) -> re.Match[str] | None:
        """Return where *subject* matches; what is too long is not looked at."""
        if len(subject) > SUBJECT_AT_MOST:
            return None
        return self.regex.search(subject)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Pattern:
    """Compile, once for the thousands of blocks that say the same of each guest."""
    node = read_pattern(text)
    try:
        check(node)
    except IntricacyError as problem:
        raise ValueError(
            f"{text!r} may take very long, for a URL made to that end: {problem}"
        ) from None
    try:
        regex = re.compile(str(node), re.ASCII)
    except (re.error, OverflowError, RecursionError) as problem:
        raise ValueError(f"{text!r} is no regular expression here: {problem}") from None
    if regex.groups > GROUPS_AT_MOST:
        raise ValueError(f"{text!r} has more than {GROUPS_AT_MOST} ( ): write (?: )")
    return Pattern(text, regex)
