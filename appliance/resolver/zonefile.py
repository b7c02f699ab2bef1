"""Names of the operator's own: a zone file (RFC 1035 section 5), one a network.

Read as far as an operator adds names with one: a time to live is read and not used, as
all that is known here has the same, and so is a SOA.  What this server does not do
(wildcards, delegations, signatures) is refused, with the line where it stands.
"""

import re
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv6Address

from .local import ALIASES_AT_MOST
from .names import Named
from .names import decode_name
from .names import encode_name
from .wire import Type
from .zonewords import Entry
from .zonewords import Word
from .zonewords import entries

LIFETIME = re.compile(r"\d+|(?:\d+[SMHDW])+")
OTHER_CLASSES = ("CH", "HS", "CS")
VALUE_AT_MOST = 60_000  # octets: more has no room in an answer by TCP

Read = Callable[[Word, bytes], bytes]
"""Returns what a word is in octets; names are below the second. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value of a record."""

    what: str
    read: Read


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of records, and what follows it."""

    number: Type
    fields: tuple[Field, ...]
    repeats: bool = False
    """Whether there may be more of the last."""


def _address(word: Word, _: bytes) -> bytes:
    return IPv4Address(word.text).packed


def _address_6(word: Word, _: bytes) -> bytes:
    found = IPv6Address(word.text)
    if found.scope_id:
        raise ValueError(f"{word.text!r} is of one link alone")
    return found.packed


def _number(octets: int) -> Read:
    most = 256**octets - 1

    def read(word: Word, _: bytes) -> bytes:
        if not (word.text.isascii() and word.text.isdigit()) or int(word.text) > most:
            raise ValueError(f"{word.text!r} is no number from 0 to {most}")
        return int(word.text).to_bytes(octets, "big")

    return read


def _text(word: Word, _: bytes) -> bytes:
    octets = word.octets()
    if len(octets) > 255:
        raise ValueError('more than 255 octets: write it as "..." "..."')
    return bytes([len(octets)]) + octets


def _plain(word: Word, _: bytes) -> bytes:
    octets = word.octets()
    if not octets.isascii():
        raise ValueError(f"{word.text!r} is not ASCII")
    return octets


def _plain_text(word: Word, origin: bytes) -> bytes:
    _plain(word, origin)
    return _text(word, origin)


NAME = Field("a name", Word.name)
TEXT = Field("a text", _plain_text)
KINDS = {
    "A": Kind(Type.A, (Field("an IPv4 address", _address),)),
    "AAAA": Kind(Type.AAAA, (Field("an IPv6 address", _address_6),)),
    "CAA": Kind(Type.CAA, (Field("flags", _number(1)), TEXT, Field("a value", _plain))),
    "CNAME": Kind(Type.CNAME, (NAME,)),
    "MX": Kind(Type.MX, (Field("a preference", _number(2)), NAME)),
    "NAPTR": Kind(
        Type.NAPTR,
        (
            Field("an order", _number(2)),
            Field("a preference", _number(2)),
            *(TEXT, TEXT, TEXT),
            NAME,
        ),
    ),
    "PTR": Kind(Type.PTR, (NAME,)),
    "SRV": Kind(
        Type.SRV,
        (
            Field("a priority", _number(2)),
            Field("a weight", _number(2)),
            Field("a port", _number(2)),
            NAME,
        ),
    ),
    "TXT": Kind(Type.TXT, (Field("a text", _text),), repeats=True),
}


def parse_zone(text: str, origin: str | None) -> list[Named]:
    """Read a zone file's records; raises ValueError, which names the line."""
    reading = _Reading(encode_name(origin) if origin else b"\0")
    for entry in entries(text):
        try:
            reading.take(entry)
        except ValueError as problem:
            raise ValueError(f"line {entry.line}: {problem}") from None
    _check_aliases(reading.found, reading.lines)
    return reading.found


class _Reading:
    """What is read so far."""

    def __init__(self, origin: bytes) -> None:
        self.found: list[Named] = []
        self.lines: list[int] = []
        """Where each was."""
        self._origin = origin
        self._owner: bytes | None = None

    def take(self, entry: Entry) -> None:
        words = list(entry.words)
        if words[0].text.startswith("$") and not words[0].is_quoted:
            self._direct(*words)
            return
        if not entry.is_indented:
            self._owner = words.pop(0).name(self._origin)
        if self._owner is None:
            raise ValueError("it begins with a blank, and no name is before it")
        kind = _kind(words)
        if kind is None:
            return
        if b"*" in _labels(self._owner):
            raise ValueError("wildcards are not served: write each name")
        value = b"".join(
            _value(each, word, self._origin)
            for each, word in zip(_fields(kind, len(words)), words, strict=True)
        )
        if len(value) > VALUE_AT_MOST:
            raise ValueError(f"more than {VALUE_AT_MOST} octets have no room")
        self.found.append((self._owner.lower(), int(kind.number), value))
        self.lines.append(entry.line)

    def _direct(self, directive: Word, *values: Word) -> None:
        what = directive.text.upper()
        if what == "$ORIGIN" and len(values) == 1:
            self._origin = values[0].name(self._origin)
        elif what != "$TTL" or not (len(values) == 1 and _is_lifetime(values[0])):
            raise ValueError(
                f"{directive.text}: only $ORIGIN NAME and $TTL TIME are known: "
                "write the records themselves"
            )


def _is_lifetime(word: Word) -> bool:
    return bool(LIFETIME.fullmatch(word.text.upper())) and word.text.isascii()


def _kind(words: list[Word]) -> Kind | None:
    """Take time to live, class and type from *words*; None for what is not ours."""
    seen: set[str] = set()
    while words:
        word = words.pop(0)
        text = word.text.upper()
        what = "class" if text in ("IN", *OTHER_CLASSES) else "time to live"
        if text in OTHER_CLASSES:
            raise ValueError(f"class {text}: only IN is served")
        if what == "time to live" and not _is_lifetime(word):
            if text == "SOA":
                words.clear()  # what is said of a zone here is ours
                return None
            if text not in KINDS:
                known = ", ".join(KINDS)
                raise ValueError(f"{word.text!r}: the types served are {known}")
            return KINDS[text]
        if what in seen:
            raise ValueError(f"{word.text!r}: a second {what}")
        seen.add(what)
    raise ValueError("a name without a type and a value: NAME TYPE VALUE")


def _fields(kind: Kind, count: int) -> Iterable[Field]:
    """Return what *count* words are; raises ValueError."""
    fields = kind.fields
    if kind.repeats:
        fields += fields[-1:] * (count - len(fields))
    if count != len(fields):
        wanted = ", ".join(each.what for each in kind.fields)
        raise ValueError(f"{kind.number.name} with {count} values: it needs {wanted}")
    return fields


def _value(field: Field, word: Word, origin: bytes) -> bytes:
    try:
        return field.read(word, origin)
    except ValueError as problem:
        raise ValueError(f"{field.what}: {problem}") from None


def _labels(name: bytes) -> Iterable[bytes]:
    at = 0
    while name[at]:
        yield name[at + 1 : at + 1 + name[at]]
        at += 1 + name[at]


def _check_aliases(records: Iterable[Named], lines: Iterable[int]) -> None:
    """Raise ValueError where a CNAME is not alone at its name, or leads in a circle."""
    kinds: dict[bytes, set[int]] = {}
    aliases: dict[bytes, bytes] = {}
    where: dict[bytes, int] = {}
    for (name, kind, value), line in zip(records, lines, strict=True):
        if kind == Type.CNAME and name in aliases:
            raise ValueError(f"line {line}: {decode_name(name)} has two CNAMEs")
        if kind == Type.CNAME:
            aliases[name], where[name] = value.lower(), line
        kinds.setdefault(name, set()).add(kind)
    for name in aliases:
        text = f"line {where[name]}: {decode_name(name)}"
        if len(kinds[name]) > 1:
            raise ValueError(f"{text} has a CNAME, and more (RFC 1034 section 3.6.2)")
        at = name
        for _ in range(ALIASES_AT_MOST):
            if at not in aliases:
                break
            at = aliases[at]
        else:
            raise ValueError(f"{text} is a CNAME of too many others, or of itself")
