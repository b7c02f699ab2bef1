"""Kea's own load program, beside ours: it paces guests, and is itself slow."""

import re

from appliance.lab.cell import require
from appliance.lab.guest import Guest

from .bench import mac

SECONDS = 1
WAIT = 0.3  # seconds for the last answers
STEPS = (1.0, 0.8, 0.65, 0.5, 0.35, 0.25, 0.15, 0.1)
WITHIN = 60.0  # seconds
SENT = re.compile(r"sent packets: (\d+)\nreceived packets: (\d+)")


def rate(guest: Guest, count: int, expected: float) -> float | None:
    """Return the exchanges a second of the first of some rates that loses nothing.

    They are parts of *expected*; None where each loses something.
    """
    require("perfdhcp")
    for step in STEPS:
        asked = max(1, int(expected * step))
        words = ["perfdhcp", "-4", "-g", "single", "-l", guest.interface]
        words += ["-R", str(count), "-b", f"mac={mac(0)}", "-p", str(SECONDS)]
        words += ["-W", str(int(WAIT * 1e6)), "-r", str(asked)]
        done = guest.run(words, within=WITHIN)
        counts = SENT.findall(done.stdout)
        if len(counts) != 2:
            raise RuntimeError(f"perfdhcp: {done.stdout}{done.stderr}")
        (discovers, offers), (requests, acks) = counts
        if discovers == offers and requests == acks == offers:
            return int(acks) / SECONDS
    return None
