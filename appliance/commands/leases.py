"""`metalease leases`: what the pool has given away, or keeps back."""

import argparse
import time
from typing import Any

from ..change import ring_daemon
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..layout import Layout
from ..layout import NetworkLayout
from ..settings import load_settings
from .screen import print_json
from .screen import print_table
from .screen import warn


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(act=list_leases)


def list_leases(options: argparse.Namespace, layout: Layout) -> int:
    """List what is held in the pool: the daemon's word, else the journal's."""
    files = layout.network(options.network)
    settings = load_settings(files)
    if not settings.pool.addresses:
        raise SettingsError(
            settings.file, 'has no pool: [dhcp] pool = ["FIRST-LAST"] makes one'
        )
    found = _ask(files)
    if options.json:
        print_json(found["leases"])
        return 0
    if found["leases"]:
        rows = [
            (each["ip"], each["mac"] or "", each["state"], _moment(each["until"]))
            for each in found["leases"]
        ]
        print_table(("IP", "MAC", "STATE", "UNTIL"), rows)
    else:
        warn(f"none of the pool's {found['addresses']} addresses is held")
    if found["asleep"]:
        warn("another network shares the bridge: the pool answers nobody")
    return 0


def _ask(files: NetworkLayout) -> dict[str, Any]:
    try:
        return ring_daemon(files, {"op": "leases"})
    except SettingsError as problem:
        if problem.exit_code != NOT_RUNNING:
            raise
    return _read(files)


def _read(files: NetworkLayout) -> dict[str, Any]:
    """Return what the journal says, as the daemon would begin with it."""
    from .. import pool_state
    from ..hosted import Surroundings
    from .explanation import read_state

    settings, state = read_state(files)
    clock = pool_state.read_clock(time.monotonic())
    pool = pool_state.load_pool(settings, files, state.table, clock)
    return {
        "addresses": len(pool),
        "asleep": Surroundings(settings, files.layout).shared(),
        "leases": pool_state.describe(pool, clock),
    }


def _moment(until: float | None) -> str:
    if until is None:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(until))
