"""Tell systemd how we are (sd_notify(3)): READY=1, STOPPING=1, WATCHDOG=1.

Connected before any namespace is entered: an abstract address is not there after it.
"""

import os
import socket

PATIENCE = 1.0  # seconds that a manager with a full queue can hold us up


class Notifier:
    """A way to tell the service manager; says nothing where there is none."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        address = os.environ.pop("NOTIFY_SOCKET", "")
        if address:
            self._socket = _connect(address)
        watchdog = os.environ.get("WATCHDOG_USEC", "")
        for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        seconds = int(watchdog) / 1e6 if watchdog.isdecimal() and for_us else 0
        self.watchdog = seconds or None
        """Seconds within which the manager wants to hear of us; None for never."""

    def tell(self, state: str) -> None:
        if self._socket is not None:
            try:
                self._socket.send(state.encode())
            except OSError:  # a manager that is gone needs no word
                pass


def _connect(address: str) -> socket.socket | None:
    if address.startswith("@"):
        address = "\0" + address[1:]
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(PATIENCE)
    try:
        manager.connect(address)
    except OSError:  # a manager that is gone needs no word
        manager.close()
        return None
    return manager
