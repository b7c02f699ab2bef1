"""A guest: a tiny sans-I/O DHCP client, and the network that the tests give it.

The guest makes messages (RFC 2131 table 5) and reads answers; nothing here is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from dhcp.bindings import Binding
from dhcp.bindings import BindingTable
from dhcp.codes import BROADCAST_FLAG
from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.decision import Decision
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.destination import Arrival
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Network
from dhcp.network import Range
from dhcp.options import Options
from dhcp.responder import Responder

EVERYONE = IPv4Address("255.255.255.255")
BROADCAST = HardwareAddress(b"\xff" * 6)
SERVER_HARDWARE = HardwareAddress.parse("02:00:00:00:00:01")
SERVER = IPv4Address("10.0.0.2")
GATEWAY = IPv4Address("10.0.0.1")
OTHER_SERVER = IPv4Address("10.0.0.3")
RELAY = IPv4Address("10.0.0.9")
RELAY_HARDWARE = HardwareAddress.parse("02:00:00:00:00:09")

RANGE = Range(IPv4Network("10.0.0.0/24"), SERVER, GATEWAY)
NETWORK = Network((RANGE,), dns=(SERVER,), domain="net1.example", mtu=1450)

MAC = HardwareAddress.parse("fa:16:3e:00:00:05")
ADDRESS = IPv4Address("10.0.0.5")
WRONG = IPv4Address("10.0.0.77")  # in the subnet, and nobody's
FOREIGN = IPv4Address("192.168.7.7")  # in no range
BINDING = Binding(MAC, ADDRESS, hostname="web-1")
STRANGER = HardwareAddress.parse("fa:16:3e:00:00:99")

DHCLIENT = bytes([1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42])


def responder(network: Network = NETWORK, *bindings: Binding) -> Responder:
    """Return a responder that knows *bindings*, or just the usual one."""
    return Responder(network, BindingTable(bindings or (BINDING,)), SERVER_HARDWARE)


def many(count: int) -> list[Binding]:
    """Return bindings that are nobody's else, 10.1.0.0 the first."""
    first = int(IPv4Address("10.1.0.0"))
    return [
        Binding(
            HardwareAddress((0x020000000000 + n).to_bytes(6, "big")),
            IPv4Address(first + n),
        )
        for n in range(count)
    ]


@dataclass(frozen=True, slots=True)
class Guest:
    """One NIC that boots; *options* go into each of its messages."""

    hardware: HardwareAddress = MAC
    options: Mapping[int, bytes] = field(default_factory=lambda: {55: DHCLIENT})
    xid: int = 0x11223344
    broadcast: bool = False
    giaddr: IPv4Address = NOWHERE

    def _say(
        self,
        kind: MessageType,
        options: Mapping[int, bytes],
        ciaddr: IPv4Address = NOWHERE,
    ) -> Message:
        return Message(
            op=Op.BOOTREQUEST,
            xid=self.xid,
            flags=BROADCAST_FLAG if self.broadcast else 0,
            ciaddr=ciaddr,
            giaddr=self.giaddr,
            chaddr=self.hardware.octets,
            options=Options({53: bytes([kind]), **options, **self.options}),
        )

    def discover(self, hint: IPv4Address | None = None) -> Message:
        options = {} if hint is None else {50: hint.packed}
        return self._say(MessageType.DISCOVER, options)

    def select(
        self, address: IPv4Address | None = ADDRESS, server: IPv4Address = SERVER
    ) -> Message:
        """SELECTING: the answer to an OFFER."""
        asked = {} if address is None else {50: address.packed}
        return self._say(MessageType.REQUEST, {54: server.packed, **asked})

    def reboot(self, address: IPv4Address = ADDRESS) -> Message:
        """INIT-REBOOT: an address from an earlier boot."""
        return self._say(MessageType.REQUEST, {50: address.packed})

    def renew(self, address: IPv4Address = ADDRESS) -> Message:
        """RENEWING, and REBINDING when it is broadcast."""
        return self._say(MessageType.REQUEST, {}, address)

    def request_nothing(self) -> Message:
        return self._say(MessageType.REQUEST, {})

    def decline(
        self, address: IPv4Address = ADDRESS, server: IPv4Address = SERVER
    ) -> Message:
        options = {54: server.packed, 50: address.packed}
        return self._say(MessageType.DECLINE, options)

    def release(
        self, address: IPv4Address = ADDRESS, server: IPv4Address = SERVER
    ) -> Message:
        return self._say(MessageType.RELEASE, {54: server.packed}, address)

    def inform(self, address: IPv4Address = ADDRESS) -> Message:
        return self._say(MessageType.INFORM, {}, address)

    def everything(self) -> dict[str, Message]:
        """Return a message of each kind and state."""
        return {
            "DISCOVER": self.discover(),
            "SELECTING": self.select(),
            "INIT-REBOOT": self.reboot(),
            "RENEWING": self.renew(),
            "no address": self.request_nothing(),
            "wrong address": self.reboot(WRONG),
            "renewing a wrong address": self.renew(WRONG),
            "DECLINE": self.decline(),
            "RELEASE": self.release(),
            "INFORM": self.inform(),
        }

    def with_options(self, options: Mapping[int, bytes]) -> "Guest":
        return replace(self, options={**self.options, **options})

    def arrival(self, source: IPv4Address = NOWHERE) -> Arrival:
        return Arrival(self.hardware, source)

    def frame(self, message: Message, source: IPv4Address = NOWHERE) -> bytes:
        """Return *message* as this guest broadcasts it."""
        return Frame(
            self.hardware, BROADCAST, source, EVERYONE, 68, 67, message.pack()
        ).pack()


def decide(
    server: Responder,
    request: Message,
    *,
    arrival: Arrival | None = None,
    now: float = 0.0,
) -> Decision:
    """Carry *request* to *server* as octets."""
    if arrival is None:
        arrival = Arrival(HardwareAddress(request.chaddr[:6]), request.ciaddr)
    return server.respond(Message.parse(request.pack()), arrival, now)


def answer(
    server: Responder,
    request: Message,
    *,
    arrival: Arrival | None = None,
    now: float = 0.0,
) -> Reply:
    decision = decide(server, request, arrival=arrival, now=now)
    assert isinstance(decision, Reply), decision
    return decision


def read(
    server: Responder, request: Message, *, arrival: Arrival | None = None
) -> Message:
    """Return the answer as the guest reads it."""
    return Message.parse(answer(server, request, arrival=arrival).payload)


def silence(
    server: Responder,
    request: Message,
    *,
    arrival: Arrival | None = None,
    now: float = 0.0,
) -> Reason:
    decision = decide(server, request, arrival=arrival, now=now)
    assert isinstance(decision, Silence), decision
    return decision.reason


def sequence(payload: bytes) -> list[tuple[int, bytes]]:
    """Return the options field as it is on the wire: in order, pieces unjoined.

    A PAD before END is an error (clients C27), and so is anything but zeros after it.
    """
    found = []
    at = 240
    while payload[at] != 255:
        assert payload[at] != 0, "PAD between options"
        stop = at + 2 + payload[at + 1]
        found.append((payload[at], payload[at + 2 : stop]))
        at = stop
    assert not any(payload[at + 1 :]), "octets after END"
    return found


def codes(payload: bytes) -> list[int]:
    return [code for code, _ in sequence(payload)]
