"""From `metalease run` to the first OFFER."""

import time

from tests.integration.packets import Wire

from .bench import LARGE
from .bench import SMALL
from .bench import Room
from .bench import mac
from .bench import room
from .bench import show

TIMES = 3
ASK_EVERY = 0.005  # seconds
GIVE_UP = 60.0  # seconds


def first_offer(here: Room, wire: Wire) -> float:
    """Start the daemon and ask again and again; return the seconds to an answer."""
    started = time.perf_counter()
    daemon = here.launch()
    asked = set()
    answered: float | None = None
    while answered is None and time.perf_counter() - started < GIVE_UP:
        asked.add(wire.send(mac(3)))
        answer = wire.receive_within(ASK_EVERY)
        if answer is not None and answer.xid in asked:
            answered = time.perf_counter() - started
    here.end(daemon)
    if answered is None:
        raise TimeoutError(f"no OFFER in {GIVE_UP:g} s: {daemon.output()}")
    return answered


def main() -> None:
    rows: list[list[object]] = []
    with room() as here, Wire(here.guest) as wire:
        for count in (SMALL, LARGE):
            here.fill(count)
            times = [first_offer(here, wire) for _ in range(TIMES)]
            rows.append([f"{count:,} bindings", times, min(times)])
    show("start to the first OFFER", ["seconds", "median", "least"], rows)


if __name__ == "__main__":
    main()
