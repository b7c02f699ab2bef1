"""cloudbase-init 1.1, the agent of Windows guests, boots from us (clients.md, C50-C58).

Its services and plugins run as they are (tests/oracles/cloudbase.py); what they would
ask Windows is told to them.
"""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .heard import heard
from .imds import bind
from .imds import configure
from .imds import mac_of
from .imds import plug

pytestmark = [pytest.mark.machine, pytest.mark.long]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-cloudbase/bin/python"
ORACLE = ROOT / "tests/oracles/cloudbase.py"
USER_DATA = b"\x1f\x8b\0 as it was given"
KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7 ops"
SERVED = "10.0.0.2"


@pytest.fixture
def guest(installation: Installation, daemon: Daemon, machine: Machine) -> Guest:
    """A guest with all that an operator can say."""
    guest = plug(machine, 11)
    machine.path("/run/key").write_text(KEY + "\n")
    machine.path("/run/user-data").write_bytes(USER_DATA)
    words = ("--hostname", "web", "--ssh-key", "ops=/run/key")
    bind(installation, 11, *words, "--user-data", "/run/user-data")
    return guest


def run(guest: Guest, *words: str) -> dict[str, Any]:
    """Run cloudbase-init in *guest* and return what it found."""
    assert PYTHON.exists(), "run `make deps`"
    done = guest.run(
        [str(PYTHON), "-I", str(ORACLE), *words], environment={"TOOLS": "/tmp"}
    )
    assert done.returncode == 0, done
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_openstack(guest: Guest, daemon: Daemon) -> None:
    """clients C52, C53: HttpService knows who it is, its keys, its user-data to the
    octet and its NIC; nothing is tried again."""
    assert run(guest, "openstack") == {
        "loaded": True,
        "id": "i-11",
        "hostname": "web.n1.example",
        "keys": [KEY],
        "user_data": base64.b64encode(USER_DATA).decode(),
        "password": None,
        "links": [[mac_of(11), 1450]],
        "addresses": [],  # DHCP's to tell
    }
    latest = "/openstack/latest"
    assert heard(guest, daemon) == [
        ("GET", f"{latest}/meta_data.json", "200"),
        ("GET", f"{latest}/user_data", "200"),
        ("GET", f"{latest}/network_data.json", "200"),
    ]


def test_openstack_without_anything(
    guest: Guest, installation: Installation, daemon: Daemon
) -> None:
    """clients C53: user_data is 404 where there is none, and asked for once."""
    installation.succeed("rm", "n1", "10.0.0.11")
    bind(installation, 11)
    found = run(guest, "openstack")
    assert (found["user_data"], found["keys"]) == (None, [])
    assert [(url, status) for _, url, status in heard(guest, daemon)] == [
        ("/openstack/latest/meta_data.json", "200"),
        ("/openstack/latest/user_data", "404"),
        ("/openstack/latest/network_data.json", "200"),
    ]


def test_admin_pass(guest: Guest, installation: Installation) -> None:
    """clients C52: the password that the operator gave."""
    installation.succeed("rm", "n1", "10.0.0.11")
    bind(installation, 11, "--admin-pass", "s3cret")
    assert run(guest, "openstack")["password"] == "s3cret"


def test_ec2(guest: Guest, daemon: Daemon) -> None:
    """clients C56: EC2Service, which asks for public-keys without a slash."""
    assert run(guest, "ec2") == {
        "loaded": True,
        "id": "i-11",
        "hostname": "web",
        "keys": [KEY],
        "user_data": base64.b64encode(USER_DATA).decode(),
        "password": None,
        "links": None,
        "addresses": None,
    }
    tree = "/2009-04-04/meta-data"
    assert heard(guest, daemon) == [
        ("GET", f"{tree}/local-hostname", "200"),
        ("GET", "/2009-04-04/user-data", "200"),
        ("GET", f"{tree}/instance-id", "200"),
        ("GET", f"{tree}/public-keys", "200"),
        ("GET", f"{tree}/public-keys/0/openssh-key", "200"),
    ]


def test_ec2_without_keys(guest: Guest, installation: Installation) -> None:
    """clients C56, C72: no keys are an empty answer: it throws at a 404."""
    installation.succeed("rm", "n1", "10.0.0.11")
    bind(installation, 11)
    assert run(guest, "ec2")["keys"] == []


def test_mtu(guest: Guest, daemon: Daemon) -> None:
    """clients C27: a unicast DISCOVER to the DHCP address, from the guest's own, is
    answered with the MTU, which Windows has from nowhere else."""
    assert run(guest, "mtu", SERVED) == {"mtu": {"eth0": 1450}}
    heard(guest, daemon)  # and so the DISCOVER before
    queries = [each for each in daemon.events() if each.kind == "dhcp"]
    assert [(x["type"], x["reply"], x["mac"]) for x in queries] == [
        ("DISCOVER", "OFFER", mac_of(11))
    ]


def test_ntp(guest: Guest, installation: Installation) -> None:
    """clients C27: option 42 where the operator gave it; else nothing, and no fault."""
    assert run(guest, "ntp", SERVED) == {}
    bind(installation, 11, "--option", "42=10.0.0.123,10.0.0.124")
    assert run(guest, "ntp", SERVED) == {"ntp": ["10.0.0.123", "10.0.0.124"]}


@pytest.mark.parametrize("form", ["iso9660", "vfat"])
def test_config_drive(
    form: str, guest: Guest, installation: Installation, daemon: Daemon
) -> None:
    """issue 5.9: its reader of raw disks finds an ISO by its sectors and hands it to
    bsdtar, finds vfat by mlabel and hands it to mcopy, and knows all from it."""
    words = ("config-drive", "n1", "10.0.0.11", "-o", "/run/drive", "--format", form)
    installation.succeed(*words)
    image = installation.machine.path("/run/drive").read_bytes()
    guest.path("/run/drive").write_bytes(image)
    assert run(guest, "drive", form, "/run/drive") == {
        "loaded": True,
        "id": "i-11",
        "hostname": "web.n1.example",
        "keys": [KEY],
        "user_data": base64.b64encode(USER_DATA).decode(),
        "password": None,
        "links": [[mac_of(11), 1450]],
        "addresses": [],
    }
    assert heard(guest, daemon) == []


def test_config_drive_without_dhcp(guest: Guest, installation: Installation) -> None:
    """issue 5.9: where DHCP is off, its address is on the drive."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(f"{settings.read_text()}\n[dhcp]\nenabled = false\n")
    installation.succeed("config-drive", "n1", "10.0.0.11", "-o", "/run/drive")
    image = installation.machine.path("/run/drive").read_bytes()
    guest.path("/run/drive").write_bytes(image)
    found = run(guest, "drive", "iso9660", "/run/drive")
    assert found["addresses"] == ["10.0.0.11/24"]


def test_password(
    guest: Guest, installation: Installation, daemon: Daemon, tmp_path: Path
) -> None:
    """clients C54, C55, issue 5.5: it finds none, posts one for the guest's key, and
    finds it at its next boot: then it never posts again. Its operator reads it."""
    key = tmp_path / "key"
    words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]
    subprocess.run([*words, "-f", key], check=True)
    public = key.with_suffix(".pub").read_text()
    installation.machine.path("/run/key").write_text(public)
    bind(installation, 11, "--hostname", "web", "--ssh-key", "ops=/run/key")
    once = {"can": True, "was_set": False, "said": True, "is_set": True}
    assert run(guest, "password", "s3cret") == once
    assert run(guest, "password", "other") == {**once, "was_set": True}
    posts = [each for each in heard(guest, daemon) if each[0] == "POST"]
    assert posts == [("POST", "/openstack/2013-04-04/password", "200")]
    text = installation.succeed("spool", "n1", "10.0.0.11", "password")
    opened = subprocess.run(
        ["openssl", "pkeyutl", "-decrypt", "-inkey", key],
        input=base64.b64decode(text),
        capture_output=True,
        check=True,
    )
    assert opened.stdout == b"s3cret"


@pytest.mark.parametrize("server", ["10.0.0.2", "169.254.169.254"])
def test_cloudstack(server: str, machine: Machine, installation: Installation) -> None:
    """clients C58, issue 5.2, 5.5: CloudStack finds its tree on the DHCP address, and
    its password on port 8080, once."""
    configure(installation, '[metadata]\npresets = ["cloudstack"]\n')
    daemon = installation.start("n1")
    guest = plug(machine, 11)
    machine.path("/run/key").write_text(KEY + "\n")
    machine.path("/run/user-data").write_bytes(USER_DATA)
    words = ["--hostname", "web", "--ssh-key", "ops=/run/key"]
    words += ["--user-data", "/run/user-data"]
    bind(installation, 11, *words, "--admin-pass", "s3cret")
    expected = {
        "loaded": True,
        "id": "i-11",
        "hostname": "web",
        "keys": [KEY],
        "user_data": base64.b64encode(USER_DATA).decode(),
        "password": "s3cret",
        "links": None,
        "addresses": None,
    }
    url = f"http://{server}/"
    assert run(guest, "cloudstack", url) == expected, daemon.log()
    assert run(guest, "cloudstack", url) == {**expected, "password": None}
    bind(installation, 11, *words, "--admin-pass", "an0ther")
    assert run(guest, "cloudstack", url) == {**expected, "password": "an0ther"}
