"""Documents that are made from a binding, for a guest whose operator dropped none.

Pure: what each dialect makes is in its module of dialects/; here they become one
tree.  A path below the guest's directory gives octets, or None.
"""

import re
from collections.abc import Callable

from .dialects import cloudstack
from .dialects import digitalocean
from .dialects import ec2
from .dialects import gce
from .dialects import hetzner
from .dialects import nocloud
from .dialects import openstack
from .dialects import vultr
from .dialects.told import ContentFile
from .dialects.told import Told
from .dialects.told import Tree
from .dialects.told import instance_id
from .records import Record
from .settings import Settings

DIALECTS: dict[str, Callable[[Told], Tree]] = {
    "openstack": openstack.tree,
    "nocloud": nocloud.tree,
    "zstack": openstack.tree,  # its meta_data.json
    "cloudstack": cloudstack.tree,
    "digitalocean": digitalocean.tree,
    "hetzner": hetzner.tree,
    "vultr": vultr.tree,
    "gce": gce.tree,
}
"""What is made for a preset that is enabled, beside EC2's tree."""

WITH_DATA = frozenset({digitalocean.DOCUMENT, hetzner.DOCUMENT, vultr.DOCUMENT})
"""Documents that hold user-data and vendor-data, as they were dropped."""
FRESH = openstack.FRESH
"""Paths whose octets are never the same twice: nobody may remember them."""
_NUMBERED = re.compile(r"(?<=/)(\d+)=[^/]+/", re.ASCII)


def told(
    settings: Settings,
    record: Record,
    seed: Callable[[], bytes],
    *,
    identity: str | None = None,
    hostname: str | None = None,
    content: tuple[ContentFile, ...] = (),
    user_data: str | None = None,
    vendor_data: str | None = None,
) -> Told:
    """Return what a guest is told; what is named here is of dropped documents."""
    return Told(
        settings,
        record,
        identity or instance_id(settings, record),
        hostname or record.hostname,
        seed,
        content,
        user_data,
        vendor_data,
    )


def make_tree(guest: Told) -> Tree:
    """Return what is made for *guest* in every dialect that its network speaks."""
    made = dict(ec2.tree(guest))
    for preset in guest.settings.metadata.presets:
        dialect = DIALECTS.get(preset)
        if dialect is not None:
            made = {**dialect(guest), **made}
    return made


def find_path(tree: Tree, path: str) -> str | None:
    """Return *path* as *tree* spells it, None where nothing is made there.

    A key's 0/openssh-key is 0=ops/openssh-key there (metadata 1.5).
    """
    if path in tree:
        return path
    return next((each for each in tree if "=" in each and _plain(each) == path), None)


def names_in(tree: Tree, directory: str) -> tuple[str, ...]:
    """Return the names in *directory*, those of directories with "/" at the end."""
    prefix = f"{directory}/" if directory else ""
    names: dict[str, None] = {}
    for path in tree:
        for each in (path, _plain(path)) if "=" in path else (path,):
            if each.startswith(prefix):
                name, slash, _ = each.removeprefix(prefix).partition("/")
                names[name + slash] = None
                break
    return tuple(names)


def _plain(path: str) -> str:
    """Return *path* with a key's directory under its number alone."""
    return _NUMBERED.sub(r"\1/", path)
