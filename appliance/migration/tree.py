"""A document root of ZStack's, html/, as documents of ours."""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Set
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from unicodedata import category

from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import SHARED
from .plan import Note

INDEX = "index.html"
INSTANCE_ID = "meta-data/instance-id"
USER_DATA = "user-data"
TWIN = "user_data"
"""The second name of the user-data: the same octets."""
STRANGERS = "zstack-default"
"""Whose documents addresses that nobody knows were meant to have."""
LARGEST = 64 * 1024 * 1024  # octets of a document that is taken along
SERVED = re.compile(r"meta-data/.+|user[-_]data|meta_data\.json|password")
"""What ZStack's rules lead to in the directory of an address."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file below html/, or a link."""

    path: str
    """Below html/, with slashes."""
    octets: bytes = b""
    too_large: int | None = None
    """Its octets, where they are more than is taken along; `octets` is empty then."""
    link: str | None = None
    """Where a link leads to, as an absolute path of that host."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What html/ holds, by whom it is for."""

    documents: Mapping[tuple[str, str], bytes]
    """(IP or SHARED, path) to octets, as a NetworkPlan has them."""
    links: Mapping[str, str]
    """Names in html/ itself that are links: where they lead."""
    shared: tuple[str, ...]
    """Paths in html/ that are for everyone."""
    further: tuple[str, ...]
    """Paths in directories of addresses that no rule of ZStack's leads to."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """IP to instance-id."""
    notes: tuple[Note, ...] = ()


def read_tree(leaves: Iterable[Leaf], bound: Set[str], where: str) -> Documents:
    """Sort what is below html/; *bound* are the addresses that have a binding."""
    documents: dict[tuple[str, str], bytes] = {}
    links: dict[str, str] = {}
    ids: dict[str, str] = {}
    strangers: set[str] = set()
    left: list[tuple[str, str]] = []
    unbound: set[str] = set()
    notes: list[Note] = []
    for leaf in leaves:
        top, _, rest = leaf.path.partition("/")
        if not (_can_be_asked(leaf.path) and _can_be_said(leaf.link or "")):
            # ascii: what is no text cannot be printed either
            what = "has a name that is not served here: rename it, or leave it out"
            notes.append(Note(LOST, f"{where}/{ascii(leaf.path)[1:-1]}", what))
        elif top == STRANGERS:
            strangers.add(leaf.path)
        elif leaf.link is not None and not rest:
            links[top] = leaf.link
        elif leaf.link is not None:
            what = "is a link: copy what it leads to, by file put"
            notes.append(Note(LOST, f"{where}/{leaf.path}", what))
        elif leaf.too_large is not None:
            own = bool(rest) and _is_address(top)
            left.append((top, rest) if own else (SHARED, leaf.path))
            notes.append(_too_large(leaf, where, *left[-1]))
        elif not (rest and _is_address(top)):
            documents[SHARED, leaf.path] = leaf.octets
        else:
            if rest.rpartition("/")[2] == INDEX and rest.startswith("meta-data/"):
                continue  # a listing: ours is made from what is there
            documents[top, rest] = leaf.octets
            if top not in bound:
                unbound.add(top)
            said = leaf.octets.decode(errors="replace").strip()
            if rest == INSTANCE_ID and said and said.isprintable():
                ids[top] = said  # else the document alone tells it, as it did
    notes += _twins(documents, where)
    if strangers:
        what = f"{STRANGERS}/ is left out: an address that nobody knows gets 404"
        notes.append(Note(CHANGES, where, what))
    for each in sorted(unbound):
        what = "has documents and no MAC: metalease put NET IP --mac .."
        notes.append(Note(CHANGES, f"{where}/{each}", what))
    owners = {owner for owner, _ in documents} - {SHARED}
    notes.append(Note(MAPS, where, f"addresses with documents: {len(owners)}"))
    there = [*documents, *left]
    return Documents(
        documents,
        links,
        tuple(sorted(path for owner, path in there if owner == SHARED)),
        tuple(sorted({path for owner, path in there if _is_further(owner, path)})),
        ids,
        tuple(notes),
    )


def _too_large(leaf: Leaf, where: str, owner: str, path: str) -> Note:
    folder = SHARED if owner == SHARED else f"metadata/{owner}"
    name = USER_DATA if path == TWIN else path
    what = f"has {leaf.too_large} octets, and {LARGEST} at most are taken along: copy"
    what = f"{what} it to {folder}/{name} in /var/lib/metalease/NET yourself"
    return Note(LOST, f"{where}/{leaf.path}", what)


def _can_be_asked(path: str) -> bool:
    """Whether a URL can lead to *path* here.

    Names with a leading dot are hidden, and % and ? stay escaped in what rules see.
    """
    hidden = any(each.startswith(".") for each in path.split("/"))
    return _can_be_said(path) and not hidden and not {*"%?"} & {*path}


def _can_be_said(path: str) -> bool:
    """Whether *path* can stand in a .rules file: Cs are octets that are no UTF-8."""
    return "\\" not in path and not any(category(x) in ("Cc", "Cs") for x in path)


def _is_further(owner: str, path: str) -> bool:
    return owner != SHARED and not SERVED.fullmatch(path)


def _twins(documents: dict[tuple[str, str], bytes], where: str) -> list[Note]:
    """Take away the second name of user-data; say so where it is no twin."""
    notes = []
    for owner, path in [each for each in documents if each[1] == TWIN]:
        octets = documents.pop((owner, path))
        first = documents.setdefault((owner, USER_DATA), octets)
        if first != octets:
            what = f"{TWIN} is not {USER_DATA}, which is served for both"
            notes.append(Note(LOST, f"{where}/{owner}", what))
    return notes


def _is_address(name: str) -> bool:
    try:
        IPv4Address(name)
    except ValueError:
        return False
    return True
