"""metalease itself, installed on a machine: its command, its state, its daemons.

Everything is driven as an operator does it, by the real command line. The state is
in the machine's memory, below a root that the daemon's user can reach.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError
from .machine import Machine
from .patience import until

ROOT = "/run/lab"
COMMAND = "/run/bin/metalease"
READY_WITHIN = 20.0  # seconds from `metalease run` to READY=1, on a busy machine
PACKAGES = Path(__file__).resolve().parents[2]
FIELD = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the daemon's log: `dhcp type=DISCOVER reply=OFFER mac=.. us=120`."""

    kind: str
    fields: dict[str, str]

    @classmethod
    def parse(cls, line: str) -> "Event":
        """Parse a line of any kind; what has no key=value has no fields."""
        found = FIELD.findall(line)
        return cls(line.partition(" ")[0], {key: a or b for key, a, b in found})

    def __getitem__(self, key: str) -> str:
        return self.fields.get(key, "")


class Daemon:
    """`metalease run NET` in the foreground of a machine."""

    def __init__(self, machine: Machine, network: str) -> None:
        self.network = network
        self._machine = machine
        door = f"/run/notify-{network}.sock"
        machine.path(door).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(machine.path(door)))
            machine.path(door).chmod(0o777)  # whatever user the daemon has become
            notified.setblocking(False)
            self.process = machine.start(
                [COMMAND, "run", network], environment={"NOTIFY_SOCKET": door}
            )
            until(
                lambda: self._said_ready(notified),
                f"`metalease run {network}` says READY=1",
                within=READY_WITHIN,
                log=self.process.output,
            )

    def _said_ready(self, notified: socket.socket) -> bool:
        if self.process.poll() is not None:
            raise SettingsError(
                "lab", f"`metalease run {self.network}` ended: {self.process.output()}"
            )
        try:
            return b"READY=1" in notified.recv(4096).split()
        except BlockingIOError:
            return False

    def log(self) -> str:
        return self.process.output()

    def events(self) -> list[Event]:
        """Every event so far, in order."""
        return [Event.parse(line) for line in self.process.stdout().splitlines()]

    def serving(self) -> list[int]:
        """The processes that guests can reach: those in a namespace of their own.

        The root parent of one looks into that namespace now and then, without a
        socket that a guest could reach: who has children does not serve.
        """
        outside = os.stat(f"/proc/{self._machine.pid}/ns/net").st_ino
        family = [self.process.pid, *descendants(self.process.pid)]
        serving = [pid for pid in family if not descendants(pid)]
        return [pid for pid in serving if net_namespace(pid) not in (outside, None)]


def descendants(process: int) -> list[int]:
    """The children of *process*, theirs, and so on, as the outside numbers them."""
    try:
        tasks = list(Path(f"/proc/{process}/task").glob("*/children"))
        children = [int(word) for task in tasks for word in task.read_text().split()]
    except OSError:
        return []  # it has ended
    return [each for child in children for each in (child, *descendants(child))]


def net_namespace(process: int) -> int | None:
    try:
        return os.stat(f"/proc/{process}/ns/net").st_ino
    except OSError:
        return None  # it has ended


class Installation:
    """The command line and the state root of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        program = machine.path(COMMAND)
        program.parent.mkdir()
        words = [sys.executable, "-m", "appliance.cli"]
        program.write_text(
            "#!/bin/sh\n"
            f"export METALEASE_ROOT={ROOT} PYTHONDONTWRITEBYTECODE=1\n"
            f"export PYTHONPATH={shlex.quote(str(PACKAGES))}\n"
            f'exec {shlex.join(words)} "$@"\n'
        )
        program.chmod(0o755)
        self.root = machine.path(ROOT)
        self.root.mkdir(mode=0o755)

    def metalease(
        self, *arguments: str, stdin: bytes | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `metalease ARGUMENTS`, whatever its exit code is."""
        return self.machine.run([COMMAND, *arguments], stdin=stdin)

    def succeed(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run `metalease ARGUMENTS`, which must succeed; return what it wrote."""
        done = self.metalease(*arguments, stdin=stdin)
        if done.returncode != 0:
            typed = shlex.join(["metalease", *arguments])
            raise SettingsError("lab", f"`{typed}`: {done.stderr.strip()}")
        return done.stdout

    def start(self, network: str) -> Daemon:
        """Start the daemon of *network*; return when it is ready."""
        return Daemon(self.machine, network)
