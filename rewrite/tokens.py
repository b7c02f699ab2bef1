"""Words of lighttpd's configuration language, with the place where each stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import RuleSyntaxError

_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t\r]+|\#[^\n]*)
    | (?P<newline>\n)
    | (?P<string>"(?:[^"\\]|\\"|\\(?!"))*")
    | (?P<field>\$[A-Z]+)
    | (?P<operator>=>|==|=~|!=|!~|=\^|=\$)
    | (?P<mark>[=(){}\[\],])
    | (?P<word>[A-Za-z][A-Za-z0-9_.-]*)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its kind, its text (a string's is without quotes), where it stands."""

    kind: str
    text: str
    line: int
    column: int


def tokenize(text: str, file: str) -> Iterator[Token]:
    """Yield the words of *text*, then one of kind "end"; raises RuleSyntaxError."""
    at, line, start = 0, 1, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        column = at - start + 1
        if found is None:
            raise RuleSyntaxError(file, line, column, _unknown(text[at]))
        kind, word = str(found.lastgroup), found.group()
        at = found.end()
        if kind not in ("blank", "newline"):
            inner = word[1:-1] if kind == "string" else word
            # lighttpd: \" in a string is a quote, any other backslash is the pattern's
            yield Token(kind, inner.replace('\\"', '"'), line, column)
        if "\n" in word:
            line += word.count("\n")
            start = at - len(word) + word.rindex("\n") + 1
    yield Token("end", "the end of the file", line, at - start + 1)


def _unknown(character: str) -> str:
    if character == '"':
        return 'this string has no closing "'
    return f"{character!r} means nothing here"
