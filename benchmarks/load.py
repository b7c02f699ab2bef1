"""Guests that boot: as fast as the server can, at a given rate, or all at once.

*As fast as it can* is a closed loop: a fixed number of guests is under way, and where
one has its ACK the next begins. A server that queues as many packets as are under
way loses none, so the rate is that without loss. *At a given rate* is an open loop:
guests come at random moments (a Poisson process), whether or not the server is ready.
"""

import gc
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from .guests import SEED
from .guests import Guests
from .ring import Ring

SILENCE = 0.5  # seconds without any answer; then what is under way is lost
LOOKS = 200  # at an empty ring, before sleeping
QUIET = 0.05  # seconds without a late answer to an earlier measurement


class WrongAnswerError(Exception):
    """A server gave a guest another address than its own, or a NAK."""


@dataclass(frozen=True, slots=True)
class Saturated:
    """What a server did that always had something to do."""

    rate: float
    """Exchanges of DISCOVER, OFFER, REQUEST, ACK in a second."""
    exchanges: int
    lost: int
    """Messages without an answer."""


@dataclass(frozen=True, slots=True)
class Paced:
    """How long answers took, in microseconds, on the link."""

    waits: list[float]
    lost: int

    def part(self, share: float) -> float:
        """Return within what *share* of the answers came."""
        return sorted(self.waits)[int(share * len(self.waits))] if self.waits else 0.0


@dataclass(frozen=True, slots=True)
class Burst:
    """What guests had that asked back to back, and never again."""

    offers: int
    acks: int
    milliseconds: float
    """Until the last answer."""


def right(guests: Guests, xids: list[int], addresses: list[int]) -> list[int]:
    """Return the xids that are ours; raises WrongAnswerError."""
    due = guests.address_of
    if [*map(due.get, xids)] == addresses:
        return xids
    ours = []
    for each, got in zip(xids, addresses, strict=True):
        if each not in due:
            continue  # a guest's that asked before us
        if due[each] != got:
            raise WrongAnswerError(f"{_text(got)} instead of {_text(due[each])}")
        ours.append(each)
    return ours


def _text(address: int) -> str:
    return ".".join(map(str, address.to_bytes(4, "little")))


def settle(ring: Ring) -> None:
    """Throw away what still comes from before."""
    while ring.wait(QUIET):
        while ring.take()[0]:
            pass
    ring.overrun()


@contextmanager
def measuring(ring: Ring) -> Iterator[None]:
    """Have nothing else going on in this process, and nothing late on the link."""
    settle(ring)
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
    overrun = ring.overrun()
    if overrun:
        raise RuntimeError(f"the sender's own ring lost {overrun} frames")


def saturate(ring: Ring, guests: Guests, under_way: int, seconds: float) -> Saturated:
    """Have *under_way* guests in the middle of their exchange for *seconds*."""
    # a multiple of under_way, and of different guests if they are enough: then nobody
    # is there twice
    enough = under_way <= guests.bindings
    count = guests.bindings if enough else len(guests)
    count = count // under_way * under_way
    after = dict(zip(guests.offers, guests.request, strict=True))
    for place in range(count):
        after[guests.acks[place]] = guests.discover[(place + under_way) % count]
    follow = after.__getitem__
    missing, answers, looks = under_way, 0, 0
    with measuring(ring):
        started = time.perf_counter()
        stop = last = started + seconds
        ring.send(b"".join(guests.discover[:under_way]))
        while time.perf_counter() < stop:
            xids, addresses = ring.take()
            if xids:
                xids = right(guests, xids, addresses)
                ring.send(b"".join(map(follow, xids)))
                answers += len(xids)
                looks = 0
            elif (looks := looks + 1) < LOOKS:
                os.sched_yield()  # a server may have this processor too
            elif not ring.wait(SILENCE):
                last = time.perf_counter() - SILENCE
                break
        while missing and ring.wait(SILENCE):
            missing -= len(right(guests, *ring.take()))
    # every other answer of a guest is an ACK
    return Saturated(answers / 2 / (last - started), answers // 2, max(0, missing))


def pace(ring: Ring, guests: Guests, rate: float, seconds: float) -> Paced:
    """Have *rate* guests come in a second."""
    chance = random.Random(SEED)
    after = dict(zip(guests.offers, guests.request, strict=True))
    acks = dict(zip(guests.offers, guests.acks, strict=True))
    sent: dict[int, float] = {}
    waits: list[float] = []
    busy = [False] * guests.bindings
    guest_of = {each: at % len(busy) for at, each in enumerate(guests.acks)}
    comers = iter(range(max(1, int(rate * seconds))))
    with measuring(ring):
        due = heard = time.time()
        coming: int | None = next(comers)
        while coming is not None or (sent and time.time() - heard < SILENCE):
            now = time.time()
            if coming is not None and now >= due:
                place = coming % len(guests)
                if not busy[place % len(busy)]:  # it would drop what it is doing
                    busy[place % len(busy)] = True
                    sent[guests.offers[place]] = time.time()
                    ring.send(guests.discover[place])
                due += chance.expovariate(rate)
                coming = next(comers, None)
            xids, addresses, stamps = ring.take_stamped()
            if not xids:
                os.sched_yield()
                continue
            right(guests, xids, addresses)
            heard = now
            for each, stamp in zip(xids, stamps, strict=True):
                asked = sent.pop(each, None)
                if asked is None:
                    continue
                waits.append((stamp - asked) * 1e6)
                if each in guest_of:
                    busy[guest_of[each]] = False
                else:
                    sent[acks[each]] = time.time()
                    ring.send(after[each])
    return Paced(waits, len(sent))


def burst(ring: Ring, guests: Guests, number: int, *, whole: bool) -> Burst:
    """Send the DISCOVERs of *number* guests back to back; *whole*: and go on."""
    after = dict(zip(guests.offers, guests.request, strict=True)) if whole else {}
    open_offers = set(islice(guests.offers, number))
    open_acks = set(islice(guests.acks, number)) if whole else set()
    last = 0.0
    with measuring(ring):
        started = time.time()
        ring.send(b"".join(guests.discover[:number]))
        while (open_offers or open_acks) and ring.wait(SILENCE):
            xids, addresses, stamps = ring.take_stamped()
            right(guests, xids, addresses)
            ring.send(b"".join(after[each] for each in xids if each in after))
            open_offers.difference_update(xids)
            open_acks.difference_update(xids)
            last = stamps[-1] if stamps else last
    acks = number - len(open_acks) if whole else 0
    return Burst(number - len(open_offers), acks, (last - started) * 1e3)
