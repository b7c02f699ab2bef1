"""A guest that invents MACs takes nothing from those that are bound."""

import json
import re
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .packets import OFFER
from .packets import Wire

pytestmark = pytest.mark.machine

INVENTED = 100_000
AT_ONCE = 1_000
MORE_AT_MOST = 8 * 1024  # KiB that the daemon may grow by
VICTIM = "fa:16:3e:00:00:11"


def invented(number: int) -> str:
    return "02:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(5, "big"))


def resident(daemon: Daemon) -> int:
    """Return the KiB that the process has which guests reach."""
    (process,) = daemon.serving()
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def test_a_flood_of_invented_macs(
    installation: Installation, machine: Machine, daemon: Daemon, guest: Guest
) -> None:
    """dhcp 71: amid 100,000 invented MACs a bound one is answered whenever it asks,
    most of the others are not looked at, and no table grows with them."""
    installation.succeed("put", "n1", "10.0.0.11", "--mac", VICTIM)
    flooder = machine.add_guest("flooder", "fa:16:3e:00:00:66", bridge="br0")
    with Wire(guest) as bound, Wire(flooder) as wire:
        assert bound.ask(VICTIM).kind == OFFER
        before = resident(daemon)
        for first in range(0, INVENTED, AT_ONCE):
            wire.send_together(map(invented, range(first, first + AT_ONCE)))
            answer = bound.ask(VICTIM)
            assert (answer.kind, answer.address) == (OFFER, "10.0.0.11")
        assert resident(daemon) - before < MORE_AT_MOST
    status = json.loads(installation.succeed("status", "n1", "--json"))
    assert status["dhcp"]["DISCOVER unknown_client"] < INVENTED // 2
