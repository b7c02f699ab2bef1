"""What the management server asks for, as values.

A request becomes an order of commands, each about one network: so one that cannot be
served hurts no other, and what concerns a network can wait for its turn there.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from dhcp.hardware import HardwareAddress

from .guests import Described
from .guests import Guest


@dataclass(frozen=True, slots=True)
class Place:
    """The network that a command is about, in ZStack's words."""

    namespace: str
    bridge: str | None = None


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make the network, or make it anew at another address."""

    place: Place
    server: IPv4Address
    subnet: IPv4Network
    vlan: str | None = None
    """"vlan100" or "vxlan200"; None where the bridge's name says it."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Bind guests; with *rebuild* these and no others."""

    place: Place
    guests: tuple[Guest, ...]
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Unbind:
    """Let guests go, with their documents."""

    place: Place
    macs: tuple[HardwareAddress, ...]


@dataclass(frozen=True, slots=True)
class LoseGateway:
    """This NIC is its guest's way out no more."""

    place: Place
    mac: HardwareAddress


@dataclass(frozen=True, slots=True)
class GainGateway:
    """This NIC is its guest's way out from now on."""

    place: Place
    mac: HardwareAddress
    gateway: IPv4Address


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the network with all that is bound in it."""

    place: Place


@dataclass(frozen=True, slots=True)
class Flush:
    """Serve no DHCP any more; metadata stay."""

    place: Place


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the link who has *target*."""

    place: Place
    target: IPv4Address


@dataclass(frozen=True, slots=True)
class Describe:
    """Write guests' documents; with *rebuild* these and no others."""

    place: Place
    guests: tuple[Described, ...]
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the documents at an address."""

    place: Place
    ip: IPv4Address


@dataclass(frozen=True, slots=True)
class ForgetAll:
    """Remove the documents of every guest."""

    place: Place


Command = (
    Prepare
    | Bind
    | Unbind
    | LoseGateway
    | GainGateway
    | Delete
    | Flush
    | Probe
    | Describe
    | Forget
    | ForgetAll
)


@dataclass(frozen=True, slots=True)
class Order:
    """All that one request asks for."""

    commands: tuple[Command, ...] = ()
    refused: tuple[str, ...] = ()
    """Why parts of it are no commands."""
    heals: bool = False
    """Every network of ours is to be as it should be."""
