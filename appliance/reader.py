"""A table of keys, read once and wholly: what is not understood is an error.

The same for an operator's TOML and for a binding's JSON: each value is taken under
its key with the function that reads it, and what nobody took is refused, with the
nearest key that is known.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any
from typing import TypeVar

from dhcp.codes import INFINITE
from dhcp.routes import ClasslessRoute

from .errors import SettingsError

T = TypeVar("T")
D = TypeVar("D")
Read = Callable[[Any], T]

_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LEASE_AT_LEAST = 60  # seconds
WIDEST = 8  # the prefix of the widest subnet
WHAT_AT_MOST = 300  # characters of what is said to be wrong
SECRETS = {"admin_pass", "public_keys"}  # a private key pasted here must not be logged


def parse_toml(text: str, where: object) -> dict[str, Any]:
    """Read TOML; raises SettingsError for whatever is wrong with it."""
    import toml  # slow to import, and not every command reads a network's file

    try:
        return toml.loads(text)
    except (
        # toml 0.10 lets much more than its own error out of a broken file
        toml.TomlDecodeError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as problem:
        raise SettingsError(where, f"is not TOML: {problem}") from None


class Table:
    """The keys of one table of a file, *at* which place in it."""

    def __init__(self, file: object, at: str, values: object) -> None:
        self._file = file
        self._at = at
        if not isinstance(values, Mapping):
            raise SettingsError(f"{file}: {at}".rstrip(": "), "has to be a table")
        self._values = dict(values)
        self._known: list[str] = []

    def take(self, key: str, read: Read[T], default: D) -> T | D:
        """Return *key*'s value as *read* reads it; *default* where it is not there."""
        self._known.append(key)
        if key not in self._values:
            return default
        value = self._values.pop(key)
        try:
            return read(value)
        except (ValueError, TypeError) as problem:
            raise self.mistake(key, value, problem) from None

    def demand(self, key: str, read: Read[T]) -> T:
        """Return *key*'s value, which has to be there."""
        found = self.take(key, read, None)
        if found is None:
            raise self.wrong(key, "is missing")
        return found

    def inner(self, key: str) -> "Table":
        """Return the table *key*; an empty one where it is not there."""
        self._known.append(key)
        return Table(self._file, self.name(key), self._values.pop(key, {}))

    def tables(self, key: str) -> list["Table"]:
        """Return the array of tables *key*."""
        self._known.append(key)
        found = self._values.pop(key, [])
        if not isinstance(found, list):
            raise self.wrong(key, "has to be a list of tables")
        return [
            Table(self._file, f"{self.name(key)}[{number}]", each)
            for number, each in enumerate(found)
        ]

    def left(self) -> list[str]:
        """Return the keys that nobody took yet, for a table whose keys are data."""
        return list(self._values)

    def rest(self) -> dict[str, Any]:
        """Return every key that is left, for a table whose keys are data."""
        left, self._values = self._values, {}
        return left

    def close(self) -> None:
        """Raise SettingsError where a key is left that nobody took."""
        for key in self._values:
            from difflib import get_close_matches  # slow to import, seldom needed

            near = get_close_matches(key, self._known, 1, 0.5)
            known = "known here are " + ", ".join(self._known)
            hint = f"did you mean {near[0]!r}?" if near else known
            raise self.wrong(key, f"is not a known key: {hint}")

    def wrong(self, key: str, what: str) -> SettingsError:
        short = what if len(what) <= WHAT_AT_MOST else what[:WHAT_AT_MOST] + "..."
        return SettingsError(f"{self._file}: {self.name(key)}", short)

    def mistake(self, key: str, value: object, problem: Exception) -> SettingsError:
        """Return the error for a *value* that cannot be read; a secret is not shown."""
        secret = key in SECRETS or self._at in SECRETS
        return self.wrong(key, str(problem) if secret else f"{value!r}: {problem}")

    def name(self, key: str) -> str:
        return f"{self._at}.{key}" if self._at else key


def text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("has to be text")
    return value


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("has to be true or false")
    return value


def integer(low: int, high: int) -> Read[int]:
    """Return a reader of whole numbers in *low*..*high*."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("has to be a whole number")
        if not low <= value <= high:
            raise ValueError(f"has to be {low} to {high}")
        return value

    return read


def choice(*words: str) -> Read[str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"has to be one of {', '.join(words)}")
        return str(value)

    return read


def list_of(read_one: Read[T]) -> Read[tuple[T, ...]]:
    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError("has to be a list")
        return tuple(read_one(each) for each in value)

    return read


def address(value: object) -> IPv4Address:
    return IPv4Address(text(value))


def subnet(value: object) -> IPv4Network:
    """Read a subnet that hosts can live in."""
    found = IPv4Network(text(value))
    if found.prefixlen < WIDEST or found.is_multicast or found.is_loopback:
        raise ValueError(f"is no subnet for guests: at least /{WIDEST}, unicast")
    return found


def route(value: object) -> ClasslessRoute:
    return ClasslessRoute.parse(text(value))


def lease_time(value: object) -> int:
    """Read "1d", "12h", "90s", a number of seconds, or "infinite"; in seconds."""
    if value == "infinite":
        return INFINITE
    words = f"{value}s" if isinstance(value, int) else text(value)
    number, unit = words[:-1], words[-1:]
    if unit not in UNITS or not number.isascii() or not number.isdigit():
        raise ValueError("has to be like 1d, 12h, 30m or 90s, or infinite")
    seconds = int(number) * UNITS[unit]
    if not LEASE_AT_LEAST <= seconds < INFINITE:
        least, most = f"{LEASE_AT_LEAST}s", f"{(INFINITE - 1) // UNITS['d']}d"
        raise ValueError(f"has to be {least} to {most}, or infinite")
    return seconds


def domain(value: object) -> str:
    """Read a domain name of letters, digits, - and _, without a dot at its end."""
    from dhcp.formats import domain_name

    name = text(value).rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise ValueError("is no domain name: letters, digits, -, _ and dots")
    domain_name(name)
    return name


def server(value: object) -> IPv4Address:
    """Read the address of a host that can be asked."""
    found = address(value)
    if found.is_unspecified or found.is_multicast or found.is_reserved:
        raise ValueError("is no host's address")
    return found
