"""The words of a zone file (RFC 1035 section 5.1): quotes, escapes, parentheses.

An entry is a line, and in parentheses goes on over its end.  A word keeps its escapes
until it is known what it is: a dot that is escaped parts no labels.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .wire import LABEL_AT_MOST
from .wire import NAME_AT_MOST

TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+) | (?P<comment>;[^\n]*) | (?P<end>\n) | (?P<mark>[()])
    | "(?P<quoted>(?:[^"\\\n]|\\[^\n])*)" | (?P<plain>(?:[^ \t\r\n;()"\\]|\\[^\n])+)
    """,
    re.VERBOSE,
)
PART = re.compile(
    r"\\(?P<number>[0-9]{3})|\\(?P<escaped>[^0-9])|(?P<dot>\.)|(?P<plain>[^\\.]+)"
)
PRINTED = frozenset(range(0x21, 0x7F))
"""What a label of a name may hold."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written, without its quotes."""

    text: str
    is_quoted: bool = False

    def octets(self) -> bytes:
        """Return what it stands for; raises ValueError."""
        return b"".join(octets for _, octets in self._parts())

    def name(self, origin: bytes) -> bytes:
        """Return a name in labels, below *origin* if it is relative.

        Raises ValueError.
        """
        if self.text == "@" and not self.is_quoted:
            return origin
        if self.text == ".":
            return b"\0"
        labels = [b""]
        for is_dot, octets in self._parts():
            if is_dot:
                labels.append(b"")
            else:
                labels[-1] += octets
        below = b"\0" if not labels[-1] else origin
        if not labels[-1]:
            labels.pop()
        if not all(PRINTED.issuperset(each) for each in labels):
            raise ValueError(f"{self.text!r}: a name is ASCII: write it as xn--..")
        if not labels or not all(0 < len(each) <= LABEL_AT_MOST for each in labels):
            raise ValueError(f"{self.text!r}: a label has 1 to 63 octets")
        name = b"".join(bytes([len(each)]) + each for each in labels) + below
        if len(name) > NAME_AT_MOST:
            raise ValueError(f"{self.text!r}: a name has at most 255 octets")
        return name

    def _parts(self) -> Iterator[tuple[bool, bytes]]:
        """Yield whether it is a dot that parts labels, and the octets."""
        at = 0
        while at < len(self.text):
            part = PART.match(self.text, at)
            if part is None or int(part["number"] or 0) > 255:
                raise ValueError(rf"{self.text!r}: an octet is written \000 to \255")
            at = part.end()
            if part["number"]:
                yield False, bytes([int(part["number"])])
            else:
                yield (
                    bool(part["dot"]),
                    (part["escaped"] or part["plain"] or ".").encode(),
                )


@dataclass(frozen=True, slots=True)
class Entry:
    """A record, or a directive."""

    line: int
    """Where it begins."""
    words: tuple[Word, ...]
    is_indented: bool
    """It begins with a blank: its owner is the entry's before."""


def entries(text: str) -> Iterator[Entry]:
    """Part a zone file into its entries; raises ValueError, which names the line."""
    words: list[Word] = []
    line, first, depth, at = 1, 1, 0, 0
    is_indented = False
    text += "\n"
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None:
            what = 'a " without another, or a \\ before nothing'
            raise ValueError(f"line {line}: {what}")
        if not words and not depth:
            first = line
        match token.lastgroup:
            case "blank" if not words and not depth:
                is_indented = True
            case "mark":
                depth += 1 if token[0] == "(" else -1
                if depth < 0:
                    raise ValueError(f"line {line}: a ) without a (")
            case "quoted":
                words.append(Word(token["quoted"], is_quoted=True))
            case "plain":
                words.append(Word(token["plain"]))
            case "end":
                line += 1
                if not depth:
                    if words:
                        yield Entry(first, tuple(words), is_indented)
                    words, is_indented = [], False
        at = token.end()
    if depth:
        raise ValueError(f"line {first}: a ( without a )")
