"""Dialects that cloud-init reads: its own readers, in a guest, are the judges.

A daemon serves every dialect at once; each reader is what its data source calls, of
Debian's cloud-init, with the arguments that it calls it with (issue 5.2).
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.lab.cell import require
from appliance.lab.guest import Guest
from appliance.lab.machine import Machine

from .cloud import KEY
from .conftest import N1
from .conftest import WatchedInstallation
from .conftest import outside
from .conftest import prove_unprivileged
from .packets import take_address

pytestmark = pytest.mark.machine

PYTHON = "/usr/bin/python3"
ADDRESS, MAC = "10.0.0.11", "fa:16:3e:00:00:11"
USER_DATA = b"#cloud-config\nwrite_files: [{path: /root/written, content: it ran}]\n"
PRESETS = b"""
[metadata]
presets = ["ec2", "openstack", "cloudstack", "digitalocean", "hetzner", "vultr", "gce"]
"""
METADATA = "http://169.254.169.254"

DIGITALOCEAN = f"""
from cloudinit.sources.helpers import digitalocean
found = digitalocean.read_metadata("{METADATA}/metadata/v1.json")
servers = found["dns"]["nameservers"]
network = digitalocean.convert_network_configuration(found["interfaces"], servers)
said = {{"found": found, "network": network}}
"""
HETZNER = f"""
from cloudinit.sources.helpers import hetzner
base = "{METADATA}/hetzner/v1"
found = hetzner.read_metadata(base + "/metadata")
octets = hetzner.maybe_b64decode(hetzner.read_userdata(base + "/userdata"))
said = {{"found": found, "user_data": octets.decode()}}
"""
VULTR = f"""
from cloudinit.sources.helpers import vultr
found = json.loads(vultr.read_metadata("{METADATA}", 2, 1, 1, "Cloud-Init/22"))
network = vultr.generate_network_config(found["interfaces"])
said = {{"found": found, "network": network}}
"""
GCE = f"""
from types import SimpleNamespace
from cloudinit.sources import DataSourceGCE
found = DataSourceGCE.read_md(
    "{METADATA}/computeMetadata/v1/",
    SimpleNamespace(num_retries=1, sec_between_retries=1),
    platform_check=False,
)
keys = DataSourceGCE._parse_public_keys(found["meta-data"]["public-keys-data"])
found["user-data"] = (found["user-data"] or b"").decode()
said = {{"found": found, "keys": keys}}
"""
CLOUDSTACK = """
from cloudinit.sources import DataSourceCloudStack
from cloudinit.sources.helpers import ec2
server = DataSourceCloudStack.get_data_server()
octets = ec2.get_instance_userdata("latest", f"http://{server}/")
found = ec2.get_instance_metadata("latest", f"http://{server}/")
octets = octets if isinstance(octets, bytes) else octets.encode()
said = {"server": server, "found": found, "user_data": octets.decode()}
"""


@pytest.fixture(scope="module")
def guests() -> Iterator[tuple[Guest, Guest]]:
    """One with a key and user-data, one without, on a network of every dialect."""
    require(PYTHON)
    before = outside()
    with Machine() as machine:
        machine.add_bridge("br0")
        installation = WatchedInstallation(machine)
        installation.succeed("net", "add", "n1", "-", stdin=N1 + PRESETS)
        daemon = installation.start("n1")
        machine.path("/run/key").write_text(KEY + "\n")
        named = ("--mac", MAC, "--instance-id", "4711", "--hostname", "web")
        given = ("--ssh-key", "ops=/run/key", "--user-data", "-")
        words = ("put", "n1", ADDRESS, *named, *given)
        installation.succeed(*words, stdin=USER_DATA)
        installation.succeed("put", "n1", "10.0.0.12", "--mac", "fa:16:3e:00:00:12")
        found = []
        for number in (11, 12):
            mac = f"fa:16:3e:00:00:{number}"
            guest = machine.add_guest(f"g{number}", mac, bridge="br0")
            take_address(guest, f"10.0.0.{number}", server="10.0.0.2")
            guest.path("/etc/resolv.conf").write_text("nameserver 10.0.0.2\n")
            found.append(guest)
        yield found[0], found[1]
        prove_unprivileged(daemon)
    assert before == outside()


def judge(guest: Guest, reader: str) -> Any:
    """Return what cloud-init made of us."""
    text = f"import json\n{reader}\nprint(json.dumps(said))\n"
    done = guest.run([PYTHON, "-c", text])
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_digitalocean(guests: tuple[Guest, Guest]) -> None:
    """Id, name, keys, user-data, and a network of the guest's NIC (issue 5.2)."""
    said = judge(guests[0], DIGITALOCEAN)
    found, (nic, servers) = said["found"], said["network"]["config"]
    assert (found["droplet_id"], found["hostname"]) == (4711, "web")
    assert found["public_keys"] == [KEY]
    assert found["user_data"] == USER_DATA.decode()
    assert nic["mac_address"] == MAC
    assert nic["subnets"] == [
        {
            "type": "static",
            "control": "auto",
            "address": ADDRESS,
            "netmask": "255.255.255.0",
            "gateway": "10.0.0.1",
        }
    ]
    assert servers["address"] == ["10.0.0.53"]


def test_hetzner(guests: tuple[Guest, Guest]) -> None:
    """YAML with all; 204 where there is no user-data."""
    said = judge(guests[0], HETZNER)
    found = said["found"]
    assert (found["instance-id"], found["hostname"]) == (4711, "web")
    assert found["public-keys"] == [KEY]
    assert found["network-config"]["config"][0]["mac_address"] == MAC
    assert said["user_data"] == USER_DATA.decode()
    assert judge(guests[1], HETZNER)["user_data"] == ""


def test_vultr(guests: tuple[Guest, Guest]) -> None:
    """Every key that its source takes for given, and a network (issue 5.2)."""
    said = judge(guests[0], VULTR)
    found, (_, nic) = said["found"], said["network"]["config"]
    assert (found["instance-v2-id"], found["hostname"]) == ("4711", "web")
    assert found["public-keys"] == [KEY]
    assert found["region"]["regioncode"] == "nova"
    assert (found["user-data"], found["vendor-data"]) == (USER_DATA.decode(), "")
    assert (nic["mac_address"], nic["mtu"]) == (MAC, 1450)
    assert judge(guests[1], VULTR)["found"]["user-data"] == ""


def test_gce(guests: tuple[Guest, Guest]) -> None:
    """Its header is there, the id is a number, attributes come as one JSON."""
    said = judge(guests[0], GCE)
    found = said["found"]
    assert found["success"], found
    assert found["meta-data"]["instance-id"] == "4711"
    assert found["meta-data"]["local-hostname"] == "web.n1.example"
    assert found["meta-data"]["availability-zone"] == "nova"
    assert said["keys"] == [KEY]
    assert found["user-data"] == USER_DATA.decode()
    assert judge(guests[1], GCE)["found"]["user-data"] == ""


def test_cloudstack(guests: tuple[Guest, Guest]) -> None:
    """C42, issue 5.2: data-server is the DHCP address, where its tree is."""
    said = judge(guests[0], CLOUDSTACK)
    found = said["found"]
    assert said["server"] == "10.0.0.2"
    assert (found["instance-id"], found["local-hostname"]) == ("4711", "web")
    assert found["availability-zone"] == "nova"
    assert found["public-keys"] == KEY
    assert said["user_data"] == USER_DATA.decode()
    assert judge(guests[1], CLOUDSTACK)["user_data"] == ""
