"""Conditions: what of a request a block looks at, and whether it holds."""

import re
from ipaddress import IPv4Network

from .asked import Asked
from .blocks import Condition
from .expressions import Value
from .patterns import Pattern
from .tokens import Token

MATCHING = ("=~", "!~")
PLAIN = ("==", "!=", "=~", "!~", "=^", "=$")
FIELDS = {
    "remoteip": ("==", "!=", "=~", "!~"),
    "url": PLAIN,
    "host": PLAIN,
    "querystring": PLAIN,
    "request-method": PLAIN,
    "scheme": PLAIN,
}
SOCKET = ("==", "!=")
OTHER_NAMES = {
    # lighttpd's: what $HTTP["..."] means
    "remote-ip": "remoteip",
    "query-string": "querystring",
    "useragent": "header:user-agent",
    "user-agent": "header:user-agent",
    "referer": "header:referer",
    "cookie": "header:cookie",
    "language": "header:accept-language",
}
KNOWN = (
    ", ".join(f'$HTTP["{each}"]' for each in FIELDS)
    + ', $REQUEST_HEADER["name"], $SERVER["socket"]'
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SOCKET = re.compile(r"(?P<address>[0-9.]*):(?P<port>[0-9]{1,5})")
ANYWHERE = ("", "0.0.0.0")
PORT_AT_MOST = 6  # characters of ":65535", which a name may have and need not


def read_condition(
    variable: Token, name: Value, operator: Token, operand: Value
) -> Condition:
    """Read `$variable["name"] operator "operand"`; raises RuleSyntaxError."""
    field = _field(variable, name.text())
    known = SOCKET if field == "socket" else FIELDS.get(field, PLAIN)
    if operator.text not in known:
        operator.fail(f"not for {name.text()}: {', '.join(known)} are")
    value: str | IPv4Network | Pattern = operand.text()
    try:
        if operator.text in MATCHING:
            value = Pattern.parse(operand.text())
        elif field == "remoteip":
            value = _network(operand.text())
        elif field == "socket":
            value = _socket(operand.text())
        elif field == "host":
            value = operand.text().lower()
    except ValueError as problem:
        operand.fail(str(problem))
    return Condition(field, operator.text, value, variable)


def _field(variable: Token, name: str) -> str:
    if variable.text == "$REQUEST_HEADER":
        if not _HEADER.fullmatch(name):
            variable.fail(f"{name!r} is no header's name")
        return f"header:{name.lower()}"
    if variable.text == "$SERVER" and name == "socket":
        return "socket"
    field = OTHER_NAMES.get(name, name)
    if variable.text != "$HTTP" or (field not in FIELDS and ":" not in field):
        variable.fail(f'{variable.text}["{name}"] is not known: {KNOWN} are')
    return field


def _network(text: str) -> IPv4Network:
    if ":" in text:
        raise ValueError(
            f"{text!r}: a guest is known by its IPv4 address, when it asks by IPv6 too:"
            ' write that, "10.0.0.5"'
        )
    try:
        return IPv4Network(text)
    except ValueError as problem:
        try:
            meant = f'write "{IPv4Network(text, strict=False)}", or the address alone'
        except ValueError:
            meant = 'write an address, "10.0.0.5", or a network, "10.0.0.0/24"'
        raise ValueError(f"{problem}: {meant}") from None


def _socket(text: str) -> str:
    found = _SOCKET.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r}: write address and port, "10.0.0.2:80", or ":80"')
    if found["address"] in ANYWHERE:
        return f":{found['port']}"
    return text


def examine(
    condition: Condition, asked: Asked, path: str, query: str
) -> tuple[bool, re.Match[str] | None]:
    """Return whether *condition* holds, and what its pattern matched.

    *path* and *query* are those of the URL as it is after what rules made of it.
    """
    operand = condition.operand
    if isinstance(operand, IPv4Network):
        holds = (asked.remoteip in operand) is not condition.negated
        return holds, None if condition.negated else whole(str(asked.remoteip))
    value = subject(condition.field, asked, path, query)
    if isinstance(operand, Pattern):
        found = operand.search(value)
        if condition.negated:
            return found is None, None
        return found is not None, found
    match condition.operator:
        case "=^":
            return value.startswith(operand), whole(operand)
        case "=$":
            return value.endswith(operand), whole(operand)
        case _:
            holds = _equal(condition.field, value, operand) is not condition.negated
    return holds, whole(value) if holds and not condition.negated else None


_WHOLE = re.compile(".*", re.DOTALL)


def whole(value: str) -> re.Match[str] | None:
    """Return %0 of a condition without a pattern."""
    return _WHOLE.fullmatch(value)


def subject(field: str, asked: Asked, path: str, query: str) -> str:
    """Return what a condition on *field* looks at."""
    match field:
        case "url":
            return path
        case "querystring":
            return query
        case "remoteip":
            return str(asked.remoteip)
        case "request-method":
            return asked.method
        case "host" | "header:host":
            return asked.host
        case "scheme":
            return "http"
        case "socket":
            return asked.socket
    return asked.headers.get(field.removeprefix("header:"), "")


def _equal(field: str, value: str, operand: str) -> bool:
    if field == "socket" and operand.startswith(":"):
        return value.endswith(operand)
    if field == "host" and value and len(value) != len(operand):
        # with and without its port a host is the same, as in lighttpd
        longer, shorter = sorted((value, operand), key=len, reverse=True)
        rest = longer[len(shorter) :]
        return (
            longer.startswith(shorter)
            and rest.startswith(":")
            and len(rest) <= PORT_AT_MOST
        )
    return value == operand
