"""Where a migration reads from: files as they are named, and a host of ZStack's."""

import os
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Interface
from pathlib import Path

from .. import kernel
from .. import namespace
from ..attachment import METADATA_ADDRESS
from ..errors import SettingsError
from ..files import read_octets
from ..files import read_text
from ..migration.tree import LARGEST
from ..migration.tree import Leaf

TEXT_AT_MOST = 64 * 1024 * 1024  # octets of a file of 100,000 hosts, and more


class OnDisk:
    """Files below a root: paths are as the configuration says them."""

    def __init__(self, root: str = "") -> None:
        self._root = root.rstrip("/")

    def text(self, path: str) -> str | None:
        """Return a file's text, None where there is none; raises SettingsError."""
        try:
            return read_text(self.at(path), TEXT_AT_MOST)
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """Return the paths of the files in *folder*, sorted."""
        there = self.at(folder)
        if not there.is_dir():
            return []
        return sorted(
            f"{folder}/{each.name}" for each in there.iterdir() if each.is_file()
        )

    def at(self, path: str) -> Path:
        return Path(self._root + path)


class ZStackHost(OnDisk):
    """A host of ZStack's below *root*; "/" is the one that runs here."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._runs = os.path.realpath(root) == "/"

    def folders(self, folder: str) -> list[str]:
        """Return the names of the directories in *folder*, sorted."""
        there = self.at(folder)
        if not there.is_dir():
            return []
        return sorted(each.name for each in there.iterdir() if each.is_dir())

    def leaves(self, folder: str) -> Iterator[Leaf]:
        """Yield every file and link below *folder*; raises SettingsError."""
        top = self.at(folder)
        for path, folders, names in os.walk(top, onerror=_unreadable):
            folders.sort()
            links = [each for each in folders if os.path.islink(f"{path}/{each}")]
            for name in sorted([*names, *links]):
                below = os.path.relpath(f"{path}/{name}", top)
                if os.path.islink(f"{path}/{name}"):
                    target = os.readlink(f"{path}/{name}")
                    whole = os.path.normpath(f"{folder}/{below}/../{target}")
                    yield Leaf(below, link=target if target[0] == "/" else whole)
                else:
                    with suppress(FileNotFoundError):  # it has gone meanwhile
                        yield _leaf(Path(path, name), below)

    def serves(self, name: str) -> bool:
        """Whether the namespace *name* is here, where ZStack's programs serve it."""
        return self._runs and namespace.exists(namespace.path(name))

    def interfaces(self, name: str) -> tuple[IPv4Interface, ...]:
        """Return the addresses of innerN in the namespace *name*, where it is here."""
        if not self.serves(name):
            return ()
        with namespace.entered(namespace.path(name)):
            inner = kernel.inner()
            found = [] if inner is None else kernel.addresses(inner.index)
        return tuple(
            each
            for each in found
            if isinstance(each, IPv4Interface) and each.ip != METADATA_ADDRESS
        )

    def ports(self, bridge: str) -> list[str]:
        """Return the names of the ports of *bridge*, where it is here."""
        found = kernel.link(bridge) if self._runs else None
        return [] if found is None else [port.name for port in kernel.ports(found)]


def _leaf(file: Path, below: str) -> Leaf:
    """Return a file with its octets; without them where it is too large."""
    size = file.stat().st_size
    if size > LARGEST:
        return Leaf(below, too_large=size)
    return Leaf(below, read_octets(file, LARGEST))


def _unreadable(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):  # a network without user-data
        raise SettingsError(problem.filename, f"cannot be read: {problem.strerror}")
