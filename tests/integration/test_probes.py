"""What scripts in images ask: Amazon's ec2-metadata, Ubuntu's ec2metadata, cirros.

The first two are run as their packages ship them; of cirros, whose scripts no package
ships, the same requests are made with the same curl (clients.md, C60-C64).
"""

from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .heard import heard
from .imds import METADATA
from .imds import bind
from .imds import plug

pytestmark = [pytest.mark.machine, pytest.mark.long]

EC2_METADATA = Path(__file__).parents[2] / ".deps-ec2/usr/bin/ec2-metadata"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIebzyTQyGXJ9PFN3qPAwaETSDRKzG2hUk2v ops"
USER_DATA = "#!/bin/sh\necho ran"
KEYS = f"""\
keyname:ops
index:0
format:openssh-key
key:(begins from next line)
{KEY}
ramdisk-id: not available
"""
CURL = ("curl", "--silent", "--fail", "--max-time", "10", "--retry", "3")
NOT_FOUND = 22  # curl's exit code for 400 and more

# cirros asks in this order; what it does not need is a warning
CIRROS = (
    ("meta-data/instance-id", "i-11"),
    ("meta-data/public-keys", "0=ops"),
    ("meta-data/public-keys/0/openssh-key", KEY),
    ("meta-data/ami-launch-index", "0"),
    ("meta-data/instance-type", "vm"),
    ("meta-data/local-ipv4", "10.0.0.11"),
    ("meta-data/public-ipv4", None),
    ("meta-data/hostname", "web.n1.example"),
    ("meta-data/local-hostname", "web"),
    ("user-data", USER_DATA),
    ("meta-data/block-device-mapping", None),
)


@pytest.fixture
def guest(installation: Installation, daemon: Daemon, machine: Machine) -> Guest:
    guest = plug(machine, 11)
    give(installation)
    return guest


def give(installation: Installation, *words: str) -> None:
    installation.machine.path("/run/key").write_text(KEY + "\n")
    installation.machine.path("/run/user-data").write_text(USER_DATA)
    named = ("--hostname", "web", "--ssh-key", "ops=/run/key")
    bind(installation, 11, *named, "--user-data", "/run/user-data", *words)


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_ec2_metadata(
    tokens: str, guest: Guest, installation: Installation, daemon: Daemon
) -> None:
    """clients C63: with a token from the first request on, which is never refused; it
    doubles slashes, and lists a key's directory."""
    give(installation, "--tokens", tokens, "--meta", "role=web")
    done = guest.run(["bash", str(EC2_METADATA), "--all"])
    assert (done.returncode, done.stderr) == (0, ""), done
    assert KEYS in done.stdout
    lines = done.stdout.splitlines()
    for line in (
        "instance-id: i-11",
        "local-hostname: web",
        "local-ipv4: 10.0.0.11",
        "security-groups: default",
        "placement: nova",
        "user-data: #!/bin/sh",
    ):
        assert line in lines
    assert "tags: \n\t role: web\n" in done.stdout
    [first, *rest] = heard(guest, daemon)
    assert first == ("PUT", "/latest/api/token", "200")
    assert ("GET", "/latest//meta-data/ramdisk-id", "404") in rest
    assert ("GET", "/latest//meta-data/reservation-id", "200") in rest
    assert {status for *_, status in rest} == {"200", "404"}


def test_ec2_metadata_without_an_endpoint(
    guest: Guest, installation: Installation
) -> None:
    """metadata T11, clients C63: it says that there is none, and ends."""
    give(installation, "--endpoint", "no")
    done = guest.run(["bash", str(EC2_METADATA), "--all"])
    assert done.returncode == 1
    assert "Could not get IMDSv2 token" in done.stdout


@pytest.mark.parametrize("tokens", ["optional", "required"])
def test_ubuntus_ec2metadata(
    tokens: str, guest: Guest, installation: Installation, daemon: Daemon
) -> None:
    """Of cloud-guest-utils: every leaf that it knows, each 200 or 404."""
    give(installation, "--tokens", tokens)
    done = guest.run(["ec2metadata"])
    assert (done.returncode, done.stderr) == (0, ""), done
    lines = done.stdout.splitlines()
    for line in (
        "instance-id: i-11",
        "availability-zone: nova",
        "local-ipv4: 10.0.0.11",
        f"public-keys: ['{KEY}']",
        "kernel-id: unavailable",
    ):
        assert line in lines
    assert {status for *_, status in heard(guest, daemon)} == {"200", "404"}


def test_cirros(guest: Guest, daemon: Daemon) -> None:
    """clients C60, C61: its curl follows nothing, so no slash is missed; an id that the
    operator gave as i-... is so at once, for which it would wait 40 s."""
    for path, text in CIRROS:
        done = guest.run([*CURL, f"{METADATA}/2009-04-04/{path}"])
        expected = (NOT_FOUND, "") if text is None else (0, text)
        assert (done.returncode, done.stdout) == expected, path
    assert [status for *_, status in heard(guest, daemon)] == [
        "404" if text is None else "200" for _, text in CIRROS
    ]


def test_busybox(guest: Guest, daemon: Daemon) -> None:
    """clients C64, C73: its wget, which closes, with and without a last slash."""
    for path in ("instance-id", "instance-id/", "/instance-id"):
        url = f"{METADATA}/latest/meta-data/{path}"
        done = guest.run(["busybox", "wget", "-q", "-O", "-", url])
        assert (done.returncode, done.stdout) == (0, "i-11"), done
    assert [status for *_, status in heard(guest, daemon)] == ["200"] * 3
