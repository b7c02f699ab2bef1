"""A machine, its network n1 and guests, for tests that boot real clients.

    machine       a hypervisor with the bridge br0          (appliance.lab.machine)
    gateway       10.0.0.1 on br0; counts what strays to it
    installation  metalease on the machine, n1 added: installation.metalease("put", ..)
    daemon        `metalease run n1`, ready: daemon.events(), daemon.log()
    guest         fa:16:3e:00:00:11, switched on, unconfigured: guest.addresses() ...

pytest stays outside and sends processes in. Whatever a test does, afterwards the
machine outside must be as it was, and no process that a guest can talk to may have
been root: both are proved here, for every test of this directory.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Gateway
from appliance.lab.machine import Machine

CAP_NET_BIND_SERVICE = 1 << 10
CAP_NET_RAW = 1 << 13
N1 = b"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"
mtu = 1450
dns = ["10.0.0.53"]
domain = "n1.example"

[attach]
bridge = "br0"
"""


def prove_unprivileged(daemon: Daemon) -> None:
    """Fail if a process of *daemon* that guests reach is root, or could do more."""
    for process in daemon.serving():
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        status = {
            name: value.split() for name, _, value in (x.partition(":") for x in lines)
        }
        assert "0" not in status["Uid"], f"process {process} is root: {status}"
        assert "0" not in status["Gid"], (
            f"process {process} is of root's group: {status}"
        )
        for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            more = int(status[kind][0], 16) & ~(CAP_NET_RAW | CAP_NET_BIND_SERVICE)
            assert not more, f"process {process} has too much in {kind}: {status}"


class WatchedInstallation(Installation):
    """Looks at the privileges of each daemon that it starts, and remembers it."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.daemons: list[Daemon] = []

    def start(self, network: str) -> Daemon:
        daemon = super().start(network)
        self.daemons.append(daemon)
        assert daemon.serving(), f"nobody serves {network}\n{daemon.log()}"
        prove_unprivileged(daemon)
        return daemon


def outside() -> dict[str, object]:
    """What no test may change."""
    links = json.loads(subprocess.check_output(["ip", "-j", "address"]))
    return {
        "links": [
            (each["ifname"], each.get("address"), each["mtu"], each.get("master"))
            for each in links
        ],
        "addresses": [
            (each["ifname"], address.get("local"), address["prefixlen"])
            for each in links
            for address in each["addr_info"]
        ],
        "routes": json.loads(subprocess.check_output(["ip", "-j", "route"])),
        "hostname": socket.gethostname(),
        "resolv.conf": Path("/etc/resolv.conf").read_bytes(),
        "mounts": sorted(
            line.split()[4]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
        ),
        **{
            directory: sorted(os.listdir(directory))
            for directory in ("/etc", "/run", "/var/lib/dhcp", "/var/lib/dhcpcd")
            if os.path.isdir(directory)
        },
    }


@pytest.fixture(autouse=True)
def _outside_is_untouched() -> Iterator[None]:
    before = outside()
    yield
    assert before == outside()


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        machine.add_bridge("br0")
        yield machine


@pytest.fixture
def gateway(machine: Machine) -> Gateway:
    return machine.add_gateway("10.0.0.1/24", bridge="br0")


@pytest.fixture
def installation(machine: Machine, gateway: Gateway) -> Iterator[Installation]:
    installation = WatchedInstallation(machine)
    installation.succeed("net", "add", "n1", "-", stdin=N1)
    yield installation
    for daemon in installation.daemons:
        prove_unprivileged(daemon)


@pytest.fixture
def daemon(installation: Installation) -> Daemon:
    return installation.start("n1")


@pytest.fixture
def guest(machine: Machine) -> Guest:
    return machine.add_guest("g1", "fa:16:3e:00:00:11", bridge="br0")
