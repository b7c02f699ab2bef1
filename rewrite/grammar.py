"""The grammar of a rules file: lighttpd's.

    file      = { assignment | block | "include" value }
    assignment = word ( "=" | "+=" | ":=" ) value
    value     = term { "+" term }
    term      = string | number | variable | "(" [ item { "," item } [","] ] ")"
    item      = value [ "=>" value ]
    block     = condition "{" file "}" { "else" condition "{" file "}" }
                [ "else" "{" file "}" ]
    condition = $HTTP["..."] operator value

Whatever else stands in a file is an error with its place: nothing is skipped.
"""

from collections.abc import Callable
from posixpath import dirname
from posixpath import join

from .blocks import Block
from .blocks import Condition
from .blocks import Link
from .conditions import read_condition
from .directives import READERS
from .expressions import Item
from .expressions import Value
from .reading import BlockReading
from .reading import Reading
from .tokens import Span
from .tokens import Token
from .tokens import tokenize

NESTED_AT_MOST = 16  # blocks, and lists
INCLUDED_AT_MOST = 8  # files in each other

Include = Callable[[str], str | None]
"""The text of a file beside the first, by its name; None where there is none."""


def parse_rules(
    text: str,
    file: str,
    include: Include | None = None,
    reading: "Reading | None" = None,
) -> Block:
    """Read a rules file; raises RuleSyntaxError."""
    return _Parser(text, file, include, reading or Reading()).file()


class _Parser:
    """Reads words one after the other: where it stands is its only state."""

    def __init__(
        self, text: str, file: str, include: Include | None, reading: Reading
    ) -> None:
        self._tokens = list(tokenize(text, file))
        self._at = 0
        self._include = include
        self._reading = reading
        self._scopes: list[BlockReading] = []
        self._included = 0

    def file(self) -> Block:
        return self._body(None, closing="end")

    @property
    def _here(self) -> Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _is_next(self, text: str) -> bool:
        here = self._here
        return here.text == text and here.kind in ("mark", "operator", "word")

    def _take(self, kind: str, *, text: str | None = None) -> Token:
        token = self._here
        if token.kind != kind or (text is not None and token.text != text):
            article = "an" if kind == "operator" else "a"
            wanted = f"{article} {kind}" if text is None else repr(text)
            token.fail(f"{wanted} belongs here, not {token.text!r}")
        self._at += 1
        return token

    def _body(self, condition: Condition | None, *, closing: str) -> Block:
        if len(self._scopes) > NESTED_AT_MOST:
            self._here.fail(f"blocks are nested more than {NESTED_AT_MOST} deep")
        around = () if not self._scopes else self._scopes[-1].around
        if self._scopes:
            around = (*around, "else" if condition is None else str(condition))
        scope = BlockReading(condition, around, self._reading)
        self._scopes.append(scope)
        self._statements(closing)
        self._scopes.pop()
        return scope.block()

    def _statements(self, closing: str) -> None:
        while True:
            here = self._here
            if here.kind == "end" if closing == "end" else self._is_next(closing):
                self._at += 1
                return
            if here.kind == "field":
                self._scopes[-1].chains.append(self._chain())
            elif here.kind != "word":
                wanted = "a setting or a block" if closing == "end" else closing
                here.fail(f"{wanted} belongs here, not {here.text!r}")
            elif here.text in _WORDS:
                _WORDS[here.text](self)
            else:
                self._assignment()

    def _chain(self) -> tuple[Link, ...]:
        chain = [self._link(self._condition())]
        while chain[-1].condition is not None and self._here.text in ELSE:
            said_if = self._here.text != "else"
            self._at += 1
            if self._is_next("if"):
                said_if = True
                self._at += 1
            is_last = not said_if and self._is_next("{")
            chain.append(self._link(None if is_last else self._condition()))
        return tuple(chain)

    def _link(self, condition: Condition | None) -> Link:
        self._take("mark", text="{")
        return Link(condition, self._body(condition, closing="}"))

    def _condition(self) -> Condition:
        variable = self._take("field")
        self._take("mark", text="[")
        name = self._value()
        self._take("mark", text="]")
        operator = self._take("operator")
        return read_condition(variable, name, operator, self._value())

    def _assignment(self) -> None:
        token = self._take("word")
        name = token.text if "." in token.text else f"var.{token.text}"
        if name.startswith("env."):
            token.fail(_ENVIRONMENT)
        operator = self._here
        if operator.text not in ASSIGNING or operator.kind == "string":
            if "." not in token.text:
                token.fail(
                    f"{token.text} is not known: a setting, a condition or var.x = ..."
                    " belongs here"
                )
            operator.fail(f"'=' belongs here, not {operator.text!r}")
        self._at += 1
        self._assign(token, name, operator.text, self._value())

    def _assign(self, token: Token, name: str, operator: str, value: Value) -> None:
        said = self._scopes[-1].said
        if operator == "+=":
            before = self._said(name)
            value = value if before is None else before.plus(value)
        elif operator == "=" and name in said:
            token.fail(f"{name} is set twice in this block: := sets it again")
        scope = self._scopes[-1]
        span = Span(token, self._tokens[self._at - 1])
        scope.spans.setdefault(name, []).append(span)
        if name not in READERS and not name.startswith("var."):
            self._reading.foreign(token, value, scope.around, span)
        said[name] = value

    def _said(self, name: str) -> Value | None:
        for scope in reversed(self._scopes):
            if name in scope.said:
                return scope.said[name]
        return None

    def _value(self, depth: int = 0) -> Value:
        value = self._term(depth)
        while self._is_next("+"):
            self._at += 1
            value = value.plus(self._term(depth))
        return value

    def _term(self, depth: int) -> Value:
        token = self._here
        if token.kind == "string":
            self._at += 1
            return Value(token.text, token)
        if token.kind == "number":
            self._at += 1
            if len(token.text) > DIGITS_AT_MOST:
                token.fail("this number is too long")
            return Value(int(token.text), token)
        if token.kind == "mark" and token.text == "(":
            return self._list(depth + 1)
        if token.kind == "word":
            self._at += 1
            return self._variable(token)
        token.fail(f"a string belongs here, not {token.text!r}")

    def _variable(self, token: Token) -> Value:
        name = token.text if "." in token.text else f"var.{token.text}"
        if name.startswith("env."):
            token.fail(_ENVIRONMENT)
        value = self._said(name)
        if value is None:
            token.fail(f'{name} is not set before this place: a string stands in "..."')
        return Value(value.content, token)

    def _list(self, depth: int) -> Value:
        opening = self._take("mark", text="(")
        if depth > NESTED_AT_MOST:
            opening.fail(f"lists are nested more than {NESTED_AT_MOST} deep")
        items: list[Item] = []
        while not self._is_next(")"):
            value, key = self._value(depth), None
            if self._is_next("=>"):
                self._at += 1
                key, value = value, self._value(depth)
                key.text()
            items.append(Item(key, value))
            if not self._is_next(")"):
                self._take("mark", text=",")
        self._at += 1
        return Value(tuple(items), opening)

    def include(self) -> None:
        """Read another file in the place of its name."""
        self._take("word")
        value = self._value()
        name, holder = value.text(), value.where.file
        if name.startswith("/") or ".." in name.split("/"):
            value.fail(f"{name!r}: only a file beside this one can be included")
        if self._included >= INCLUDED_AT_MOST:
            value.fail(f"files include each other more than {INCLUDED_AT_MOST} deep")
        if "*" in name or "?" in name or "[" in name:
            value.fail(f"{name!r}: write an include for each file, in their order")
        path = join(dirname(holder), name)
        text = None if self._include is None else self._include(path)
        if text is None:
            value.fail(f"there is no file {path!r}")
        kept = self._tokens, self._at
        self._tokens, self._at = list(tokenize(text, path)), 0
        self._included += 1
        self._statements("end")
        self._included -= 1
        self._tokens, self._at = kept

    def include_shell(self) -> None:
        """Refuse: a rules file starts no program."""
        self._here.fail(
            "include_shell runs a program: run it before, write what it prints to a"
            " file beside this one, and include that"
        )

    def everywhere(self) -> None:
        """Read `global { ... }`: what it holds is as if it stood outside."""
        word = self._take("word")
        if len(self._scopes) > 1:
            word.fail("global { } belongs outside of every block")
        self._take("mark", text="{")
        if self._here.kind == "field":
            self._here.fail("a condition does not belong inside global { }")
        self._statements("}")


ELSE = ("else", "elif", "elsif", "elseif")
ASSIGNING = ("=", "+=", ":=")
DIGITS_AT_MOST = 18
_ENVIRONMENT = (
    "env.X is the environment of who starts the daemon: write the value itself, or"
    ' var.x = "..."'
)
_WORDS = {
    "include": _Parser.include,
    "include_shell": _Parser.include_shell,
    "global": _Parser.everywhere,
}
