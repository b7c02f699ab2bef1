"""`metalease spool`: what guests wrote back - a password, a phone-home."""

import argparse
import os
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import locked
from ..files import read_octets
from ..files import remove_file
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
    found = list(_entries(files, options.ip))
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
    for folder in sorted(_folders(files)):
        if ip not in (None, folder.name):
            continue
        stored = _stored(folder)
        mac = _owner(folder) if stored else ""
        for name, facts in stored:
            entry = {"ip": folder.name, "mac": mac, "name": name}
            found.append({**entry, "octets": facts.st_size, "since": facts.st_mtime})
    return found


def _stored(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Return a guest's files; none where they go while we look."""
    try:
        names = sorted(filter(NAME.fullmatch, os.listdir(folder)))
        return [(name, (folder / name).lstat()) for name in names]
    except (FileNotFoundError, NotADirectoryError):
        return []


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


def _owner(folder: Path) -> str:
    try:
        digits = read_octets(folder / OWNER, 64).decode()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _ago(since: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))


def _path(options: argparse.Namespace, files: NetworkLayout) -> Path:
    path: Path = files.spool / options.ip / options.name
    # what the daemon owns may have become a link to anything
    links = path.is_symlink() or path.parent.is_symlink()
    if NAME.fullmatch(options.name) and path.is_file() and not links:
        return path
    what = f"{options.ip} has stored no {options.name!r}: metalease spool {files.name}"
    raise SettingsError(f"network {files.name}", what)


def _print(options: argparse.Namespace, files: NetworkLayout) -> int:
    print_octets(read_octets(_path(options, files), AT_MOST))
    return 0


def _clear(options: argparse.Namespace, files: NetworkLayout) -> int:
    path = None if options.name is None else _path(options, files)
    if not files.spool.is_dir():
        return 0  # its daemon was never started
    with locked(files.lock), alone(files.spool):
        if path is not None:
            remove_file(path)
        else:
            for folder in _folders(files):
                if options.ip in (None, folder.name):
                    remove_tree(folder)
    return 0
