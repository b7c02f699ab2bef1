"""The listing of a directory as EC2 writes it: names, one a line, no HTML.

Directories end with "/", but for one that names a key: `0=ops` stands for the
directory 0, whose name is ops.  No line feed after the last.
"""

import re
from collections.abc import Iterable

NUMBERED = re.compile(r"(\d+)=.+")
# not documents yet, or never: editors', rsync's and our own temporary names, lighttpd's
# index, the marks of a file system
_HIDDEN = re.compile(r"\..*|.*~|.*\.(?:tmp|swp|part)|#.*#|index\.html|lost\+found")


def is_document(name: str) -> bool:
    """Whether *name* is one that an operator means to be served."""
    return not _HIDDEN.fullmatch(name)


def encode_listing(names: Iterable[str]) -> bytes:
    """Return the listing of *names*, where a directory's name ends with "/"."""
    shown = {
        name.removesuffix("/") if NUMBERED.fullmatch(name) else name
        for name in names
        if is_document(name.removesuffix("/"))
    }
    return b"\n".join(sorted(name.encode() for name in shown))
