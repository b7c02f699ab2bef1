"""Where the documents of one network are: directories, and what is made of bindings."""

from ipaddress import IPv4Address
from secrets import token_bytes

from httpd.root import DocumentRoot
from httpd.root import FileCache

from .dialects.told import Tree
from .documents import make_tree
from .documents import told
from .layout import NetworkLayout
from .records import Record
from .settings import Settings
from .spool import Spool

OWN, DEFAULT, SHARED = "own", "default", "shared"
SEED = 512  # octets of a guest's random seed
TREES_AT_MOST = 1024  # guests whose made documents are at hand


class Roots:
    """Where the documents of one network are."""

    def __init__(self, files: NetworkLayout) -> None:
        self._metadata = str(files.metadata)  # a path is joined at each request
        self.spool = Spool(files.spool)
        self._cache = FileCache()
        self._default = DocumentRoot(files.default, self._cache)
        self._shared = DocumentRoot(files.shared, self._cache)
        self._trees: dict[bytes, tuple[Settings, Record, Tree]] = {}

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

    def tree(self, settings: Settings, record: Record) -> Tree:
        """Return what is made of *record*; a guest that boots asks for much of it."""
        kept = self._trees.get(record.mac.octets)
        if kept is not None and kept[0] is settings and kept[1] is record:
            return kept[2]
        if len(self._trees) >= TREES_AT_MOST:
            self._trees.clear()
        tree = make_tree(told(settings, record, fresh_seed))
        self._trees[record.mac.octets] = settings, record, tree
        return tree

    def alias(self, path: str) -> DocumentRoot:
        return DocumentRoot(path, self._cache)


def fresh_seed() -> bytes:
    return token_bytes(SEED)
