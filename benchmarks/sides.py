"""The servers that are compared, each on a bridge of its own with a guest that asks.

All have the address 10.8.0.2, the same guests and the same options, so the same frames
are for all of them.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.lab.installation import PACKAGES
from appliance.lab.installation import descendants
from appliance.lab.patience import until
from appliance.namespace import entered

from .bench import BYTECODE
from .bench import READY_WITHIN
from .bench import SERVING
from .bench import Room
from .bench import address
from .bench import pin
from .kea import FILE
from .kea import THREADS
from .kea import configuration
from .kea import start_kea
from .peers import dnsmasq_line
from .peers import restart_dnsmasq
from .peers import start_dnsmasq
from .peers import start_zstack
from .peers import zstack_lines
from .put import SCRIPT
from .ring import Ring

SERVER = IPv4Address("10.8.0.2")
ASKING = "10.8.0.16/16"  # for perfdhcp, which needs an address; no guest's
GIVE_UP = 20.0  # seconds


class Side(Protocol):
    """A server that can be measured."""

    name: str
    at_most: int
    """Bindings with which it can be measured in a bearable time."""
    asking: Guest

    def start(self, count: int) -> None: ...

    def processes(self) -> list[int]: ...

    def change(self, number: int, hostname: str) -> None:
        """Give a guest another name, as this server's users do."""
        ...

    def end(self) -> None: ...


def add_asking(room: Room, name: str, bridge: str, place: int) -> Guest:
    """Plug in who asks: its MAC is no guest's, or its kernel would answer too."""
    asking = room.machine.add_guest(name, f"02:00:00:00:01:{place:02x}", bridge=bridge)
    asking.ip("address", "add", ASKING, "dev", "eth0")
    return asking


def open_ring(guest: Guest) -> Ring:
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        return Ring.open(guest.interface, 68)


class Ours:
    """`metalease run`, with metrics and events."""

    name = "metalease"
    at_most = 1_000_000

    def __init__(self, room: Room) -> None:
        self._room = room
        self._daemon: Process | None = None
        self._putting: subprocess.Popen[bytes] | None = None
        self.asking = add_asking(room, "load0", "br0", 0)

    def start(self, count: int) -> None:
        self._room.fill(count)
        self._daemon = self._room.start()

    def processes(self) -> list[int]:
        assert self._daemon is not None
        return [self._daemon.pid, *descendants(self._daemon.pid)]

    def change(self, number: int, hostname: str) -> None:
        self._reap()
        environment = {
            "PYTHONPATH": str(PACKAGES),
            "PYTHONPYCACHEPREFIX": str(self._room.machine.path(BYTECODE)),
            "METALEASE_ROOT": str(self._room.root),
        }
        words = ["put", "n1", address(number), "--hostname", hostname]
        self._putting = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *words], env=environment
        )

    def _reap(self) -> None:
        if self._putting is not None:
            self._putting.wait(GIVE_UP)
        self._putting = None

    def end(self) -> None:
        self._reap()
        if self._daemon is not None:
            self._room.end(self._daemon)
        self._daemon = None


@dataclass(frozen=True, slots=True)
class Kind:
    """Another server."""

    name: str
    at_most: int
    start: Callable[[Guest, int], Process]
    rewrite: Callable[[Guest, int, int, str], None]
    """In *guest*, have the files of *count* guests with another *hostname* for one."""
    apply: Callable[[Guest, Process], Process]
    """Have the process take its files; return the one that serves then."""


def hang_up(guest: Guest, process: Process) -> Process:
    """Have it read its files again, by SIGHUP."""
    process.signal(signal.SIGHUP)
    return process


def rewrite_hosts(guest: Guest, count: int, number: int, hostname: str) -> None:
    lines = [
        dnsmasq_line(each, hostname if each == number else None)
        for each in range(count)
    ]
    guest.path("/run/hosts").write_text("".join(lines))


def rewrite_zstack(guest: Guest, count: int, number: int, hostname: str) -> None:
    """Erase the VM's lines from both files and append them, as sed does for ZStack."""
    gone, new = zstack_lines(number), zstack_lines(number, hostname)
    for file, old, line in zip(("hosts", "options"), gone, new, strict=True):
        path = guest.path(f"/run/{file}")
        tag = old.partition("tag:" if file == "options" else "set:")[2][:12]
        kept = [each for each in path.read_text().splitlines(True) if tag not in each]
        path.write_text("".join(kept) + line)


def rewrite_kea(threads: int) -> Callable[[Guest, int, int, str], None]:
    def rewrite(guest: Guest, count: int, number: int, hostname: str) -> None:
        text = configuration(count, threads, {number: hostname})
        guest.path(FILE).write_text(text)

    return rewrite


KINDS = (
    Kind(
        "dnsmasq as ZStack writes it",
        10_000,
        start_zstack,
        rewrite_zstack,
        # by SIGHUP, Debian's dies as soon as a VM with a tag was served; ZStack's own
        # is patched, but is restarted for every VM that goes, too
        restart_dnsmasq,
    ),
    Kind(
        "dnsmasq, plain hosts",
        10_000,
        lambda guest, count: start_dnsmasq(guest, count, hosts_file=True),
        rewrite_hosts,
        hang_up,
    ),
    Kind(
        "Kea, one thread",
        1_000_000,
        lambda guest, count: start_kea(guest, count, 1),
        rewrite_kea(1),
        hang_up,
    ),
    Kind(
        "Kea, both processors",
        1_000_000,
        lambda guest, count: start_kea(guest, count, THREADS),
        rewrite_kea(THREADS),
        hang_up,
    ),
)


class Peer:
    """Another server, in a machine of its own."""

    def __init__(self, room: Room, kind: Kind, place: int) -> None:
        self._kind = kind
        self._process: Process | None = None
        self._count = 0
        self.name, self.at_most = kind.name, kind.at_most
        bridge = f"br{place}"
        room.machine.add_bridge(bridge)
        self.asking = add_asking(room, f"load{place}", bridge, place)
        mac = f"02:00:00:00:02:{place:02x}"
        self._serving = room.machine.add_guest(f"peer{place}", mac, bridge=bridge)
        self._serving.ip("address", "add", f"{SERVER}/16", "dev", "eth0")

    def start(self, count: int) -> None:
        self._count = count
        self._process = self._kind.start(self._serving, count)

    def processes(self) -> list[int]:
        assert self._process is not None
        return [self._process.pid]

    def change(self, number: int, hostname: str) -> None:
        assert self._process is not None
        self._kind.rewrite(self._serving, self._count, number, hostname)
        self._process = self._kind.apply(self._serving, self._process)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._process = None


class Reflector:
    """What answers without deciding: the limit of who asks."""

    def __init__(self, room: Room, place: int) -> None:
        bridge = f"br{place}"
        room.machine.add_bridge(bridge)
        self.asking = add_asking(room, f"load{place}", bridge, place)
        mac = f"02:00:00:00:02:{place:02x}"
        self._serving = room.machine.add_guest(f"peer{place}", mac, bridge=bridge)

    def start(self, count: int) -> Process:
        words = [sys.executable, "-m", "benchmarks.reflector"]
        process = self._serving.start(
            [*words, str(count), str(SERVER), "eth0"],
            environment={"PYTHONPATH": str(PACKAGES)},
        )
        until(
            lambda: "serves" in process.stdout(),
            "the reflector serves",
            within=READY_WITHIN,
            log=process.output,
        )
        pin(process.pid, SERVING)
        return process
