"""What the daemon answers on its control socket (0600, its owner's and root's)."""

import os
import time
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from dhcp.hardware import HardwareAddress

from . import __version__
from .directory import SUFFIX
from .errors import SettingsError
from .follower import Follower
from .follower import Look
from .metrics import Metrics
from .observation import Observation
from .state import State


@dataclass(frozen=True, slots=True)
class Control:
    """Answers one request after the other; see `bell.py` for the wire."""

    state: State
    follower: Follower
    observation: Observation
    metrics: Metrics
    started: float
    """Seconds since the epoch."""
    measure: Callable[[], None]
    """Brings the gauges up to date."""
    leases: Callable[[], Mapping[str, Any]] | None = None
    """Tells what the pool has given away, where there is one."""

    async def answer(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Answer *request*; raises SettingsError for one that has no sense."""
        match request:
            case {"op": "apply", "macs": list(macs)}:
                return await self._apply([_digits(mac) for mac in macs])
            case {"op": "apply", **more} if not more:
                await self.follower.rescan(commanded=True)
                return {"ok": True}
            case {"op": "accept"}:
                change = await self.follower.accept()
                return {"ok": True, "gone": [str(each.mac) for each in change.gone]}
            case {"op": "holder", "ip": str(ip)}:
                address = _address(ip)
                # a file that was dropped by hand a moment ago counts as well
                await self.follower.rescan(Look.NAMES)
                record = self.state.at(address)
                return {"ok": True, "mac": None if record is None else str(record.mac)}
            case {"op": "status"}:
                return {"ok": True, **self._status()}
            case {"op": "activity"}:
                return {"ok": True, "activity": self._activity()}
            case {"op": "tokenless"}:
                return {"ok": True, "tokenless": self._tokenless()}
            case {"op": "leases"}:
                return {"ok": True, **self._leases()}
            case {"op": "metrics"}:
                self.measure()
                return {"ok": True, "text": self.metrics.text()}
            case {"op": "ping"}:
                return {"ok": True}
            case _:
                raise SettingsError("the request", "is none that this daemon knows")

    async def _apply(self, macs: list[str]) -> Mapping[str, Any]:
        await self.follower.apply(macs)
        for mac in macs:
            problem = self.state.problems.get(mac + SUFFIX)
            if problem is not None:
                return {"ok": False, "error": str(problem)}
        return {"ok": True}

    def _leases(self) -> Mapping[str, Any]:
        if self.leases is None:
            raise SettingsError("its daemon", "was started without a pool: restart it")
        return self.leases()

    def _status(self) -> dict[str, Any]:
        self.measure()
        messages = self.metrics.counters["metalease_dhcp_messages"]
        requests = self.metrics.counters["metalease_http_requests"]
        return {
            "network": self.state.settings.name,
            "version": __version__,
            "pid": os.getpid(),
            "uptime": round(time.time() - self.started, 3),
            "bindings": len(self.state.table),
            "bad_files": [str(each) for each in self.state.problems.values()],
            "vanished": len(self.state.vanished),
            "conflicts": self._conflicts(),
            "pool": None if self.leases is None else _count(self.leases()),
            "other_servers": self.observation.elsewhere.recent(),
            "dhcp": {" ".join(labels): number for labels, number in messages.items()},
            "http": {" ".join(labels): number for labels, number in requests.items()},
            "connections": int(self.metrics.gauges["metalease_http_connections"]),
            "lost_frames": self.metrics.counters["metalease_dhcp_lost_frames"][()],
        }

    def _conflicts(self) -> list[dict[str, str]]:
        """Return who has found its address in use, and what it said of that."""
        table, heard = self.state.table, self.observation.activity
        found = ((table.find(mac), each.conflict) for mac, each in heard.items())
        return [
            {"mac": str(bound.hardware), "ip": str(bound.address), "said": said}
            for bound, said in found
            if bound is not None and said is not None
        ]

    def _tokenless(self) -> list[dict[str, Any]]:
        found = []
        for address, (count, last) in self.observation.tokenless.items():
            record = self.state.at(address)
            found.append(
                {
                    "ip": str(address),
                    "hostname": None if record is None else record.hostname,
                    "requests": count,
                    "last": last,
                }
            )
        return found

    def _activity(self) -> dict[str, Any]:
        return {
            mac.hex(":"): {
                "acknowledged": each.acknowledged,
                "conflict": each.conflict,
            }
            for mac, each in self.observation.activity.items()
        }


def _count(pool: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many addresses of a pool are in which state."""
    states = Counter(each["state"] for each in pool["leases"])
    addresses = pool["addresses"]
    return {"addresses": addresses, "asleep": pool["asleep"], "held": dict(states)}


def _digits(mac: object) -> str:
    try:
        return HardwareAddress.parse(str(mac)).digits
    except ValueError as problem:
        raise SettingsError("macs", str(problem)) from None


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as problem:
        raise SettingsError("ip", str(problem)) from None
