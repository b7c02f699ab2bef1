"""What was heard of guests is there after a restart, and is never needed."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.patience import until

pytestmark = [pytest.mark.machine, pytest.mark.long]

ADDRESS = "10.0.0.11"
WITHIN = 20.0  # seconds


def activity(installation: Installation) -> Path:
    return installation.root / "var/lib/metalease/n1/own/activity.jsonl"


def listed(installation: Installation) -> dict[str, Any]:
    (found,) = json.loads(installation.succeed("ls", "n1", "--json"))
    return dict(found)


def boots(guest: Guest) -> None:
    done = guest.run(["udhcpc", "-n", "-q", "-i", "eth0"])
    assert f"lease of {ADDRESS} obtained" in done.stdout + done.stderr


def stop(daemon: Daemon) -> None:
    daemon.process.signal(signal.SIGTERM)
    assert daemon.process.wait(WITHIN) == 0, daemon.log()


@pytest.fixture
def acknowledged(installation: Installation, daemon: Daemon, guest: Guest) -> float:
    """A guest has its address, and its daemon has ended since."""
    installation.succeed("put", "n1", ADDRESS, "--mac", guest.mac)
    boots(guest)
    found = listed(installation)["acknowledged"]
    stop(daemon)
    return float(found)


def test_the_last_ack_is_known_after_a_restart(
    installation: Installation, acknowledged: float
) -> None:
    """dhcp 69: `ls` says what it said before; the file is the daemon's own."""
    assert "(not running)" in installation.succeed("ls", "n1")
    installation.start("n1")
    until(
        lambda: listed(installation)["acknowledged"] == acknowledged,
        "it is known again",
        within=WITHIN,
    )
    assert " s ago" in installation.succeed("ls", "n1")
    facts = activity(installation).stat()
    assert facts.st_uid != 0
    assert facts.st_mode & 0o007 == 0


@pytest.mark.parametrize("damage", ["garbage", "absent", "directory", "pipe"])
def test_a_damaged_file_changes_no_answer(
    installation: Installation, acknowledged: float, guest: Guest, damage: str
) -> None:
    """dhcp 69: the guest gets the same; only what was heard is gone, and is heard of
    anew, and kept where the file can be."""
    path = activity(installation)
    assert path.read_bytes()
    path.unlink()
    match damage:
        case "garbage":
            path.write_bytes(os.urandom(100_000))
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    daemon = installation.start("n1")
    assert listed(installation)["acknowledged"] is None
    boots(guest)
    assert listed(installation)["acknowledged"] > acknowledged
    assert ("is no regular file" in daemon.log()) == (damage in ("directory", "pipe"))
    assert "fault" not in daemon.log()
    stop(daemon)
    if damage != "directory":
        assert json.loads(path.read_bytes())[0] == guest.mac.replace(":", "")
