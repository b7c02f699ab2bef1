"""The grammar of a rules file: lighttpd's, as far as it is understood here.

    file      = { setting | block }
    setting   = word "=" ( string | "(" [ item { "," item } [","] ] ")" )
    item      = string [ "=>" string ]
    block     = condition "{" file "}" [ "else" ( block | "{" file "}" ) ]
    condition = $HTTP["..."] ( "==" | "!=" | "=~" | "!~" ) string

Whatever else stands in a file is an error with its place: nothing is skipped.
"""

import re
from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Network
from typing import NoReturn

from .errors import RuleSyntaxError
from .patterns import Target
from .patterns import compile_pattern
from .tokens import Token
from .tokens import tokenize

NESTED_AT_MOST = 16  # blocks

IF_MISSING = ("404", "204", "empty")
_PRINTABLE = re.compile(r"[ -~]+")
SETTINGS = (
    "url.rewrite-once",
    "alias.url",
    "metalease.list",
    "metalease.content-type",
    "metalease.if-missing",
)
FIELDS = {
    "remoteip": ("==", "!="),
    "url": ("==", "!=", "=~", "!~"),
    "request-method": ("==", "!=", "=~", "!~"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One `pattern => target` of url.rewrite-once."""

    pattern: re.Pattern[str]
    target: Target
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a listing; with a target it is shown only where that is served."""

    name: str
    target: Target | None


@dataclass(frozen=True, slots=True)
class Alias:
    """A prefix of targets that leads to a file or directory of the operator's."""

    prefix: str
    path: str


@dataclass(frozen=True, slots=True)
class Condition:
    """`$HTTP["field"] operator "operand"`."""

    field: str
    negated: bool
    operand: str | IPv4Network | re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a block sets; None is not set here."""

    rules: tuple[Rule, ...] | None = None
    aliases: tuple[Alias, ...] | None = None
    entries: tuple[Entry, ...] | None = None
    entries_line: int = 0
    content_type: str | None = None
    if_missing: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Settings under a condition (None: always), and blocks inside and instead."""

    condition: Condition | None
    settings: Settings
    inner: tuple["Block", ...] = ()
    otherwise: "Block | None" = None


def parse_rules(text: str, file: str) -> Block:
    """Read a rules file; raises RuleSyntaxError."""
    return _Parser(text, file).file()


class _Parser:
    """Reads words one after the other: where it stands is its only state."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._tokens = list(tokenize(text, file))
        self._at = 0

    def file(self) -> Block:
        return self._body(None, closing="end", depth=0)

    def _body(self, condition: Condition | None, *, closing: str, depth: int) -> Block:
        if depth > NESTED_AT_MOST:
            self._fail(self._here, f"blocks are nested more than {NESTED_AT_MOST} deep")
        found: dict[str, object] = {}
        inner: list[Block] = []
        while not self._is_next(closing):
            if self._here.kind == "field":
                inner.append(self._block(depth + 1))
            elif self._here.kind == "word":
                self._setting(found)
            else:
                wanted = "a setting or a block" if closing == "end" else closing
                self._fail(
                    self._here, f"{wanted} belongs here, not {self._here.text!r}"
                )
        self._at += 1
        return Block(condition, Settings(**found), tuple(inner))  # type: ignore[arg-type] # _setting gives each key its type

    @property
    def _here(self) -> Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _fail(self, token: Token, expected: str) -> NoReturn:
        raise RuleSyntaxError(self._file, token.line, token.column, expected)

    def _is_next(self, text: str) -> bool:
        here = self._here
        return (
            here.kind == "end"
            if text == "end"
            else here.text == text and (here.kind in ("mark", "operator", "word"))
        )

    def _take(self, kind: str, *, text: str | None = None) -> Token:
        token = self._here
        if token.kind != kind or (text is not None and token.text != text):
            article = "an" if kind == "operator" else "a"
            wanted = f"{article} {kind}" if text is None else repr(text)
            self._fail(token, f"{wanted} belongs here, not {token.text!r}")
        self._at += 1
        return token

    def _block(self, depth: int) -> Block:
        chain = [self._braces(self._condition(), depth)]
        while chain[-1].condition is not None and self._is_next("else"):
            self._at += 1
            if self._is_next("if"):
                self._fail(self._here, "write `else $HTTP[...] ...` without `if`")
            condition = None if self._is_next("{") else self._condition()
            chain.append(self._braces(condition, depth))
        block = chain.pop()
        while chain:  # a block an IP may be long: no recursion
            block = replace(chain.pop(), otherwise=block)
        return block

    def _braces(self, condition: Condition | None, depth: int) -> Block:
        self._take("mark", text="{")
        return self._body(condition, closing="}", depth=depth)

    def _condition(self) -> Condition:
        token = self._take("field")
        self._take("mark", text="[")
        field = self._take("string")
        self._take("mark", text="]")
        if token.text != "$HTTP" or field.text not in FIELDS:
            known = ", ".join(f'$HTTP["{each}"]' for each in FIELDS)
            self._fail(token, f'{token.text}["{field.text}"] is not known: {known} are')
        operator = self._take("operator")
        operand = self._take("string")
        if operator.text not in FIELDS[field.text]:
            known = ", ".join(FIELDS[field.text])
            self._fail(operator, f"not for {field.text}: {known} are")
        value: str | IPv4Network | re.Pattern[str] = operand.text
        try:
            if field.text == "remoteip":
                value = IPv4Network(operand.text)
            elif operator.text in ("=~", "!~"):
                value = compile_pattern(operand.text)
        except ValueError as problem:
            self._fail(operand, str(problem))
        return Condition(field.text, operator.text.startswith("!"), value)

    def _setting(self, found: dict[str, object]) -> None:
        key = self._take("word")
        if key.text not in SETTINGS:
            known = ", ".join(SETTINGS)
            self._fail(key, f"{key.text} is not known: {known} are")
        self._take("mark", text="=")
        name, value = _VALUES[key.text](self, key)
        if name in found:
            self._fail(key, f"{key.text} is set twice in this block")
        found[name] = value
        if name == "entries":
            found["entries_line"] = key.line

    def _items(self) -> list[tuple[Token, Token | None]]:
        items: list[tuple[Token, Token | None]] = []
        self._take("mark", text="(")
        while not self._is_next(")"):
            name = self._take("string")
            value = None
            if self._is_next("=>"):
                self._at += 1
                value = self._take("string")
            items.append((name, value))
            if not self._is_next(")"):
                self._take("mark", text=",")
        self._at += 1
        return items

    def _pairs(self) -> list[tuple[Token, Token]]:
        pairs = []
        for name, value in self._items():
            if value is None:
                self._fail(name, '"..." => "..." belongs here')
            pairs.append((name, value))
        return pairs

    def _target(self, token: Token, groups: int) -> Target:
        try:
            target = Target.parse(token.text, groups)
        except ValueError as problem:
            self._fail(token, str(problem))
        if not token.text.startswith("/") and token.text != "${url.path}":
            self._fail(token, f'{token.text!r}: a target begins with "/"')
        return target

    def rules(self, _: Token) -> tuple[str, object]:
        rules = []
        for name, value in self._pairs():
            try:
                pattern = compile_pattern(name.text)
            except ValueError as problem:
                self._fail(name, str(problem))
            target = self._target(value, pattern.groups)
            rules.append(Rule(pattern, target, name.line))
        return "rules", tuple(rules)

    def aliases(self, _: Token) -> tuple[str, object]:
        aliases = []
        for name, value in self._pairs():
            if not name.text.startswith("/") or not value.text.startswith("/"):
                self._fail(name, "an alias is a prefix and a path, both begin with /")
            aliases.append(Alias(name.text, value.text))
        return "aliases", tuple(aliases)

    def entries(self, _: Token) -> tuple[str, object]:
        return "entries", tuple(
            Entry(name.text, None if value is None else self._target(value, 0))
            for name, value in self._items()
        )

    def content_type(self, _: Token) -> tuple[str, object]:
        token = self._take("string")
        if not _PRINTABLE.fullmatch(token.text):
            self._fail(token, "a content type is printable ASCII")
        return "content_type", token.text

    def if_missing(self, _: Token) -> tuple[str, object]:
        token = self._take("string")
        if token.text not in IF_MISSING:
            known = ", ".join(IF_MISSING)
            self._fail(token, f"{token.text!r} is not known: {known} are")
        return "if_missing", token.text


_VALUES = {
    "url.rewrite-once": _Parser.rules,
    "alias.url": _Parser.aliases,
    "metalease.list": _Parser.entries,
    "metalease.content-type": _Parser.content_type,
    "metalease.if-missing": _Parser.if_missing,
}
