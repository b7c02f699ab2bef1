"""What a network's pool is, by its settings and its journal: for whoever asks.

Without an event loop: the daemon begins with it, and a command can look at it.
"""

import math
import time
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dhcp.bindings import BindingTable
from dhcp.codes import INFINITE
from dhcp.lease import Use
from dhcp.pool import Pool

from .files import read_octets
from .layout import NetworkLayout
from .leases import JOURNAL_AT_MOST
from .leases import Clock
from .leases import Found
from .leases import decode
from .settings import Settings

BOOT = Path("/proc/sys/kernel/random/boot_id")


def make_pool(settings: Settings, table: BindingTable) -> Pool:
    """Return the pool of a network, from which nothing is given away yet."""
    network = settings.network
    servers = {*network.server_ids, *network.dns}
    reserved = servers | {each.gateway for each in network.ranges}

    def taken(address: IPv4Address) -> bool:
        return address in reserved or table.at(address) is not None

    pool = settings.pool
    return Pool(pool.addresses, quarantine=_seconds(pool.quarantine), taken=taken)


def longest_lease(settings: Settings) -> float:
    """Return how long a lease of the pool can be, in seconds."""
    return _seconds(settings.network.lease_time)


def _seconds(setting: int) -> float:
    return math.inf if setting == INFINITE else setting


def restore(pool: Pool, found: Found, table: BindingTable) -> None:
    """Give back what a journal says; who is bound by now has no lease."""
    for hold in found.holds:
        if hold.use is not Use.LEASED or table.find(hold.hardware) is None:
            pool.restore(hold)


def describe(pool: Pool, clock: Clock) -> list[dict[str, Any]]:
    """Return what is held, by address; times in seconds since the epoch."""
    return [
        {
            "mac": hold.hardware.hex(":") or None,
            "ip": str(hold.address),
            "state": hold.use.value,
            "until": _until(hold.until, clock),
        }
        for hold in pool.holds(clock.now)
    ]


def _until(until: float, clock: Clock) -> int | None:
    return None if until == math.inf else round(until - clock.now + clock.wall)


def read_clock(now: float) -> Clock:
    """Return what the clocks show; *now* is that of the pool."""
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Clock(time.time(), uptime, _boot(), now)


@cache
def _boot() -> str:
    return BOOT.read_text().strip()


def read_journal(path: Path, clock: Clock, lease: float) -> Found:
    """Read the journal at *path*; an absent one is empty.  Raises SettingsError."""
    try:
        octets = read_octets(path, JOURNAL_AT_MOST)
    except FileNotFoundError:
        octets = b""
    return decode(octets, clock, lease=lease)


def load_pool(
    settings: Settings, files: NetworkLayout, table: BindingTable, clock: Clock
) -> Pool:
    """Return the pool as a daemon would begin with it; raises SettingsError."""
    pool = make_pool(settings, table)
    found = read_journal(files.leases, clock, longest_lease(settings))
    restore(pool, found, table)
    return pool
