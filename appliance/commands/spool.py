"""`metalease spool`: what guests wrote back - a password, a phone-home."""

import argparse
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import locked
from ..files import remove_tree
from ..layout import Layout
from ..layout import NetworkLayout
from ..settings import check_address
from ..settings import load_settings
from ..spool import AT_MOST
from ..spool import NAME
from ..spool import OWNER
from ..spool import alone
from .screen import print_json
from .screen import print_octets
from .screen import print_table
from .screen import warn


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    parser.add_argument("ip", metavar="IP", nargs="?", help="of one guest alone")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="print this, as it came"
    )
    parser.add_argument(
        "--clear", action="store_true", help="remove it: a password can be set again"
    )
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(act=spool)


def spool(options: argparse.Namespace, layout: Layout) -> int:
    """List, print or clear what is in the spool."""
    files = layout.network(options.network)
    settings = load_settings(files)
    if options.ip is not None:
        try:
            address = IPv4Address(options.ip)
        except ValueError:
            raise SettingsError(
                "IP", f"{options.ip!r} is not an IPv4 address"
            ) from None
        check_address(settings, address, f"network {files.name}", "")
        options.ip = str(address)
    if options.clear:
        return _clear(options, files)
    if options.name is not None:
        return _print(options, files)
    found = _entries(files, options.ip)
    if options.json:
        print_json(found)
    elif found:
        rows = [
            (each["ip"], each["mac"], each["name"], each["octets"], _ago(each["since"]))
            for each in found
        ]
        print_table(("IP", "MAC", "NAME", "OCTETS", "SINCE"), rows)
    else:
        warn("no guest has written anything back")
    return 0


def _entries(files: NetworkLayout, ip: str | None) -> list[dict[str, Any]]:
    found = []
    for path in sorted(_folders(files)):
        if ip in (None, path.name):
            try:
                with _entered(path) as folder:
                    found += [{"ip": path.name, **each} for each in _stored(folder)]
            except (FileNotFoundError, NotADirectoryError):
                continue  # it goes while we look
    return found


def _stored(folder: int) -> list[dict[str, Any]]:
    found = []
    for name in sorted(filter(NAME.fullmatch, os.listdir(folder))):
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        entry = {"mac": _owner(folder), "name": name, "octets": facts.st_size}
        found.append({**entry, "since": facts.st_mtime})
    return found


def _folders(files: NetworkLayout) -> list[Path]:
    try:
        return [
            each
            for each in files.spool.iterdir()
            if not (each.name.startswith(".") or each.is_symlink())
        ]
    except FileNotFoundError:
        return []  # its daemon was never started
    except OSError as problem:
        raise SettingsError(
            files.spool, f"cannot be read: {problem.strerror}"
        ) from None


def _owner(folder: int) -> str:
    try:
        digits = _read(folder, OWNER).decode()
    except (OSError, UnicodeDecodeError):
        return ""
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _read(folder: int, name: str) -> bytes:
    """Return what a regular file holds; raises OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=folder), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileNotFoundError(name)
        return file.read(AT_MOST)


def _ago(since: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))


@contextmanager
def _entered(path: Path) -> Iterator[int]:
    """Have a guest's directory open.  Raises OSError.

    It and all in it are the daemon's user's, so each may become a link to anything at
    any time: what is done here is done by descriptor, and follows none.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _one(options: argparse.Namespace, files: NetworkLayout) -> Iterator[int]:
    """Have the directory of the file that is named; what is not there is told."""
    try:
        if not NAME.fullmatch(options.name):
            raise FileNotFoundError(options.name)
        with _entered(files.spool / options.ip) as folder:
            yield folder
    except OSError:
        raise _none(options, files) from None


def _none(options: argparse.Namespace, files: NetworkLayout) -> SettingsError:
    name, network = options.name, files.name
    what = f"{options.ip} has stored no {name!r}: metalease spool {network}"
    return SettingsError(f"network {network}", what)


def _print(options: argparse.Namespace, files: NetworkLayout) -> int:
    with _one(options, files) as folder:
        octets = _read(folder, options.name)
    print_octets(octets)
    return 0


def _clear(options: argparse.Namespace, files: NetworkLayout) -> int:
    if not files.spool.is_dir():  # its daemon was never started
        if options.name is not None:
            raise _none(options, files)
        return 0
    with locked(files.lock), alone(files.spool):
        if options.name is not None:
            with _one(options, files) as folder:
                os.unlink(options.name, dir_fd=folder)
                os.fsync(folder)
        else:
            for path in _folders(files):
                if options.ip in (None, path.name):
                    remove_tree(path)
    return 0
