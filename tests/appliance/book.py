"""A journal of leases on a disk, and who keeps it."""

from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import trio

from appliance.leases import Clock
from appliance.ledger import Ledger
from appliance.pool_state import read_clock
from dhcp.lease import Hold
from dhcp.lease import Use

FIRST = IPv4Address("10.0.0.200")
MAC = bytes.fromhex("fa163e000099")
DAY = 86_400.0


def lease(number: int = 0, until: float = DAY) -> Hold:
    return Hold(FIRST + number, Use.LEASED, MAC[:5] + bytes([number]), until)


@dataclass
class Book:
    """A ledger at *path*, on a clock that stands at 0, and what it said."""

    path: Path
    kept: list[Hold] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    set_by: float = 0.0
    """Seconds by which the machine's clock was set."""
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin anew, as a daemon that was killed."""
        self.ledger = Ledger(
            self.path, lambda now: self.kept, self.told.append, self.look
        )

    def look(self) -> Clock:
        real = read_clock(0.0)
        return replace(real, wall=real.wall + self.set_by)

    def write(self, *holds: Hold) -> bool:
        return trio.run(self.ledger.write, holds)

    def read(self) -> list[Hold]:
        """Return what the next daemon finds, its times rounded."""
        self.open()
        found = self.ledger.load(DAY).holds
        return [replace(each, until=round(each.until, -1)) for each in found]

    @property
    def lines(self) -> int:
        return self.path.read_bytes().count(b"\n")
