"""`metalease lab`, the first thing that a newcomer runs."""

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.lab.installation import descendants
from appliance.lab.patience import until

pytestmark = pytest.mark.machine

PACKAGES = Path(__file__).parents[2]
LAB = [sys.executable, "-m", "appliance.cli", "lab"]
LAB_WITHIN = 60.0  # seconds for the whole of it
GONE_WITHIN = 10.0  # seconds for the kernel to clean up after a kill -9
WIDTH = 100  # columns
GUESTS = ("web-1", "web-2", "web-3")


class Watched:
    """A running lab: what it has shown so far."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self._screen = screen
        self._shown = b""
        os.set_blocking(screen, False)

    def shown(self) -> str:
        try:
            while more := os.read(self._screen, 65536):
                self._shown += more
        except (BlockingIOError, OSError):
            pass  # nothing more now; or, of a terminal, nobody writes any more
        return self._shown.decode()

    def until_shown(self, text: str) -> None:
        until(
            lambda: text in self.shown() or self.process.poll() is not None,
            f"the lab shows {text!r}",
            within=LAB_WITHIN,
            log=self.shown,
        )
        assert text in self.shown(), self.shown()

    def end(self) -> int:
        until(
            lambda: self.process.poll() is not None or (self.shown() and False),
            "the lab ends",
            within=LAB_WITHIN,
            log=self.shown,
        )
        return self.process.wait()


@pytest.fixture
def lab() -> Iterator[Watched]:
    """The lab with nobody at a terminal."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        LAB, cwd=PACKAGES, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing
    ) as process:
        os.close(writing)
        yield Watched(process, reading)
        process.kill()
    os.close(reading)


@pytest.fixture
def terminal() -> Iterator[tuple[Watched, int]]:
    """The lab on a terminal, and that terminal's keyboard."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        LAB, cwd=PACKAGES, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        yield Watched(process, ours), ours
        process.kill()
    os.close(ours)


def test_three_guests_come_up_and_all_is_gone(lab: Watched) -> None:
    """Each guest's questions and answers are shown, and nobody has to clean up."""
    assert lab.end() == 0
    shown = lab.shown()
    tables = re.split(r"^-+$", shown, flags=re.MULTILINE)
    for guest in GUESTS:
        (table,) = [each for each in tables if each.lstrip().startswith(f"{guest}  ")]
        assert re.search(r"DHCP DISCOVER +OFFER 10\.0\.0\.\d+ +\d+\.\d\d$", table, re.M)
        assert re.search(r"DHCP REQUEST +ACK +10\.0\.0\.\d+ +\d+\.\d\d$", table, re.M)
        assert re.search(r"GET /\S+/user-data +200 #cloud-config", table), table
        assert re.search(rf"GET /\S+/local-hostname +200 {guest} ", table), table
    assert shown.rstrip().splitlines()[-1].startswith("All of it is gone")
    assert max(map(len, shown.splitlines())) <= WIDTH


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_lab_leaves_nothing(
    lab: Watched, number: signal.Signals
) -> None:
    """Ended in the middle by any signal, all its processes end; that the machine is
    as before is proved by the fixture of every test here."""
    lab.until_shown("web-1  dhclient  ")
    processes = descendants(lab.process.pid)
    assert len(processes) > len(GUESTS)
    lab.process.send_signal(number)
    lab.end()
    until(
        lambda: not [each for each in processes if Path(f"/proc/{each}").exists()],
        f"the {len(processes)} processes of the lab are gone",
        within=GONE_WITHIN,
    )


def test_a_person_can_look_around_and_ends_it(terminal: tuple[Watched, int]) -> None:
    """On a terminal it waits for Enter; the commands that it prints work meanwhile."""
    lab, keyboard = terminal
    lab.until_shown("Press Enter")
    entrances = dict(re.findall(r"^  (\S+) +(nsenter .*?)\s*$", lab.shown(), re.M))
    assert set(entrances) == {"hypervisor", "gateway", *GUESTS}
    url = "http://169.254.169.254/latest/meta-data/local-hostname"
    for guest in GUESTS:
        asked = [*shlex.split(entrances[guest]), "curl", "-sS", "-m", "5", url]
        assert subprocess.check_output(asked, text=True) == guest
    tries = re.findall(r"^  # (\S+/metalease .*?)\s*$", lab.shown(), re.M)
    for command in tries:
        inside = [*shlex.split(entrances["hypervisor"]), *shlex.split(command)]
        done = subprocess.run(inside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done)
        assert done.stdout
    os.write(keyboard, b"\n")
    assert lab.end() == 0
    assert "All of it is gone" in lab.shown()
