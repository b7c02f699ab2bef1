"""What is on a drive: the answers that HTTP would give, under the names of files.

OpenStack's layout is nova's (openstack/ and ec2/, label config-2); NoCloud's is
cloud-init's (label cidata).  Pure: *fetch* answers a GET, None where it is 404.
"""

import json
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from httpd.listing import NUMBERED

from ..errors import SettingsError

Fetch = Callable[[str], bytes | None]

VERSIONS_OF_EC2 = ("2009-04-04", "latest")  # those that nova writes
PASSWORD = "password"  # which a guest sends, and nobody can write to a drive
# names that no two formats' rules make one: what is named otherwise stays over HTTP
VERSION = re.compile(r"latest|\d{4}-\d\d-\d\d", re.ASCII)
NAME = re.compile(r"[a-z0-9_]{1,20}(?:\.[a-z0-9]{1,8})?", re.ASCII)
CONTENT = re.compile(r"/?(content/\d{1,16})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Drive:
    """A file system that is not made yet."""

    label: str
    files: Mapping[str, bytes]
    """By path, with "/" between and none before."""

    @property
    def directories(self) -> tuple[str, ...]:
        """Return every directory but the root, each after the one around it."""
        found = {
            path[:at]
            for path in self.files
            for at, each in enumerate(path)
            if each == "/"
        }
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents are laid out, and what has to answer for them."""

    label: str
    presets: tuple[str, ...]
    """Whose rules are asked, beside the network's own."""
    required: str
    """The file without which no agent takes it for a drive."""
    read: Callable[[Fetch], dict[str, bytes]]


def _read_openstack(fetch: Fetch) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for version in filter(VERSION.fullmatch, _lines(fetch("/openstack"))):
        for name in filter(NAME.fullmatch, _lines(fetch(f"/openstack/{version}/"))):
            path = f"openstack/{version}/{name}"
            octets = fetch(f"/{path}") if name != PASSWORD else None
            if octets is not None:
                files[path] = octets
    for path in _content(files.get("openstack/latest/meta_data.json", b"")):
        octets = fetch(f"/openstack/{path}")
        if octets is None:
            # cloud-init has no data at all where one is missing
            raise SettingsError(
                "meta_data.json",
                f"names {path}, which is not there: metalease file put it",
            )
        files[f"openstack/{path}"] = octets
    for version in VERSIONS_OF_EC2:
        tree = _read_tree(fetch, f"/{version}/meta-data/")
        files[f"ec2/{version}/meta-data.json"] = json.dumps(
            tree, indent=1, ensure_ascii=False, sort_keys=True
        ).encode()
        user_data = fetch(f"/{version}/user-data")
        if user_data is not None:
            files[f"ec2/{version}/user-data"] = user_data
    return files


def _content(document: bytes) -> Iterator[str]:
    """Yield the paths that meta_data.json refers to."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return  # a dropped one that no agent can read: it goes on the drive as it is
    if not isinstance(found, dict):
        return
    files = found.get("files")
    for each in (
        *(files if isinstance(files, list) else ()),
        found.get("network_config"),
    ):
        path = each.get("content_path") if isinstance(each, dict) else None
        if not isinstance(path, str):
            continue
        named = CONTENT.fullmatch(path)
        if named is None:
            raise SettingsError(
                "meta_data.json",
                f"names {path!r}, which no drive holds: name it content/ and digits",
            )
        yield named[1]


def _read_tree(fetch: Fetch, directory: str) -> dict[str, Any]:
    """Return EC2's leaves as nova nests them: a key under its number."""
    tree: dict[str, Any] = {}
    for line in _lines(fetch(directory)):
        numbered = NUMBERED.fullmatch(line)
        if numbered is not None:
            key = _read_tree(fetch, f"{directory}{numbered[1]}/")
            tree[numbered[1]] = {"_name": line, **key}
        elif line.endswith("/"):
            tree[line[:-1]] = _read_tree(fetch, directory + line)
        else:
            octets = fetch(directory + line)
            if octets is not None:
                tree[line] = octets.decode("utf-8", "replace")
    return tree


def _read_nocloud(fetch: Fetch) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in ("meta-data", "user-data", "vendor-data", "network-config"):
        octets = fetch(f"/nocloud/{name}")
        if octets:  # over HTTP an empty one stands for none
            files[name] = octets
    if files:
        files.setdefault("user-data", b"")  # cloud-init demands it
    return files


def _lines(listing: bytes | None) -> list[str]:
    return (listing or b"").decode("utf-8", "replace").splitlines()


LAYOUTS = {
    "openstack": Layout(
        "config-2",
        ("openstack", "ec2"),
        "openstack/latest/meta_data.json",
        _read_openstack,
    ),
    "nocloud": Layout("cidata", ("nocloud",), "meta-data", _read_nocloud),
}
