"""ARP on Ethernet, to ask whether an address is in use (RFC 826, RFC 5227).

A probe names no sender's address, so that it changes nobody's table.  Whoever names
the address as his own, in a request or in a reply, uses it; so will he who probes for
it himself (RFC 5227 section 2.1.1).
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from .errors import MalformedMessage
from .hardware import ETHERNET
from .hardware import HardwareAddress
from .message import NOWHERE

TYPE_ARP = 0x0806
TYPE_IPV4 = 0x0800
REQUEST = 1
REPLY = 2
EVERYONE = b"\xff" * 6
PACKET = struct.Struct("!6s6sHHHBBH6s4s6s4s")
FRAME_AT_LEAST = 60  # octets of an Ethernet frame without its checksum


@dataclass(frozen=True, slots=True)
class ArpPacket:
    """One packet, whoever it was sent to."""

    operation: int
    sender_hardware: HardwareAddress
    sender: IPv4Address
    target: IPv4Address

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Read a frame; raises MalformedMessage."""
        if len(frame) < PACKET.size:
            raise MalformedMessage("ARP", f"{len(frame)} octets are too few")
        (
            _,
            _,
            kind,
            htype,
            ptype,
            hlen,
            plen,
            operation,
            hardware,
            sender,
            _,
            target,
        ) = PACKET.unpack_from(frame)
        if (kind, htype, ptype, hlen, plen) != (TYPE_ARP, ETHERNET, TYPE_IPV4, 6, 4):
            raise MalformedMessage("ARP", "is not about IPv4 on Ethernet")
        if operation not in (REQUEST, REPLY):
            raise MalformedMessage("ARP", f"an operation of {operation}")
        return cls(
            operation,
            HardwareAddress(hardware),
            IPv4Address(sender),
            IPv4Address(target),
        )

    @property
    def claimed(self) -> IPv4Address:
        """The address that its sender has, or is about to take."""
        if self.operation == REQUEST and self.sender == NOWHERE:
            return self.target
        return self.sender


def probe(address: IPv4Address, ours: HardwareAddress) -> bytes:
    """Return the frame that asks everyone whether *address* is in use."""
    return PACKET.pack(
        EVERYONE,
        ours.octets,
        TYPE_ARP,
        ETHERNET,
        TYPE_IPV4,
        6,
        4,
        REQUEST,
        ours.octets,
        NOWHERE.packed,
        bytes(6),
        address.packed,
    ).ljust(FRAME_AT_LEAST, b"\0")
