"""A rules file as values: settings under conditions, nested, in chains of else."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .patterns import Pattern
from .targets import Target
from .tokens import Token


@dataclass(frozen=True, slots=True)
class Rule:
    """One `pattern => target` of a list; without a target the URL stays as it is."""

    pattern: Pattern
    target: Target | None
    where: Token
    """The pattern's place."""
    directive: str = "url.rewrite-once"

    @property
    def repeats(self) -> bool:
        return "repeat" in self.directive


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a listing; with a target it is shown only where that is served."""

    name: str
    target: Target | None


@dataclass(frozen=True, slots=True)
class Listing:
    """metalease.list"""

    entries: tuple[Entry, ...]
    where: Token


@dataclass(frozen=True, slots=True)
class Alias:
    """A prefix of targets that leads to a file or directory of the operator's."""

    prefix: str
    path: str
    origin: str = field(default="", compare=False)

    def leads(self, target: str) -> bool:
        """Return whether *target* is behind the prefix: it ends where a name does."""
        rest = target.removeprefix(self.prefix)
        whole = self.prefix.endswith("/") or rest[:1] in ("", "/")
        return whole and target.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A path that is passed on to a named upstream."""

    path: str
    """Empty: every path that the condition around lets in."""
    upstream: str
    where: Token


@dataclass(frozen=True, slots=True)
class Word:
    """A setting of one word, and where it is said."""

    text: str
    where: Token


@dataclass(frozen=True, slots=True)
class Words:
    """A setting of several words."""

    texts: tuple[str, ...]
    where: Token


@dataclass(frozen=True, slots=True)
class Condition:
    """`$HTTP["field"] operator "operand"`."""

    field: str
    """A header's is "header:x-name"."""
    operator: str
    operand: str | IPv4Network | Pattern
    where: Token

    @property
    def negated(self) -> bool:
        return self.operator.startswith("!")

    def __str__(self) -> str:
        kind, _, name = self.field.partition(":")
        variable = f'$REQUEST_HEADER["{name}"]' if name else f'$HTTP["{kind}"]'
        if kind == "socket":
            variable = '$SERVER["socket"]'
        operand = self.operand
        text = operand.text if isinstance(operand, Pattern) else str(operand)
        if isinstance(operand, IPv4Network):
            text = text.removesuffix("/32")
        return f'{variable} {self.operator} "{text}"'


def headers_of(
    conditions: Iterable[Condition], changes: Mapping[str, object]
) -> set[str]:
    """Return the headers of requests that these look at."""
    found = {
        name
        for each in conditions
        for kind, _, name in [each.field.partition(":")]
        if kind == "header"
    }
    required = changes.get("required")
    if isinstance(required, tuple):
        found |= {name for name, _ in required}
    return found


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a request; None where nothing says so."""

    rules: tuple[Rule, ...] | None = None
    """url.rewrite-once, then -repeat."""
    fallbacks: tuple[Rule, ...] | None = None
    """url.rewrite-if-not-file, then -repeat-if-not-file."""
    redirects: tuple[Rule, ...] | None = None
    redirect_code: int | None = None
    denied: Words | None = None
    proxies: tuple[Proxy, ...] | None = None
    aliases: tuple[Alias, ...] | None = None
    root: Word | None = None
    listing: Listing | None = None
    spooled: tuple[Rule, ...] | None = None
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] | None = None
    required: tuple[tuple[str, str], ...] | None = None
    refuse: int | None = None
    if_missing: str | None = None
    render: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A block in a chain of else; the last may have no condition."""

    condition: Condition | None
    block: "Block"


@dataclass(frozen=True, slots=True)
class Table:
    """Links for addresses, found by a look-up however many they are."""

    links: tuple[Link, ...]
    places: tuple[tuple[int, Mapping[int, Sequence[int]]], ...]
    """For each mask: network address to places in *links*."""

    def of(self, address: IPv4Address) -> list[Link]:
        """Return the links whose condition holds for *address*, in their order."""
        number = int(address)
        found: list[int] = []
        for mask, networks in self.places:
            found.extend(networks.get(number & mask, ()))
        return [self.links[place] for place in sorted(found)]


@dataclass(frozen=True, slots=True)
class Chain:
    """Of these the first that holds counts."""

    parts: tuple[Link | Table, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Of these all that hold count, each after the other."""

    table: Table


@dataclass(frozen=True, slots=True)
class Block:
    """Settings, and what further conditions say inside."""

    changes: Mapping[str, object] = field(default_factory=dict)
    """By the names of Settings' fields."""
    inner: tuple[Chain | Row, ...] = ()
    looks_again: bool = False
    """Whether it, or one inside, says something of the URL that the rules made."""
    headers: frozenset[str] = frozenset()
    """Of requests, that it or one inside looks at."""
