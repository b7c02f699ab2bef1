"""The journal of the pool's leases: one record a line, appended, read at a start.

    c0ffee00 leased 10.0.0.200 fa163e000099 1764110000 1764023600
    checksum, what became of an address, whose, until when, written when

What a kill or a full disk has left is no record: what is torn off at the end is cut
off, and where a line within is damaged, its address rests for as long as a lease can
last.  Times are seconds since the epoch.  What that clock shows beside the machine's
uptime is written down, too, whenever it has been set: so it costs no lease.
"""

import math
import re
import zlib
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from dhcp.lease import Hold
from dhcp.lease import Use

NEVER = "never"
CLOCK = "clock"
JOURNAL_AT_MOST = 64 << 20  # octets; one that is compacted has 2 MiB at most

_USES = {use.value: use for use in (Use.FREE, Use.LEASED, Use.QUARANTINED)}
_ADDRESS = re.compile(rb"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])")
SET_BY_AT_LEAST = 1.0  # seconds: a clock that only drifts is none that was set


@dataclass(frozen=True, slots=True)
class Clock:
    """What the clocks of this machine say at one moment."""

    wall: float
    """Seconds since the epoch: what people set."""
    uptime: float
    """Seconds since this machine was booted."""
    boot: str
    """Which boot that was."""
    now: float
    """Seconds of the clock that the pool goes by."""

    def set_since(self, other: "Clock") -> float:
        """Return the seconds by which the wall clock was set since *other*.

        0 where the machine was booted meanwhile: then nobody knows.
        """
        if self.boot != other.boot:
            return 0.0
        return (self.wall - self.uptime) - (other.wall - other.uptime)


@dataclass(frozen=True, slots=True)
class Found:
    """What a journal says."""

    holds: tuple[Hold, ...] = ()
    """In the order in which they came about, their times those of the pool's clock."""
    records: int = 0
    """Lines."""
    damaged: int = 0
    whole: int = 0
    """Octets up to the end of the last line: what is behind is torn."""


def encode(hold: Hold, clock: Clock) -> bytes:
    """Return the line that says *hold*."""
    until = NEVER
    if hold.until != math.inf:
        until = str(math.ceil(hold.until - clock.now + clock.wall))
    words = (hold.use.value, hold.address, hold.hardware.hex() or "-", until)
    return _line(*words, int(clock.wall))


def encode_clock(clock: Clock) -> bytes:
    """Return the line that says what the clocks show where a journal is begun."""
    return _line(CLOCK, clock.boot, f"{clock.uptime:.3f}", f"{clock.wall:.3f}")


def _line(*words: object) -> bytes:
    said = " ".join(map(str, words)).encode()
    return b"%08x %s\n" % (zlib.crc32(said), said)


def decode(octets: bytes, clock: Clock, *, lease: float) -> Found:
    """Read a journal; any octets are one.

    *lease* is the longest that was granted, in seconds: an address whose record is
    damaged rests that long.
    """
    whole = octets.rfind(b"\n") + 1
    lines = octets[:whole].split(b"\n")[:-1]
    read: list[tuple[_Record, float]] = []
    shown: Clock | None = None
    set_by, damaged = 0.0, 0
    for line in lines:
        try:
            words = _words(line)
            if words[0] == CLOCK:
                later = _clock(words)
                set_by += later.set_since(shown) if shown else 0.0
                shown = later
            else:
                read.append((_record(words), set_by))
        except (ValueError, IndexError, KeyError):
            damaged += 1
            read += [(each, set_by) for each in _resting(line, lease)]
    set_by += clock.set_since(shown) if shown else 0.0
    holds = tuple(record.hold(clock, set_by - before) for record, before in read)
    return Found(holds, len(lines), damaged, whole)


@dataclass(frozen=True, slots=True)
class _Record:
    use: Use
    address: IPv4Address
    hardware: bytes
    until: float
    """Seconds since the epoch."""
    longest: float
    """Seconds: a clock that was put back makes no lease longer than it was."""

    def hold(self, clock: Clock, set_by: float) -> Hold:
        left = min(self.until + set_by - clock.wall, self.longest)
        return Hold(self.address, self.use, self.hardware, clock.now + left)


def _words(line: bytes) -> list[str]:
    checksum, _, said = line.partition(b" ")
    if len(checksum) != 8 or int(checksum, 16) != zlib.crc32(said):
        raise ValueError("a wrong checksum")
    return said.decode("ascii").split(" ")


def _clock(words: list[str]) -> Clock:
    _, boot, uptime, wall = words
    return Clock(float(wall), float(uptime), boot, 0.0)


def _record(words: list[str]) -> _Record:
    use, address, hardware, until, written = words
    octets = b"" if hardware == "-" else bytes.fromhex(hardware)
    end = math.inf if until == NEVER else int(until)
    return _Record(_USES[use], IPv4Address(address), octets, end, end - int(written))


def _resting(line: bytes, lease: float) -> Iterator[_Record]:
    for found in _ADDRESS.findall(line):
        try:
            address = IPv4Address(found.decode())
        except ValueError:
            continue
        yield _Record(Use.QUARANTINED, address, b"", math.inf, lease)


def compose(holds: Iterable[Hold], clock: Clock) -> bytes:
    """Return a journal that says *holds*, and nothing twice."""
    return encode_clock(clock) + b"".join(encode(each, clock) for each in holds)
