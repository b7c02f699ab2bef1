"""From the wish to change a guest to the first packet that shows it.

Ours is the command line, Python's start included; dnsmasq's is what its users do: write
the hosts file anew and send SIGHUP, by a process that runs already.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from appliance.lab.cell import Process
from appliance.lab.installation import PACKAGES
from tests.integration.packets import Wire

from .bench import ASKING
from .bench import BYTECODE
from .bench import LARGE
from .bench import SMALL
from .bench import Room
from .bench import address
from .bench import mac
from .bench import room
from .bench import show
from .peers import dnsmasq_line
from .peers import start_dnsmasq
from .put import SCRIPT

TIMES = 10
GUEST = 5
GIVE_UP = 60.0  # seconds
ASK_AGAIN = 0.02  # seconds
PAUSE = 0.0005  # seconds


def shown(wire: Wire, name: str, change: Callable[[], None]) -> float:
    """Make the change, ask until an answer has *name*; return the milliseconds.

    A server that is busy with the change may lose a question: it is asked again.
    """
    started = time.perf_counter()
    change()
    while time.perf_counter() - started < GIVE_UP:
        wire.send(mac(GUEST))
        answer = wire.receive_within(ASK_AGAIN)
        if answer is not None and answer.hostname == name:
            return (time.perf_counter() - started) * 1e3
        time.sleep(PAUSE)  # a process that makes the change is on this processor too
    raise TimeoutError(f"{name} is not shown in {GIVE_UP:g} s")


def ours(here: Room) -> list[float]:
    environment = {
        "PYTHONPATH": str(PACKAGES),
        "PYTHONPYCACHEPREFIX": str(here.machine.path(BYTECODE)),
        "METALEASE_ROOT": str(here.root),
    }
    times = []
    with Wire(here.guest) as wire:
        for number in range(TIMES):
            name = f"web-{number}"
            words = ["put", "n1", address(GUEST), "--hostname", name]
            argv = [sys.executable, "-c", SCRIPT, *words]
            putting: list[subprocess.Popen[bytes]] = []

            def put(
                argv: list[str] = argv,
                putting: list[subprocess.Popen[bytes]] = putting,
            ) -> None:
                putting.append(subprocess.Popen(argv, env=environment))

            times.append(shown(wire, name, put))
            putting[0].wait()
    return times


def dnsmasq(here: Room, server: Process, count: int) -> list[float]:
    hosts = here.peer.path("/run/hosts")
    others = "".join(dnsmasq_line(each) for each in range(count) if each != GUEST)
    times = []
    with Wire(here.peer_guest) as wire:
        for number in range(TIMES):
            name = f"web-{number}"

            def change(name: str = name) -> None:
                hosts.write_text(others + dnsmasq_line(GUEST, name))
                server.signal(signal.SIGHUP)

            times.append(shown(wire, name, change))
    return times


def main() -> None:
    os.sched_setaffinity(0, {ASKING})
    rows: list[list[object]] = []
    with room() as here:
        here.add_peer()
        for count in (SMALL, LARGE):
            here.fill(count)
            daemon = here.start()
            times = ours(here)
            rows.append([f"metalease put, {count:,}", times, min(times), max(times)])
            here.end(daemon)
            server = start_dnsmasq(here.peer, count, hosts_file=True)
            times = dnsmasq(here, server, count)
            name = f"dnsmasq, hosts file and SIGHUP, {count:,}"
            rows.append([name, times, min(times), max(times)])
            server.kill()
    header = ["ms to the first right answer", "median", "least", "most"]
    show("change", header, rows)


if __name__ == "__main__":
    main()
