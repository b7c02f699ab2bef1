"""`metalease file`: the documents of a guest, of every guest, and shared ones.

A document is in force for the next request the moment that it is renamed into place.
"""

import argparse
import base64
from ipaddress import IPv4Address
from pathlib import Path

from httpd.listing import is_document

from ..change import not_running
from ..change import ring_daemon
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..files import locked
from ..files import remove_file
from ..layout import Layout
from ..layout import NetworkLayout
from ..settings import check_address
from ..settings import load_settings
from ..writing import read_document
from ..writing import write_if_new
from .dropped import list_documents
from .screen import add_outcome
from .screen import print_json
from .screen import print_octets
from .screen import print_table

DEFAULT, SHARED = "default", "shared"
NAME_AT_MOST = 255  # octets of a file's name
WORDS = {
    "put": "write a document",
    "get": "print a document",
    "ls": "list documents",
    "rm": "remove a document",
}


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(required=True, metavar="put|get|ls|rm")
    acts = {"put": put, "get": get, "ls": list_files, "rm": remove}
    for name, text in WORDS.items():
        command = words.add_parser(
            name, help=text, description=text, allow_abbrev=False
        )
        command.add_argument("network", metavar="NET")
        command.add_argument(
            "owner",
            metavar="IP",
            help=f"the guest's; or {DEFAULT}: for all who have none; or {SHARED}",
        )
        if name != "ls":
            command.add_argument("path", metavar="PATH", help="like user-data")
        if name == "put":
            command.add_argument("file", metavar="FILE|-", nargs="?", default="-")
        if name in ("ls", "get"):
            command.add_argument("--json", action="store_true")
        else:
            add_outcome(command)
        command.set_defaults(act=acts[name])


def _owner(files: NetworkLayout, owner: str) -> Path:
    """Return the directory of *owner*; raises SettingsError."""
    settings = load_settings(files)
    if owner == SHARED:
        return files.shared
    if owner == DEFAULT:
        return files.default
    try:
        address = IPv4Address(owner)
    except ValueError:
        raise SettingsError(
            owner, f"is neither an IP nor {DEFAULT} nor {SHARED}"
        ) from None
    check_address(settings, address, f"network {files.name}", "")
    return files.metadata / str(address)


def _document(top: Path, path: str) -> Path:
    """Return the file of a document; raises SettingsError for what is none."""
    segments = path.strip("/").split("/")
    for segment in segments:
        if not segment or not segment.isprintable() or not is_document(segment):
            raise SettingsError(
                f"path {path!r}",
                f"{segment!r} is no document's name:"
                " no empty, hidden or temporary ones",
            )
        if len(segment.encode()) > NAME_AT_MOST:
            raise SettingsError(
                "path", f"a name of more than {NAME_AT_MOST} octets: {segment[:30]}..."
            )
    found = top.joinpath(*segments)
    above = [each for each in found.parents if each.is_relative_to(top)]
    if any(each.is_symlink() for each in above):
        raise SettingsError(found, "a link leads there: write to its target")
    return found


def put(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    path = _document(_owner(files, options.owner), options.path)
    octets = read_document(options.file)
    if path.is_dir():
        raise SettingsError(path, "is a directory")
    with locked(files.lock):
        write_if_new(path, octets)
    try:
        ring_daemon(files, {"op": "ping"})
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            raise not_running(files, f"{path} is written") from None
        raise
    return 0


def get(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    path = _document(_owner(files, options.owner), options.path)
    try:
        octets = path.read_bytes()
    except OSError as problem:
        raise SettingsError(path, f"cannot be read: {problem.strerror}") from None
    if options.json:
        text = base64.b64encode(octets).decode()
        print_json({"path": options.path, "octets": len(octets), "base64": text})
    else:
        print_octets(octets)
    return 0


def list_files(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    top = _owner(files, options.owner)
    found = list_documents(top)
    if options.json:
        print_json([{"path": path, "octets": size} for path, size in found.items()])
    else:
        print_table(("PATH", "OCTETS"), list(found.items()))
    return 0


def remove(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    top = _owner(files, options.owner)
    path = _document(top, options.path)
    with locked(files.lock):
        if path.is_dir() or not remove_file(path):
            raise SettingsError(path, "there is no such document")
        for folder in path.parents:  # directories that it leaves empty go too
            if folder == top or any(folder.iterdir()):
                break
            folder.rmdir()
    return 0
