"""A disk without room: what was there stays, and whoever wrote is told."""

import os
import subprocess
from pathlib import Path

import pytest

from appliance.errors import NOT_RUNNING
from appliance.lab.guest import Guest
from appliance.lab.installation import ROOT
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .packets import Wire
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

ADDRESS = "10.0.0.11"
STATE = "var/lib/metalease/n1"
SIZE = 1 << 20  # octets of the disk
DATA = b"#cloud-config\nhostname: before\n"
REFUSED = 1


@pytest.fixture
def state(machine: Machine, installation: Installation) -> Path:
    """The network's state directory, a disk of 1 MiB."""
    directory = installation.root / STATE
    directory.mkdir(parents=True, exist_ok=True)
    disk = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "disk"]
    assert machine.run([*disk, f"{ROOT}/{STATE}"]).returncode == 0
    return directory


@pytest.fixture
def bound(installation: Installation, state: Path, guest: Guest) -> Daemon:
    """A daemon with a guest that has a name and user-data."""
    named = ("--mac", guest.mac, "--hostname", "before", "--user-data", "-")
    first = installation.metalease("put", "n1", ADDRESS, *named, stdin=DATA)
    assert first.returncode == NOT_RUNNING, first.stderr
    daemon = installation.start("n1")
    take_address(guest, ADDRESS, server="10.0.0.2")
    return daemon


def files(state: Path) -> dict[str, bytes]:
    """Every file of the state directory, with what it holds."""
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file()
    }


def fill(state: Path) -> Path:
    """Leave no room at all."""
    rest = state / "rest"
    with rest.open("wb") as file:
        while room := os.statvfs(state).f_bavail * os.statvfs(state).f_bsize:
            file.write(bytes(room))
            file.flush()
    return rest


def refused(done: "subprocess.CompletedProcess[str]", path: str) -> None:
    """Check that *done* failed in one line that says what and where."""
    assert done.returncode == REFUSED
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert path in line
    assert "No space left on device" in line
    assert "what was there is unchanged" in line


CHANGES = {
    "another address": (["put", "n1", "10.0.0.50", "--mac", "fa:16:3e:00:00:11"], b""),
    "a binding": (["put", "n1", ADDRESS, "--hostname", "after"], b""),
    "user-data": (["put", "n1", ADDRESS, "--user-data", "-"], b"after"),
    "a document": (["file", "put", "n1", ADDRESS, "user-data"], b"after"),
    "a new document": (["file", "put", "n1", ADDRESS, "meta-data/x", "-"], b"after"),
    "a shared one": (["file", "put", "n1", "shared", "agent"], bytes(SIZE)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_lost(
    change: tuple[list[str], bytes],
    installation: Installation,
    state: Path,
    bound: Daemon,
    guest: Guest,
) -> None:
    """What cannot be written is refused with exit 1; the old file is whole, nothing
    half is left beside it, and it stays in force (issue 3, a full disk)."""
    words, octets = change
    rest = fill(state)
    before = files(state)
    done = installation.metalease(*words, stdin=octets)
    refused(done, f"{ROOT}/{STATE}")
    assert files(state) == before
    with Wire(guest) as wire:
        assert wire.ask(guest.mac).hostname == "before"
        assert wire.get("/latest/user-data") == (200, DATA.decode())
    rest.unlink()
    if len(octets) < SIZE:
        installation.succeed(*words, stdin=octets)
        assert files(state) != before


def post(guest: Guest, path: str) -> str:
    """Return the status of what a guest posts."""
    words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "secret"]
    return guest.run([*words, f"http://169.254.169.254{path}"]).stdout


def test_what_a_guest_posts_is_refused_whole(
    bound: Daemon, state: Path, guest: Guest
) -> None:
    """issue 5.5: without room a password and a word of phone-home are 507, as often as
    they come, and leave nothing behind; with room again they are kept."""
    rest = fill(state)
    before = files(state)
    for path in ("/openstack/latest/password", "/phone-home") * 2:
        assert post(guest, path) == "507", bound.log()
    assert files(state) == before
    assert list((state / "spool").iterdir()) == []
    rest.unlink()
    for path in ("/openstack/latest/password", "/phone-home"):
        assert post(guest, path) == "200"
    assert bound.process.poll() is None, bound.log()


def test_a_new_guest_is_refused_whole(
    installation: Installation, state: Path, bound: Daemon, guest: Guest
) -> None:
    """A guest that there is no room for is not bound at all, nor is its data there;
    with room again the same command binds it (issue 3, a full disk)."""
    rest = fill(state)
    before = files(state)
    other = "fa:16:3e:00:00:12"
    words = ("put", "n1", "10.0.0.12", "--mac", other, "--user-data", "-")
    assert installation.metalease(*words, stdin=b"new").returncode == REFUSED
    assert files(state) == before
    with Wire(guest) as wire:
        silent = wire.send(other)
        answers = wire.receive_until([wire.send(guest.mac)])
        assert silent not in {each.xid for each in answers}
        rest.unlink()
        installation.succeed(*words, stdin=b"new")
        assert wire.ask(other).address == "10.0.0.12"
