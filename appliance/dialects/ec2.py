"""Amazon EC2's instance metadata: a leaf a value, no line feed (metadata 1.5).

What a binding cannot say has a value that never changes, where a client fails without
it, and is not there where none does.
"""

import re
import uuid
from ipaddress import IPv4Interface

from dhcp.hardware import HardwareAddress
from httpd.listing import NUMBERED
from httpd.listing import is_document

from .nics import address_of
from .nics import others
from .nics import own_address
from .told import IDS
from .told import ZONE
from .told import Make
from .told import Told
from .told import Tree
from .told import encode_json

KEYS = "public-keys"
IMAGE = "ami-00000000"
TYPE = "vm"
# EC2's own: a key becomes a line of a listing, and a path
TAG = re.compile(r"[A-Za-z0-9+\-=.,_:@]+", re.ASCII)


def tree(guest: Told) -> Tree:
    """Return what is made below a guest's directory; all other dialects rest on it."""
    made = {f"meta-data/{name}": make for name, make in _leaves(guest).items()}
    made["dynamic/instance-identity/document"] = lambda: _identity(guest)
    return made


def _leaves(guest: Told) -> dict[str, Make]:
    record = guest.record
    leaves: dict[str, Make] = {
        "ami-id": IMAGE.encode,
        "ami-launch-index": "0".encode,
        "hostname": guest.fqdn.encode,
        "instance-id": guest.instance_id.encode,
        "instance-type": TYPE.encode,
        "local-hostname": guest.hostname.encode,
        "local-ipv4": str(record.ip).encode,
        "mac": str(record.mac).encode,
        "placement/availability-zone": ZONE.encode,
        "reservation-id": lambda: _derived("r-", guest.instance_id),
        "security-groups": "default".encode,
    }
    if guest.domain is not None:
        leaves["services/domain"] = guest.domain.encode
    leaves |= _interface(guest, 0, record.mac, own_address(guest))
    for number, each in enumerate(others(guest), 1):
        leaves |= _interface(guest, number, each.mac, address_of(each, guest))
    for number, (name, key) in enumerate(record.public_keys.items()):
        leaves[f"{KEYS}/{_numbered(number, name)}/openssh-key"] = key.encode
    for name, text in record.meta.items():
        if _is_tag(name):
            leaves[f"tags/instance/{name}"] = text.encode
    return leaves


def _interface(
    guest: Told,
    number: int,
    mac: HardwareAddress,
    address: IPv4Interface | None,
) -> dict[str, Make]:
    """Return the leaves of one NIC.

    cloud-init takes who has no vpc-id for an instance of EC2-Classic, and asks again
    when the network is up; the device's number orders the NICs' routes; Amazon Linux
    names a NIC by its interface-id too, and asks ten times where there is none.
    """
    directory = f"network/interfaces/macs/{mac}/"
    leaves: dict[str, Make] = {
        directory + "device-number": str(number).encode,
        directory + "interface-id": lambda: _derived("eni-", str(mac)),
        directory + "local-hostname": guest.hostname.encode,
        directory + "mac": str(mac).encode,
        directory + "vpc-id": guest.settings.name.encode,
    }
    if address is not None:
        leaves[directory + "local-ipv4s"] = str(address.ip).encode
        leaves[directory + "subnet-ipv4-cidr-block"] = str(address.network).encode
    return leaves


def _derived(prefix: str, whose: str) -> bytes:
    """Return an id in EC2's form that is always the same for *whose*."""
    return (prefix + uuid.uuid5(IDS, whose).hex[:17]).encode()


def _numbered(number: int, name: str) -> str:
    """Return a key's directory; of a name that no listing shows, its number is told."""
    directory = f"{number}={name}"
    return directory if is_document(directory) else f"{number}=key-{number}"


def _is_tag(name: str) -> bool:
    """Whether a listing can hold *name*: "0=x" would be read as a key's directory."""
    plain = TAG.fullmatch(name) is not None and is_document(name)
    return plain and NUMBERED.fullmatch(name) is None


def _identity(guest: Told) -> bytes:
    """Return the instance's identity, unsigned: AWS alone could sign it."""
    return encode_json(
        {
            "accountId": "000000000000",
            "availabilityZone": ZONE,
            "imageId": IMAGE,
            "instanceId": guest.instance_id,
            "instanceType": TYPE,
            "privateIp": str(guest.record.ip),
            "region": ZONE,
            "version": "2017-09-30",
        }
    )
