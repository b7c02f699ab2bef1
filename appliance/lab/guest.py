"""A guest: a cell with an interface on a bridge and a disk that is forgotten.

It shares the machine's programs and nothing else: whatever a DHCP client or its
scripts write (/etc/resolv.conf, leases, the host's name) stays inside. It boots as an
image that was never configured: named `localhost`, an empty resolv.conf, a machine-id
of its own, the interface up and without addresses.

    with Machine() as machine:
        machine.add_bridge("br0")
        guest = machine.add_guest("g1", "fa:16:3e:00:00:11", bridge="br0")
        guest.run(["dhclient", "-1", guest.interface])     # a CompletedProcess
        guest.addresses()                                  # ["10.0.0.11/24"]
        guest.path("/etc/resolv.conf").read_text()         # from outside
"""

import hashlib
import json
import subprocess
from typing import Any

from ..errors import SettingsError
from .cell import Cell
from .cell import Furniture

WRITABLE = ("/etc", "/var", "/root", "/tmp")


class Guest(Cell):
    """A machine on the bridge, as a VM is to its network."""

    interface = "eth0"

    def __init__(
        self,
        name: str,
        mac: str,
        *,
        surrounding: Cell,
        bridge: str,
        mtu: int = 1500,
        hostname: str = "localhost",
        writable: tuple[str, ...] = WRITABLE,
    ) -> None:
        self.name = name
        self.mac = mac
        self.port = f"tap-{name}"[:15]
        """The bridge's side of the interface."""
        self._surrounding = surrounding
        self._mtu = mtu
        machine_id = hashlib.sha256(f"{name} {mac}".encode()).hexdigest()[:32]
        super().__init__(Furniture(hostname, surrounding.pid, writable, machine_id))
        try:
            self._plug(bridge)
        except SettingsError:
            super().close()
            raise

    def _plug(self, bridge: str) -> None:
        size = ("mtu", str(self._mtu))
        peer = ("peer", "name", self.interface, "address", self.mac, *size)
        where = ("netns", f"/proc/{self.pid}/ns/net")
        self._surrounding.ip(
            "link", "add", self.port, *size, "type", "veth", *peer, *where
        )
        self._surrounding.ip("link", "set", self.port, "master", bridge, "up")
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", self.interface, "up")

    def addresses(self) -> list[str]:
        """The interface's IPv4 addresses, each with its prefix: ["10.0.0.11/24"]."""
        links = self._shown("address", "show", "dev", self.interface)
        addresses = [each for link in links for each in link.get("addr_info", [])]
        return [f"{each['local']}/{each['prefixlen']}" for each in addresses]

    def routes(self) -> dict[str, str]:
        """The next hop of every IPv4 route, by destination; "" is on-link.

        {"default": "10.0.0.1", "10.0.0.0/24": "", "169.254.169.254": "10.0.0.2"}
        """
        routes = self._shown("route", "show")
        return {each["dst"]: each.get("gateway", "") for each in routes}

    def route_mtu(self, destination: str) -> int:
        """The MTU of the route to *destination*; the link's where it has none."""
        for each in self._shown("route", "show", destination):
            for metric in each.get("metrics", []):
                return int(metric.get("mtu", self.mtu()))
        return self.mtu()

    def get(self, url: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """Ask with curl; what it wrote is the body."""
        return self.run(["curl", "-sS", "--max-time", "5", *options, url])

    def mtu(self) -> int:
        """The link's MTU."""
        return int(self._shown("link", "show", "dev", self.interface)[0]["mtu"])

    def current_hostname(self) -> str:
        """The name that it has by now: its own, or the one that DHCP gave."""
        return self.run(["uname", "-n"]).stdout.strip()

    def power_cycle(self) -> None:
        """Lose processes, /run, addresses and name as a reboot does; keep the disk."""
        forget = "kill -9 -1; rm -rf /run/*; mkdir /run/lock; hostname "
        self.run(["sh", "-c", forget + self.hostname])
        self.ip("link", "set", self.interface, "down")  # its routes go with it
        self.ip("address", "flush", "dev", self.interface)
        self.ip("link", "set", self.interface, "mtu", str(self._mtu), "up")

    def close(self) -> None:
        """End the guest, and take its port off the bridge at once."""
        plugged = self.alive()
        super().close()
        if plugged and self._surrounding.alive():
            self._surrounding.ip("link", "delete", self.port)

    def _shown(self, *words: str) -> list[dict[str, Any]]:
        # ip prints nothing at all, not [], where a table is empty.
        return list(json.loads(self.ip("-j", "-4", *words) or "[]"))
