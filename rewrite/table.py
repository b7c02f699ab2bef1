"""A rule as a table of keys: [[metadata.rewrite]] says what a rules file says.

match = '^/agent/(.+)$'          # the URL's path, with its query where it has one
to = '/shared/agent/$1'          # or list, redirect, spool, proxy, deny, root
method = 'GET'                   # conditions
header = { X-Name = '^value$' }
content_type = 'text/plain'      # how it is served
"""

from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network
from typing import NoReturn

from .blocks import Block
from .blocks import Condition
from .blocks import Link
from .blocks import headers_of
from .directives import AFTERWARDS
from .directives import READERS
from .directives import Place
from .errors import RuleSyntaxError
from .expressions import Item
from .expressions import Value
from .patterns import Pattern
from .planning import plan
from .tokens import Token

ANSWERS = {
    # the key that says what is answered: the setting that it is, by the pattern
    "to": "url.rewrite-once",
    "redirect": "url.redirect",
    "spool": "metalease.spool",
}
INSIDE = {
    # keys that are settings inside a condition on the URL
    "list": "metalease.list",
    "deny": "url.access-deny",
    "proxy": "proxy.server",
    "root": "server.document-root",
}
HOW = {
    # keys that say how the answer is served: the setting
    "content_type": "metalease.content-type",
    "headers": "setenv.add-response-header",
    "if_missing": "metalease.if-missing",
    "require_header": "metalease.require-header",
    "refuse": "metalease.refuse",
    "redirect_code": "url.redirect-code",
    "render": "metalease.render",
    "alias": "alias.url",
}
CONDITIONS = {
    # keys that are conditions: the field
    "method": "request-method",
    "query": "querystring",
    "host": "host",
    "ip": "remoteip",
    "socket": "socket",
}
KEYS = ("match", *ANSWERS, *INSIDE, *HOW, *CONDITIONS, "header", "once", "repeat")


def read_table(table: Mapping[str, object], file: str, number: int) -> Block:
    """Read the *number*th table of *file*; raises RuleSyntaxError, naming the key."""
    return _Table(table, file, number).block()


class _Table:
    """One table, and where its errors are."""

    def __init__(self, table: Mapping[str, object], file: str, number: int) -> None:
        self._table = table
        self._file = file
        self._number = number
        for key in table:
            if key not in KEYS:
                near = get_close_matches(key, KEYS, 1, 0.5)
                known = f"did you mean {near[0]!r}?" if near else ", ".join(KEYS)
                self._fail(key, f"is not a known key: {known}")

    def _fail(self, key: str, what: str) -> NoReturn:
        raise RuleSyntaxError(self._file, self._number, 1, f"{key}: {what}")

    def block(self) -> Block:
        if not isinstance(self._table.get("match"), str):
            self._fail("match", "a pattern belongs here, '^/path$'")
        said = [key for key in (*ANSWERS, *INSIDE) if key in self._table]
        if len(said) != 1:
            known = ", ".join((*ANSWERS, *INSIDE))
            self._fail("to", f"one of {known} belongs here")
        changes = self._changes(said[0])
        again = not AFTERWARDS.isdisjoint(changes)
        conditions = self._conditions()
        if said[0] in INSIDE:
            conditions.append(self._condition("match", "url", self._table["match"]))
        headers = frozenset(headers_of(conditions, changes))
        block = Block(changes, (), again, headers)
        for condition in reversed(conditions):
            block = Block({}, plan([(Link(condition, block),)]), again, headers)
        return block

    def _changes(self, said: str) -> dict[str, object]:
        changes: dict[str, object] = {}
        name = ANSWERS.get(said) or INSIDE[said]
        if said == "spool" and self._table.get("once"):
            name = "metalease.spool-once"
        if said == "to" and self._table.get("repeat"):
            name = "url.rewrite-repeat"
        self._set(changes, said, name, self._answer(said))
        for key, setting in HOW.items():
            if key in self._table:
                self._set(changes, key, setting, self._table[key])
        return changes

    def _answer(self, said: str) -> object:
        value = self._table[said]
        if said in ANSWERS:
            return {str(self._table["match"]): value}
        if said == "proxy":
            host, _, port = str(value).rpartition(":")
            return {"": {"host": host, "port": port}}
        if said == "deny":
            if value is not True:
                self._fail("deny", "true belongs here")
            return [""]  # every path ends so
        return value

    def _set(
        self, changes: dict[str, object], key: str, setting: str, value: object
    ) -> None:
        field, read = READERS[setting]
        place = Place(setting, None, nested=True, of_url=True)
        said = self._value(key, value)
        try:
            changes[field] = read(said, place)
        except RuleSyntaxError as problem:
            self._fail(key, problem.what)

    def _value(self, key: str, value: object) -> Value:
        where = Token("string", str(value), self._file, self._number, 1)
        if isinstance(value, Mapping):
            items = (
                Item(self._value(key, str(name)), self._value(key, each))
                for name, each in value.items()
            )
            return Value(tuple(items), where)
        if isinstance(value, list):
            return Value(
                tuple(Item(None, self._value(key, each)) for each in value), where
            )
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._fail(key, "text belongs here")
        return Value(value, where)

    def _conditions(self) -> list[Condition]:
        found = [
            self._condition(key, field, self._table[key])
            for key, field in CONDITIONS.items()
            if key in self._table
        ]
        headers = self._table.get("header", {})
        if not isinstance(headers, Mapping):
            self._fail("header", "a table belongs here: { Name = '^value$' }")
        found += [
            self._condition("header", f"header:{str(name).lower()}", pattern)
            for name, pattern in headers.items()
        ]
        return found

    def _condition(self, key: str, field: str, text: object) -> Condition:
        where = Token("field", key, self._file, self._number, 1)
        if not isinstance(text, str):
            self._fail(key, "text belongs here")
        try:
            if field == "remoteip":
                return Condition(field, "==", IPv4Network(text), where)
            if field in ("socket", "host", "request-method"):
                return Condition(field, "==", text, where)
            return Condition(field, "=~", Pattern.parse(text), where)
        except ValueError as problem:
            self._fail(key, str(problem))
