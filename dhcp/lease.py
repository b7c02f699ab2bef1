"""What becomes of an address that nobody has bound: values of the pool.

Times are seconds of a monotonic clock.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address


class Use(Enum):
    """What an address is held for."""

    FREE = "free"
    PROBING = "probing"
    OFFERED = "offered"
    LEASED = "leased"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Lease:
    """What an ACK promises to a client of the pool."""

    hardware: bytes
    address: IPv4Address
    seconds: float
    """math.inf for one without an end."""

    def begin(self, now: float) -> "Hold":
        return Hold(self.address, Use.LEASED, self.hardware, now + self.seconds)


@dataclass(frozen=True, slots=True)
class Hold:
    """An address that is not everyone's, for whom, and until when."""

    address: IPv4Address
    use: Use
    hardware: bytes
    """Whose it is, or was when it is free; in a quarantine, who declined it."""
    until: float
