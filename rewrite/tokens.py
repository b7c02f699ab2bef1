"""Words of lighttpd's configuration language, with the place where each stands."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from typing import NoReturn

from .errors import RuleSyntaxError

_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t\r\xa0]+|\#[^\n]*)
    | (?P<newline>\n)
    | (?P<string>"(?:[^"\\]|\\"|\\(?!"))*")
    | (?P<field>\$[A-Z_]+)
    | (?P<operator>=>|==|=~|!=|!~|=\^|=\$|\+=|:=)
    | (?P<mark>[=(){}\[\],+])
    | (?P<number>[0-9]+(?![A-Za-z0-9_.-]))
    | (?P<word>[A-Za-z][A-Za-z0-9_.-]*)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A word: its kind, its text (a string's is without quotes), where it stands.

    A tuple: a host's file of 10,000 guests has a million of them.
    """

    kind: str
    text: str
    file: str
    line: int
    column: int

    def fail(self, what: str) -> NoReturn:
        """Raise the error of this place."""
        raise RuleSyntaxError(self.file, self.line, self.column, what)

    @property
    def origin(self) -> str:
        return f"{self.file}:{self.line}"


class Span(NamedTuple):
    """Where an assignment stands: its name, and the last word of its value."""

    name: Token
    last: Token


def tokenize(text: str, file: str) -> Iterator[Token]:
    """Yield the words of *text*, then one of kind "end"; raises RuleSyntaxError."""
    at, line, start = 0, 1, 0
    match = _TOKEN.match
    while at < len(text):
        found = match(text, at)
        column = at - start + 1
        if found is None:
            raise RuleSyntaxError(file, line, column, _unknown(text[at]))
        kind, word = str(found.lastgroup), found.group()
        at = found.end()
        if kind == "newline":
            line += 1
            start = at
        elif kind == "string":
            # lighttpd: \" in a string is a quote, any other backslash is the pattern's
            yield Token(kind, word[1:-1].replace('\\"', '"'), file, line, column)
            if "\n" in word:
                line += word.count("\n")
                start = at - len(word) + word.rindex("\n") + 1
        elif kind != "blank":
            yield Token(kind, word, file, line, column)
    yield Token("end", "the end of the file", file, line, at - start + 1)


def word_end(text: str, at: int) -> int:
    """Return where the word ends that begins at *at* of a text that was read."""
    found = _TOKEN.match(text, at)
    return at if found is None else found.end()


def _unknown(character: str) -> str:
    if character == '"':
        return 'this string has no closing "'
    if character == "'":
        return f'{character!r} means nothing here: strings stand in "..."'
    return f"{character!r} means nothing here"
