"""The machine: a hypervisor that is thrown away, with its bridges and guests.

It has its own links, /run (hence /run/netns), /proc, /sys, name and processes, so
what `metalease` makes in it never touches the machine outside.
"""

from ipaddress import IPv4Interface
from pathlib import Path

from .cell import Cell
from .cell import Furniture
from .guest import WRITABLE
from .guest import Guest


class Gateway(Guest):
    """A network's router: it answers ping, forwards nothing, and counts who asked."""

    def __init__(
        self, name: str, address: IPv4Interface, *, surrounding: Cell, bridge: str
    ) -> None:
        # A MAC of its own, should there be more: 02:00 and the octets of its IP.
        mac = "02:00:" + address.packed.hex(":")
        super().__init__(
            name, mac, surrounding=surrounding, bridge=bridge, hostname=name
        )
        self.ip("address", "add", str(address), "dev", self.interface)

    def strays(self) -> int:
        """How many IPv4 packets for other addresses reached it, and were dropped."""
        lines = Path(f"/proc/{self.pid}/net/snmp").read_text().splitlines()
        names, values = (line.split() for line in lines if line.startswith("Ip:"))
        return int(dict(zip(names, values, strict=True))["InAddrErrors"])


class Machine(Cell):
    """A hypervisor. `close` ends it and whatever was made in it, at once."""

    def __init__(self, hostname: str = "hypervisor") -> None:
        super().__init__(Furniture(hostname))
        self._guests: list[Guest] = []
        self.ip("link", "set", "lo", "up")

    def add_bridge(self, name: str) -> None:
        """Make a plain bridge, without STP: its ports forward at once."""
        self.ip("link", "add", name, "type", "bridge", "stp_state", "0")
        self.ip("link", "set", name, "up")

    def add_guest(
        self,
        name: str,
        mac: str,
        *,
        bridge: str,
        mtu: int = 1500,
        hostname: str = "localhost",
        writable: tuple[str, ...] = WRITABLE,
    ) -> Guest:
        """Plug a guest that was just switched on into *bridge*."""
        guest = Guest(
            name,
            mac,
            surrounding=self,
            bridge=bridge,
            mtu=mtu,
            hostname=hostname,
            writable=writable,
        )
        self._guests.append(guest)
        return guest

    def add_gateway(
        self, address: str, *, bridge: str, name: str = "gateway"
    ) -> Gateway:
        """Plug a router with *address* ("10.0.0.1/24") into *bridge*."""
        gateway = Gateway(name, IPv4Interface(address), surrounding=self, bridge=bridge)
        self._guests.append(gateway)
        return gateway

    def close(self) -> None:
        """End it; the guests are in its process namespace and end with it."""
        super().close()
        for guest in self._guests:
            guest.close()
