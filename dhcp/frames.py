"""Ethernet, IPv4 and UDP around a DHCP message, checksums included.

A packet socket hands over whole frames and takes whole frames, so that an answer can
go to a guest that does not own its address yet (RFC 2131 section 4.1).  A one's
complement sum of 16-bit words (RFC 1071) is the big number modulo 65535.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from .errors import MalformedMessage
from .hardware import HardwareAddress

ETHERNET = struct.Struct("!6s6sH")
IPV4 = struct.Struct("!BBHHHBBH4s4s")
UDP = struct.Struct("!HHHH")
TYPE_IPV4 = 0x0800
PROTOCOL_UDP = 17
TTL = 64  # hops
FRAGMENTED = 0x3FFF  # "more fragments", and the offset


@dataclass(frozen=True, slots=True)
class Frame:
    """A UDP datagram as it is on the link."""

    source_hardware: HardwareAddress
    destination_hardware: HardwareAddress
    source: IPv4Address
    destination: IPv4Address
    source_port: int
    destination_port: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes, *, checksum_ready: bool = True) -> Self:
        """Read a frame; raises MalformedMessage.

        With *checksum_ready* false the sender's kernel has left the UDP checksum to
        a device that was never passed (TP_STATUS_CSUMNOTREADY): it is not verified.
        """
        if len(data) < ETHERNET.size + IPV4.size + UDP.size:
            raise MalformedMessage("frame", f"{len(data)} octets are too few")
        to, sender, kind = ETHERNET.unpack_from(data)
        if kind != TYPE_IPV4:
            raise MalformedMessage("frame", f"type {kind:#06x} is not IPv4")
        packet = data[ETHERNET.size :]
        (first, _, total, _, fragment, _, protocol, _, source, destination) = (
            IPV4.unpack_from(packet)
        )
        header = (first & 15) * 4
        if first >> 4 != 4 or header < IPV4.size:
            raise MalformedMessage("IPv4 header", f"begins with {first:#04x}")
        if total > len(packet) or total < header + UDP.size:
            raise MalformedMessage("IPv4 header", f"a total length of {total} octets")
        if protocol != PROTOCOL_UDP:
            raise MalformedMessage("IPv4 header", f"protocol {protocol} is not UDP")
        if fragment & FRAGMENTED:
            raise MalformedMessage("IPv4 header", "a fragment")
        if int.from_bytes(packet[:header], "big") % 0xFFFF:
            raise MalformedMessage("IPv4 header", "a wrong checksum")
        datagram = packet[header:total]
        source_port, destination_port, length, checksum = UDP.unpack_from(datagram)
        if not UDP.size <= length <= len(datagram):
            raise MalformedMessage("UDP header", f"a length of {length} octets")
        datagram = datagram[:length]
        if checksum and checksum_ready and _udp_sum(source, destination, datagram):
            raise MalformedMessage("UDP header", "a wrong checksum")
        return cls(
            HardwareAddress(sender),
            HardwareAddress(to),
            IPv4Address(source),
            IPv4Address(destination),
            source_port,
            destination_port,
            datagram[UDP.size :],
        )

    def pack(self) -> bytes:
        """Return the frame with whole checksums and a TTL of 64."""
        source, destination = self.source.packed, self.destination.packed
        length = UDP.size + len(self.payload)
        bare = UDP.pack(self.source_port, self.destination_port, length, 0)
        checksum = _complement(_udp_sum(source, destination, bare + self.payload))
        header = _ipv4(length, 0, source, destination)
        header = _ipv4(
            length,
            _complement(int.from_bytes(header, "big") % 0xFFFF),
            source,
            destination,
        )
        return b"".join(
            (
                self.destination_hardware.octets,
                self.source_hardware.octets,
                TYPE_IPV4.to_bytes(2, "big"),
                header,
                UDP.pack(self.source_port, self.destination_port, length, checksum),
                self.payload,
            )
        )


def _ipv4(length: int, checksum: int, source: bytes, destination: bytes) -> bytes:
    total = IPV4.size + length
    return IPV4.pack(
        0x45, 0, total, 0, 0, TTL, PROTOCOL_UDP, checksum, source, destination
    )


def _udp_sum(source: bytes, destination: bytes, datagram: bytes) -> int:
    """Return the sum over pseudo header and datagram; 0 where its checksum is right."""
    pseudo = source + destination + struct.pack("!HH", PROTOCOL_UDP, len(datagram))
    padded = datagram + b"\0" if len(datagram) & 1 else datagram
    return int.from_bytes(pseudo + padded, "big") % 0xFFFF


def _complement(total: int) -> int:
    # 0 on the wire would say "no checksum" (RFC 768): its twin 0xFFFF is sent
    return 0xFFFF - total
