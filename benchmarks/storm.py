"""Guests that boot all at once: DHCP and a crawl of metadata, until all have all.

Beside dnsmasq and lighttpd as ZStack runs them, in the same run; each side has one
processor, and the guests the other.
"""

import itertools
import os
import statistics
from collections.abc import Callable
from pathlib import Path

from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.namespace import entered

from .bench import ASKING
from .bench import MIDDLE
from .bench import Room
from .bench import address
from .bench import room
from .bench import server_of
from .bench import show
from .crowd import FIRST
from .crowd import FIRST_PORT
from .crowd import Crowd
from .crowd import Server
from .crowd import Storm
from .dhcp import many_neighbours
from .peers import start_lighttpd_zstack
from .peers import start_zstack
from .sides import add_asking

SIZES = (200, MIDDLE)
TURNS = 3
WITHIN = 60.0  # seconds
USER_DATA = b"#cloud-config\nruncmd: [true]\n"
CRAWL = [
    "/2009-04-04/meta-data/instance-id",
    "/2021-03-23/meta-data/instance-id",
    "/2021-03-23/user-data",
    "/2021-03-23/meta-data/",
    "/2021-03-23/meta-data/instance-id",
    "/2021-03-23/meta-data/local-hostname",
    "/openstack/latest/meta_data.json",
    "/openstack/latest/user_data",
] * 2


def documents(number: int) -> dict[str, bytes]:
    """Return what ZStack writes for a VM that has user-data."""
    return {
        "meta-data/index.html": b"instance-id\nlocal-hostname",
        "meta-data/instance-id": b"%032x" % number,
        "meta-data/local-hostname": b"vm-%d" % number,
        "user-data": USER_DATA,
        "user_data": USER_DATA,
        "meta_data.json": b'{"uuid": "%032x"}' % number,
    }


def peak(processes: list[int]) -> float:
    """Return the memory that *processes* had at most, in MB."""
    total = 0
    for each in processes:
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1024


def storm(asking: Guest, count: int, server: Server, port: int) -> Storm:
    with entered(Path(f"/proc/{asking.pid}/ns/net")):
        crowd = Crowd("eth0", count, server, CRAWL, port)
    try:
        return crowd.boot(WITHIN)
    finally:
        crowd.close()


class Ours:
    name = "metalease"
    server = Server("10.8.0.2", "169.254.169.254", 80)

    def __init__(self, here: Room) -> None:
        self._here = here
        self.asking = add_asking(here, "crowd0", "br0", 0)

    def start(self, count: int) -> list[int]:
        self._here.fill(FIRST + count)
        for number in range(FIRST, FIRST + count):
            own = self._here.root / f"var/lib/metalease/n1/metadata/{address(number)}"
            write(own, number)
        self._daemon = self._here.start()
        return [server_of(self._daemon)]

    def end(self) -> None:
        self._here.end(self._daemon)


class Theirs:
    name = "dnsmasq and lighttpd"
    server = Server("10.8.0.3", "169.254.169.254", 1180)

    def __init__(self, here: Room) -> None:
        self._here = here
        here.add_peer()
        self.asking = add_asking(here, "crowd1", "br1", 1)
        here.peer.ip("address", "add", "169.254.169.254/32", "dev", "eth0")
        self._processes: list[Process] = []

    def start(self, count: int) -> list[int]:
        peer = self._here.peer
        self._processes = [
            start_zstack(peer, FIRST + count),
            start_lighttpd_zstack(peer, FIRST + count, {}),
        ]
        for number in range(FIRST, FIRST + count):
            write(peer.path(f"/run/html/{address(number)}"), number)
        workers = [w for p in self._processes for w in self._here.workers(p)]
        return [*(process.pid for process in self._processes), *workers]

    def end(self) -> None:
        for process in self._processes:
            self._here.end(process)


def write(directory: Path, number: int) -> None:
    for path, octets in documents(number).items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)


def row(name: str, storms: list[Storm], memory: list[float]) -> list[object]:
    def middle(value: Callable[[Storm], float]) -> list[float]:
        return [value(each) for each in storms]

    repeats: dict[str, int] = {}
    for each in storms:
        for what, number in each.repeats.items():
            repeats[what] = repeats.get(what, 0) + number
    sent_again = ", ".join(f"{n} {what}" for what, n in repeats.items()) or "nothing"
    return [
        name,
        middle(lambda each: each.seconds),
        middle(lambda each: statistics.median(each.first)),
        middle(lambda each: sorted(each.done)[int(len(each.done) * 0.99)]),
        min(len(each.done) for each in storms),
        sent_again,
        sum(each.refused for each in storms),
        memory,
    ]


def main() -> None:
    os.sched_setaffinity(0, {ASKING})
    header = ["server", "seconds", "half have one, ms", "99 % have all, ms"]
    header += ["done, least", "sent again", "refused", "MB"]
    with many_neighbours(), room() as here:
        sides: list[Ours | Theirs] = [Ours(here), Theirs(here)]
        ports = itertools.count(FIRST_PORT, len(CRAWL))
        for count in SIZES:
            rows = []
            for side in sides:
                storms, memory = [], []
                for _ in range(TURNS):
                    processes = side.start(count)
                    storms.append(storm(side.asking, count, side.server, next(ports)))
                    memory.append(peak(processes))
                    side.end()
                rows.append(row(side.name, storms, memory))
            ours, theirs = ([float(x) for x in each[1]] for each in rows)  # type: ignore[attr-defined] # row() puts them there
            rate = statistics.median(ours) / statistics.median(theirs)
            rows.append(["  ours/theirs", f"{rate:.2f}x", *[""] * 6])
            title = f"{count:,} guests boot at once, {len(CRAWL)} documents each"
            show(title, header, rows)


if __name__ == "__main__":
    main()
