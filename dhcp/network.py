"""What one L3 network says to its guests, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from .boot import Boot
from .clients import ClientClass
from .codes import INFINITE
from .codes import OptionCode
from .formats import MTU_AT_LEAST
from .formats import MTU_AT_MOST
from .formats import domain_name
from .formats import within
from .routes import ClasslessRoute

METADATA_ROUTE = IPv4Network("169.254.169.254/32")
DEFAULT_ROUTE = IPv4Network("0.0.0.0/0")

DAY = 86_400  # seconds
# what a client is sent although it did not ask: many minimal clients forget 121 and 26
ALWAYS = (
    OptionCode.SUBNET_MASK,
    OptionCode.ROUTER,
    OptionCode.CLASSLESS_STATIC_ROUTES,
    OptionCode.DOMAIN_NAME_SERVER,
    OptionCode.DOMAIN_NAME,
    OptionCode.INTERFACE_MTU,
)


class RouterWith121(Enum):
    """Whether a client that asks for 121 gets option 3 as well (dhcp 49)."""

    BOTH = "both"
    RFC = "rfc"


class ReplyTo(Enum):
    """Where an answer goes whose client has no address yet (dhcp 41)."""

    AUTO = "auto"
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Range:
    """A range of the network's addresses."""

    subnet: IPv4Network
    server_id: IPv4Address
    """Our own address in it: option 54, and the next hop to the metadata."""
    gateway: IPv4Address | None = None
    options: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Network:
    """The network's part of every answer.

    Raises ValueError for what no option could carry.
    """

    ranges: tuple[Range, ...]
    mtu: int = 1500  # octets
    dns: tuple[IPv4Address, ...] = ()
    own_dns: bool = False
    """Where *dns* is empty, our own address is the name server."""
    domain: str | None = None
    routes: tuple[ClasslessRoute, ...] = ()
    lease_time: int = DAY  # seconds
    rapid_commit: bool = False
    """A DISCOVER with option 80 is answered by an ACK (RFC 4039)."""
    authoritative: bool = False
    """We are the only server of this L2: unknown clients may get a NAK."""
    shares_bridge: bool = False
    """Another network lives on the same L2: its guests get no answer of ours at all."""
    router_with_121: RouterWith121 = RouterWith121.BOTH
    reply: ReplyTo = ReplyTo.AUTO
    echo_client_id: bool = True
    trust_option_82: bool = False
    bootp: bool = False
    """A request without option 53 is answered too (RFC 1534)."""
    require_source_mac: bool = False
    """A frame whose source is not its chaddr is dropped."""
    nak_per_second: int = 1
    """To one client, after a burst of five."""
    nak_removed: bool = False
    """Who renews an address that was unbound a while ago gets a NAK."""
    always: tuple[int, ...] = ALWAYS
    options: Mapping[int, bytes] = field(default_factory=dict)
    classes: tuple[ClientClass, ...] = ()
    boot: Boot | None = None

    def __post_init__(self) -> None:
        if not self.ranges:
            raise ValueError("a network needs a range of addresses")
        if self.domain:
            domain_name(self.domain)
        within("mtu", self.mtu, MTU_AT_LEAST, MTU_AT_MOST)
        within("lease_time", self.lease_time, 1, INFINITE)

    @property
    def server_ids(self) -> tuple[IPv4Address, ...]:
        return tuple(each.server_id for each in self.ranges)

    def range_of(self, address: IPv4Address) -> Range | None:
        """Return the range that holds *address*; None where there is none."""
        for each in self.ranges:
            if address in each.subnet:
                return each
        return None
