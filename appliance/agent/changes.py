"""A change of a network's bindings and documents, as the command line writes them.

All of it is on the disk before any of it is in place; every file is renamed into its
place, so whoever is killed in between leaves each binding old or new.
"""

import json
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dhcp.hardware import HardwareAddress

from ..change import bring_in_force
from ..directory import SUFFIX
from ..directory import StateDirectory
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..files import delete_aside
from ..files import delete_left_aside
from ..files import locked
from ..files import remove_file
from ..files import set_aside
from ..files import write_file
from ..layout import NetworkLayout
from ..records import read_record
from ..settings import check_address
from ..settings import load_settings
from ..writing import known_values
from ..writing import octets_at
from ..writing import sweep
from ..writing import write_all
from . import bindings
from .documents import LAYOUT
from .documents import documents
from .guests import Described
from .guests import Guest


@dataclass(slots=True)
class Change:
    """What is to be written, and what is to go."""

    wanted: dict[Path, bytes] = field(default_factory=dict)
    """Documents, then bindings."""
    gone: set[Path] = field(default_factory=set)
    """Bindings and single documents."""
    folders: set[Path] = field(default_factory=set)
    """Documents of addresses that are freed."""


def bind(files: NetworkLayout, guests: Sequence[Guest], *, rebuild: bool) -> None:
    """Bind *guests*, all or none; raises SettingsError.

    Who had such an address before has it no more; with *rebuild* nobody else has any.
    """
    _check_once(guests)
    settings = load_settings(files)
    with locked(files.lock):
        found = _addresses(files)
        change = Change()
        holders = {address: path for path, address in found.items()}
        for guest in guests:
            path = files.bindings / (guest.mac.digits + SUFFIX)
            values = bindings.bound(known_values(path), guest)
            read_record(values, f"{files.name} {guest.ip}", settings)
            change.wanted[path] = _text(values)
            holder = holders.get(guest.ip)
            if holder not in (None, path):
                change.gone.add(holder)
        if rebuild:
            change.gone |= found.keys() - change.wanted.keys()
        change.gone -= change.wanted.keys()
        # who goes, or has moved, leaves nothing to the next at its address
        now = {guest.mac.digits + SUFFIX: guest.ip for guest in guests}
        moved = {
            address
            for path, address in found.items()
            if address is not None and now.get(path.name, address) != address
        }
        freed = {address for p in change.gone if (address := found.get(p))}
        change.folders = _left_by(files, moved | freed)
        _carry_out(files, change)


def unbind(files: NetworkLayout, macs: Iterable[HardwareAddress]) -> None:
    """Let the guests with *macs* go; who is not there is gone already."""
    load_settings(files)
    with locked(files.lock):
        found = _addresses(files)
        paths = {files.bindings / (mac.digits + SUFFIX) for mac in macs} & found.keys()
        rest = {each for path, each in found.items() if path not in paths}
        freed = {each for path in paths if (each := found[path])} - rest
        folders = _left_by(files, freed)
        _carry_out(files, Change(gone=paths, folders=folders))


def _left_by(files: NetworkLayout, addresses: Iterable[IPv4Address]) -> set[Path]:
    """Return the directories of what the guests at *addresses* had and wrote back."""
    tops = (files.metadata, files.spool)
    return {top / str(address) for top in tops for address in addresses}


def alter(
    files: NetworkLayout,
    mac: HardwareAddress,
    edit: Callable[[dict[str, Any]], dict[str, Any]],
) -> bool:
    """Change the binding of *mac* as *edit* has it; False where there is none."""
    settings = load_settings(files)
    with locked(files.lock):
        path = files.bindings / (mac.digits + SUFFIX)
        known = known_values(path)
        if not known:
            return False
        values = edit(known)
        read_record(values, f"{files.name} {mac}", settings)
        _carry_out(files, Change({path: _text(values)}))
    return True


def describe(
    files: NetworkLayout, guests: Sequence[Described], *, rebuild: bool
) -> None:
    """Write the documents of *guests*, all or none; raises SettingsError.

    A guest's id is its binding's as well: what is made of that must not differ.
    """
    settings = load_settings(files)
    with locked(files.lock):
        holders = {address: path for path, address in _addresses(files).items()}
        change = Change()
        bound: dict[Path, bytes] = {}
        for guest in guests:
            check_address(settings, guest.ip, f"network {files.name}", "vmIp")
            path = holders.get(guest.ip)
            if path is None:
                raise SettingsError(
                    f"network {files.name}",
                    f"nothing is bound to {guest.ip}, so nobody could read its"
                    " documents: dhcp/apply comes first",
                )
            top = files.metadata / str(guest.ip)
            made = documents(guest)
            change.wanted |= {top / name: octets for name, octets in made.items()}
            change.gone |= {top / name for name in LAYOUT if name not in made}
            bound[path] = _text(known_values(path) | {"instance_id": guest.uuid})
        change.wanted |= bound
        if rebuild:
            kept = {str(guest.ip) for guest in guests}
            change.folders = _folders(files, lambda name: name not in kept)
        _carry_out(files, change)


def forget(files: NetworkLayout, ip: IPv4Address) -> None:
    """Remove the documents at *ip*."""
    with locked(files.lock):
        _carry_out(files, Change(folders={files.metadata / str(ip)}))


def forget_all(files: NetworkLayout) -> None:
    """Remove the documents of every guest; what is for all of them stays."""
    with locked(files.lock):
        _carry_out(files, Change(folders=_folders(files, lambda name: True)))


def _check_once(guests: Sequence[Guest]) -> None:
    for kind in ("mac", "ip"):
        seen: set[object] = set()
        for guest in guests:
            each = getattr(guest, kind)
            if each in seen:
                raise SettingsError(f"{kind} {each}", "is there twice")
            seen.add(each)


def _addresses(files: NetworkLayout) -> dict[Path, IPv4Address | None]:
    """Return every binding's file and its address; None where that cannot be known."""
    directory = StateDirectory(files.bindings)
    found: dict[Path, IPv4Address | None] = {}
    for name in directory.inodes():
        path = directory.path(name)
        try:
            found[path] = IPv4Address(str(known_values(path).get("ip")))
        except ValueError:
            found[path] = None
    return found


def _folders(files: NetworkLayout, chosen: Callable[[str], bool]) -> set[Path]:
    """Return the documents of the addresses that are *chosen*."""
    found = set()
    for path in files.metadata.glob("[0-9]*"):
        with suppress(ValueError):
            if chosen(str(IPv4Address(path.name))):
                found.add(path)
    return found


def _text(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()


def _carry_out(files: NetworkLayout, change: Change) -> None:
    """Write, remove, and have it in force; what the daemon refuses is taken back.

    Raises SettingsError: with NOT_RUNNING all is written, and nobody was told.
    """
    sweep(files.bindings)
    delete_left_aside(files.metadata)
    paths = {p for p in (*change.wanted, *change.gone) if p.parent == files.bindings}
    before = {path: octets_at(path) for path in (*change.wanted, *change.gone)}
    changed = {p for p in paths if before[p] != change.wanted.get(p)}
    # out of sight first: whoever is bound next must not find them
    aside = {path: set_aside(path) for path in change.folders}
    try:
        write_all(change.wanted, None, files.metadata)
        for path in change.gone:
            remove_file(path)
        bring_in_force(files, [p.stem for p in changed], f"{files.name} is written")
    except BaseException as problem:
        if isinstance(problem, SettingsError) and problem.exit_code == NOT_RUNNING:
            _delete(aside)
        else:
            _take_back(files, before, aside, changed)
        raise
    _delete(aside)


def _delete(aside: dict[Path, Path | None]) -> None:
    for gone in aside.values():
        if gone is not None:
            delete_aside(gone)


def _take_back(
    files: NetworkLayout,
    before: dict[Path, bytes | None],
    aside: dict[Path, Path | None],
    changed: set[Path],
) -> None:
    """Put everything where it was."""
    for path, octets in before.items():
        if octets is None:
            remove_file(path)
        elif octets_at(path) != octets:
            write_file(path, octets)
    for path, gone in aside.items():
        if gone is not None:
            gone.rename(path)
    with suppress(SettingsError):  # it said already what is wrong
        bring_in_force(files, [path.stem for path in changed], "")
