"""A small document over HTTP, by wrk, at 10, 1,000 and 10,000 guests.

Beside lighttpd with plain files, lighttpd as ZStack configures it - a block of rules
for each guest, up to the 4,000 with which it still starts - and nginx with a map of
the guests, in the same run.  Boot clients make a connection for each request, so the
first figure is the one that they feel.
"""

import re
import statistics
from dataclasses import dataclass
from dataclasses import field

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.guest import Guest

from .bench import ASKING
from .bench import LARGE
from .bench import MIDDLE
from .bench import SMALL
from .bench import Room
from .bench import address
from .bench import processor_seconds
from .bench import room
from .bench import server_of
from .bench import show
from .peers import start_lighttpd
from .peers import start_lighttpd_zstack
from .peers import start_nginx

ROUNDS = 3
SECONDS = 2
CONNECTIONS = 16  # a guest may have 32
ID = b"i-0123456789abcdef0"
PATH = "/latest/meta-data/instance-id"
WAYS = {
    "a connection each": ["-H", "Connection: close"],
    "keep-alive": [],
}
WITHIN = 30.0  # seconds
MANY = 4_000  # blocks: with 4,090 lighttpd does not start
US, PLAIN, ZSTACK, NGINX = "metalease", "lighttpd, plain", "lighttpd, ZStack", "nginx"


@dataclass(frozen=True, slots=True)
class Round:
    """What wrk saw, and what it cost the server."""

    rate: float
    """Requests a second."""
    cost: float
    """Microseconds of the server's processor for each."""
    latency: float
    """Microseconds that half of the requests took at most."""


@dataclass(slots=True)
class Server:
    """Who is asked, by whom, and what came of it."""

    guest: Guest
    host: str
    pids: tuple[int, ...]
    rounds: list[Round] = field(default_factory=list)


def one_round(server: Server, way: list[str]) -> Round:
    wrk = ["taskset", "-c", str(ASKING), "wrk", "-t1", f"-c{CONNECTIONS}"]
    before = sum(map(processor_seconds, server.pids))
    done = server.guest.run(
        [*wrk, f"-d{SECONDS}s", "--latency", *way, f"http://{server.host}{PATH}"],
        within=WITHIN,
    )
    used = sum(map(processor_seconds, server.pids)) - before
    text = done.stdout
    total = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    half = re.search(r"50%\s+([\d.]+)(us|ms|s)", text)
    wrong = re.search(r"Non-2xx.*|Socket errors.*", text)
    if not (total and rate and half) or wrong:
        raise RuntimeError(f"wrk: {text}{done.stderr}")
    unit = {"us": 1.0, "ms": 1e3, "s": 1e6}[half[2]]
    return Round(float(rate[1]), used / int(total[1]) * 1e6, float(half[1]) * unit)


def measure(servers: dict[str, Server], way: list[str]) -> list[list[object]]:
    """Ask each in turn; the first round warms up."""
    for turn in range(ROUNDS + 1):
        for server in servers.values():
            found = one_round(server, way)
            server.rounds = [*server.rounds, found] if turn else []
    ours = servers[US].rounds
    rows: list[list[object]] = []
    for name, server in servers.items():
        rates = [each.rate for each in server.rounds]
        costs = [each.cost for each in server.rounds]
        row: list[object] = [
            name,
            rates,
            costs,
            [each.latency for each in server.rounds],
        ]
        if name != US:
            rate = _median([each.rate for each in ours]) / _median(rates)
            cost = _median([each.cost for each in ours]) / _median(costs)
            row += [f"{rate:.2f}x", f"{cost:.2f}x"]
        rows.append([*row, "", ""][:6])
    return rows


def _median(values: list[float]) -> float:
    return statistics.median(values)


def start_all(here: Room, count: int) -> tuple[dict[str, Server], list[Process]]:
    """Start all servers with *count* guests; those that can be."""
    here.fill(count)
    daemon = here.start()
    name = ("--instance-id", ID.decode())
    here.installation.succeed("put", "n1", address(count // 2), *name)
    own = here.root / f"var/lib/metalease/n1/metadata/{address(count // 2)}/meta-data"
    own.mkdir(parents=True, exist_ok=True)
    (own / "instance-id").write_bytes(ID)
    peer, asking = here.peer, here.peer_guest
    documents = {"meta-data/instance-id": ID}
    processes = [daemon, start_lighttpd(peer, {PATH: ID})]
    processes.append(start_nginx(peer, count, documents))
    found = {
        US: Server(here.guest, "169.254.169.254", (server_of(daemon),)),
        PLAIN: Server(asking, "10.8.0.3", (processes[1].pid,)),
    }
    if count <= MANY:
        zstack = start_lighttpd_zstack(peer, count, documents)
        processes.append(zstack)
        workers = (zstack.pid, *here.workers(zstack))
        found[ZSTACK] = Server(asking, "10.8.0.3:1180", workers)
    workers = (processes[2].pid, *here.workers(processes[2]))
    found[NGINX] = Server(asking, "10.8.0.3:8080", workers)
    return found, processes


def main() -> None:
    require("wrk", "taskset")
    header = ["server", "requests/s", "processor us", "half within us"]
    header += ["ours/theirs, rate", "processor"]
    with room() as here:
        here.add_peer()
        for count in (SMALL, MIDDLE, MANY, LARGE):
            middle = count // 2
            for guest in (here.guest, here.peer_guest):
                here.become(guest, middle)
                # who closes first keeps the port for a minute: one that asks for
                # 30,000 documents would soon measure its search for a free one
                again = "echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse"
                if guest.run(["sh", "-c", again]).returncode != 0:
                    raise RuntimeError("ports cannot be used again")
            servers, processes = start_all(here, count)
            for name, way in WAYS.items():
                rows = measure(servers, way)
                show(f"HTTP, 19 octets, {count:,} guests, {name}", header, rows)
            for process in processes:
                here.end(process)


if __name__ == "__main__":
    main()
