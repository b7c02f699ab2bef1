"""Clients that ask for metadata by IPv6: botocore and cloud-init (issue 5.8)."""

import json
import sys
from collections.abc import Iterator

import pytest

from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .cloud import Cloud
from .cloud import open_cloud
from .cloud_init import Platform
from .imds import bind
from .ipv6 import UNIQUE_LOCAL
from .ipv6 import link_local_of
from .ipv6 import plug_ipv6

pytestmark = pytest.mark.machine

BOTOCORE = """
import json
from botocore.utils import InstanceMetadataRegionFetcher
config = {"ec2_metadata_service_endpoint_mode": "ipv6"}
print(json.dumps(InstanceMetadataRegionFetcher(config=config).retrieve_region()))
"""
USER_DATA = b"#cloud-config\nwrite_files: [{path: /root/written, content: it ran}]\n"
AWS = Platform(
    name="aws",
    datasource="DataSourceEc2Local",
    dmi={
        "product_uuid": "ec2a1b2c-0000-4000-8000-000000000001",
        "product_serial": "ec2a1b2c-0000-4000-8000-000000000001",
    },
    configuration=f"datasource: {{Ec2: {{metadata_urls: ['{UNIQUE_LOCAL}']}}}}\n",
)


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_botocore(
    tokens: str, installation: Installation, daemon: Daemon, machine: Machine
) -> None:
    """AWS's SDK in its mode for IPv6, in a guest with a link-local address alone."""
    bind(installation, 11, "--tokens", tokens)
    words = ("file", "put", "n1", "10.0.0.11", "meta-data/placement/availability-zone")
    installation.succeed(*words, "-", stdin=b"zone-1a")
    guest = plug_ipv6(machine, 11)
    guest.ip("-6", "route", "add", "fd00:ec2::254", "dev", "eth0")
    done = guest.run([sys.executable, "-I", "-c", BOTOCORE])
    assert (done.returncode, json.loads(done.stdout)) == (0, "zone-1"), daemon.log()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with open_cloud() as cloud:
        yield cloud


@pytest.mark.long
def test_cloud_init(cloud: Cloud) -> None:
    """DataSourceEc2 that is given AWS's IPv6 address alone boots by it."""
    instance = cloud.launch(AWS, USER_DATA)
    instance.guest.ip("-6", "route", "add", "fd00:ec2::254", "dev", "eth0")
    cloud.boot(instance)
    instance.prove_finished()
    assert instance.stored("user-data.txt") == USER_DATA
    assert instance.text("/root/written") == "it ran"
    asked = [each["ip"] for each in cloud.daemon.events() if each.kind == "http"]
    assert link_local_of(instance.guest) in asked
