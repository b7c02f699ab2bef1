"""Names by UDP, by dnsperf; beside dnsmasq in the same run.

Local names of few and of many guests, names that were asked before, and names for each
of which an upstream is asked: there the forwarder's time on a processor is ours too.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.guest import Guest
from appliance.lab.installation import descendants

from . import answering
from .bench import ASKING
from .bench import LARGE
from .bench import SMALL
from .bench import Room
from .bench import address
from .bench import pin
from .bench import processor_seconds
from .bench import ratio
from .bench import room
from .bench import show
from .peers import default_name
from .peers import start_dnsmasq_names

ROUNDS = 5
SECONDS = 2
KNOWN = 1_000  # names that were asked before
FRESH = 60_000  # names of a round that nobody asked before: more than it takes
UPSTREAM = "192.0.2.53"  # on the host's side of both servers
NAMES = f"""
[dns]
upstream = ["{UPSTREAM}"]
queries_per_second_per_ip = 1000000
"""
ALL_FOUND = r"NOERROR \d+ \(100\.00%\)"
WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Load:
    """How dnsperf asks."""

    at_once: int
    """Queries on their way."""
    sockets: int

    def __str__(self) -> str:
        return f"{self.sockets} socket{'s' * (self.sockets > 1)}"


# as dnsperf does by default, and who has one socket: c-ares, nginx, Envoy
ONE = Load(at_once=100, sockets=1)
MANY = Load(at_once=100, sockets=8)
FEW = Load(at_once=80, sockets=8)  # an upstream is asked: a client may have 100


@dataclass(frozen=True, slots=True)
class Server:
    """One of the two, and who asks it."""

    guest: Guest
    address: str
    processes: Sequence[int]

    def ask(self, names: Sequence[str], load: Load) -> "Round":
        """Ask for *names* again and again, as fast as they are answered."""
        lines = "".join(f"{name} A\n" for name in names)
        self.guest.path("/run/names").write_text(lines)
        words = ["taskset", "-c", str(ASKING), "dnsperf", "-s", self.address]
        words += ["-d", "/run/names", "-c", str(load.sockets), "-q", str(load.at_once)]
        before = sum(map(processor_seconds, self.processes))
        done = self.guest.run([*words, "-l", str(SECONDS)], within=WITHIN)
        used = sum(map(processor_seconds, self.processes)) - before
        text = done.stdout
        total = re.search(r"Queries completed:\s+(\d+)", text)
        rate = re.search(r"Queries per second:\s+([\d.]+)", text)
        lost = re.search(r"Queries lost:\s+(\d+)", text)
        if not (total and rate and lost) or not re.search(ALL_FOUND, text):
            raise RuntimeError(f"dnsperf: {text}{done.stderr}")
        return Round(float(rate[1]), used / int(total[1]) * 1e6, int(lost[1]))


@dataclass(frozen=True, slots=True)
class Round:
    """What dnsperf saw, and what it cost the server."""

    rate: float
    """Answers a second."""
    cost: float
    """Microseconds of the server's processor for each."""
    lost: int


def local(count: int) -> list[str]:
    return [f"{default_name(address(each))}.n1.example" for each in range(count)]


def known() -> list[str]:
    return [f"known-{each}.example.net" for each in range(KNOWN)]


def fresh(turn: int) -> list[str]:
    return [f"fresh-{turn}-{each}.example.net" for each in range(FRESH)]


def compare(
    title: str,
    names: Sequence[Sequence[str]],
    us: Server,
    them: Server,
    load: Load,
) -> list[list[object]]:
    """Ask both in turns, for a list of names a round; the first round warms up."""
    ours: list[Round] = []
    theirs: list[Round] = []
    for turn, each in enumerate(names):
        now = load if turn else FEW
        ours.append(us.ask(each, now))
        theirs.append(them.ask(each, now))
    rows: list[list[object]] = []
    sides = (("metalease", ours[1:]), ("dnsmasq", theirs[1:]))
    for server, rounds in sides:
        rates = [each.rate for each in rounds]
        costs = [each.cost for each in rounds]
        lost = sum(each.lost for each in rounds)
        rows.append([f"{server}, {title}, {load}", rates, costs, lost])
    of_rates, of_costs = (
        ratio(
            [getattr(x, what) for x in ours[1:]], [getattr(x, what) for x in theirs[1:]]
        )
        for what in ("rate", "cost")
    )
    return [*rows, ["  ours/theirs", of_rates, of_costs, ""]]


def start_upstream(here: Room) -> Process:
    """Answer on the host's side, where our forwarder is; dnsmasq has a route."""
    here.machine.ip("address", "add", f"{UPSTREAM}/32", "dev", "br1")
    here.machine.ip("route", "add", "10.8.0.3", "dev", "br1")
    here.peer.ip("route", "add", UPSTREAM, "dev", "eth0")
    words = [sys.executable, "-I", "-S", answering.__file__, UPSTREAM]
    upstream = here.machine.start(words)
    pin(upstream.pid, ASKING)
    return upstream


def main() -> None:
    require("dnsperf", "taskset")
    rows: list[list[object]] = []
    with room() as here:
        peer = here.add_peer()
        start_upstream(here)
        settings = here.root / "etc/metalease/networks/n1.toml"
        settings.write_text(settings.read_text() + NAMES)
        for count in (SMALL, LARGE):
            here.fill(count)
            daemon = here.start()
            dnsmasq = start_dnsmasq_names(peer, count, UPSTREAM)
            us = Server(here.guest, "10.8.0.2", descendants(daemon.pid))
            them = Server(here.peer_guest, "10.8.0.3", [dnsmasq.pid])
            turns = range(ROUNDS + 1)
            title = f"{count:,} local names"
            for load in (ONE, MANY):
                asked = [local(count) for _ in turns]
                rows += compare(title, asked, us, them, load)
                if count == SMALL:
                    asked = [known() for _ in turns]
                    rows += compare("asked before", asked, us, them, load)
            if count == SMALL:
                asked = [*map(fresh, turns)]
                rows += compare("asked elsewhere", asked, us, them, FEW)
            here.end(daemon)
            dnsmasq.kill()
    header = ["server", "answers/s", "processor us", "lost"]
    show("Names by UDP, of one address", header, rows)


if __name__ == "__main__":
    main()
