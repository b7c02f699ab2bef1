"""What a guest says to get an address, and what it reads: pure (RFC 2131 section 3.1).

Only what a probe guest needs: DISCOVER, REQUEST, and a GET.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv4Network
from typing import Final
from typing import Self

from dhcp.codes import BROADCAST_FLAG
from dhcp.codes import CLIENT_PORT
from dhcp.codes import SERVER_PORT
from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.codes import OptionCode
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.options import Options
from dhcp.routes import decode_routes

from ..attachment import METADATA_ADDRESS

EVERYONE: Final = HardwareAddress(b"\xff" * 6)
ASKED: Final = bytes(
    (
        OptionCode.SUBNET_MASK,
        OptionCode.ROUTER,
        OptionCode.DOMAIN_NAME_SERVER,
        OptionCode.CLASSLESS_STATIC_ROUTES,
    )
)
PATH: Final = "/latest/meta-data/instance-id"
GET: Final = (
    f"GET {PATH} HTTP/1.1\r\nHost: {METADATA_ADDRESS}\r\nConnection: close\r\n\r\n"
).encode()

_PTR: Final = 12
_RECURSION_DESIRED: Final = 0x0100
_RESPONSE: Final = 0x8000
_RCODE: Final = 0x000F


def discover(mac: HardwareAddress, xid: int) -> bytes:
    """Return the frame of a DISCOVER."""
    return _frame(mac, xid, MessageType.DISCOVER, {})


def request(mac: HardwareAddress, xid: int, offer: Message) -> bytes:
    """Return the frame of the REQUEST of what *offer* offers."""
    options = {OptionCode.REQUESTED_IP_ADDRESS: offer.yiaddr.packed}
    if (server := offer.options.get(OptionCode.SERVER_ID)) is not None:
        options[OptionCode.SERVER_ID] = server
    return _frame(mac, xid, MessageType.REQUEST, options)


def _frame(
    mac: HardwareAddress, xid: int, kind: MessageType, more: dict[OptionCode, bytes]
) -> bytes:
    options = {
        OptionCode.MESSAGE_TYPE: bytes([kind]),
        OptionCode.PARAMETER_REQUEST_LIST: ASKED,
        **more,
    }
    message = Message(
        xid=xid,
        flags=BROADCAST_FLAG,
        chaddr=mac.octets,
        options=Options({int(code): value for code, value in options.items()}),
    )
    return Frame(
        mac,
        EVERYONE,
        NOWHERE,
        IPv4Address("255.255.255.255"),
        CLIENT_PORT,
        SERVER_PORT,
        message.pack(),
    ).pack()


def answer(frame: bytes, mac: HardwareAddress, xid: int) -> Message | None:
    """Read an answer to *xid*; None for any other frame."""
    try:
        found = Frame.parse(frame, checksum_ready=False)
        if found.destination_port != CLIENT_PORT:
            return None
        message = Message.parse(found.payload)
    except MalformedMessage:
        return None
    ours = (Op.BOOTREPLY, xid, mac.octets)
    return message if (message.op, message.xid, message.chaddr) == ours else None


@dataclass(frozen=True, slots=True)
class Lease:
    """What a guest configures of an ACK."""

    address: IPv4Interface
    router: IPv4Address | None
    """Towards 169.254.169.254; None where that is on its link."""
    server: IPv4Address | None

    @classmethod
    def of(cls, ack: Message) -> Self:
        """Read an ACK; raises MalformedMessage."""
        mask = ack.options.address(OptionCode.SUBNET_MASK)
        if mask is None:
            raise MalformedMessage("option 1", "is missing: no subnet mask")
        told = ack.options.get(OptionCode.CLASSLESS_STATIC_ROUTES)
        routers = ack.options.get(OptionCode.ROUTER)
        if told is not None:  # then option 3 is of no account (RFC 3442)
            ways = [
                (route.destination, route.router)
                for route in decode_routes(told)
                if METADATA_ADDRESS in route.destination
            ]
        elif routers:
            ways = [(IPv4Network("0.0.0.0/0"), IPv4Address(routers[:4]))]
        else:
            ways = []
        nearest = max(ways, key=lambda way: way[0].prefixlen, default=None)
        return cls(
            IPv4Interface((ack.yiaddr, str(mask))),
            nearest[1] if nearest and nearest[1] != NOWHERE else None,
            ack.options.address(OptionCode.SERVER_ID),
        )


def read_page(octets: bytes) -> tuple[int, str]:
    """Return status and body of an HTTP answer; the status is 0 for what is none."""
    head, _, body = octets.partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return 0, ""
    return int(words[1]), body.decode(errors="replace")


def name_question(address: IPv4Address, number: int) -> bytes:
    """Return a DNS query for the name of *address* (RFC 1035 section 4)."""
    head = struct.pack("!6H", number, _RECURSION_DESIRED, 1, 0, 0, 0)
    labels = address.reverse_pointer.encode().split(b".")
    name = b"".join(bytes([len(each)]) + each for each in labels) + b"\0"
    return head + name + struct.pack("!2H", _PTR, 1)


def name_answer(octets: bytes, number: int) -> int | None:
    """Return the RCODE of the answer to query *number*; None for anything else."""
    if len(octets) < 12:
        return None
    found, flags = struct.unpack_from("!2H", octets)
    return flags & _RCODE if found == number and flags & _RESPONSE else None
