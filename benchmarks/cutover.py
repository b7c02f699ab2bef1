"""The window of a cut-over, as a guest sees it: how long nobody answers.

A guest sends a DISCOVER and a GET every 5 ms throughout, each on its own; the window is
the longest from one that has no answer to the first answer after it. Beside it, what
the cut-over says of itself: from the stop of theirs until all our sockets answer.
"""

import re
import select
import socket
import sys
import threading
import time
from bisect import bisect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from appliance.lab.installation import PACKAGES
from appliance.lab.machine import Machine
from appliance.namespace import entered
from tests.cutover.host import MAC
from tests.cutover.host import WITHIN
from tests.cutover.host import ZStackHost
from tests.integration.packets import Wire

from .bench import BYTECODE
from .bench import show

TIMES = 5
ASK_EVERY = 0.005  # seconds
HEARD_FOR = 0.002  # seconds
AFTER = 0.5  # seconds that are asked on
GET = b"GET /latest/meta-data/instance-id HTTP/1.0\r\n\r\n"
SAID = re.compile(r"(\d+) ms without an answer")
PARTS = "appliance.commands.cutover, appliance.run, appliance.daemon, appliance.cli"


@dataclass(slots=True)
class Log:
    """When each question was asked, and when those with an answer had it."""

    asked: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)

    def window(self) -> float:
        """Return the longest, in ms, from a miss to the first answer after it."""
        answers = sorted(self.answered.values())
        missed = [at for key, at in self.asked.items() if key not in self.answered]
        waits = [answers[bisect(answers, at)] - at for at in missed if at < answers[-1]]
        return max(waits, default=0.0) * 1e3


class Asking(threading.Thread):
    """Asks every 5 ms until it is told to end."""

    def __init__(self, ask: Callable[[Log], None]) -> None:
        super().__init__()
        self.log = Log()
        self._ask = ask
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            due = time.perf_counter() + ASK_EVERY
            self._ask(self.log)
            self._ended.wait(max(0.0, due - time.perf_counter()))

    def end(self) -> None:
        self._ended.set()
        self.join()


def discover(wire: Wire, log: Log) -> None:
    xid = wire.send(MAC)
    log.asked[xid] = now = time.perf_counter()
    while now < log.asked[xid] + HEARD_FOR:  # the GETs' frames are heard as well
        answer = wire.receive_within(HEARD_FOR / 4)
        now = time.perf_counter()
        if answer is not None:
            log.answered[answer.xid] = now


class Gets:
    """GETs on their way, each on a connection of its own."""

    def __init__(self, host: ZStackHost) -> None:
        self._namespace = Path(f"/proc/{host.guest.pid}/ns/net")
        self._open: dict[socket.socket, int] = {}
        self._sent: set[socket.socket] = set()

    def ask(self, log: Log) -> None:
        key, log.asked[len(log.asked)] = len(log.asked), time.perf_counter()
        with entered(self._namespace):
            opened = socket.socket()
        opened.setblocking(False)
        opened.connect_ex(("169.254.169.254", 1180))
        self._open[opened] = key
        waiting = [*self._open]
        for each in select.select(waiting, [], [], 0.001)[0]:
            try:
                page = each.recv(4096)
            except OSError:
                page = b""  # refused: a miss, which is what is counted
            if page.endswith(b"vm-11"):
                log.answered[self._open[each]] = time.perf_counter()
            del self._open[each]
            self._sent.discard(each)
            each.close()
        for each in select.select([], [*self._open], [], 0)[1]:
            if each not in self._sent:
                self._sent.add(each)
                with suppress(OSError):
                    each.send(GET)

    def close(self) -> None:
        for each in self._open:
            each.close()


def once() -> tuple[float, float, float]:
    """Cut one host over; return the windows of DHCP, of HTTP, and what was said."""
    with Machine() as machine:
        host = ZStackHost(machine)
        environment = {
            "PYTHONPYCACHEPREFIX": BYTECODE,
            "PYTHONPATH": str(PACKAGES),
        }
        words = [sys.executable, "-c", f"import {PARTS}"]
        compiled = machine.run(words, environment=environment)
        assert compiled.returncode == 0, compiled.stderr
        with Wire(host.guest) as wire:
            dhcp = Asking(lambda log: discover(wire, log))
            gets = Gets(host)
            http = Asking(gets.ask)
            for each in (dhcp, http):
                each.start()
            try:
                process = host.start(environment=environment)
                code = process.wait(WITHIN)
                time.sleep(AFTER)
            finally:
                for each in (dhcp, http):
                    each.end()
                gets.close()
        said = SAID.search(process.output())
        if code or said is None:
            raise RuntimeError(process.output())
        return dhcp.log.window(), http.log.window(), float(said[1])


def main() -> None:
    runs = [once() for _ in range(TIMES)]
    names = ("DHCP", "HTTP", "as it says itself")
    rows = [
        [name, list(times), min(times), max(times)]
        for name, times in zip(names, zip(*runs, strict=True), strict=True)
    ]
    show("cut-over: ms without an answer", ["", "median", "least", "most"], rows)


if __name__ == "__main__":
    main()
