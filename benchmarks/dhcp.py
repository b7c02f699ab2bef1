"""DISCOVER to ACK, beside dnsmasq and Kea in the same run: rates, waits, memory.

    python -m benchmarks.dhcp [BINDINGS ...]

The server has processor 1 to itself, but Kea's threads, which have both; who asks is on
processor 0. Each server is in a namespace and on a bridge of its own; they take turns.
"""

import os
import signal
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.integration.packets import Wire

from .bench import ASKING
from .bench import LARGE
from .bench import MIDDLE
from .bench import SMALL
from .bench import Room
from .bench import ratio
from .bench import room
from .bench import show
from .guests import Guests
from .load import saturate
from .sides import KINDS
from .sides import SERVER
from .sides import Ours
from .sides import Peer
from .sides import Reflector
from .sides import Side
from .sides import open_ring
from .turns import AT_RATE
from .turns import BURST
from .turns import TURNS
from .turns import UNDER_WAY
from .turns import Figures
from .turns import measure
from .turns import same_options

HUGE = 50_000  # bindings
SIZES = (SMALL, MIDDLE, LARGE, HUGE)
SLOWER_AT_MOST = 1.2  # the cost with the most bindings, in that with the fewest
# ours in times of theirs, exchanges per second
GOALS = {
    ("dnsmasq as ZStack writes it", MIDDLE): 10.0,
    ("dnsmasq as ZStack writes it", LARGE): 200.0,
    ("dnsmasq, plain hosts", SMALL): 1.2,
    ("dnsmasq, plain hosts", MIDDLE): 2.0,
    ("dnsmasq, plain hosts", LARGE): 12.0,
    ("Kea, one thread", MIDDLE): 1.7,
    ("Kea, one thread", LARGE): 1.7,
    ("Kea, both processors", MIDDLE): 1.0,
    ("Kea, both processors", LARGE): 1.0,
}

# dnsmasq writes each guest into the neighbour table, which is one for all namespaces
NEIGHBOURS = Path("/proc/sys/net/ipv4/neigh/default")
ENTRIES = {"gc_thresh3": "262144", "gc_thresh2": "131072", "gc_thresh1": "131072"}

Table = Iterable[Sequence[object]]


@contextmanager
def many_neighbours() -> Iterator[None]:
    """Let the kernel know all guests of all servers, as big hosts are set up to.

    It is undone by SIGTERM too.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    before = {name: (NEIGHBOURS / name).read_text() for name in ENTRIES}
    try:
        for name, value in ENTRIES.items():
            (NEIGHBOURS / name).write_text(value)
        yield
    finally:
        for name in reversed(ENTRIES):
            (NEIGHBOURS / name).write_text(before[name])


def limit(here: Room, place: int, count: int) -> None:
    """Print what who asks could do at most."""
    reflector = Reflector(here, place)
    process = reflector.start(count)
    ring, guests = open_ring(reflector.asking), Guests.of(count, SERVER)
    try:
        rates = [saturate(ring, guests, UNDER_WAY[-1], 0.5).rate for _ in range(TURNS)]
    finally:
        ring.close()
        process.kill()
    show("Who asks, against a reflector", ["", "exchanges/s"], [["limit", rates]])


def rates(count: int, figures: dict[str, Figures]) -> Table:
    ours = [each.rate for each in figures[Ours.name].saturated]
    our_costs = figures[Ours.name].costs
    for name, each in figures.items():
        theirs = [turn.rate for turn in each.saturated]
        other = name != Ours.name
        goal = GOALS.get((name, count))
        yield [
            name,
            theirs,
            ratio(ours, theirs) if other else "",
            f"{goal:g}x" if goal else "",
            each.costs,
            ratio(each.costs, our_costs) if other else "",
            sum(turn.lost for turn in each.saturated),
            each.under_way,
            each.perfdhcp if each.perfdhcp is not None else "loses",
            each.memory,
        ]


def waits(figures: dict[str, Figures]) -> Table:
    for name, each in figures.items():
        row: list[object] = [name]
        for turns in (each.at_rate, each.moderate):
            if turns:
                row += [[turn.part(0.5) for turn in turns]]
                row += [[turn.part(0.99) for turn in turns]]
                row += [sum(turn.lost for turn in turns)]
            else:
                row += ["-", "-", "-"]
        yield row


def bursts(figures: dict[str, Figures]) -> Table:
    for name, each in figures.items():
        yield [
            name,
            min(turn.offers for turn in each.discovers),
            [turn.milliseconds for turn in each.discovers],
            min(turn.acks for turn in each.exchanges),
            [turn.milliseconds for turn in each.exchanges],
        ]


def print_tables(count: int, figures: dict[str, Figures], moderate: float) -> None:
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    title = f"{count:,} bindings (load average {load})"
    header = ["server", "exchanges/s", "ours/theirs", "goal", "processor us"]
    header += ["theirs/ours", "lost", "under way", "perfdhcp/s", "MB"]
    show(title, header, rates(count, figures))
    one = [f"half us at {AT_RATE:,}/s", "99 % us", "lost"]
    other = [f"half us at {moderate:,.0f}/s", "99 % us", "lost"]
    show(f"waits, {title}", ["server", *one, *other], waits(figures))
    if count >= BURST:
        header = ["server", "OFFERs, least", "ms", "ACKs, least", "ms"]
        show(f"{BURST:,} guests back to back, {title}", header, bursts(figures))
    header = ["server", "ms", "least", "most"]
    changes = [
        [name, each.changes, min(each.changes), max(each.changes)]
        for name, each in figures.items()
    ]
    show(f"a change to its first right answer, {title}", header, changes)


def print_flatness(sizes: dict[int, dict[str, Figures]]) -> None:
    few, many = min(sizes), max(sizes)
    rows: list[Sequence[object]] = []
    for name, each in sizes[few].items():
        goal = f"{SLOWER_AT_MOST:g}x" if name == Ours.name else ""
        if name in sizes[many]:
            there = sizes[many][name].costs
            rows.append([name, each.costs, there, ratio(there, each.costs), goal])
    header = ["processor us", f"{few:,} bindings", f"{many:,}", "", "goal"]
    show("flat", header, rows)


def main(sizes: Sequence[int] = ()) -> None:
    sizes = sizes or SIZES
    os.sched_setaffinity(0, {ASKING})
    with many_neighbours(), room() as here:
        peers = [Peer(here, kind, 2 + place) for place, kind in enumerate(KINDS)]
        sides: list[Side] = [Ours(here), *peers]
        limit(here, 2 + len(KINDS), max(sizes))
        found: dict[int, dict[str, Figures]] = {}
        for count in sizes:
            able = [side for side in sides if count <= side.at_most]
            for side in sides:
                if side not in able:
                    print(f"\n{side.name} would need minutes with {count:,} bindings")
            try:
                for side in able:
                    side.start(count)
                    with Wire(side.asking) as wire:
                        same_options(side.name, wire)
                found[count], moderate = measure(able, count)
            finally:
                for side in able:
                    side.end()
            print_tables(count, found[count], moderate)
        if len(found) > 1:
            print_flatness(found)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]])
