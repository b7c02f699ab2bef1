"""Debian's cloud-init boots from our config drives, and asks nobody.

blkid finds the image in the guest's /dev, and ds-identify and cloud-init go by what it
says. The kernel here may mount neither iso9660 nor vfat, and no file is a block device
to it: so mount(8) is a command, in the guest's mount namespace, which lets 7z take the
files out of the image.
"""

import json
from collections.abc import Iterator

import pytest

from appliance.lab.cell import require

from .cloud import KEY
from .cloud import Cloud
from .cloud import open_cloud
from .cloud_init import Instance
from .cloud_init import Platform

pytestmark = [pytest.mark.machine, pytest.mark.long]

USER_DATA = b"#cloud-config\nwrite_files: [{path: /root/written, content: it ran}]\n"
VENDOR_DATA = b"#cloud-config\nbootcmd: [echo it too > /root/vendor]\n"
DROPPED = {
    "openstack": {
        "vendor_data.json": json.dumps(VENDOR_DATA.decode()).encode(),
        "content/index": b"0000 /root/given\n",
        "content/0000": b"it was given",
    },
    "nocloud": {"vendor-data": VENDOR_DATA},
}
SECTOR = 512  # octets
FORMATS = {"iso9660": "/dev/sr0", "vfat": "/dev/vdb", "vfat-partition": "/dev/vdb1"}
SOURCES = {
    "openstack": "DataSourceConfigDrive [net,ver=2][source={}]",
    "nocloud": "DataSourceNoCloud [seed={}][dsmode=net]",
}
INSERT = """\
set -eu
cp /usr/sbin/blkid /usr/bin/mount /var/firmware
cat >/var/firmware/blkid.sh <<'END'
#!/bin/sh
exec /var/firmware/blkid "$@" $(ls /dev/sr0 /dev/vdb /dev/vdb1 2>/dev/null)
END
cat >/var/firmware/mount.sh <<'END'
#!/bin/sh
for word; do device=$place place=$word; done
[ -f "$device" ] || exec /var/firmware/mount "$@"
/var/firmware/mount -t tmpfs tmpfs "$place"
exec 7z x -y -o"$place" "$device" >/dev/null
END
chmod 755 /var/firmware/*.sh
mount --bind /var/firmware/blkid.sh /usr/sbin/blkid
mount --bind /var/firmware/mount.sh /usr/bin/mount
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with open_cloud() as cloud:
        yield cloud


def insert(cloud: Cloud, instance: Instance, form: str, layout: str) -> None:
    """Make the drive of *instance*, and put it into it."""
    words = ("config-drive", "n1", instance.ip, "-o", "/run/drive", "--format", form)
    cloud.installation.succeed(*words, "--layout", layout)
    image = cloud.machine.path("/run/drive").read_bytes()
    assert instance.guest.run(["sh", "-c", INSERT]).returncode == 0
    device = instance.guest.path(FORMATS[form])
    if form == "vfat-partition":
        instance.guest.path("/dev/vdb").write_bytes(image)
        # where the kernel would find it: by the table, as sfdisk reads it
        said = instance.guest.run(["sfdisk", "-J", "/dev/vdb"]).stdout
        [partition] = json.loads(said)["partitiontable"]["partitions"]
        start, size = partition["start"] * SECTOR, partition["size"] * SECTOR
        image = image[start : start + size]
    device.write_bytes(image)


@pytest.fixture(scope="module")
def booted(cloud: Cloud) -> dict[tuple[str, str], Instance]:
    """A guest of each format and layout, booted once and all at once."""
    require("7z", "blkid", "sfdisk")
    instances = {}
    for layout, source in SOURCES.items():
        for form, device in FORMATS.items():
            platform = Platform(f"{layout}-{form}", source.format(device))
            instance = cloud.launch(platform, USER_DATA)
            for path, octets in DROPPED[layout].items():
                words = ("file", "put", "n1", instance.ip, path, "-")
                cloud.installation.succeed(*words, stdin=octets)
            insert(cloud, instance, form, layout)
            instances[layout, form] = instance
    cloud.boot(*instances.values())
    return instances


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layout", SOURCES)
def test_cloud_init_boots_from_a_drive(
    layout: str, form: str, booted: dict[tuple[str, str], Instance], cloud: Cloud
) -> None:
    """issue 5.9: ds-identify finds it by its label, the ConfigDrive and the NoCloud
    source take all from it, and not one request is made."""
    instance = booted[layout, form]
    instance.prove_finished()
    assert instance.complaints() == []
    assert instance.text("/var/lib/cloud/data/instance-id").strip() == instance.id
    assert instance.guest.current_hostname() == instance.hostname
    assert instance.text("/home/debian/.ssh/authorized_keys").strip() == KEY
    assert instance.stored("user-data.txt") == USER_DATA
    assert instance.text("/root/written") == "it ran"
    assert instance.text("/root/vendor") == "it too\n"
    given = "it was given" if layout == "openstack" else ""
    assert instance.text("/root/given") == given
    assert instance.guest.addresses() == [f"{instance.ip}/24"]
    instance.guest.get("http://169.254.169.254/first")
    assert cloud.asked(instance, 1) == [("/first", "404")]


@pytest.mark.parametrize("layout", SOURCES)
def test_a_guest_that_never_asks_dhcp(layout: str, cloud: Cloud) -> None:
    """issue 5.9: where DHCP is off, the drive has the address, the routes, the name
    servers and the MTU, and the guest is on the network without a packet of ours."""
    platform = Platform(f"{layout}-static", SOURCES[layout].format("/dev/sr0"))
    instance = cloud.launch(platform, USER_DATA)
    settings = cloud.files.settings
    text = settings.read_text()
    settings.write_text(f"{text}\n[dhcp]\nenabled = false\n")
    try:
        insert(cloud, instance, "iso9660", layout)
    finally:
        settings.write_text(text)
    cloud.boot(instance)
    instance.prove_finished()
    assert instance.guest.addresses() == [f"{instance.ip}/24"]
    assert instance.guest.routes()["default"] == "10.0.0.1"
    assert instance.guest.mtu() == 1450
    assert instance.text("/root/written") == "it ran"
    instance.guest.get("http://169.254.169.254/first")
    assert cloud.asked(instance, 1) == [("/first", "404")]
    assert cloud.leased(instance) == []
