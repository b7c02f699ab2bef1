"""A host of ZStack's for tests: a machine, its agent, and the server that it hears.

host.server.done("dhcp/prepare", PREPARE)
host.server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})
guest = booted(host, 5)
"""

import json
import socket
from pathlib import Path
from typing import Any

from appliance.lab.cell import Process
from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import COMMAND
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.namespace import entered
from tests.agent.management import Management

L3 = "67e3" * 8
NAMESPACE = f"br_eth0_{L3}"
AT = {"bridgeName": "br_eth0", "namespaceName": NAMESPACE}
PREPARE = {
    **AT,
    "dhcpServerIp": "10.0.0.2",
    "dhcpNetmask": "255.255.255.0",
    "ipVersion": 4,
    "vlanId": None,
    "aFieldOfTheNextRelease": {"a": 1},
}
SOCKET = "/run/agent.sock"
TOKEN = "a-token-of-some-length"
WITHIN = 30.0  # seconds


def dhcp_info(number: int, **more: Any) -> dict[str, Any]:
    return {
        **AT,
        "ipVersion": 4,
        "mac": f"fa:16:3e:00:00:{number:02x}",
        "ip": f"10.0.0.{number}",
        "netmask": "255.255.255.0",
        "gateway": "10.0.0.1",
        "hostname": f"vm-{number}",
        "isDefaultL3Network": True,
        "dns": ["10.0.0.53"],
        "mtu": 1450,
        "hostRoutes": [{"prefix": "169.254.169.254/32", "nexthop": "10.0.0.2"}],
        "l3NetworkUuid": L3,
        **more,
    }


def userdata(number: int, *parts: str) -> dict[str, Any]:
    return {
        **AT,
        "metadata": {"vmUuid": f"{number:032x}", "vmHostname": f"vm-{number}"},
        "userdataList": list(parts),
        "vmIp": f"10.0.0.{number}",
        "netmask": "255.255.255.0",
        "dhcpServerIp": "10.0.0.2",
        "l3NetworkUuid": L3,
        "agentConfig": {"pvpanic": "enable"},
        "port": 1180,
    }


class Host:
    """A machine of ZStack's, its agent, and the management server that it hears."""

    def __init__(self, machine: Machine) -> None:
        machine.add_bridge("br_eth0")
        self.machine = machine
        self.installation = Installation(machine)
        self.networks = self.installation.root / "etc/metalease/networks"
        self.state = self.installation.root / "var/lib/metalease" / L3
        self.agent = self.start()
        with entered(Path(f"/proc/{machine.pid}/ns/net")):
            listener = socket.create_server(("127.0.0.1", 0))
        self.server = Management(self._connect, listener)

    def start(self) -> Process:
        agent = self.machine.start([COMMAND, "agent", "--socket", SOCKET])
        said = "listens=" + SOCKET
        until(lambda: said in agent.output(), said, within=WITHIN, log=agent.output)
        return agent

    def _connect(self) -> socket.socket:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.connect(str(self.machine.path(SOCKET)))
        return door

    def binding(self, number: int) -> dict[str, Any]:
        path = self.state / f"bindings/fa163e0000{number:02x}.json"
        return dict(json.loads(path.read_bytes()))

    def bound(self) -> list[str]:
        """The names of all files of bindings, temporary ones too."""
        return sorted(path.name for path in (self.state / "bindings").iterdir())


def booted(host: Host, number: int) -> Guest:
    """Return a guest that has its address by DHCP."""
    mac = f"fa:16:3e:00:00:{number:02x}"
    guest = host.machine.add_guest(f"g{number}", mac, bridge="br_eth0")
    process = boot(CLIENTS["dhclient"], guest)
    assert process.wait(WITHIN) == 0, process.output() + host.agent.output()
    return guest


def asked(guest: Guest, path: str) -> str:
    return guest.get(f"http://169.254.169.254{path}").stdout
