"""What a daemon has heard of a guest, when it has written all of it down."""

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.patience import until

from .imds import METADATA

LAST = "/last"
LOGGED_WITHIN = 5.0  # seconds for the daemon to write down what it did


def heard(guest: Guest, daemon: Daemon) -> list[tuple[str, str, str]]:
    """Return method, target and status of each request of *guest*, in order.

    The guest asks once more: what it asked before is in the log before that.
    """
    guest.get(METADATA + LAST)

    def asked() -> list[tuple[str, str, str]]:
        found = [
            (each["method"], each["target"], each["status"])
            for each in daemon.events()
            if each.kind == "http"
        ]
        return found if any(target == LAST for _, target, _ in found) else []

    found = until(
        asked, "the last request is in the log", within=LOGGED_WITHIN, log=daemon.log
    )
    return [each for each in found if each[1] != LAST]
