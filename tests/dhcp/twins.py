"""Two servers that hear the same: one remembers its answers, the other never does."""

from dataclasses import replace
from ipaddress import IPv4Address

from dhcp.bindings import Binding
from dhcp.boot import Boot
from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.guards import Guards
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.responder import Responder
from dhcp.server import Server
from dhcp.server import enclose

from . import verdict
from .guest import BINDING
from .guest import BROADCAST
from .guest import EVERYONE
from .guest import MAC
from .guest import NETWORK
from .guest import responder
from .room import ListPort

STEP = 10.0  # seconds from one frame to the next: no bucket runs dry
RATE = 1e9  # messages a second that are looked at: all

# alike, but for what is their own; and one whose client-id is bound
GUESTS = (
    BINDING,
    Binding(HardwareAddress.parse("fa:16:3e:00:00:06"), IPv4Address("10.0.0.6")),
    Binding(
        HardwareAddress.parse("02:00:5e:10:0a:00"),
        IPv4Address("10.0.0.255"),
        hostname="a-name-that-is-longer-than-the-others-are",
        client_id=b"\1\2\0\x5e\x10\x0a\0",
    ),
)


def talkative() -> Responder:
    """Return a responder that says all that it can."""
    return responder(
        replace(
            NETWORK,
            authoritative=True,
            rapid_commit=True,
            bootp=True,
            boot=Boot(
                server=IPv4Address("10.0.0.4"),
                files={0: "undionly.kpxe", 16: "http://10.0.0.4/ipxe.efi"},
                script="http://10.0.0.4/boot.ipxe",
            ),
            options={108: b"\0\0\1\x2c", 116: b"\0", 224: bytes(300)},
        ),
        *GUESTS,
    )


class Twins:
    """The two servers."""

    def __init__(self) -> None:
        self._fresh = talkative()
        self._port = ListPort()
        guards = Guards(lambda _: True, known=RATE, unknown=RATE)
        self._server = Server(self._port, talkative(), guards)
        self._now = 0.0

    def hear(self, octets: bytes) -> list[bytes]:
        """Assert that both answer a frame with the same octets, and return them."""
        self._now += STEP
        expected = self._expected(octets)
        self._port.sent.clear()
        self._server.answer((octets, True), self._now)
        assert self._port.sent == expected
        return expected

    def _expected(self, octets: bytes) -> list[bytes]:
        try:
            frame = Frame.parse(octets)
            assert Frame.parse(frame.pack()) == frame
            request = Message.parse(frame.payload)
        except MalformedMessage:
            return []
        arrival = Arrival(
            frame.source_hardware, frame.source, frame.source_port, frame.destination
        )
        decision = self._fresh.respond(request, arrival, self._now)
        if not isinstance(decision, Reply):
            return []
        verdict.check(self._fresh, request, decision)
        return [enclose(decision, self._fresh).pack()]


def framed(payload: bytes) -> bytes:
    """Return the frame in which a guest sends *payload*."""
    source = IPv4Address(payload[12:16].ljust(4, b"\0"))
    return Frame(MAC, BROADCAST, source, EVERYONE, 68, 67, payload).pack()


def as_sent_by(guest: Binding, frame: bytes) -> bytes:
    """Return *frame* with the guest's MAC and address for the usual ones."""
    own = frame.replace(BINDING.hardware.octets, guest.hardware.octets)
    return own.replace(BINDING.address.packed, guest.address.packed)


def sealed(octets: bytes) -> bytes:
    """Return a frame with a right IPv4 checksum and no UDP checksum.

    Chance does not find those, and what is behind them would not be reached.
    """
    header = slice(14, 14 + (octets[14] & 15) * 4) if len(octets) > 42 else slice(0)
    if len(octets) < header.stop + 8 or header.stop < 34:
        return octets
    frame = bytearray(octets)
    frame[24:26] = bytes(2)
    frame[header.stop + 6 : header.stop + 8] = bytes(2)
    total = int.from_bytes(frame[header], "big") % 0xFFFF
    frame[24:26] = (0xFFFF - total).to_bytes(2, "big")
    return bytes(frame)
