"""Bindings: which hardware address has which IPv4 address, and what else it is told.

The table is edited by steps that are O(1) and that a packet sees whole or not at all
(everything runs in one thread, between two packets).  A MAC whose file could not be
read is neither known nor unknown: it is answered with silence.
"""

from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

from .codes import INFINITE
from .formats import MTU_AT_LEAST
from .formats import MTU_AT_MOST
from .formats import domain_name
from .formats import within
from .hardware import HardwareAddress
from .routes import ClasslessRoute

REMOVED_AT_MOST = 4096  # bindings that are remembered when they are gone


@dataclass(frozen=True, slots=True)
class Binding:
    """One NIC of one guest.  None leaves the choice to the network.

    Raises ValueError for what no option could carry.
    """

    hardware: HardwareAddress
    address: IPv4Address
    hostname: str | None = None
    default_network: bool = True
    router: bool = False
    """Whether option 3 is told off the default network too."""
    metadata_route: bool | None = None
    prefix: int | None = None
    gateway: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] | None = None
    domain: str | None = None
    mtu: int | None = None  # octets
    routes: tuple[ClasslessRoute, ...] = ()
    lease_time: int | None = None  # seconds
    client_id: bytes | None = None
    options: Mapping[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in filter(None, (self.hostname, self.domain)):
            domain_name(name)
        if self.prefix is not None:
            within("prefix", self.prefix, 0, 32)
        if self.mtu is not None:
            within("mtu", self.mtu, MTU_AT_LEAST, MTU_AT_MOST)
        if self.lease_time is not None:
            within("lease_time", self.lease_time, 1, INFINITE)

    @property
    def has_metadata_route(self) -> bool:
        """Whether this NIC is the guest's way to 169.254.169.254."""
        if self.metadata_route is None:
            return self.default_network
        return self.metadata_route


class BindingTable:
    """Every binding of a network, found by MAC, address or client-id in O(1)."""

    def __init__(self, bindings: Iterable[Binding] = ()) -> None:
        self._by_hardware: dict[bytes, Binding] = {}
        self._by_address: dict[IPv4Address, Binding] = {}
        self._by_client_id: dict[bytes, Binding] = {}
        self.version = object()
        """Another one after each change: what is the same was not changed."""
        self.unread: set[bytes] = set()
        """MACs whose binding could not be read."""
        self.removed: OrderedDict[bytes, IPv4Address] = OrderedDict()
        """What the MACs had that were unbound last."""
        for binding in bindings:
            same = self._by_hardware.get(binding.hardware.octets)
            if same is not None:
                raise ValueError(
                    f"{binding.hardware} is bound twice: "
                    f"to {same.address} and to {binding.address}"
                )
            self.put(binding)

    def put(self, binding: Binding) -> None:
        """Add *binding*, or replace the one of its MAC.

        Raises ValueError, which names both, where another MAC has its address; the
        table is then as it was.  Of two with one client-id the later is found by it.
        """
        holder = self._by_address.get(binding.address)
        if holder is not None and holder.hardware != binding.hardware:
            raise ValueError(
                f"{binding.address} is bound to {holder.hardware}, "
                f"and cannot be to {binding.hardware}"
            )
        self._detach(binding.hardware)
        self.removed.pop(binding.hardware.octets, None)
        self.version = object()
        self._by_hardware[binding.hardware.octets] = binding
        self._by_address[binding.address] = binding
        if binding.client_id is not None:
            self._by_client_id[binding.client_id] = binding

    def remove(self, hardware: HardwareAddress) -> Binding | None:
        """Forget the binding of *hardware*, and return it."""
        binding = self._detach(hardware)
        if binding is not None:
            self.removed[hardware.octets] = binding.address
            if len(self.removed) > REMOVED_AT_MOST:
                self.removed.popitem(last=False)
        return binding

    def _detach(self, hardware: HardwareAddress) -> Binding | None:
        binding = self._by_hardware.pop(hardware.octets, None)
        if binding is not None:
            self.version = object()
            del self._by_address[binding.address]
            client_id = binding.client_id
            # the NIC that took the client-id over keeps it
            if client_id is not None and self._by_client_id.get(client_id) is binding:
                del self._by_client_id[client_id]
        return binding

    def find(self, chaddr: bytes, client_id: bytes | None = None) -> Binding | None:
        """Return the binding of a client; a client-id that is bound wins (dhcp 13)."""
        if client_id is not None and self._by_client_id:
            named = self._by_client_id.get(client_id)
            if named is not None:
                return named
        return self._by_hardware.get(chaddr)

    @property
    def has_client_ids(self) -> bool:
        """Whether any binding is found by a client-id."""
        return bool(self._by_client_id)

    def knows(self, chaddr: bytes) -> bool:
        """Whether *chaddr* is bound, or may be: its file cannot be read."""
        return chaddr in self._by_hardware or chaddr in self.unread

    def at(self, address: IPv4Address) -> Binding | None:
        """Return the binding that owns *address*."""
        return self._by_address.get(address)

    def __len__(self) -> int:
        return len(self._by_hardware)

    def __iter__(self) -> Iterator[Binding]:
        return iter(self._by_hardware.values())
