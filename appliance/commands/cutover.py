"""`migrate zstack --cutover NET`: ours in place of theirs, or all as it was.

What is found is remembered in a journal before the first change. Whatever goes wrong
after it, an error, Ctrl-C, a lost terminal, puts everything back; after a kill -9 the
next call does, or `--put-back NET`.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final

import trio

from dhcp.hardware import HardwareAddress

from ..change import ring_daemon
from ..cutover import bound
from ..cutover import journal
from ..cutover import jump
from ..cutover import place
from ..cutover import theirs
from ..cutover.back import undo
from ..cutover.found import Found
from ..cutover.guest import Guest
from ..cutover.there import go
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..layout import Layout
from ..layout import NetworkLayout
from ..rules import load_rules
from ..settings import Settings
from ..settings import load_settings
from ..veth import Pair
from ..veth import bridged

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PORTS: Final = (53, 67)
"""Of DNS and DHCP, beside those of the metadata."""


def cut_over(layout: Layout, name: str) -> int:
    """Take the network *name* into service; return the exit code."""
    files = layout.network(name)
    if journal.read(files) is not None:
        code = put_back(layout, name)
        if code == 0:
            _say(files, "a cut-over that was killed is undone: say it again")
        return 1
    return trio.run(_cut_over, files, strict_exception_groups=True)


def put_back(layout: Layout, name: str) -> int:
    """Undo a cut-over that has not ended; return the exit code."""
    files = layout.network(name)
    found = journal.read(files)
    if found is None:
        what = f"no cut-over is to be undone: there is no {journal.path(files)}"
        raise SettingsError(f"network {name}", what)

    async def back() -> bool:
        with trio.open_signal_receiver(*SIGNALS):  # to the end, whatever is said
            return await _put_back(files, found)

    return 0 if trio.run(back, strict_exception_groups=True) else 1


async def _cut_over(files: NetworkLayout) -> int:
    settings = load_settings(files)
    found, done, begun = None, False, False
    failure: list[BaseException] = []
    scope = trio.CancelScope()
    with trio.open_signal_receiver(*SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at, signals, scope, failure)
            with scope:
                try:
                    found = await _look(files, settings)
                    journal.write(files, found)
                    begun = True
                    await go(files, settings, found, partial(_say, files))
                    done = True
                except Exception as problem:  # whatever it is, theirs serve again
                    failure.append(problem)
            if found is not None and begun and not done:
                _warn(files, f"the cut-over failed: {failure[0]}")
                await _put_back(files, found)
            nursery.cancel_scope.cancel()
    if done:
        return 0
    if begun and isinstance(failure[0], SettingsError | OSError):
        return 1  # it has been said
    raise failure[0]


async def _cancel_at(
    signals: AsyncIterator[int], scope: trio.CancelScope, failure: list[BaseException]
) -> None:
    async for number in signals:
        if not failure:  # while it is put back, another one changes nothing
            what = signal.Signals(number).name
            failure.append(SettingsError("the cut-over", f"ended by {what}"))
            scope.cancel()


async def _put_back(files: NetworkLayout, found: Found) -> bool:
    """Have all as it was; say so, or what could not be."""
    problems = await undo(files, load_settings(files), found)
    for each in problems:
        _warn(files, f"not put back: {each}")
    if problems:
        again = f"metalease migrate zstack --put-back {files.name}"
        _warn(files, f"see to it, then: {again}")
        return False
    programs = ", ".join(each.name for each in found.roots)
    _warn(files, f"all is as it was: {programs} serve again")
    return True


def _say(files: NetworkLayout, text: str) -> None:
    with suppress(OSError):  # a terminal that is gone must not stop us half-way
        print(f"{files.name}: {text}", flush=True)


def _warn(files: NetworkLayout, text: object) -> None:
    with suppress(OSError):
        print(f"metalease: network {files.name}: {text}", file=sys.stderr, flush=True)


async def _look(files: NetworkLayout, settings: Settings) -> Found:
    """Return what is there, and change nothing; raises SettingsError."""
    name = f"network {settings.name}"
    if settings.bridge is None:
        raise SettingsError(name, "has no bridge: it is no network of ZStack's")
    load_rules(settings, files)
    bound.candidates(settings, files)
    if os.geteuid() != 0:
        raise SettingsError(name, "a cut-over stops and starts daemons: run as root")
    if _is_running(files):
        raise SettingsError(name, "its daemon runs already: nothing to cut over")
    where = bridged(settings.attachment)
    there = place.look(settings.attachment)
    Guest.of(Pair.of(settings.attachment)).refuse_another()
    programs = theirs.find(where.namespace)
    if not programs:
        what = "no dnsmasq and no lighttpd of ZStack's runs there: nothing to cut"
        way_out = f"over, metalease run {settings.name}"
        raise SettingsError(f"namespace {where.namespace}", f"{what} {way_out}")
    sockets, others = theirs.sockets_of(where.namespace, programs)
    wanted = {*PORTS, *settings.metadata.ports}
    for each in others:
        if each.port in wanted:
            what = f"{each} is held by a program that is not ZStack's: end it first"
            raise SettingsError(f"namespace {where.namespace}", what)
    steered = HardwareAddress.parse(there.inner.mac)
    found = Found(
        settings.name,
        tuple(programs),
        tuple(sockets),
        there,
        await jump.find(where.bridge, steered),
    )
    for program in found.roots:
        await theirs.try_out(where.namespace, program)
    return found


def _is_running(files: NetworkLayout) -> bool:
    try:
        ring_daemon(files, {"op": "ping"})
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            return False
        raise
    return True
