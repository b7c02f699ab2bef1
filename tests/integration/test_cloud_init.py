"""Debian's cloud-init boots from us and consumes user-data of every kind.

Judged by its result.json, the octets below /var/lib/cloud, what the user-data did, and
our event log (clients.md, section 3). Six guests of a platform boot at once, one a kind
of user-data, and the tests look at what has become of them.
"""

from collections.abc import Iterator

import pytest

from .cloud import KEY
from .cloud import Cloud
from .cloud import open_cloud
from .cloud_init import PLATFORMS
from .cloud_init import Instance
from .user_data import KINDS
from .user_data import effects

pytestmark = [pytest.mark.machine, pytest.mark.long]

# what is made of a binding with a key, as cloud-init goes through it: directories
# first, depth first, then leaves, in the order of the listing (C33)
NIC = "network/interfaces/macs/{mac}/"
NIC_LEAVES = (
    "device-number",
    "interface-id",
    "local-hostname",
    "local-ipv4s",
    "mac",
    "subnet-ipv4-cidr-block",
    "vpc-id",
)
CRAWL = (
    "",
    "network/",
    "network/interfaces/",
    "network/interfaces/macs/",
    NIC,
    *(NIC + leaf for leaf in NIC_LEAVES),
    "placement/",
    "placement/availability-zone",
    "public-keys/",
    "public-keys/0/openssh-key",
    "ami-id",
    "ami-launch-index",
    "hostname",
    "instance-id",
    "instance-type",
    "local-hostname",
    "local-ipv4",
    "mac",
    "reservation-id",
    "security-groups",
)


def ec2_crawl(version: str) -> list[str]:
    return [f"/{version}/meta-data/{name}" for name in CRAWL]


ORDERS = {
    "ec2": [
        "/2009-04-04/meta-data/instance-id",
        "/2021-03-23/meta-data/instance-id",
        "/2021-03-23/user-data",
        *ec2_crawl("2021-03-23"),
    ],
    "openstack": [
        "/openstack",
        "/openstack",
        *(
            f"/openstack/2018-08-27/{name}"
            for name in (
                "meta_data.json",
                "user_data",
                "vendor_data.json",
                "vendor_data2.json",
                "network_data.json",
            )
        ),
        *ec2_crawl("latest"),
    ],
    "nocloud": [
        "/nocloud/meta-data",
        "/nocloud/user-data",
        "/nocloud/vendor-data",
    ],
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with open_cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module", params=PLATFORMS)
def booted(request: pytest.FixtureRequest, cloud: Cloud) -> dict[str, Instance]:
    """A guest of each kind of user-data, all of one platform, booted once."""
    platform = PLATFORMS[request.param]
    instances = {
        name: cloud.launch(platform, kind.octets) for name, kind in KINDS.items()
    }
    cloud.boot(*instances.values())
    return instances


every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_a_guest_boots_without_a_complaint(
    booted: dict[str, Instance], kind: str
) -> None:
    """result.json names the source that DMI or the image told, and no error (C31)."""
    instance = booted[kind]
    instance.prove_finished()
    allowed = KINDS[kind].complaint
    assert [
        line for line in instance.complaints() if not (allowed and allowed in line)
    ] == []


@every_kind
def test_user_data_arrives_byte_for_byte(
    booted: dict[str, Instance], kind: str
) -> None:
    """What cloud-init stored is what the operator gave, unlabelled gzip too (C30), and
    nothing where there is none: 404, or NoCloud's empty document (C36, C72)."""
    assert booted[kind].stored("user-data.txt") == (KINDS[kind].octets or b"")


@every_kind
def test_user_data_takes_effect(booted: dict[str, Instance], kind: str) -> None:
    """Files are written and scripts run, once; of every part of a multipart."""
    assert effects(booted[kind]) == KINDS[kind].effect


@every_kind
def test_a_guest_knows_who_it_is(booted: dict[str, Instance], kind: str) -> None:
    """The same id in every dialect (C43), the binding's name, and the key that lets
    the operator in: in the image's user, without user-data too."""
    instance = booted[kind]
    assert instance.text("/var/lib/cloud/data/instance-id").strip() == instance.id
    assert instance.guest.current_hostname() == instance.hostname
    assert instance.text("/home/debian/.ssh/authorized_keys").strip() == KEY


@pytest.mark.parametrize("kind", ["cloud-config", "none"])
def test_requests_come_in_order(
    booted: dict[str, Instance], kind: str, cloud: Cloud
) -> None:
    """Each once, none tried again: Ec2 as C33 says, OpenStack as C39, NoCloud as C41.

    Absent user-data is 404 but in NoCloud, where that costs 10 s (C36, C41).
    """
    instance = booted[kind]
    absent = set()
    if kind == "none":
        absent = {"/2021-03-23/user-data", "/openstack/2018-08-27/user_data"}
    order = [
        target.format(mac=instance.mac) for target in ORDERS[instance.platform.name]
    ]
    expected = [(target, "404" if target in absent else "200") for target in order]
    assert cloud.asked(instance, len(order)) == expected


@every_kind
def test_every_client_of_a_boot_gets_the_same_address(
    booted: dict[str, Instance], kind: str, cloud: Cloud
) -> None:
    """OpenStack's source asks DHCP itself, before the guest's own client does, and
    both are answered alike (C25)."""
    instance = booted[kind]
    once = [("DISCOVER", "OFFER", instance.ip), ("REQUEST", "ACK", instance.ip)]
    clients = 2 if instance.platform.name == "openstack" else 1
    assert cloud.leased(instance) == once * clients
    assert instance.guest.addresses() == [f"{instance.ip}/24"]
