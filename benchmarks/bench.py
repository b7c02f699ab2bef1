"""What every measurement needs: a machine to throw away, processors, a table.

The server that is measured has one processor for itself, and who asks it another.
Other work on the machine makes wall-clock times longer; processor time of the server
(from /proc/PID/schedstat, in nanoseconds) hardly changes, so both are shown.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.lab.installation import PACKAGES
from appliance.lab.installation import ROOT
from appliance.lab.installation import Installation
from appliance.lab.installation import descendants
from appliance.lab.machine import Machine
from appliance.lab.patience import until

ASKING, SERVING = 0, 1  # processors
SMALL, MIDDLE, LARGE = 10, 1_000, 10_000  # bindings
FIRST_ADDRESS = IPv4Address("10.8.1.0")
NETWORK = b"""\
[network]
subnet = "10.8.0.0/16"
gateway = "10.8.0.1"
dhcp_address = "10.8.0.2"
domain = "n1.example"
dns = ["10.8.0.53"]

[attach]
bridge = "br0"

[limits]
requests_per_second_per_ip = 1000000  # one guest asks for all
burst_per_ip = 1000000
dhcp_per_second_per_mac = 1000000  # ten guests without a pause are a flood to us
"""
BYTECODE = "/run/pycache"  # in the machine's memory
ENVIRONMENT = {
    "PYTHONPYCACHEPREFIX": BYTECODE,
    "METALEASE_ROOT": ROOT,
    "PYTHONPATH": str(PACKAGES),
}
END_WITHIN = 20.0  # seconds
READY_WITHIN = 60.0  # seconds


def mac(number: int) -> str:
    return f"fa:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def address(number: int) -> str:
    return str(FIRST_ADDRESS + number)


class Room:
    """A machine with a network, a guest that asks, and perhaps a peer of ours."""

    def __init__(self, disk: str) -> None:
        """*disk* is a directory outside, of a real disk: /run is memory, where an fsync
        costs nothing and a look for a missing file never comes from a cache."""
        self.machine = Machine()
        try:
            self.machine.add_bridge("br0")
            self.installation = Installation(self.machine)
            os.chmod(disk, 0o755)
            for words in (["--bind", disk], ["-o", "remount,bind,rw"]):
                mounted = self.machine.run(["mount", *words, ROOT])
                assert mounted.returncode == 0, mounted.stderr
            self.installation.succeed("net", "add", "n1", "-", stdin=NETWORK)
            self.guest = self.machine.add_guest("asking", mac(0), bridge="br0")
            self.guest.ip("address", "add", f"{address(0)}/16", "dev", "eth0")
            self.guest.ip("route", "add", "169.254.169.254", "via", "10.8.0.2")
            # bytecode is compiled once, as an installed package's is
            words = ["put", "n1", address(0), "--mac", mac(0)]
            self.machine.run(
                [sys.executable, "-m", "appliance.cli", *words],
                environment=ENVIRONMENT,
            )
            self.end(self.start())
        except BaseException:
            self.machine.close()
            raise

    @property
    def root(self) -> Path:
        """The state's root, as this process sees it."""
        return self.machine.path(ROOT)

    def fill(self, count: int) -> None:
        """Have just *count* bindings on disk."""
        bindings = self.root / "var/lib/metalease/n1/bindings"
        for path in bindings.glob("*.json"):
            path.unlink()
        for number in range(count):
            values = {"mac": mac(number), "ip": address(number)}
            path = bindings / f"{mac(number).replace(':', '')}.json"
            path.write_text(json.dumps(values))

    def launch(self) -> Process:
        """Start the daemon, and do not wait."""
        words = [sys.executable, "-m", "appliance.cli", "run", "n1"]
        return self.machine.start(words, environment=ENVIRONMENT)

    def start(self) -> Process:
        """Start the daemon on its processor; return when it serves."""
        daemon = self.launch()
        ready = ["status", "n1"]
        until(
            lambda: self.installation.metalease(*ready).returncode == 0,
            "the daemon serves",
            within=READY_WITHIN,
            log=daemon.output,
        )
        pin(daemon.pid, SERVING)
        return daemon

    def end(self, daemon: Process) -> None:
        daemon.signal(15)
        daemon.wait(END_WITHIN)

    def become(self, guest: Guest, number: int) -> None:
        """Give *guest* the MAC and the address of guest *number*."""
        guest.ip("link", "set", "eth0", "down")
        guest.ip("address", "flush", "dev", "eth0")
        guest.ip("link", "set", "eth0", "address", mac(number), "up")
        guest.ip("address", "add", f"{address(number)}/16", "dev", "eth0")
        if guest is self.guest:
            guest.ip("route", "replace", "169.254.169.254", "via", "10.8.0.2")

    def workers(self, process: Process) -> list[int]:
        """The processes that *process* has started."""
        return descendants(process.pid)

    def add_peer(self) -> Guest:
        """Plug in a machine for another server, with a bridge and a guest of its own.

        The guest that asks it is `peer_guest`.
        """
        self.machine.add_bridge("br1")
        self.peer_guest = self.machine.add_guest("asking1", mac(0), bridge="br1")
        self.peer_guest.ip("address", "add", f"{address(0)}/16", "dev", "eth0")
        self.peer = self.machine.add_guest("peer", "02:00:00:00:00:03", bridge="br1")
        self.peer.ip("address", "add", "10.8.0.3/16", "dev", "eth0")
        return self.peer


@contextmanager
def room() -> Iterator[Room]:
    with tempfile.TemporaryDirectory(prefix="metalease-benchmark-") as disk:
        opened = Room(disk)
        try:
            yield opened
        finally:
            opened.machine.close()


def server_of(daemon: Process) -> int:
    """The process of ours that guests speak to."""
    return descendants(daemon.pid)[-1]


def pin(process: int, *processors: int) -> None:
    """Have *process*, its children and all their threads on these processors."""
    for each in (process, *descendants(process)):
        for task in os.listdir(f"/proc/{each}/task"):
            os.sched_setaffinity(int(task), processors)


def processor_seconds(process: int) -> float:
    """The time that *process* has had on a processor."""
    tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers are medians unless the header says else."""
    texts = [[_shown(each) for each in row] for row in rows]
    widths = [
        max(len(x) for x in column) for column in zip(header, *texts, strict=True)
    ]
    print(f"\n{title}")
    for line in ([*header], *texts):
        first, *rest = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
        print("  " + "  ".join(cells))
    sys.stdout.flush()


def _shown(value: object) -> str:
    match value:
        case list():
            return _shown(statistics.median(value))
        case float() if abs(value) >= 1000:
            return f"{value:,.0f}"
        case float():
            return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
        case _:
            return str(value)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Say how many times as much as theirs ours is, by medians."""
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}x"
