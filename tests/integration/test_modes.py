"""A network of metadata alone, one in a container, and a guest's further NIC."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.lab.cell import Process
from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import COMMAND
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.installation import descendants
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .packets import Wire
from .packets import take_address

pytestmark = pytest.mark.machine

ADDRESS = "10.0.0.11"
BOOT_WITHIN = 30.0  # seconds
READY_WITHIN = 20.0  # seconds
CONTAINER = b"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"

[attach]
device = "eth0"
"""
WITHOUT_NET_ADMIN = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
CAP_NET_BIND_SERVICE, CAP_NET_RAW = 1 << 10, 1 << 13
INSTANCE_ID = "/latest/meta-data/instance-id"


def test_metadata_only(installation: Installation, guest: Guest) -> None:
    """With `enabled = false` no packet is answered and the documents are served
    (dhcp 75)."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(f"{settings.read_text()}\n[dhcp]\nenabled = false\n")
    daemon = installation.start("n1")
    (serving,) = daemon.serving()
    # nobody is there who could hear a DHCP packet
    packets = Path(f"/proc/{serving}/net/packet").read_text()
    assert packets.count("\n") == 1, packets
    assert ":0043 " not in Path(f"/proc/{serving}/net/udp").read_text()
    named = ("--mac", guest.mac, "--instance-id", "i-1")
    installation.succeed("put", "n1", ADDRESS, *named)
    take_address(guest, ADDRESS, server="10.0.0.2")
    with Wire(guest) as wire:
        wire.send(guest.mac)
        assert wire.get(INSTANCE_ID) == (200, "i-1")
        status, network = wire.get("/openstack/latest/network_data.json")
        assert status == 200
        assert ADDRESS in network  # nobody else tells it
    assert [each for each in daemon.events() if each.kind == "dhcp"] == []


@pytest.fixture
def container(machine: Machine) -> Iterator[Installation]:
    """A container on the bridge, whose maker gave its eth0 both addresses."""
    with Machine("container") as inside:
        peer = ("peer", "name", "eth0", "netns", f"/proc/{inside.pid}/ns/net")
        machine.ip("link", "add", "tap-container", "type", "veth", *peer)
        machine.ip("link", "set", "tap-container", "master", "br0", "up")
        inside.ip("link", "set", "eth0", "up")
        for address in ("10.0.0.2/24", "169.254.169.254/32"):
            inside.ip("address", "add", address, "dev", "eth0")
        installation = Installation(inside)
        installation.succeed("net", "add", "n1", "-", stdin=CONTAINER)
        yield installation


@pytest.fixture
def confined(container: Installation) -> Process:
    """`metalease run` as a container's root that has no CAP_NET_ADMIN."""
    running = container.machine.start([*WITHOUT_NET_ADMIN, COMMAND, "run", "n1"])

    def serves() -> bool:
        assert running.poll() is None, running.output()
        return container.metalease("status", "n1").returncode == 0

    until(serves, "the daemon serves", within=READY_WITHIN, log=running.output)
    return running


def test_a_container_without_net_admin(
    container: Installation, confined: Process, guest: Guest
) -> None:
    """On a device of a container that may change nothing, guests boot and read their
    documents; `run` and `net check` say that neighbours are not kept, and how they are
    (issue 3, run)."""
    words = ("put", "n1", ADDRESS, "--mac", guest.mac, "--instance-id", "i-1")
    put = container.machine.run([*WITHOUT_NET_ADMIN, COMMAND, *words])
    assert (put.returncode, put.stdout) == (0, ""), put
    client = boot(CLIENTS["dhclient"], guest)
    assert client.wait(BOOT_WITHIN) == 0, client.output() + confined.output()
    assert guest.addresses() == [f"{ADDRESS}/24"]
    with Wire(guest) as wire:
        assert wire.get(INSTANCE_ID) == (200, "i-1")
    check = container.machine.run([*WITHOUT_NET_ADMIN, COMMAND, "net", "check", "n1"])
    assert check.returncode == 1
    for said in (confined.output(), check.stdout):
        assert "neighbours are not kept" in said
        assert "NET_ADMIN" in said
    assert container.machine.ip("neighbour", "show", "nud", "permanent") == ""


def test_it_drops_what_it_has(container: Installation, confined: Process) -> None:
    """In a container too the process that guests reach is no root, and keeps the two
    capabilities of serving alone (design, privilege)."""
    (serving,) = descendants(confined.pid)
    lines = Path(f"/proc/{serving}/status").read_text().splitlines()
    facts = {
        name: value.split() for name, _, value in (x.partition(":") for x in lines)
    }
    assert "0" not in facts["Uid"] + facts["Gid"]
    assert int(facts["CapEff"][0], 16) == CAP_NET_RAW | CAP_NET_BIND_SERVICE
    assert int(facts["CapBnd"][0], 16) == CAP_NET_RAW | CAP_NET_BIND_SERVICE
    netns = os.stat(f"/proc/{serving}/ns/net").st_ino
    assert netns == os.stat(f"/proc/{container.machine.pid}/ns/net").st_ino


@pytest.mark.parametrize("client", ["dhclient", "dhcpcd"])
@pytest.mark.parametrize("metadata_route", [(), ("--metadata-route", "yes")])
def test_a_further_nic(
    client: str,
    metadata_route: tuple[str, ...],
    installation: Installation,
    daemon: Daemon,
    guest: Guest,
) -> None:
    """A NIC that is not its VM's default gets an address and neither a default route
    nor the one to the metadata, unless its binding says so (dhcp 48, 51)."""
    words = ("put", "n1", ADDRESS, "--mac", guest.mac, "--no-default")
    installation.succeed(*words, *metadata_route)
    process = boot(CLIENTS[client], guest)
    assert process.wait(BOOT_WITHIN) == 0, process.output() + daemon.log()
    assert guest.addresses() == [f"{ADDRESS}/24"]
    routes = {"10.0.0.0/24": ""}
    if metadata_route:
        routes["169.254.169.254"] = "10.0.0.2"
    assert guest.routes() == routes
    assert "10.0.0.53" not in guest.path("/etc/resolv.conf").read_text()
    if metadata_route:
        assert guest.get(f"http://169.254.169.254{INSTANCE_ID}").stdout
