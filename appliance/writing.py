"""How commands write: all of a change is on the disk before any of it is in place."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import nullcontext
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .files import MARKER
from .files import TEMPORARY
from .files import Staged
from .files import make_directory
from .files import read_octets
from .files import remove_file
from .files import remove_tree
from .files import stage_file
from .files import write_file
from .layout import NetworkLayout

DOCUMENT_AT_MOST = 64 * 1024 * 1024  # octets


def write_all(wanted: dict[Path, bytes], old: Path | None, new: Path) -> None:
    """Write the documents and then the binding, which is the last of *wanted*.

    All of it is on the disk before any of it is in its place, so a full disk leaves
    what was there; *old*'s documents are linked to *new* in between.
    """
    fresh = {path: each for path, each in wanted.items() if octets_at(path) != each}
    staged: list[Staged] = []
    linked: list[Path] = []
    try:
        for path, octets in fresh.items():
            staged.append(stage_file(path, octets))
        if old is not None and old.is_dir():
            _link(old, new, linked)
        several = len(staged) > 1
        with writing(new) if several else nullcontext():
            for each in staged:
                each.commit()
    except BaseException:
        for link in linked:
            link.unlink()
        raise
    finally:
        for each in staged:
            each.discard()


def sweep(*folders: Path) -> None:
    """Remove what a writer who was killed has left: whoever writes holds the lock."""
    for folder in folders:
        try:
            names = os.listdir(folder)  # half the time of Path.glob, with 10,000
        except FileNotFoundError:
            continue
        for name in names:
            if name[0] == "." and name.endswith(TEMPORARY):
                path = folder / name
                if not path.is_dir():
                    remove_file(path)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Have readers wait while several of *folder*'s documents change, if it is there.

    Error handling: where no marker can be written there is none: the change itself
    will say why.
    """
    marker = folder / MARKER
    written = False
    with suppress(OSError):
        if folder.is_dir():
            marker.write_text(f"{os.getpid()}\n")
            os.chmod(marker, 0o644)
            written = True
    try:
        yield
    finally:
        if written:
            with suppress(OSError):
                marker.unlink()


def write_if_new(path: Path, octets: bytes) -> None:
    """Write *octets* at *path*, unless they are there already."""
    if octets_at(path) != octets:
        write_file(path, octets)


def octets_at(path: Path) -> bytes | None:
    """Return what *path* holds; None where that is nothing that could stay."""
    try:
        return read_octets(path, DOCUMENT_AT_MOST)
    except (FileNotFoundError, SettingsError):
        return None  # writing will say what is wrong


def read_document(given: str) -> bytes:
    """Return the octets of a file, or of standard input for "-"."""
    try:
        if given == "-":
            octets = sys.stdin.buffer.read(DOCUMENT_AT_MOST + 1)
        else:
            with open(given, "rb") as file:
                octets = file.read(DOCUMENT_AT_MOST + 1)
    except OSError as problem:
        raise SettingsError(given, f"cannot be read: {problem.strerror}") from None
    if len(octets) > DOCUMENT_AT_MOST:
        raise SettingsError(given, f"is larger than {DOCUMENT_AT_MOST >> 20} MiB")
    return octets


def old_address(path: Path, address: IPv4Address) -> IPv4Address | None:
    """Return the address that the binding at *path* leaves for *address*."""
    try:
        old = IPv4Address(str(known_values(path).get("ip")))
    except ValueError:
        return None
    return old if old != address else None


def _link(source: Path, target: Path, linked: list[Path]) -> None:
    """Have *source*'s documents at *target* too; what was put there for it stays."""
    for folder, _, names in os.walk(source):
        there = target / os.path.relpath(folder, source)
        make_directory(there)
        for name in names:
            if not os.path.lexists(there / name):
                try:
                    os.link(
                        os.path.join(folder, name), there / name, follow_symlinks=False
                    )
                except OSError as problem:
                    what = f"cannot be taken along: {problem.strerror}"
                    raise SettingsError(os.path.join(folder, name), what) from None
                linked.append(there / name)


def forget(files: NetworkLayout, old: IPv4Address | None) -> None:
    """Remove what is at the old address: it keeps nothing for its next guest."""
    if old is not None:
        remove_tree(files.metadata / str(old))
        remove_tree(files.spool / str(old))


def known_values(path: Path) -> dict[str, Any]:
    """Return the binding that is there; a bad one is replaced."""
    try:
        values = json.loads(octets_at(path) or b"")
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
