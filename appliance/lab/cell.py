"""A cell: namespaces of its own, which end with whoever owns them.

The owner stays outside and sends processes in with nsenter(1), so what a test or the
lab does in a cell is what a person does by hand. Files inside are seen from outside
below /proc/PID/root (`Cell.path`), so nothing has to be left on the real disk.
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import weakref
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import SettingsError
from .patience import TooSlowError
from .patience import until

INIT = Path(__file__).with_name("init.py")
START_AT_MOST = 20.0  # seconds for a cell to be furnished, on a busy machine
END_AT_MOST = 20.0  # seconds for the kernel to kill what runs in a cell

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
}


@dataclass(frozen=True, slots=True)
class Furniture:
    """What a cell is made of."""

    hostname: str
    surrounding: int | None = None
    """The init of the cell to make it in; None is the machine outside."""
    writable: tuple[str, ...] | None = None
    """A guest's directories of its own, all else being read-only; None: no guest."""
    machine_id: str = ""
    """A guest's, 32 hex digits: systemd-networkd makes its DUID from it."""


def require(*programs: str) -> None:
    """Raise SettingsError for what is not installed; never skip what needs it."""
    for program in programs:
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            raise SettingsError("lab", f"{program} is not installed: run `make deps`")


class Process:
    """A process inside a cell, and what it has written so far."""

    def __init__(
        self,
        enter: Sequence[str],
        argv: Sequence[str],
        stdin: bytes | None,
        environment: Mapping[str, str],
    ) -> None:
        self.argv = list(argv)
        # Files in memory, not pipes: a client that goes to the background keeps them
        # open, and nobody waits for it.
        self._stdin, self._stdout, self._stderr = (
            os.memfd_create(name) for name in ("stdin", "stdout", "stderr")
        )
        for file in (self._stdin, self._stdout, self._stderr):
            weakref.finalize(self, os.close, file)
        os.pwrite(self._stdin, stdin or b"", 0)
        self._entering = subprocess.Popen(
            [*enter, "--", *argv],
            stdin=self._stdin,
            stdout=self._stdout,
            stderr=self._stderr,
            env={**ENVIRONMENT, **environment},
            start_new_session=True,  # Ctrl-C is the owner's to answer
        )
        self.pid = until(self._inside, f"nsenter runs {argv}", within=START_AT_MOST)

    def _inside(self) -> int:
        """The PID, as the outside sees it, of the one child that nsenter waits for."""
        pid = self._entering.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:
            children = ""  # nsenter is gone already
        if children:
            return int(children.split()[0])
        return -1 if self._entering.poll() is not None else 0

    def poll(self) -> int | None:
        """The exit code, negative for a signal, None while it runs."""
        return self._entering.poll()

    def wait(self, within: float) -> int:
        """Return the exit code; kill it and raise TooSlowError when it takes longer."""
        try:
            return self._entering.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            took = f"{self.argv} took over {within:g} s"
            raise TooSlowError(f"{took}\n{self.output()}") from None

    def signal(self, number: int) -> None:
        """Send *number* to the process itself, unless it has ended."""
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass  # it ended meanwhile

    def kill(self) -> None:
        """End it as kill -9 does, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self._entering.wait(END_AT_MOST)

    def stdout(self) -> str:
        return self._read(self._stdout)

    def stderr(self) -> str:
        return self._read(self._stderr)

    def output(self) -> str:
        """All that it wrote, for a reader who wonders what went wrong."""
        return self.stdout() + self.stderr()

    @staticmethod
    def _read(file: int) -> str:
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


class Cell:
    """Namespaces of every kind but user and time, held by a first process.

    Resource handling: `close`, the end of the `with` block, and the end of this
    process by any signal all end everything inside.
    """

    def __init__(self, furniture: Furniture) -> None:
        if os.geteuid() != 0:
            raise SettingsError(
                "lab", "it makes namespaces: run it as root: sudo make lab"
            )
        require("ip", "nsenter")
        self.hostname = furniture.hostname
        self._processes: list[Process] = []
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            # The kernel stamps the message with the sender's PID as *we* see it.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ours.settimeout(START_AT_MOST)
            spec, ready = json.dumps(asdict(furniture)), str(theirs.fileno())
            self._holding = subprocess.Popen(
                [sys.executable, "-I", "-S", str(INIT), spec, ready],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=ENVIRONMENT,
                start_new_session=True,
            )
            theirs.close()
            problem, ancillary, _, _ = ours.recvmsg(65536, socket.CMSG_SPACE(12))
        if problem or not ancillary:
            self.close()
            last = problem.decode(errors="replace").strip().rpartition("\n")[2]
            raise SettingsError("lab", f"this machine lacks what a lab needs: {last}")
        self.pid: int = struct.unpack("3i", ancillary[0][2])[0]
        """The cell's first process as the outside sees it: `nsenter --target`."""

    def path(self, inside: str) -> Path:
        """A file of the cell as the outside sees it."""
        return Path(f"/proc/{self.pid}/root") / inside.lstrip("/")

    def entrance(self) -> list[str]:
        """The command that runs a command inside: a person can use it too."""
        return ["nsenter", "-t", str(self.pid), "-a"]

    def start(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        environment: Mapping[str, str] = ENVIRONMENT,
    ) -> Process:
        """Start a process inside."""
        process = Process(self.entrance(), argv, stdin, environment)
        running = [each for each in self._processes if each.poll() is None]
        self._processes = [*running, process]
        return process

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        environment: Mapping[str, str] = ENVIRONMENT,
        within: float = 30.0,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a process inside to its end, whatever its exit code is."""
        process = self.start(argv, stdin=stdin, environment=environment)
        code = process.wait(within)
        return subprocess.CompletedProcess(
            process.argv, code, process.stdout(), process.stderr()
        )

    def ip(self, *words: str) -> str:
        """Run ip(8) in the network namespace alone, so /proc/PID/ns/net is a name."""
        argv = ["nsenter", "-t", str(self.pid), "-n", "ip", *words]
        done = subprocess.run(argv, capture_output=True, text=True, env=ENVIRONMENT)
        if done.returncode != 0:
            raise SettingsError("lab", f"`{' '.join(argv)}`: {done.stderr.strip()}")
        return done.stdout

    def alive(self) -> bool:
        """Whether it still holds; its end is seen here first."""
        return self._holding.poll() is None

    def close(self) -> None:
        """End everything inside, and return when it is gone."""
        if self._holding.stdin is not None:
            self._holding.stdin.close()
        try:
            self._holding.wait(END_AT_MOST)
        except subprocess.TimeoutExpired:
            self._holding.kill()
            raise
        for process in self._processes:
            process.wait(END_AT_MOST)  # killed with the cell: leave no zombies of ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
