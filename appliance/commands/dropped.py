"""The documents that were dropped: what is on the disk, without what is made of it."""

import os
from pathlib import Path

from httpd.listing import is_document


def list_documents(top: Path) -> dict[str, int]:
    """Return path and size of every document that was dropped below *top*."""
    found = {}
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(filter(is_document, folders))
        for name in sorted(filter(is_document, names)):
            path = os.path.join(folder, name)
            try:
                found[os.path.relpath(path, top)] = os.stat(path).st_size
            except FileNotFoundError:
                continue  # a link to nothing, or just gone
    return found
