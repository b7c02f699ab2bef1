"""Two networks on one bridge, each with its daemon, both with 169.254.169.254."""

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import Client
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

pytestmark = [pytest.mark.machine, pytest.mark.long]

N2 = b"""\
[network]
subnet = "10.2.0.0/24"
gateway = "10.2.0.1"
dhcp_address = "10.2.0.2"

[attach]
bridge = "br0"
"""
BOOT_WITHIN = 30.0  # seconds


@pytest.fixture
def second(installation: Installation, machine: Machine) -> Daemon:
    machine.add_gateway("10.2.0.1/24", bridge="br0", name="gateway2")
    installation.succeed("net", "add", "n2", "-", stdin=N2)
    return installation.start("n2")


@pytest.mark.parametrize(
    "client", [CLIENTS["dhclient"], CLIENTS["udhcpc"]], ids=["dhclient", "udhcpc"]
)
def test_no_answer_crosses(
    client: Client,
    installation: Installation,
    machine: Machine,
    daemon: Daemon,
    second: Daemon,
) -> None:
    """Each daemon answers its own MACs and is silent to the other's, at the first boot
    and at reboot, and each guest reads its own document (dhcp 74, host H10)."""
    guests = {}
    for network, ip in (("n1", "10.0.0.11"), ("n2", "10.2.0.11")):
        mac = f"fa:16:3e:00:00:{network.replace('n', '0')}"
        named = ("--mac", mac, "--instance-id", f"i-{network}")
        installation.succeed("put", network, ip, *named)
        guests[network, ip] = machine.add_guest(network, mac, bridge="br0")
    for _ in range(3):
        booting = {guest: boot(client, guest) for guest in guests.values()}
        for process in booting.values():
            assert process.wait(BOOT_WITHIN) == 0, process.output()
        for (network, ip), guest in guests.items():
            assert guest.addresses() == [f"{ip}/24"]
            asked = guest.get("http://169.254.169.254/latest/meta-data/instance-id")
            assert asked.stdout == f"i-{network}"
            guest.power_cycle()
    for each, own in ((daemon, "fa:16:3e:00:00:01"), (second, "fa:16:3e:00:00:02")):
        answers = [event for event in each.events() if event["reply"]]
        assert {event["mac"] for event in answers} == {own}
        assert "NAK" not in {event["reply"] for event in answers}


def test_a_guest_reaches_only_its_own_network(
    installation: Installation,
    machine: Machine,
    daemon: Daemon,
    second: Daemon,
    guest: Guest,
) -> None:
    """The other network gives it nothing, though it makes a route there by hand; what
    it sends to 169.254.169.254 is still brought to its own (host H10, R3)."""
    named = ("--mac", guest.mac, "--instance-id", "i-n1")
    installation.succeed("put", "n1", "10.0.0.11", *named)
    assert boot(CLIENTS["dhclient"], guest).wait(BOOT_WITHIN) == 0
    guest.ip("route", "add", "10.2.0.2/32", "dev", "eth0")
    hop = ("via", "10.2.0.2", "onlink", "dev", "eth0")
    guest.ip("route", "replace", "169.254.169.254/32", *hop)
    document = "latest/meta-data/instance-id"
    assert guest.get(f"http://10.2.0.2/{document}", "-f").returncode != 0
    assert guest.get(f"http://169.254.169.254/{document}").stdout in ("i-n1", "")
    assert [each for each in second.events() if each.kind == "http"] == []
