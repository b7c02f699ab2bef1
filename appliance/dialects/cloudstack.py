"""CloudStack's data server: a leaf a key, in one directory (clients C42, C58).

Unlike EC2's, its public-keys is a document, a key a line, and what is a directory there
has no slash here.
"""

from .ec2 import KEYS
from .ec2 import TYPE
from .told import ZONE
from .told import Make
from .told import Told
from .told import Tree


def tree(guest: Told) -> Tree:
    """Return the keys of a virtual router's data server."""
    address = str(guest.record.ip)
    leaves: dict[str, Make] = {
        "availability-zone": ZONE.encode,
        "instance-id": guest.instance_id.encode,
        "local-hostname": guest.hostname.encode,
        "local-ipv4": address.encode,
        "public-hostname": guest.fqdn.encode,
        "public-ipv4": address.encode,
        "service-offering": TYPE.encode,
        "vm-id": guest.instance_id.encode,
    }
    if guest.record.public_keys:
        leaves[KEYS] = "\n".join(guest.record.public_keys.values()).encode
    return {f"cloudstack/{name}": make for name, make in leaves.items()}
