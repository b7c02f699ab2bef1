"""What a guest sends to its gateway for 169.254.169.254 comes to us (host H10, R3)."""

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Gateway
from appliance.lab.machine import Machine

pytestmark = pytest.mark.machine

BOOT_WITHIN = 30.0  # seconds
SYN_AGAIN = 1.0  # seconds after which a SYN that was lost is sent again


def test_a_port_that_was_just_plugged_is_steered(
    installation: Installation, daemon: Daemon, machine: Machine, gateway: Gateway
) -> None:
    """Of guests that are plugged one after another and have no route but the gateway's
    no SYN is lost, and none reaches the gateway (clients C8, host H10, R3)."""
    for number in range(1, 6):
        mac = f"fa:16:3e:00:01:{number:02x}"
        installation.succeed("put", "n1", f"10.0.0.{100 + number}", "--mac", mac)
        guest = machine.add_guest(f"g{number}", mac, bridge="br0")
        client = boot(CLIENTS["udhcpc"], guest)
        assert client.wait(BOOT_WITHIN) == 0, client.output()
        url = "http://169.254.169.254/latest/meta-data/mac"
        asked = guest.get(url, "-w", " %{time_total}")
        document, _, seconds = asked.stdout.rpartition(" ")
        assert document == mac, daemon.log()
        assert float(seconds) < SYN_AGAIN, daemon.log()
    assert gateway.strays() == 0
