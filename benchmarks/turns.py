"""What is measured of each server, in turns, so that what disturbs one disturbs all."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from appliance.lab.patience import until
from tests.integration.packets import Answer
from tests.integration.packets import Wire

from .bench import READY_WITHIN
from .bench import mac
from .bench import processor_seconds
from .change import shown
from .guests import Guests
from .load import Burst
from .load import Paced
from .load import Saturated
from .load import burst
from .load import pace
from .load import saturate
from .perfdhcp import rate as perfdhcp_rate
from .ring import Ring
from .sides import SERVER
from .sides import Side
from .sides import open_ring

TURNS = 3
SECONDS = 1.0  # of a turn as fast as it can
PACED_SECONDS = 0.5
PACED_SECONDS_AT_MOST = 4.0
PACED_AT_LEAST = 200  # exchanges, where the time allows
AT_RATE = 5_000  # guests a second
ROOM_ABOVE = 1.3  # a server is asked at a rate only if it can do so much more
UNDER_WAY = (8, 32, 64, 128)  # guests
TRIED = 0.3  # seconds
BURST = 1_000  # guests
ANSWER_WITHIN = 1.0  # seconds; then it is asked again
CHANGES = 3
CHANGED = 5  # the guest
# what every server must say: mask, router, name servers, domain, MTU, routes
OPTIONS = {
    1: bytes([255, 255, 0, 0]),
    3: bytes([10, 8, 0, 1]),
    6: bytes([10, 8, 0, 53]),
    15: b"n1.example",
    26: bytes([5, 220]),
    121: bytes([0, 10, 8, 0, 1, 32, 169, 254, 169, 254, 10, 8, 0, 2]),
}


@dataclass(slots=True)
class Figures:
    """What one server did with one number of bindings."""

    under_way: int
    """Guests at the same time, with which it is fastest and loses nothing."""
    tried: float
    """Its rate in a short trial."""
    saturated: list[Saturated] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    """Microseconds of the server's processor for each exchange."""
    at_rate: list[Paced] = field(default_factory=list)
    moderate: list[Paced] = field(default_factory=list)
    discovers: list[Burst] = field(default_factory=list)
    exchanges: list[Burst] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    """Milliseconds."""
    memory: float = 0.0
    """Megabytes: of what is shared by its processes, each has its part."""
    perfdhcp: float | None = None


def same_options(name: str, wire: Wire) -> None:
    """Wait until a server answers, and make sure that it gives what all give."""

    def answer() -> Answer | None:
        wire.send(mac(CHANGED))
        return wire.receive_within(ANSWER_WITHIN)

    found = until(answer, f"{name} answers", within=READY_WITHIN)
    assert found is not None  # it was waited for
    given = {code: found.options.get(code) for code in OPTIONS}
    if given != OPTIONS:
        raise RuntimeError(f"{name} gives {given}")


def measure(sides: Sequence[Side], count: int) -> tuple[dict[str, Figures], float]:
    """Return what each did, and the moderate rate, half of what the slowest can."""
    guests = Guests.of(count, SERVER)
    rings = {side.name: open_ring(side.asking) for side in sides}
    try:
        figures, slowest = {}, float("inf")
        for side in sides:
            under_way, rate = fastest(rings[side.name], guests)
            figures[side.name] = Figures(under_way, rate)
            slowest = min(slowest, rate)
        for _ in range(TURNS):
            for side in sides:
                of = figures[side.name]
                turn(rings[side.name], guests, side, of, slowest / 2)
        for side in sides:
            of = figures[side.name]
            of.memory = sum(map(megabytes, side.processes()))
            of.changes = [changed(side, f"web-{number}") for number in range(CHANGES)]
            best = max(each.rate for each in of.saturated)
            of.perfdhcp = perfdhcp_rate(side.asking, count, best)
    finally:
        for ring in rings.values():
            ring.close()
    return figures, slowest / 2


def fastest(ring: Ring, guests: Guests) -> tuple[int, float]:
    """Return with how many under way the server is fastest, and its rate."""
    best = (0, 0.0)
    for under_way in UNDER_WAY:
        found = saturate(ring, guests, under_way, TRIED)
        if found.rate > best[1] and not found.lost:
            best = under_way, found.rate
    if not best[0]:
        raise RuntimeError(f"{UNDER_WAY[0]} guests at the same time are too many")
    return best


def turn(ring: Ring, guests: Guests, side: Side, of: Figures, moderate: float) -> None:
    """Measure one server once."""

    def used() -> float:
        return sum(map(processor_seconds, side.processes()))

    before = used()
    found = saturate(ring, guests, of.under_way, SECONDS)
    of.costs.append((used() - before) / max(1, found.exchanges) * 1e6)
    of.saturated.append(found)
    if of.tried > AT_RATE * ROOM_ABOVE:
        of.at_rate.append(pace(ring, guests, AT_RATE, PACED_SECONDS))
    seconds = max(PACED_SECONDS, PACED_AT_LEAST / moderate)
    seconds = min(PACED_SECONDS_AT_MOST, seconds)
    of.moderate.append(pace(ring, guests, moderate, seconds))
    if guests.bindings >= BURST:
        of.discovers.append(burst(ring, guests, BURST, whole=False))
        of.exchanges.append(burst(ring, guests, BURST, whole=True))


def changed(side: Side, hostname: str) -> float:
    """Return the milliseconds from a change to the first answer that shows it."""
    with Wire(side.asking) as wire:
        return shown(wire, hostname, lambda: side.change(CHANGED, hostname))


def megabytes(process: int) -> float:
    """Return the memory of *process*; of what it shares, its part (Pss)."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    (line,) = (each for each in lines if each.startswith("Pss:"))
    return int(line.split()[1]) / 1024
