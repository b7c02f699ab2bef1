"""Google Compute Engine's metadata, its core: leaves of instance/ and project/.

Keys are the image's user's, "cloudinit": GCE names a user with each.  The id is always
a number.
"""

import uuid

from httpd.listing import is_document

from .ec2 import TYPE
from .nics import Nic
from .nics import nics
from .told import IDS
from .told import ZONE
from .told import Make
from .told import Told
from .told import Tree
from .told import number_of

PROJECT = "projects/0"
USER = "cloudinit"
"""Of cloud-init's own: the keys of whichever user the image has."""


def tree(guest: Told) -> Tree:
    """Return the leaves below computeMetadata/v1."""
    identity = str(_number(guest.instance_id))
    leaves: dict[str, Make] = {
        "instance/description": "".encode,
        "instance/hostname": guest.fqdn.encode,
        "instance/id": identity.encode,
        "instance/machine-type": f"{PROJECT}/machineTypes/{TYPE}".encode,
        "instance/name": guest.hostname.partition(".")[0].encode,
        "instance/zone": f"{PROJECT}/zones/{ZONE}".encode,
        "project/attributes/ssh-keys": "".encode,
        "project/numeric-project-id": "0".encode,
        "project/project-id": guest.settings.name.encode,
    }
    attributes = {
        name: text for name, text in guest.record.meta.items() if _is_name(name)
    }
    if guest.record.public_keys:
        attributes["ssh-keys"] = "\n".join(
            f"{USER}:{key}" for key in guest.record.public_keys.values()
        )
    for name, text in attributes.items():
        leaves[f"instance/attributes/{name}"] = text.encode
    for number, nic in enumerate(nics(guest)):
        leaves |= _interface(number, nic, guest)
    return {f"gce/{path}": make for path, make in leaves.items()}


def _interface(number: int, nic: Nic, guest: Told) -> dict[str, Make]:
    directory = f"instance/network-interfaces/{number}/"
    network = f"{PROJECT}/networks/{guest.settings.name}"
    found: dict[str, Make] = {
        directory + "mac": str(nic.mac).encode,
        directory + "network": network.encode,
    }
    if nic.address is not None:
        found[directory + "ip"] = str(nic.address.ip).encode
        found[directory + "subnetmask"] = str(nic.address.netmask).encode
    if nic.mtu is not None:
        found[directory + "mtu"] = str(nic.mtu).encode
    if nic.gateway is not None:
        found[directory + "gateway"] = str(nic.gateway).encode
    return found


def _number(instance_id: str) -> int:
    """Return the id as a number of 63 bits, always the same for it."""
    number = number_of(instance_id)
    return number if isinstance(number, int) else uuid.uuid5(IDS, instance_id).int >> 65


def _is_name(name: str) -> bool:
    """Whether an attribute can have *name*: user-data is what was dropped, alone."""
    return "/" not in name and name != "user-data" and is_document(name)
