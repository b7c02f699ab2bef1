"""`metalease show --documents`: what a guest can be served, and where it comes from."""

from typing import Any

from httpd.messages import FileBody
from httpd.respond import Document
from httpd.root import discard
from rewrite.ruleset import Rewrite

from ..finder import Finder
from ..layout import NetworkLayout
from ..records import Record
from ..roots import Roots
from ..settings import Settings
from .dropped import list_documents
from .screen import print_json
from .screen import print_table


def served(
    files: NetworkLayout, settings: Settings, record: Record
) -> list[dict[str, Any]]:
    """Return path, origin and size of every document of the guest's directory.

    Each is looked for as for a request, so what hides another is what is shown.
    """
    roots = Roots(files)
    tree = roots.tree(settings, record)
    dropped = list_documents(files.metadata / str(record.ip))
    paths = {*dropped, *list_documents(files.default), *tree}
    finder = Finder(roots, settings, record.ip, record, Rewrite(None), wait=True)
    found = []
    for path in sorted(paths):
        document = finder.find(f"/{record.ip}/{path}")
        if not isinstance(document, Document):
            continue
        body = document.body
        size = body.length if isinstance(body, FileBody) else len(body)
        discard(body)
        found.append({"path": path, "from": document.origin, "octets": size})
    return found


def show_documents(
    files: NetworkLayout, settings: Settings, record: Record, *, as_json: bool
) -> None:
    documents = served(files, settings, record)
    if as_json:
        print_json(documents)
        return
    heads = ("PATH", "FROM", "OCTETS")
    print_table(heads, [tuple(each.values()) for each in documents])
