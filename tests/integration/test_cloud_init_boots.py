"""Debian's cloud-init over more than one boot, and by other ways than the usual ones.

Judged as in test_cloud_init.py; the rules are of clients.md, section 3.
"""

import json
from collections.abc import Iterator

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.patience import until

from .cloud import BOOT_WITHIN
from .cloud import Cloud
from .cloud import open_cloud
from .cloud_init import NOCLOUD_BY_CMDLINE
from .cloud_init import NOCLOUD_BY_SERIAL
from .cloud_init import PLATFORMS
from .cloud_init import UNMARKED
from .user_data import CLOUD_CONFIG
from .user_data import CONFIGURED
from .user_data import KINDS
from .user_data import SCRIPT
from .user_data import SCRIPTED
from .user_data import TEXT
from .user_data import effects

pytestmark = [pytest.mark.machine, pytest.mark.long]

STATIC_MAC = "fa:16:3e:00:02:05"
STATIC_NETWORK = b"""\
[network]
subnet = "10.2.0.0/24"
gateway = "10.2.0.1"
dhcp_address = "10.2.0.2"
mtu = 1420
dns = ["10.2.0.1"]

[attach]
bridge = "br0"

[dhcp]
enabled = false
"""
CONVERT = """\
exec cloud-init devel net-convert --network-data /root/network_data.json \
    --kind network_data.json --directory / --distro debian --output-kind networkd
"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with open_cloud() as cloud:
        yield cloud


def test_every_boot_crawls_and_runs_scripts_once(cloud: Cloud) -> None:
    """A reboot asks for everything again, with the same id: what runs once an instance
    does not run again. A new id is a new instance (C43)."""
    instances = [
        cloud.launch(platform, KINDS["multipart"].octets)
        for platform in PLATFORMS.values()
    ]
    cloud.boot(*instances)
    first = {instance.ip: cloud.asked(instance, 3) for instance in instances}
    for instance in instances:
        instance.guest.power_cycle()
    cloud.boot(*instances)
    for instance in instances:
        crawl = first[instance.ip]
        assert cloud.asked(instance, 2 * len(crawl)) == 2 * crawl
        instance.prove_finished()
        assert effects(instance) == CONFIGURED | SCRIPTED | {"/var/boots": "boot\n" * 2}
        cloud.bind(instance, "--instance-id", f"{instance.id}-again")
        instance.guest.power_cycle()
    cloud.boot(*instances)
    for instance in instances:
        instance.prove_finished()
        known = instance.text("/var/lib/cloud/data/instance-id").strip()
        assert known == f"{instance.id}-again"
        assert effects(instance) == {
            "/var/written": TEXT,
            "/var/boots": "boot\n" * 3,
            "/var/runs": "run\n" * 2,
            "/var/scripts": "script\n" * 2,
        }


def test_nocloud_is_found_by_smbios_and_by_the_command_line(cloud: Cloud) -> None:
    """The seed's URL comes by SMBIOS serial or the kernel's command line, too; a guest
    that nothing marks leaves cloud-init disabled and asks nobody (C31)."""
    found = [
        cloud.launch(platform, CLOUD_CONFIG.encode())
        for platform in (NOCLOUD_BY_SERIAL, NOCLOUD_BY_CMDLINE)
    ]
    unmarked = cloud.launch(UNMARKED, CLOUD_CONFIG.encode())
    cloud.boot(*found, unmarked)
    for instance in found:
        instance.prove_finished()
        assert instance.complaints() == []
        assert effects(instance) == CONFIGURED
    assert unmarked.guest.path("/run/cloud-init/disabled").exists()
    assert unmarked.result() is None
    assert effects(unmarked) == {}


def test_vendor_data_takes_effect_beside_user_data(cloud: Cloud) -> None:
    """NoCloud reads it as it is, OpenStack from vendor_data.json (C39, C41)."""
    vendor = b"#cloud-config\nbootcmd: [[sh, -c, 'echo vendor >>/var/scripts']]\n"
    cloud.machine.path("/run/vendor").write_bytes(vendor)
    second = "#cloud-config\ntimezone: UTC\n"
    wrapped = {
        "vendor_data.json": {"cloud-init": vendor.decode()},
        "vendor_data2.json": {"cloud-init": second},
    }
    user = SCRIPT.encode()
    nocloud = cloud.launch(PLATFORMS["nocloud"], user, "--vendor-data", "/run/vendor")
    openstack = cloud.launch(PLATFORMS["openstack"], user)
    for name, document in wrapped.items():
        words = ("file", "put", "n1", openstack.ip, name, "-")
        cloud.installation.succeed(*words, stdin=json.dumps(document).encode())
    cloud.boot(nocloud, openstack)
    for instance in (nocloud, openstack):
        instance.prove_finished()
        assert instance.complaints() == []
        assert instance.stored("vendor-data.txt") == vendor
        assert instance.stored("user-data.txt") == user
        assert effects(instance) == {"/var/scripts": "vendor\nscript\n"}
    assert openstack.stored("vendor-data2.txt") == second.encode()


def test_a_tree_of_zstack_works_unchanged(cloud: Cloud) -> None:
    """What ZStack's agent wrote for its lighttpd (zstack 3.1) boots the same guest.

    Its files win over what the binding says; index.html is lighttpd's, not a leaf.
    """
    instance = cloud.plug(PLATFORMS["ec2"])
    uuid = "6b1ab0a1e2c84b0f8b6d7f4f0c9d2a31"
    tree = cloud.files.metadata / instance.ip
    files = {
        "meta-data/index.html": b"instance-id\nlocal-hostname",
        "meta-data/instance-id": uuid.encode(),
        "meta-data/local-hostname": b"zs-vm",
        "meta-data/pvpanic": b"disable",
        "user-data": CLOUD_CONFIG.encode(),
        "user_data": CLOUD_CONFIG.encode(),
        "meta_data.json": json.dumps({"uuid": uuid}).encode(),
        "password": b"",
    }
    for name, octets in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(octets)
    cloud.bind(instance)
    cloud.boot(instance)
    instance.prove_finished()
    assert instance.complaints() == []
    assert instance.text("/var/lib/cloud/data/instance-id").strip() == uuid
    assert instance.guest.current_hostname() == "zs-vm"
    assert instance.stored("user-data.txt") == CLOUD_CONFIG.encode()
    assert effects(instance) == CONFIGURED
    asked = cloud.asked(instance, 9)
    assert {status for _, status in asked} == {"200"}
    assert ("/2021-03-23/meta-data/pvpanic", "200") in asked
    assert not any("html" in target for target, _ in asked)


def test_network_data_configures_every_nic(cloud: Cloud) -> None:
    """OpenStack's source finds each NIC of the guest in network_data.json, by its MAC,
    and cloud-init writes networkd's configuration from it (C39)."""
    instance = cloud.launch(PLATFORMS["openstack"], None, "--mtu", "1400")
    other = "fa:16:3e:ff:00:01"
    binding = cloud.files.bindings / f"{instance.mac.replace(':', '')}.json"
    values = json.loads(binding.read_bytes())
    values["interfaces"] = [{"mac": other, "ip": "10.9.0.5", "prefix": 24}]
    binding.write_text(json.dumps(values))
    cloud.bind(instance)  # changes nothing, and waits until all is in force
    peer = ("peer", "name", "eth1", "address", other)
    inside = ("netns", f"/proc/{instance.guest.pid}/ns/net")
    cloud.machine.ip("link", "add", "tap-other", "type", "veth", *peer, *inside)
    cloud.boot(instance)
    instance.prove_finished()
    assert instance.complaints() == []
    for name, mac in (("eth0", instance.mac), ("eth1", other)):
        written = instance.text(f"/etc/systemd/network/10-cloud-init-{name}.network")
        assert {f"MACAddress={mac}", "DHCP=ipv4"} <= set(written.splitlines())
    # Debian's networkd does not take the MTU of DHCP (C12): this is how it comes
    assert instance.guest.mtu() == 1400


def test_network_data_replaces_dhcp(cloud: Cloud) -> None:
    """Where our DHCP is off, it has all that the guest needs: what cloud-init makes of
    it gives networkd the address, the routes, the name server and the MTU."""
    cloud.installation.succeed("net", "add", "n2", "-", stdin=STATIC_NETWORK)
    cloud.installation.start("n2")
    cloud.installation.succeed("put", "n2", "10.2.0.5", "--mac", STATIC_MAC)
    guest = cloud.machine.add_guest("static", STATIC_MAC, bridge="br0")
    guest.ip("address", "add", "10.2.0.5/24", "dev", "eth0")
    guest.ip("route", "add", "169.254.169.254", "via", "10.2.0.2")
    url = "http://169.254.169.254/openstack/latest/network_data.json"
    guest.path("/root/network_data.json").write_text(guest.get(url).stdout)
    converted = guest.run(["sh", "-c", CONVERT])
    assert converted.returncode == 0, converted
    guest.power_cycle()
    network = boot(CLIENTS["networkd"], guest)
    # it is online by its own account only when no router has answered for 12 s
    until(
        lambda: {"default", "169.254.169.254"} <= guest.routes().keys(),
        "networkd sets the routes",
        within=BOOT_WITHIN,
        log=network.output,
    )
    assert guest.addresses() == ["10.2.0.5/24"]
    assert guest.routes()["default"] == "10.2.0.1"
    assert guest.routes()["169.254.169.254"] == "10.2.0.2"
    assert guest.mtu() == 1420
    [written] = guest.path("/etc/systemd/network").glob("10-cloud-init-*")
    assert "DNS=10.2.0.1" in written.read_text().splitlines()
