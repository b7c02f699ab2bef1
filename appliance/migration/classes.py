"""Options for who says something of itself, as [[dhcp.class]]."""

from collections.abc import Iterable
from collections.abc import Set
from typing import Any

from dhcp.formats import KEYS
from dhcp.formats import parse_option

from .boot import OF_BOOT
from .options import Option
from .plan import CHANGES
from .plan import LOST
from .plan import Note
from .tags import TagRules
from .values import our_words
from .values import wire_octets

VENDOR_OPTIONS = 43


def classes_of(
    options: Iterable[Option], rules: TagRules, tags: Set[str], ourselves: str
) -> tuple[list[dict[str, Any]], list[Note]]:
    """Return [[dhcp.class]], of a network whose guests all have *tags*."""
    found: dict[str, dict[str, Any]] = {}
    notes: list[Note] = []
    inner: dict[str, bytes] = {}
    clients = rules.of_client()
    for each in options:
        if each.vendor is not None:
            _take_vendor(each, tags, ourselves, inner, notes)
            continue
        of_client = [tag for tag in each.tags if tag.lstrip("!") in clients]
        if not of_client or each.code in OF_BOOT:
            continue
        others = each.tags - set(of_client)
        if len(of_client) > 1 or of_client[0].startswith("!") or others - tags:
            what = f"option {each.code} needs {', '.join(sorted(each.tags))} together"
            notes.append(Note(LOST, each.where, f"{what}: write a [[dhcp.class]]"))
            continue
        _take_class(each, of_client[0], rules, ourselves, found, notes)
    for vendor, octets in inner.items():
        found[f"vendor {vendor}"] = {
            "name": vendor,
            "vendor_class": vendor,
            "options": {str(VENDOR_OPTIONS): octets.hex()},
        }
    return list(found.values()), notes


def of_both(
    classes: Iterable[dict[str, Any]], bound: Set[str], file: str
) -> list[Note]:
    """Say which options of *classes* guests have of their own too."""
    return [
        Note(
            CHANGES,
            file,
            f"option {code}: a guest's own goes before that of [[dhcp.class]]"
            f" {each['name']}; of dnsmasq's lines the last one went",
        )
        for each in classes
        for code in sorted(each["options"].keys() & bound, key=int)
    ]


def _take_vendor(
    option: Option,
    tags: Set[str],
    ourselves: str,
    inner: dict[str, bytes],
    notes: list[Note],
) -> None:
    """Add an option to the 43 of its vendor, as dnsmasq encapsulates it."""
    vendor = str(option.vendor)
    if option.tags - tags:
        what = f"vendor:{vendor} holds only with {', '.join(sorted(option.tags))}"
        notes.append(Note(LOST, option.where, f"{what}: write a [[dhcp.class]]"))
        return
    value = wire_octets(
        option.code, option.values, ourselves, quoted=option.quoted, vendor=True
    )
    if len(value) > 255 or option.code > 254:
        what = f"vendor:{vendor} option {option.code} is too long for option 43"
        notes.append(Note(LOST, option.where, what))
        return
    first = vendor not in inner
    inner[vendor] = inner.get(vendor, b"") + bytes([option.code, len(value)]) + value
    if first:
        what = (
            f"vendor:{vendor} is option 43 of [[dhcp.class]] {vendor}: for an option 60"
            " that begins so; dnsmasq looked anywhere in it, and sent it back as 60"
        )
        notes.append(Note(CHANGES, option.where, what))


def _take_class(
    option: Option,
    tag: str,
    rules: TagRules,
    ourselves: str,
    found: dict[str, dict[str, Any]],
    notes: list[Note],
) -> None:
    """Put an option into the class of each rule that gives its tag."""
    where, code = option.where, option.code
    if code in KEYS:
        what = f"option {code} is for tag {tag} alone: no class of ours can change it"
        notes.append(Note(LOST, where, what))
        return
    try:
        octets = wire_octets(code, option.values, ourselves, quoted=option.quoted)
        words = our_words(code, octets)
        parse_option(str(code), words)
    except ValueError as problem:
        notes.append(Note(LOST, where, f"option {code}: {problem}"))
        return
    placed = False
    for rule in rules.clients:
        condition = rule.condition() if rule.tag == tag else None
        if condition is None:
            continue
        key = f"{tag} {condition}"
        entry = found.setdefault(key, {"name": tag, **condition, "options": {}})
        entry["options"][str(code)] = words
        placed = True
    if not placed:
        what = f"option {code} needs tag {tag}, by which no class of ours can go"
        notes.append(Note(LOST, where, what))
