"""A small document over HTTP, by wrk; beside lighttpd with plain files in the same run.

Boot clients make a connection for each request, so the first figure is the one that
they feel.
"""

import re
from dataclasses import dataclass

from appliance.lab.cell import require
from appliance.lab.guest import Guest

from .bench import ASKING
from .bench import SMALL
from .bench import Room
from .bench import address
from .bench import processor_seconds
from .bench import ratio
from .bench import room
from .bench import server_of
from .bench import show
from .peers import start_lighttpd

ROUNDS = 3
SECONDS = 2
CONNECTIONS = 16  # a guest may have 32
PATH = "/latest/meta-data/instance-id"
WAYS = {
    "a connection each": ["-H", "Connection: close"],
    "keep-alive": [],
}
WITHIN = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Round:
    """What wrk saw, and what it cost the server."""

    rate: float
    """Requests a second."""
    cost: float
    """Microseconds of the server's processor for each."""
    latency: float
    """Microseconds that half of the requests took at most."""


def one_round(guest: Guest, host: str, way: list[str], server: int) -> Round:
    wrk = ["taskset", "-c", str(ASKING), "wrk", "-t1", f"-c{CONNECTIONS}"]
    before = processor_seconds(server)
    done = guest.run(
        [*wrk, f"-d{SECONDS}s", "--latency", *way, f"http://{host}{PATH}"],
        within=WITHIN,
    )
    used = processor_seconds(server) - before
    text = done.stdout
    total = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    half = re.search(r"50%\s+([\d.]+)(us|ms|s)", text)
    wrong = re.search(r"Non-2xx.*|Socket errors.*", text)
    if not (total and rate and half) or wrong:
        raise RuntimeError(f"wrk: {text}{done.stderr}")
    unit = {"us": 1.0, "ms": 1e3, "s": 1e6}[half[2]]
    return Round(float(rate[1]), used / int(total[1]) * 1e6, float(half[1]) * unit)


def measure(here: Room, ours: int, theirs: int) -> list[list[object]]:
    rows: list[list[object]] = []
    for name, way in WAYS.items():
        us: list[Round] = []
        them: list[Round] = []
        for turn in range(ROUNDS + 1):
            our_round = one_round(here.guest, "169.254.169.254", way, ours)
            their_round = one_round(here.peer_guest, "10.8.0.3", way, theirs)
            if turn:  # the first warms up
                us.append(our_round)
                them.append(their_round)
        for server, rounds in (("metalease", us), ("lighttpd", them)):
            rates = [each.rate for each in rounds]
            costs = [each.cost for each in rounds]
            waits = [each.latency for each in rounds]
            rows.append([f"{server}, {name}", rates, costs, waits])
        rows.append(
            [
                "  ours/theirs",
                ratio([x.rate for x in us], [x.rate for x in them]),
                ratio([x.cost for x in us], [x.cost for x in them]),
                ratio([x.latency for x in us], [x.latency for x in them]),
            ]
        )
    return rows


def main() -> None:
    require("wrk", "taskset")
    with room() as here:
        peer = here.add_peer()
        here.fill(SMALL)
        daemon = here.start()
        name = ("--instance-id", "i-0123456789abcdef0")
        here.installation.succeed("put", "n1", address(0), *name)
        lighttpd = start_lighttpd(peer, {PATH: b"i-0123456789abcdef0"})
        for guest in (here.guest, here.peer_guest):
            # who closes first keeps the port for a minute: one that asks for 30,000
            # documents would soon measure its own search for a free one
            again = "echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse"
            if guest.run(["sh", "-c", again]).returncode != 0:
                raise RuntimeError("ports cannot be used again")
        rows = measure(here, server_of(daemon), lighttpd.pid)
    header = ["server", "requests/s", "processor us", "half within us"]
    show("HTTP, a document of 19 octets", header, rows)


if __name__ == "__main__":
    main()
