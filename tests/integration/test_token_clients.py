"""Clients that fetch tokens by themselves: botocore's fetchers and cloud-init's Ec2.

What AWS's own SDK makes of us, and a cloud-init that takes us for AWS, are the judges
of issue 5, item 1.
"""

import json
import sys
from collections.abc import Iterator

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .cloud import Cloud
from .cloud import open_cloud
from .cloud_init import Platform
from .imds import bind
from .imds import plug

pytestmark = [pytest.mark.machine, pytest.mark.long]

CREDENTIALS = {
    "Code": "Success",
    "LastUpdated": "2026-01-01T00:00:00Z",
    "Type": "AWS-HMAC",
    "AccessKeyId": "AKIDEXAMPLE",
    "SecretAccessKey": "secret",
    "Token": "session",
    "Expiration": "2036-01-01T00:00:00Z",
}
FILES = {
    "meta-data/iam/security-credentials/role": json.dumps(CREDENTIALS),
    "meta-data/placement/availability-zone": "zone-1a",
}
# the second port: proof that the variable is heard
ENDPOINT = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://169.254.169.254:1180"}
BOTOCORE = """
import json
from botocore.session import Session
from botocore.utils import IMDSRegionProvider, InstanceMetadataRegionFetcher
session = Session()
found = session.get_credentials()
endpoint = session.get_config_variable("ec2_metadata_service_endpoint")
config = {"ec2_metadata_service_endpoint": endpoint}
print(json.dumps({
    "key": found and found.access_key,
    "region": InstanceMetadataRegionFetcher(config=config).retrieve_region(),
    "provided": IMDSRegionProvider(session).provide(),
}))
"""
USER_DATA = b"#cloud-config\nwrite_files: [{path: /root/written, content: it ran}]\n"
AWS = Platform(
    name="aws",
    datasource="DataSourceEc2Local",
    dmi={
        "product_uuid": "ec2a1b2c-0000-4000-8000-000000000001",
        "product_serial": "ec2a1b2c-0000-4000-8000-000000000001",
    },
)


@pytest.fixture
def bound(installation: Installation, daemon: Daemon, machine: Machine) -> Guest:
    """A guest with what an SDK looks for."""
    guest = plug(machine, 11)
    bind(installation, 11)
    for path, text in FILES.items():
        words = ("file", "put", "n1", "10.0.0.11", path, "-")
        installation.succeed(*words, stdin=text.encode())
    return guest


def botocore(guest: Guest) -> dict[str, str | None]:
    done = guest.run([sys.executable, "-I", "-c", BOTOCORE], environment=ENDPOINT)
    assert (done.returncode, done.stderr) == (0, ""), done
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_botocore(
    tokens: str, installation: Installation, daemon: Daemon, bound: Guest
) -> None:
    """Its credentials and its region, each asked for with a token, none in vain."""
    bind(installation, 11, "--tokens", tokens)
    assert botocore(bound) == {
        "key": "AKIDEXAMPLE",
        "region": "zone-1",
        "provided": "zone-1",
    }
    asked = [
        (each["method"], each["status"])
        for each in daemon.events()
        if each.kind == "http"
    ]
    assert ("PUT", "200") in asked
    assert {status for _, status in asked} == {"200"}
    said = installation.succeed("status", "n1", "--tokenless", "--json")
    assert json.loads(said) == []


def test_botocore_without_an_endpoint(
    installation: Installation, daemon: Daemon, bound: Guest
) -> None:
    """metadata T11: a 403 is no fault to it: it has no credentials."""
    bind(installation, 11, "--endpoint", "no")
    assert botocore(bound) == {"key": None, "region": None, "provided": None}
    assert {each["status"] for each in daemon.events() if each.kind == "http"} == {
        "403"
    }


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with open_cloud() as cloud:
        yield cloud


def test_cloud_init_on_aws(cloud: Cloud) -> None:
    """DataSourceEc2 that believes in AWS boots where a token is required: it fetches
    one, not one of its requests is refused, and what it asks for there is made of the
    binding (issue 5.3)."""
    instance = cloud.launch(AWS, USER_DATA, "--tokens", "required")
    cloud.boot(instance)
    instance.prove_finished()
    assert instance.complaints() == []
    assert instance.stored("user-data.txt") == USER_DATA
    assert instance.text("/root/written") == "it ran"
    assert instance.guest.current_hostname() == instance.hostname
    assert instance.guest.addresses() == [f"{instance.ip}/24"]
    asked = cloud.asked(instance, 5)
    assert ("/latest/api/token", "200") in asked
    assert {status for _, status in asked} == {"200"}
    said = cloud.installation.succeed("status", "n1", "--tokenless", "--json")
    assert json.loads(said) == []
