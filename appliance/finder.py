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
from httpd.root import FileCache
from httpd.root import Names
from httpd.root import discard
from rewrite.ruleset import Rewrite

from .documents import MADE as MADE_DOCUMENTS
from .documents import made_names
from .documents import make_document
from .layout import NetworkLayout
from .records import Record
from .settings import Settings

OWN, DEFAULT, SHARED, ALIAS, MADE = "own", "default", "shared", "alias", "made"

Found = tuple[str, File | None]
"""Where something was looked for, and the file that was there."""


class Roots:
    """Where the documents of one network are."""

    def __init__(self, files: NetworkLayout) -> None:
        self._metadata = str(files.metadata)  # a path is joined at each request
        self._cache = FileCache()
        self._default = DocumentRoot(files.default, self._cache)
        self._shared = DocumentRoot(files.shared, self._cache)

    def of(self, address: IPv4Address) -> tuple[tuple[str, DocumentRoot], ...]:
        """Return where the documents of the guest at *address* are looked for."""
        own = DocumentRoot(f"{self._metadata}/{address}", self._cache)
        return ((OWN, own), (DEFAULT, self._default))

    @property
    def shared(self) -> tuple[tuple[str, DocumentRoot], ...]:
        return ((SHARED, self._shared),)

    @property
    def default(self) -> tuple[tuple[str, DocumentRoot], ...]:
        return ((DEFAULT, self._default),)

    def alias(self, path: str) -> DocumentRoot:
        return DocumentRoot(path, self._cache)


@dataclass(frozen=True, slots=True)
class Finder:
    """The search for one document."""

    roots: Roots
    settings: Settings
    address: IPv4Address
    record: Record | None
    rule: Rewrite
    wait: bool

    def find(self, target: str) -> Resource:
        """Return what is at *target*: in an alias, own, default or shared."""
        if self.record is None:
            return self._find_for_stranger(target)
        for alias in self.rule.aliases:
            if target.startswith(alias.prefix):
                return self._alias(alias.path, target.removeprefix(alias.prefix))
        first, _, rest = target.lstrip("/").partition("/")
        path = rest.strip("/")
        if not _is_served(path):
            return Missing()
        if first == str(self.address):
            return self._search(self.roots.of(self.address), path, made=True)
        if first == "default":
            return self._search(self.roots.default, path, made=False)
        if first == "shared":
            return self._search(self.roots.shared, path, made=False)
        return Missing()

    def _find_for_stranger(self, target: str) -> Resource:
        """Return what an address without a binding is let in to: default/ alone."""
        first, _, rest = target.lstrip("/").partition("/")
        if first not in (str(self.address), "default") or not _is_served(rest):
            return Missing()
        return self._search(self.roots.default, rest.strip("/"), made=False)

    def listing(self) -> Resource:
        """Return the names that the rule lists, as far as they can be served."""
        shown = []
        for name, target in self.rule.listing:
            found = Missing() if target is None else self.find(target)
            if isinstance(found, Document):
                discard(found.body)
            if target is None or not isinstance(found, Missing):
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
                if names:  # a directory of the nearer root hides it
                    discard(found.body)
                    break
                looks.append((root.where(path), found))
                return Document(found.body, found.modified, origin, _seen(path, looks))
            if isinstance(found, Names):
                names.update(found.names)
                origins.append(origin)
            looks.append((root.where(path), None))
        if made and self.record is not None:
            body, leaves = self._make(self.record, path)
            if body is not None and not names:
                return Document(body, None, MADE, _seen(path, [*looks, *leaves]))
            more = made_names(self.record, path)
            if more:
                names.update(more)
                origins.append(MADE)
        if not names:
            return Missing()
        return Directory(tuple(names), "+".join(origins))

    def _make(self, record: Record, path: str) -> tuple[bytes | None, list[Found]]:
        """Make a document: dropped leaves of EC2 are true in every dialect (C43).

        Return it with what was found of the leaves.
        """
        leaves: list[Found] = []
        if path in MADE_DOCUMENTS:
            told, identity = self._leaf("meta-data/instance-id")
            name, hostname = self._leaf("meta-data/local-hostname")
            leaves = [identity, hostname]
            binding = record.binding
            if name is not None:
                binding = replace(binding, hostname=name)
            record = replace(
                record, binding=binding, instance_id=told or record.instance_id
            )
        return make_document(self.settings, record, path), leaves

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
