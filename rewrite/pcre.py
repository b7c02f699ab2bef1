r"""PCRE's language, read into a tree: what re says otherwise is translated.

What re has no word for is refused with its reason: recursion, conditions, callouts,
verbs, properties of Unicode, \K and \C, a look behind of no fixed width.
"""

import re
from dataclasses import replace
from typing import NoReturn

from .brackets import read_class
from .brackets import read_code
from .characters import ESCAPED
from .characters import NOT_NEWLINE
from .characters import VERTICAL
from .characters import Characters
from .nodes import Anchor
from .nodes import Atomic
from .nodes import Back
from .nodes import Choice
from .nodes import Group
from .nodes import Look
from .nodes import Node
from .nodes import Repeat
from .nodes import Sequence
from .nodes import Set
from .nodes import width
from .repeats import read_repeat
from .vocabulary import ANCHORS
from .vocabulary import ANY
from .vocabulary import BACK
from .vocabulary import BACK_NAMED
from .vocabulary import BRACES
from .vocabulary import LOOKS
from .vocabulary import NAMED
from .vocabulary import OPTIONS
from .vocabulary import REFUSED
from .vocabulary import Options

NESTED_AT_MOST = 50  # groups


def read_pattern(text: str) -> Node:
    """Read a pattern; raises ValueError that says where and why."""
    return _Reader(text).all()


class _Reader:
    """Reads from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._groups = 0
        self._closed: set[int] = set()
        self._names: dict[str, int] = {}
        self._depth = 0
        self._quoted = False

    def all(self) -> Node:
        node = self._choice(Options())
        if self._at < len(self._text):
            self._fail("this ) closes nothing")
        return node

    def _fail(self, why: str, at: int | None = None) -> NoReturn:
        at = self._at if at is None else at
        rest = self._text[at : at + 12]
        where = f"at {rest!r}" if rest else "at its end"
        raise ValueError(
            f"{self._text!r} is no regular expression here, {where}: {why}"
        )

    def _begins(self, begin: str) -> bool:
        return self._text.startswith(begin, self._at)

    def _choice(self, options: Options) -> Node:
        """Read branches up to a ) or the end; (?i) holds for those after it too."""
        self._depth += 1
        if self._depth > NESTED_AT_MOST:
            self._fail(f"groups are nested more than {NESTED_AT_MOST} deep")
        branches: list[Node] = []
        parts: list[Node] = []
        while self._at < len(self._text):
            if not self._quoted:
                if self._begins(")"):
                    break
                if self._begins("|"):
                    self._at += 1
                    branches.append(Sequence(tuple(parts)))
                    parts = []
                    continue
                self._refuse()
                changed = self._options(options)
                if changed is not None:
                    options = changed
                    continue
            atom = self._atom(options)
            if atom is not None:
                parts.append(self._repeated(atom, options))
        self._depth -= 1
        branches.append(Sequence(tuple(parts)))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _options(self, options: Options) -> Options | None:
        found = OPTIONS.match(self._text, self._at)
        if found is None or found[3] == ":":
            return None
        self._at = found.end()
        return self._switched(options, found)

    def _switched(self, options: Options, found: re.Match[str]) -> Options:
        on = found[1]
        if on.startswith("^"):
            options, on = Options(), on[1:]
        for letters, value in ((on, True), (found[2] or "", False)):
            for letter in letters:
                if letter not in "imsx" or "xx" in letters:
                    why = f"(?{letters}) is not known: (?i) (?m) (?s) (?x) are"
                    self._fail(why, found.start())
                options = replace(options, **{letter: value})
        return options

    def _atom(self, options: Options) -> Node | None:
        """Read what can be repeated; None for what is nothing at all."""
        text, at = self._text, self._at
        if self._quoted:
            if self._begins(r"\E"):
                self._at += 2
                self._quoted = False
                return None
            return self._character(text[at], options)
        if text[at] == "\\":
            return self._escape(options)
        if text[at] == "(":
            return self._parenthesis(options)
        if text[at] == "[":
            characters, self._at = read_class(
                text, at, self._fail, either_case=options.i
            )
            return Set(characters)
        if text[at] in "*+?" or BRACES.match(text, at):
            self._fail("there is nothing before it to repeat")
        if options.x and (text[at].isspace() or text[at] == "#"):
            end = text.find("\n", at) + 1 or len(text)
            self._at = at + 1 if text[at] != "#" else end
            return None
        if text[at] in ".^$":
            self._at += 1
            return self._sign(text[at], options)
        return self._character(text[at], options)

    def _sign(self, sign: str, options: Options) -> Node:
        if sign == ".":
            return Set(ANY if options.s else NOT_NEWLINE)
        return Anchor(f"(?m:{sign})" if options.m else sign)

    def _refuse(self) -> None:
        for begin, why in REFUSED.items():
            if self._begins(begin):
                self._fail(why)

    def _character(self, character: str, options: Options) -> Node:
        self._at += 1
        characters = Characters.only(character)
        return Set(characters.either_case() if options.i else characters)

    def _escape(self, options: Options) -> Node | None:
        named, back = (each.match(self._text, self._at) for each in (BACK_NAMED, BACK))
        if named is not None or back is not None:
            return self._back(named, back, options)
        letter = self._text[self._at + 1 : self._at + 2]
        if letter == "Q":
            self._quoted = True
        elif letter in ESCAPED:
            self._at += 2
            return Set(ESCAPED[letter])
        elif letter == "N":
            self._at += 2
            if self._begins("{") and not BRACES.match(self._text, self._at):
                self._fail(r"\N{..} is of Unicode: write \x{..}, or the character")
            return Set(NOT_NEWLINE)
        elif letter == "R":
            self._at += 2
            pair = Sequence((Set(Characters.only("\r")), Set(Characters.only("\n"))))
            return Atomic(Choice((pair, Set(VERTICAL))))
        elif letter in ANCHORS:
            self._at += 2
            return Anchor(ANCHORS[letter])
        elif letter != "E":
            code, self._at = read_code(self._text, self._at, self._fail)
            self._at -= 1
            return self._character(chr(code), options)
        self._at += 2
        return None

    def _back(
        self,
        named: re.Match[str] | None,
        back: re.Match[str] | None,
        options: Options,
    ) -> Node:
        if named is not None:
            name = next(each for each in named.groups() if each is not None)
            number = self._names.get(name, 0)
            self._at = named.end()
        else:
            assert back is not None
            number = int(next(each for each in back.groups() if each is not None))
            if number < 0:
                number += self._groups + 1
            self._at = back.end()
        begin = (named or back).start()  # type: ignore[union-attr] # one of the two is
        if number not in self._closed:
            self._fail("there is no such group before it", begin)
        if options.i:
            self._fail("(?i) and a group once more: write its class instead", begin)
        return Back(number)

    def _parenthesis(self, options: Options) -> Node | None:
        text, at = self._text, self._at
        if self._begins("(?#"):
            self._at = text.find(")", at) + 1
            if not self._at:
                self._fail("this comment has no )", at)
            return None
        back = BACK_NAMED.match(text, at)
        if back is not None:
            return self._back(back, None, options)
        for begin, (behind, negative) in LOOKS.items():
            if self._begins(begin):
                return self._look(begin, behind, negative, options)
        if self._begins("(?>"):
            return Atomic(self._inside(3, options))
        scoped = OPTIONS.match(text, at)
        if scoped is not None:
            self._at = scoped.end()
            return Sequence((self._inside(0, self._switched(options, scoped)),))
        named = NAMED.match(text, at)
        if named is None and self._begins("(?"):
            self._fail("this kind of group is not known")
        return self._group(named, options)

    def _group(self, named: re.Match[str] | None, options: Options) -> Node:
        self._groups += 1
        number = self._groups
        name = None if named is None else named[1] or named[2]
        if name is not None:
            if name in self._names:
                self._fail(f"the name {name} is there twice")
            self._names[name] = number
        inner = self._inside(1 if named is None else len(named[0]), options)
        self._closed.add(number)
        return Group(inner)

    def _look(self, begin: str, behind: bool, negative: bool, options: Options) -> Node:
        at = self._at
        inner = self._inside(len(begin), options)
        branches = inner.branches if isinstance(inner, Choice) else (inner,)
        if behind and None in map(width, branches):
            self._fail("a look behind needs a fixed width: write a group before", at)
        return Look(inner, behind, negative)

    def _inside(self, begin: int, options: Options) -> Node:
        opened = self._at
        self._at += begin
        node = self._choice(options)
        if not self._begins(")"):
            self._fail("this ( has no )", opened)
        self._at += 1
        return node

    def _repeated(self, node: Node, options: Options) -> Node:
        if self._quoted and self._begins(r"\E"):
            self._at += 2
            self._quoted = False
        while options.x and self._text[self._at : self._at + 1].isspace():
            self._at += 1
        often = None
        if not self._quoted:
            often = read_repeat(self._text, self._at, self._fail)
        if often is None:
            return node
        least, most, self._at = often
        if isinstance(node, Anchor | Look):
            self._fail("a place cannot be repeated")
        manner = self._text[self._at : self._at + 1]
        if manner not in ("?", "+"):
            manner = ""
        self._at += len(manner)
        return Repeat(node, least, most, manner)
