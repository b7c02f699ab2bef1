"""The search for a document: a guest's own directory, default/, made, or an alias."""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Address

from httpd.listing import NUMBERED
from httpd.listing import is_document
from httpd.messages import FileBody
from httpd.messages import Look
from httpd.respond import Directory
from httpd.respond import Document
from httpd.respond import Missing
from httpd.respond import Resource
from httpd.root import DocumentRoot
from httpd.root import File
from httpd.root import Names
from httpd.root import discard
from rewrite.ruleset import Rewrite

from .dialects.openstack import INDEX
from .dialects.openstack import WITH_CONTENT
from .dialects.openstack import parse_index
from .dialects.told import ContentFile
from .dialects.told import Tree
from .documents import FRESH
from .documents import WITH_DATA
from .documents import find_path
from .documents import make_tree
from .documents import names_in
from .documents import told
from .records import Record
from .roots import Roots
from .roots import fresh_seed
from .settings import Settings
from .subtree import text_of

ALIAS, MADE, SPOOL = "alias", "made", "spool"

DATA_AT_MOST = 1024 * 1024  # octets of a document that is a part of another

ALL = "*"
"""A name in a rule's list: in its place stands what is in its target's directory."""

Found = tuple[str, File | None]
"""Where something was looked for, and the file that was there."""


@dataclass(frozen=True, slots=True)
class Finder:
    """The search for one document."""

    roots: Roots
    settings: Settings
    address: IPv4Address
    record: Record | None
    rule: Rewrite
    wait: bool

    def answer(self) -> Resource:
        """Return what the rule leads to, or what is by default where that is not."""
        if self.rule.target is None:
            return self.listing()
        found = self.find(self.rule.target)
        if isinstance(found, Missing) and self.rule.if_missing == "default":
            _, _, rest = self.rule.target.lstrip("/").partition("/")
            found = self.find(f"/default/{rest}")
            if isinstance(found, Document):  # until the other one is there
                found = replace(found, looks=None)
        return found

    def find(self, target: str) -> Resource:
        """Return what is at *target*: in an alias, own, default or shared."""
        if self.record is None:
            return self._find_for_stranger(target)
        place = self.rule.elsewhere(target)
        if place is not None:
            return self._alias(*place)
        first, _, rest = target.lstrip("/").partition("/")
        path = rest.strip("/")
        if not _is_served(path):
            return Missing()
        if first == str(self.address):
            found = self._search(self.roots.of(self.address), path, made=True)
            return self._spooled(path) if isinstance(found, Missing) else found
        if first == "default":
            return self._search(self.roots.default, path, made=False)
        if first == "shared":
            return self._search(self.roots.shared, path, made=False)
        return Missing()

    def _spooled(self, name: str) -> Resource:
        """Return what the guest itself has stored."""
        spool = self.roots.spool
        if self.record is None or spool.is_empty(self.address):
            return Missing()
        if not self.wait:
            raise BlockingIOError
        try:
            body = spool.read(self.address, self.record.mac, name)
        except FileNotFoundError:
            return Missing()
        return Document(body, None, SPOOL)

    def _find_for_stranger(self, target: str) -> Resource:
        """Return what an address without a binding is let in to: default/ alone."""
        first, _, rest = target.lstrip("/").partition("/")
        if first not in (str(self.address), "default") or not _is_served(rest):
            return Missing()
        return self._search(self.roots.default, rest.strip("/"), made=False)

    def listing(self) -> Resource:
        """Return the names that the rule lists, as far as they can be served."""
        shown: list[str] = []
        for name, target in self.rule.listing:
            found = Missing() if target is None else self.find(target)
            if isinstance(found, Document):
                discard(found.body)
            if name == ALL:
                shown += found.names if isinstance(found, Directory) else ()
            elif target is None or not isinstance(found, Missing):
                shown.append(name)
        return Directory(tuple(shown), "listed")

    def _alias(self, path: str, rest: str) -> Resource:
        if not _is_served(rest):
            return Missing()
        root = self.roots.alias(path)
        found = self._search(((ALIAS, root),), rest.strip("/"), made=False)
        if not isinstance(found, Missing) or rest.strip("/"):
            return found
        # an alias may be a file of its own: then its directory is the root
        folder, _, name = path.rstrip("/").rpartition("/")
        root = self.roots.alias(folder or "/")
        return self._search(((ALIAS, root),), name, made=False)

    def _search(
        self, roots: Iterable[tuple[str, DocumentRoot]], path: str, *, made: bool
    ) -> Resource:
        names: set[str] = set()
        origins: list[str] = []
        looks: list[Found] = []
        for origin, root in roots:
            found = self._look(root, path)
            if isinstance(found, File):
                if origins:  # a directory of the nearer root hides it
                    discard(found.body)
                    break
                looks.append((root.where(path), found))
                return Document(found.body, found.modified, origin, _seen(path, looks))
            if isinstance(found, Names):
                names |= _unhidden(found.names, names)
                origins.append(origin)
            looks.append((root.where(path), None))
        if made and self.record is not None:
            tree = self.roots.tree(self.settings, self.record)
            spelled = find_path(tree, path)
            if spelled is not None and not origins:
                body, leaves = self._make(self.record, tree, spelled)
                fresh = spelled in FRESH or spelled in WITH_DATA
                seen = None if fresh else _seen(path, [*looks, *leaves])
                return Document(body, None, MADE, seen)
            more = names_in(tree, path)
            if more:
                names |= _unhidden(more, names)
                origins.append(MADE)
        if not origins:  # one that is empty is there: what is listed is no 404
            return Missing()
        return Directory(tuple(names), "+".join(origins))

    def _make(
        self, record: Record, tree: Tree, path: str
    ) -> tuple[bytes, tuple[Found, ...]]:
        """Make a document: dropped leaves of EC2 are true in every dialect (C43).

        Return it with what was found of the leaves.
        """
        identity, found = self._leaf("meta-data/instance-id")
        hostname, also_found = self._leaf("meta-data/local-hostname")
        content = self._content() if path in WITH_CONTENT else ()
        user_data = self._text("user-data") if path in WITH_DATA else None
        vendor_data = self._text("vendor-data") if path in WITH_DATA else None
        dropped = identity, hostname, user_data, vendor_data
        if content or any(each is not None for each in dropped):
            guest = told(
                self.settings,
                record,
                fresh_seed,
                identity=identity,
                hostname=hostname,
                content=content,
                user_data=user_data,
                vendor_data=vendor_data,
            )
            tree = make_tree(guest)
        return tree[path](), (found, also_found)

    def _content(self) -> tuple[ContentFile, ...]:
        """Return what the index of content/ names and is there.

        cloud-init has no data at all where one of them is missing.
        """
        found = self._search(self.roots.of(self.address), INDEX, made=False)
        if not isinstance(found, Document):
            return ()
        if isinstance(found.body, FileBody):
            discard(found.body)
            return ()
        index = parse_index(found.body.decode("utf-8", "replace"))
        return tuple(each for each in index if self._is_here(each.where))

    def _text(self, path: str) -> str | None:
        """Return the text of a document that was dropped, None where there is none."""
        found = self._search(self.roots.of(self.address), path, made=False)
        if not isinstance(found, Document):
            return None
        return text_of(found.body, wait=self.wait, at_most=DATA_AT_MOST)

    def _is_here(self, path: str) -> bool:
        found = self._search(self.roots.of(self.address), path, made=False)
        if isinstance(found, Document):
            discard(found.body)
        return isinstance(found, Document)

    def _leaf(self, path: str) -> tuple[str | None, Found]:
        """Return the line of a dropped leaf, None where there is no such line."""
        _, own = self.roots.of(self.address)[0]
        found = own.find(path, wait=self.wait)
        if not isinstance(found, File):
            return None, (own.where(path), None)
        if isinstance(found.body, FileBody):
            discard(found.body)
            return None, (own.where(path), found)
        text = found.body.decode("utf-8", "replace").strip()
        return (text if text and text.isprintable() else None), (own.where(path), found)

    def _look(self, root: DocumentRoot, path: str) -> File | Names | None:
        found = root.find(path, wait=self.wait)
        if found is not None or "/" not in path:
            return found
        return self._look_numbered(root, path)

    def _look_numbered(self, root: DocumentRoot, path: str) -> File | Names | None:
        """Find public-keys/0/.. where the directory's name is 0=ops."""
        segments = path.split("/")
        for place, segment in enumerate(segments):
            if not segment.isdigit():
                continue
            above = root.find("/".join(segments[:place]), wait=self.wait)
            if isinstance(above, File):
                discard(above.body)
            for name in above.names if isinstance(above, Names) else ():
                numbered = NUMBERED.fullmatch(name.removesuffix("/"))
                if numbered is not None and numbered[1] == segment:
                    segments[place] = name.removesuffix("/")
                    return root.find("/".join(segments), wait=self.wait)
        return None


def _is_served(path: str) -> bool:
    """Whether every name of *path* is one that a listing would show."""
    return all(is_document(name) for name in path.split("/"))


def _unhidden(names: Iterable[str], nearer: Iterable[str]) -> set[str]:
    """Return those of *names* that are found: a nearer root has the name, or number."""
    hidden = {_asked_as(name) for name in nearer}
    return {name for name in names if _asked_as(name) not in hidden}


def _asked_as(name: str) -> str:
    numbered = NUMBERED.fullmatch(name)
    return name.removesuffix("/") if numbered is None else numbered[1]


def _seen(path: str, found: Iterable[Found]) -> tuple[Look, ...] | None:
    """Return what was seen; None where it may change without being seen to."""
    looks: list[Look] = []
    for where, file in found:
        if file is not None and file.identity is None:
            return None
        looks.append((where, None if file is None else file.identity))
    # 0/ may be found by its full name, which is not looked at again
    numbered = any(segment.isdigit() for segment in path.split("/"))
    return None if numbered else tuple(looks)
