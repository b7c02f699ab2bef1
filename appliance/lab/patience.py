"""Waiting for something to become true: the lab's and the tests' only way to wait."""

import time
from collections.abc import Callable
from typing import TypeVar

LOOK_EVERY = 0.01  # seconds between two looks at a condition

Seen = TypeVar("Seen")


class TooSlowError(Exception):
    """Something did not happen in its time; says what, and what was seen."""


def until(
    condition: Callable[[], Seen],
    what: str,
    *,
    within: float,
    log: Callable[[], str] = str,
) -> Seen:
    """Return the first true value of *condition*; too late, raise with the log."""
    deadline = time.monotonic() + within
    while not (seen := condition()):
        if time.monotonic() > deadline:
            raise TooSlowError(
                f"not within {within:g} s: {what}; last seen: {seen!r}\n{log()}"
            )
        time.sleep(LOOK_EVERY)
    return seen
