"""Who is attended to: a bounded number, so that no crowd takes our descriptors.

Where all seats are taken, who has been silent for longest gives up his: a stranger
without the token is silent however much he says.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Seats:
    """A bounded number of callers."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._taken = 0
        self._silent: dict[trio.CancelScope, None] = {}  # the oldest first

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Take a seat; False where all are taken by who is being served."""
        self._taken += 1
        try:
            yield self._taken <= self._number or self._show_one_out()
        finally:
            self._taken -= 1

    @contextmanager
    def silent(self) -> Iterator[trio.CancelScope]:
        """Wait for a caller as long as nobody needs his seat; else it is cancelled."""
        with trio.CancelScope() as scope:
            self._silent[scope] = None
            try:
                yield scope
            finally:
                self._silent.pop(scope, None)

    def _show_one_out(self) -> bool:
        for scope in self._silent:
            del self._silent[scope]  # the next one takes another's
            scope.cancel()
            return True
        return False
