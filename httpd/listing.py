"""The listing of a directory as EC2 writes it: names, one a line, no HTML.

Directories end with "/", but for one that names a key: `0=ops` stands for the
directory 0, whose name is ops.  No line feed after the last.
"""

import re
from collections.abc import Iterable

NUMBERED = re.compile(r"(\d+)=([^/]+)/?", re.ASCII)
# not documents yet, or never: editors', rsync's and our own temporary names, lighttpd's
# index, the marks of a file system
_HIDDEN = re.compile(r"\..*|.*~|.*\.(?:tmp|swp|part)|#.*#|index\.html|lost\+found")
# and no request can ask for these: control characters, backslashes, what is not UTF-8
_UNASKABLE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


def is_document(name: str) -> bool:
    """Whether *name* is one that an operator means to be served."""
    return not (_UNASKABLE.search(name) or _HIDDEN.fullmatch(name))


def encode_listing(names: Iterable[str]) -> bytes:
    """Return the listing of *names*, where a directory's name ends with "/".

    A file that is called as a key's directory is left out: it would be taken for one.
    """
    shown = {
        _line(name)
        for name in names
        if is_document(name.removesuffix("/"))
        and (name.endswith("/") or not NUMBERED.fullmatch(name))
    }
    return b"\n".join(sorted(line.encode() for line in shown))


def _line(name: str) -> str:
    found = NUMBERED.fullmatch(name)
    if found is None:
        return name
    # cloudbase-init takes the line apart at "=", and fails where there are two
    return f"{found[1]}={found[2].replace('=', '_')}"
