"""A thread that nobody has to wait for when the daemon ends: a disk may stand still."""

import inspect
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import trio

T = TypeVar("T")

_NAME = "abandon_on_cancel"
_KNOWN = inspect.signature(trio.to_thread.run_sync).parameters
# trio 0.22, Debian 12's, has another word for it
_ABANDON: dict[str, Any] = {_NAME if _NAME in _KNOWN else "cancellable": True}


async def run_abandonable(work: Callable[[], T]) -> T:
    """Return what *work* returns, from a thread that is left behind when cancelled."""
    return await trio.to_thread.run_sync(work, **_ABANDON)
