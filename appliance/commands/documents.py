"""`metalease show --documents`: what a guest can be served, and where it comes from."""

import stat
from pathlib import Path
from typing import Any

from httpd.messages import FileBody
from httpd.respond import Document
from httpd.root import discard
from rewrite.ruleset import Rewrite

from ..files import service_account
from ..files import service_group
from ..finder import Finder
from ..layout import NetworkLayout
from ..records import Record
from ..roots import DEFAULT
from ..roots import OWN
from ..roots import Roots
from ..settings import Settings
from .dropped import list_documents
from .screen import print_json
from .screen import print_table

UNREADABLE = "unreadable"


def served(
    files: NetworkLayout, settings: Settings, record: Record
) -> list[dict[str, Any]]:
    """Return path, origin and size of every document of the guest's directory.

    Each is looked for as for a request, so what hides another is what is shown; what
    root can read and the daemon cannot is from nowhere, but "unreadable".
    """
    roots = Roots(files)
    tree = roots.tree(settings, record)
    own = files.metadata / str(record.ip)
    paths = {*list_documents(own), *list_documents(files.default), *tree}
    tops = {OWN: own, DEFAULT: files.default}
    finder = Finder(roots, settings, record.ip, record, Rewrite(None), wait=True)
    found = []
    for path in sorted(paths):
        document = finder.find(f"/{record.ip}/{path}")
        if not isinstance(document, Document):
            continue
        body = document.body
        size = body.length if isinstance(body, FileBody) else len(body)
        discard(body)
        top = tops.get(document.origin)
        hidden = top is not None and not _can_daemon_read(top, path)
        origin = UNREADABLE if hidden else document.origin
        found.append({"path": path, "from": origin, "octets": size})
    return found


def _can_daemon_read(top: Path, path: str) -> bool:
    """Whether the modes of *path* below *top* let the daemon's user in."""
    user, group = service_account().pw_uid, service_group()
    document = top / path
    try:
        for each in (document, *document.parents[: path.count("/") + 1]):
            facts = each.stat()
            whose = 6 if facts.st_uid == user else 3 if facts.st_gid == group else 0
            needed = 0o1 if stat.S_ISDIR(facts.st_mode) else 0o4
            if facts.st_mode >> whose & needed != needed:
                return False
    except OSError:
        return True  # it went meanwhile
    return True


def show_documents(
    files: NetworkLayout, settings: Settings, record: Record, *, as_json: bool
) -> None:
    documents = served(files, settings, record)
    if as_json:
        print_json(documents)
        return
    heads = ("PATH", "FROM", "OCTETS")
    print_table(heads, [tuple(each.values()) for each in documents])
