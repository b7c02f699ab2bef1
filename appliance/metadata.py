"""From a request to its document: who asks, which rule, which file.

A document is looked for in the guest's own directory, then in default/, then it is
made from the binding.  A rule's target can name only these, shared/, and the aliases
that the operator wrote: no URL reaches a neighbour's file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from ipaddress import IPv4Address

from httpd.contract import Answers
from httpd.listener import Peer
from httpd.listing import NUMBERED
from httpd.listing import is_document
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.messages import Response
from httpd.respond import Directory
from httpd.respond import Document
from httpd.respond import Missing
from httpd.respond import Resource
from httpd.respond import refuse_method
from httpd.respond import respond
from httpd.root import DocumentRoot
from httpd.root import File
from httpd.root import FileCache
from httpd.root import Names
from httpd.root import discard
from rewrite.ruleset import Asked
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

from .documents import MADE as MADE_DOCUMENTS
from .documents import made_names
from .documents import make_document
from .layout import NetworkLayout
from .records import Record
from .settings import Settings
from .state import State

REMEMBERED_AT_MOST = 4096  # paths and what the rules say of them
PATH_AT_MOST = 256  # characters of one that is remembered

OWN, DEFAULT, SHARED, ALIAS, MADE = "own", "default", "shared", "alias", "made"


class Standing(Enum):
    """What the network knows of the one who asks."""

    BOUND = "bound"
    """Address and MAC are of one binding."""
    UNKNOWN = "unknown"
    """Nobody owns the address."""
    FOREIGN = "foreign"
    """The address is another's: not a word."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, and the rule that led to it (for explain)."""

    response: Response
    rule: Rewrite | None = None


class Metadata(Answers):
    """Answers every request of one network."""

    def __init__(
        self, settings: Settings, rules: RuleSet, state: State, files: NetworkLayout
    ) -> None:
        self.settings = settings
        self.rules = rules
        self._state = state
        self._metadata = str(files.metadata)  # a path is joined at each request
        self._cache = FileCache()
        self._remembered: dict[object, Rewrite | None] = {}
        self._default = DocumentRoot(files.default, self._cache)
        self._shared = DocumentRoot(files.shared, self._cache)

    def standing(self, peer: Peer) -> tuple[Standing, Record | None]:
        """Return who *peer* is: never by a header, never by the neighbour table."""
        record = self._state.at(peer.address)
        if self.settings.metadata.identity == "ip":
            return (Standing.BOUND if record else Standing.UNKNOWN), record
        if peer.hardware is None:
            return Standing.FOREIGN, None
        if record is None:
            return Standing.UNKNOWN, None
        if record.mac.octets != peer.hardware:
            return Standing.FOREIGN, None
        return Standing.BOUND, record

    def admits(self, peer: Peer) -> bool:
        return self.standing(peer)[0] is not Standing.FOREIGN

    def answer(self, request: Request, peer: Peer, *, wait: bool) -> Response | None:
        standing, record = self.standing(peer)
        if standing is Standing.FOREIGN:
            return None
        return self.resolve(request, peer.address, record, wait=wait).response

    def resolve(
        self,
        request: Request,
        address: IPv4Address,
        record: Record | None,
        *,
        wait: bool,
    ) -> Outcome:
        """Return what the guest at *address* is answered, and by which rule."""
        refusal = refuse_method(request)
        if refusal is not None:
            return Outcome(refusal)
        if record is None and self.settings.metadata.unknown != "default":
            return Outcome(respond(Missing()))
        facts = {"network": self.settings.name}
        if record is not None:
            facts["mac"] = str(record.mac)
        rule = self._rule(Asked(request.path, address, request.method, facts))
        if rule is None:
            return Outcome(respond(Missing()))
        finder = _Finder(self, address, record, rule, wait)
        resource = finder.listing() if rule.target is None else finder.find(rule.target)
        if isinstance(resource, Missing):
            resource = Missing(rule.if_missing)
        response = respond(resource, rule.content_type)
        return Outcome(replace(response, rule=rule.origin), rule)

    def _rule(self, asked: Asked) -> Rewrite | None:
        """Apply the rules, or remember what they said: guests ask the same again."""
        key = (asked.path, asked.remoteip, asked.method, asked.facts.get("mac"))
        if key in self._remembered:
            return self._remembered[key]
        rule = self.rules.apply(asked)
        if len(asked.path) <= PATH_AT_MOST:
            if len(self._remembered) >= REMEMBERED_AT_MOST:
                self._remembered.clear()
            self._remembered[key] = rule
        return rule

    def roots(self, address: IPv4Address) -> tuple[tuple[str, DocumentRoot], ...]:
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
class _Finder:
    """The search for one document."""

    metadata: Metadata
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
            return self._search(self.metadata.roots(self.address), path, made=True)
        if first == "default":
            return self._search(self.metadata.default, path, made=False)
        if first == "shared":
            return self._search(self.metadata.shared, path, made=False)
        return Missing()

    def _find_for_stranger(self, target: str) -> Resource:
        """Return what an address without a binding is let in to: default/ alone."""
        first, _, rest = target.lstrip("/").partition("/")
        if first not in (str(self.address), "default") or not _is_served(rest):
            return Missing()
        return self._search(self.metadata.default, rest.strip("/"), made=False)

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
        root = self.metadata.alias(path)
        found = self._search(((ALIAS, root),), rest.strip("/"), made=False)
        if not isinstance(found, Missing) or rest.strip("/"):
            return found
        # an alias may be a file of its own: then its directory is the root
        folder, _, name = path.rstrip("/").rpartition("/")
        root = self.metadata.alias(folder or "/")
        return self._search(((ALIAS, root),), name, made=False)

    def _search(
        self, roots: Iterable[tuple[str, DocumentRoot]], path: str, *, made: bool
    ) -> Resource:
        names: set[str] = set()
        origins: list[str] = []
        for origin, root in roots:
            found = self._look(root, path)
            if isinstance(found, File):
                if names:  # a directory of the nearer root hides it
                    discard(found.body)
                    break
                return Document(found.body, found.modified, origin)
            if isinstance(found, Names):
                names.update(found.names)
                origins.append(origin)
        if made and self.record is not None:
            body = self._make(self.record, path)
            if body is not None and not names:
                return Document(body, None, MADE)
            more = made_names(self.record, path)
            if more:
                names.update(more)
                origins.append(MADE)
        if not names:
            return Missing()
        return Directory(tuple(names), "+".join(origins))

    def _make(self, record: Record, path: str) -> bytes | None:
        """Make a document: dropped leaves of EC2 are true in every dialect (C43)."""
        if path in MADE_DOCUMENTS:
            told = self._leaf("meta-data/instance-id")
            name = self._leaf("meta-data/local-hostname")
            binding = record.binding
            if name is not None:
                binding = replace(binding, hostname=name)
            record = replace(
                record, binding=binding, instance_id=told or record.instance_id
            )
        return make_document(self.metadata.settings, record, path)

    def _leaf(self, path: str) -> str | None:
        """Return the line of a dropped leaf; None where there is no such line."""
        _, own = self.metadata.roots(self.address)[0]
        found = own.find(path, wait=self.wait)
        if not isinstance(found, File):
            return None
        if isinstance(found.body, FileBody):
            discard(found.body)
            return None
        text = found.body.decode("utf-8", "replace").strip()
        return text if text and text.isprintable() else None

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
