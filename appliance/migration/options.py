"""dnsmasq's dhcp-option: what a guest is told, and under which tags (dnsmasq(8))."""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .hosts import split_words
from .option_names import NAMES

NETMASK = 1
ROUTES = (121, 249)
SIADDR = 255
"""dnsmasq's word for the header's next server, which is no option."""
METADATA_ROUTE = IPv4Network("169.254.169.254/32")


@dataclass(frozen=True, slots=True)
class Option:
    """One option with the tags that it needs; "!" before a tag forbids it."""

    where: str
    code: int
    values: tuple[str, ...]
    tags: frozenset[str] = frozenset()
    quoted: bool = False
    """Its value is text, whatever it looks like."""
    forced: bool = False
    """Sent to who did not ask."""
    vendor: str | None = None
    """What option 60 holds of who is told this, within option 43."""


def parse_option_line(text: str, where: str, *, forced: bool = False) -> Option | str:
    """Read what is after dhcp-option=; the reason where it does not map."""
    tags: set[str] = set()
    words = split_words(text)
    quoted = '"' in text
    code: int | None = None
    vendor: str | None = None
    while words and code is None:
        word = words.pop(0)
        kind, colon, rest = word.partition(":")
        if word.isdigit():
            code = int(word)
        elif colon and kind in ("tag", "net", "set"):
            tags.add(plain_tag(rest))
        elif colon and kind == "option":
            code = NAMES.get(rest, int(rest) if rest.isdigit() else None)
            if code is None:
                return f"option name {rest!r} is not known"
        elif colon and kind == "option6":
            return "DHCPv6 is not served"
        elif colon and kind == "vendor":
            if not rest:
                return "vendor: names no vendor: say which by [[dhcp.class]]"
            vendor = rest
        elif colon and kind in ("encap", "vi-encap"):
            return f"{kind}: has no key of ours: give its octets in dhcp.options"
        elif not colon:
            tags.add(plain_tag(word))  # its old form: a tag without a word before it
        else:
            return f"{word!r} is not known"
    if code is None or not 1 <= code <= SIADDR:
        return "names no option that can be set"
    return Option(where, code, tuple(words), frozenset(tags), quoted, forced, vendor)


def plain_tag(tag: str) -> str:
    """Return a tag with "!" for not; dnsmasq takes "#" too."""
    return re.sub("^#", "!", tag)


def holds(needed: Iterable[str], there: Set[str]) -> bool:
    """Whether *there* has every tag that is *needed*, and none that is forbidden."""
    return all(
        each[1:] not in there if each.startswith("!") else each in there
        for each in needed
    )


def choose(
    options: Iterable[Option], own: Set[str], of_range: Set[str] = frozenset()
) -> dict[int, Option]:
    """Return what a guest is told: its *own* tags go before those of its range.

    What has no tag is the last choice; of two that are as near the later line wins.
    """
    both = own | of_range
    nearest: dict[int, Option] = {}
    near: dict[int, Option] = {}
    plain: dict[int, Option] = {}
    for each in options:
        if not each.tags:
            plain[each.code] = each
        elif holds(each.tags, both):
            (nearest if holds(each.tags, own) else near)[each.code] = each
    return plain | near | nearest


def by_tag(options: Iterable[Option]) -> dict[str, list[tuple[int, Option]]]:
    """Return options with their places, below one tag that each needs; "" for none.

    A host of 10,000 VMs has a tag for each: nobody is asked about all of them.
    """
    found: dict[str, list[tuple[int, Option]]] = {}
    for place, each in enumerate(options):
        needed = min((tag for tag in each.tags if tag[:1] != "!"), default="")
        found.setdefault(needed, []).append((place, each))
    return found


def near(
    index: Mapping[str, list[tuple[int, Option]]], tags: Iterable[str]
) -> list[Option]:
    """Return the options of `by_tag` that can hold for *tags*, in their order."""
    found = [each for tag in {"", *tags} for each in index.get(tag, ())]
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def metadata_servers(options: Iterable[Option]) -> list[IPv4Address]:
    """Return the next hops to the metadata that any guest is told, each once."""
    found: dict[IPv4Address, None] = {}
    for each in options:
        if each.code not in ROUTES:
            continue
        for destination, router in zip(
            each.values[::2], each.values[1::2], strict=False
        ):
            if destination == str(METADATA_ROUTE):
                with suppress(ValueError):  # who is told it has the note
                    found[IPv4Address(router)] = None
    return list(found)
