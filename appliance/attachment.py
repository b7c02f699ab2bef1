"""What `up` makes of a network's settings, as one value.

In ZStack mode a namespace with a veth pair `outerN`/`innerN` into the bridge; in
container mode the given device in the namespace that we are started in.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv4Network
from ipaddress import IPv6Interface
from pathlib import Path

METADATA_ADDRESS = IPv4Address("169.254.169.254")


@dataclass(frozen=True, slots=True)
class Bridged:
    """A namespace of our own, joined to *bridge* by a veth pair."""

    bridge: str
    namespace: str
    """Its name under /run/netns, by default <bridge>_<network>."""
    netns: Path
    """Its second name, which a unit can know: /run/metalease/netns/<network>."""
    uplink: str | None = None
    """The bridge's port to the wire: what comes in there is no guest of ours."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device that somebody else made, in the namespace that we are started in."""

    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """One network's place in the kernel."""

    network: str
    where: Bridged | Device
    addresses: tuple[IPv4Interface, ...]
    """The DHCP address of each range with its prefix, then 169.254.169.254/32."""
    subnets: tuple[IPv4Network, ...]
    """Every range of the L3: guests whose frames are steered to us."""
    ipv6: tuple[IPv6Interface, ...] = ()
    """What has metadata beside them, where nothing is in its way (links.py)."""
