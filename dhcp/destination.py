"""Where an answer goes (RFC 2131 section 4.1; RFC 1542 section 5.4): a table."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from .codes import CLIENT_PORT
from .codes import SERVER_PORT
from .codes import MessageType
from .hardware import HardwareAddress
from .message import NOWHERE
from .message import Message
from .network import ReplyTo

EVERYONE = IPv4Address("255.255.255.255")
BROADCAST = HardwareAddress(b"\xff" * 6)

# RFC 8357: the relay's own source port, as sub-option 19 of option 82
RELAY_SOURCE_PORT = 19


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the frame said of the one who sent a message."""

    source_hardware: HardwareAddress
    source: IPv4Address
    source_port: int = CLIENT_PORT
    destination: IPv4Address = EVERYONE


@dataclass(frozen=True, slots=True)
class Destination:
    """The addresses of the frame that carries an answer."""

    hardware: HardwareAddress
    address: IPv4Address
    port: int


def choose_destination(
    request: Message,
    arrival: Arrival,
    kind: MessageType | None,
    yiaddr: IPv4Address,
    reply_to: ReplyTo,
) -> Destination:
    """Return the place where the *kind* of answer to *request* goes, None a BOOTREPLY.

    A relay is answered by the way that its frame came: we have no route to it, and
    need none.  The guest's own MAC is chaddr, whoever sent the frame.
    """
    if request.relayed:
        port = arrival.source_port if _names_its_port(request) else SERVER_PORT
        return Destination(arrival.source_hardware, request.giaddr, port)
    if kind is MessageType.NAK:
        return Destination(BROADCAST, EVERYONE, CLIENT_PORT)
    chaddr = HardwareAddress(request.chaddr)
    if request.ciaddr != NOWHERE:
        return Destination(chaddr, request.ciaddr, CLIENT_PORT)
    if request.options.message_type == MessageType.INFORM:
        return Destination(chaddr, arrival.source, CLIENT_PORT)
    if request.broadcast or reply_to is ReplyTo.BROADCAST:
        return Destination(BROADCAST, EVERYONE, CLIENT_PORT)
    return Destination(chaddr, yiaddr, CLIENT_PORT)


def _names_its_port(request: Message) -> bool:
    agent = request.options.get(82) or b""
    at = 0
    while at + 1 < len(agent):
        if agent[at] == RELAY_SOURCE_PORT:
            return True
        at += 2 + agent[at + 1]
    return False
