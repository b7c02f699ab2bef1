"""DISCOVER to OFFER, one processor for the server; beside dnsmasq in the same run."""

import os
import time
from collections.abc import Iterator

from appliance.lab.guest import Guest
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


def batches(count: int) -> Iterator[list[str]]:
    """The MACs of a round: every one in turn, spread over all bindings."""
    step = max(1, count // PACKETS)
    macs = [mac(number * step % count) for number in range(PACKETS)]
    for first in range(0, PACKETS, AT_ONCE):
        yield macs[first : first + AT_ONCE]


def one_round(guest: Guest, server: int, count: int) -> tuple[float, float]:
    """Return answers a second, and microseconds of the server's processor for each."""
    with Wire(guest) as wire:
        before, started = processor_seconds(server), time.perf_counter()
        for batch in batches(count):
            wire.receive_until(wire.send_together(batch))
        wall = time.perf_counter() - started
        used = processor_seconds(server) - before
    return PACKETS / wall, used / PACKETS * 1e6


def main() -> None:
    os.sched_setaffinity(0, {ASKING})
    rows: list[list[object]] = []
    with room() as here:
        here.add_peer()
        for count in (SMALL, MIDDLE, LARGE):
            here.fill(count)
            daemon = here.start()
            peer = start_dnsmasq(here.peer, count)
            us: list[tuple[float, float]] = []
            them: list[tuple[float, float]] = []
            for turn in range(ROUNDS + 1):
                our_round = one_round(here.guest, server_of(daemon), count)
                their_round = one_round(here.peer_guest, peer.pid, count)
                if turn:  # the first warms up
                    us.append(our_round)
                    them.append(their_round)
            here.end(daemon)
            peer.kill()
            rates, costs = zip(*us, strict=True)
            their_rates, their_costs = zip(*them, strict=True)
            size = f"{count:,} bindings"
            rows += [
                [f"metalease, {size}", [*rates], [*costs], ""],
                [f"dnsmasq, {size}", [*their_rates], [*their_costs], ""],
                [
                    "",
                    ratio(rates, their_rates),
                    ratio(costs, their_costs),
                    "ours/theirs",
                ],
            ]
    show("DISCOVER to OFFER", ["server", "offers/s", "processor us", ""], rows)


if __name__ == "__main__":
    main()
