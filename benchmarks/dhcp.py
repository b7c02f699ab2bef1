"""DISCOVER to OFFER, one processor for the server; beside dnsmasq in the same run."""

import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.lab.guest import Guest
from tests.integration.packets import UnansweredError
from tests.integration.packets import Wire

from .bench import ASKING
from .bench import LARGE
from .bench import MIDDLE
from .bench import SMALL
from .bench import mac
from .bench import processor_seconds
from .bench import ratio
from .bench import room
from .bench import server_of
from .bench import show
from .peers import start_dnsmasq

ROUNDS = 3
PACKETS = 3_000  # a round
AT_ONCE = 30  # packets on their way
PATIENCE = 0.3  # seconds; then a packet is lost


def batches(count: int) -> Iterator[list[str]]:
    """The MACs of a round: every one in turn, spread over all bindings."""
    step = max(1, count // PACKETS)
    macs = [mac(number * step % count) for number in range(PACKETS)]
    for first in range(0, PACKETS, AT_ONCE):
        yield macs[first : first + AT_ONCE]


@dataclass(frozen=True, slots=True)
class Round:
    """What one server did with PACKETS packets."""

    rate: float
    """Answers a second, of the median batch."""
    cost: float
    """Microseconds of the server's processor for each."""
    lost: int
    """Packets without an answer."""


def one_round(guest: Guest, server: int, count: int) -> Round:
    times, lost = [], 0
    with Wire(guest) as wire:
        before = processor_seconds(server)
        for batch in batches(count):
            started = time.perf_counter()
            asked = wire.send_together(batch)
            try:
                wire.receive_until(asked, within=PATIENCE)
            except UnansweredError as silence:
                lost += len(silence.xids)
                continue
            times.append(time.perf_counter() - started)
        used = processor_seconds(server) - before
    return Round(AT_ONCE / statistics.median(times), used / PACKETS * 1e6, lost)


def main() -> None:
    os.sched_setaffinity(0, {ASKING})
    rows: list[list[object]] = []
    with room() as here:
        here.add_peer()
        for count in (SMALL, MIDDLE, LARGE):
            here.fill(count)
            daemon = here.start()
            peer = start_dnsmasq(here.peer, count)
            us: list[Round] = []
            them: list[Round] = []
            for turn in range(ROUNDS + 1):
                our_round = one_round(here.guest, server_of(daemon), count)
                their_round = one_round(here.peer_guest, peer.pid, count)
                if turn:  # the first warms up
                    us.append(our_round)
                    them.append(their_round)
            here.end(daemon)
            peer.kill()
            for server, rounds in (("metalease", us), ("dnsmasq", them)):
                rates = [each.rate for each in rounds]
                costs = [each.cost for each in rounds]
                lost = sum(each.lost for each in rounds)
                rows.append([f"{server}, {count:,} bindings", rates, costs, lost])
            rows.append(
                [
                    "  ours/theirs",
                    ratio([x.rate for x in us], [x.rate for x in them]),
                    ratio([x.cost for x in us], [x.cost for x in them]),
                    "",
                ]
            )
    show("DISCOVER to OFFER", ["server", "offers/s", "processor us", "lost"], rows)


if __name__ == "__main__":
    main()
