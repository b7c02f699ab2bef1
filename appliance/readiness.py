"""Whether a guest's documents are whole, or still being written (issue 5.4).

Who writes several documents puts a marker beside them first and takes it away last:
`.writing` in metadata/<ip>/ for one guest, in metadata/ for all.  A marker may hold the
number of the process that writes: it counts for nothing when that has gone, or when it
is old.
"""

import os
from ipaddress import IPv4Address
from pathlib import Path

from httpd.messages import Look

from .files import MARKER

AGE_AT_MOST = 600.0  # seconds


class Readiness:
    """The markers below one network's metadata/."""

    def __init__(self, metadata: Path) -> None:
        self._metadata = str(metadata)

    def markers(self, address: IPv4Address) -> tuple[str, str]:
        """Return where the guest's marker would be, and that of all."""
        return f"{self._metadata}/{address}/{MARKER}", f"{self._metadata}/{MARKER}"

    def looks(self, address: IPv4Address) -> tuple[Look, ...]:
        """Return what has to stay as it is for an answer to hold: no marker."""
        return tuple((path, None) for path in self.markers(address))

    def is_writing(self, address: IPv4Address, now: float) -> bool:
        """Whether somebody writes; *now* is in seconds since the epoch."""
        return any(
            os.access(path, os.F_OK) and _counts(path, now)
            for path in self.markers(address)
        )


def _counts(path: str, now: float) -> bool:
    try:
        if abs(now - os.stat(path).st_mtime) > AGE_AT_MOST:  # or of a clock gone wrong
            return False
        with open(path, "rb", opener=_open_nonblocking) as file:
            text = file.read(16).strip()
    except PermissionError:
        return True  # it is root's alone: that it is there says enough
    except OSError:
        return False  # gone meanwhile, or no marker of ours
    if not text.isdigit():
        return True
    try:
        os.kill(int(text), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # another user's, so it lives
    return True


def _open_nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
