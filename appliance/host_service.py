"""`metalease host`: keep every network of this host, as a service (root)."""

import os
import signal
from functools import partial
from typing import TypeGuard

import trio

from . import host
from .errors import SettingsError
from .hosted import HostedNetworks
from .layout import Layout
from .notify import Notifier
from .parent import report

WATCHDOG_SHARE = 2  # a word in half of the time that the manager gives


def run(layout: Layout) -> int:
    """Keep the networks until SIGTERM or SIGINT."""
    if os.geteuid() != 0:
        raise SettingsError("metalease host", "makes links and addresses: run as root")
    refused: list[SettingsError] = []
    try:
        trio.run(_run, layout, Notifier(), strict_exception_groups=True)
    except* SettingsError as problems:
        refused += (each for each in problems.exceptions if _is_ours(each))
    if refused:
        raise refused[0]
    return 0


def _is_ours(problem: BaseException) -> TypeGuard[SettingsError]:
    return isinstance(problem, SettingsError)


async def _run(layout: Layout, notifier: Notifier) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            networks = HostedNetworks(layout, report)
            keep = partial(host.keep, networks, layout.host_socket, report=report)
            await nursery.start(keep)
            notifier.tell("READY=1")
            nursery.start_soon(_tell_watchdog, notifier)
            async for _ in signals:
                break
            notifier.tell("STOPPING=1")
            nursery.cancel_scope.cancel()


async def _tell_watchdog(notifier: Notifier) -> None:
    if notifier.watchdog is None:
        return
    while True:
        notifier.tell("WATCHDOG=1")
        await trio.sleep(notifier.watchdog / WATCHDOG_SHARE)
