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
HEADERS = struct.Struct("!12sHBBHHHBBH8sHHHH")  # all three
UDP_AT = ETHERNET.size + IPV4.size
TYPE_IPV4 = 0x0800
PROTOCOL_UDP = 17
TTL = 64  # hops
FIRST_WORDS = 0x4500 + (TTL << 8 | PROTOCOL_UDP)  # of every IPv4 header of ours
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
        return pack_frame(
            self.destination_hardware.octets + self.source_hardware.octets,
            self.source.packed + self.destination.packed,
            self.source_port,
            self.destination_port,
            self.payload,
        )


def pack_frame(
    hardware: bytes,
    addresses: bytes,
    source_port: int,
    destination_port: int,
    payload: bytes,
    summed: bytes | None = None,
) -> bytes:
    """Return a frame of *payload*, with whole checksums and a TTL of 64.

    *hardware* is destination and source, *addresses* are source and destination: in
    the order of the headers.  *summed* is *payload* without zeros that begin at an
    even octet, an even number: what there is to sum up.
    """
    if summed is None:
        summed = payload
    length = UDP.size + len(payload)
    total = IPV4.size + length
    # the sum of a header is that of its words, wherever they are
    ends = int.from_bytes(addresses, "big")
    header = _complement((FIRST_WORDS + total + ends) % 0xFFFF)
    padded = summed + b"\0" if length & 1 else summed
    ports = source_port + destination_port
    checksum = _complement(
        (ends + PROTOCOL_UDP + 2 * length + ports + int.from_bytes(padded, "big"))
        % 0xFFFF
    )
    return (
        HEADERS.pack(
            hardware,
            TYPE_IPV4,
            0x45,
            0,
            total,
            0,
            0,
            TTL,
            PROTOCOL_UDP,
            header,
            addresses,
            source_port,
            destination_port,
            length,
            checksum,
        )
        + payload
    )


def is_whole(frame: bytes, *, checksum_ready: bool) -> bool:
    """Whether a frame that has no IPv4 options is all there, and right.

    Nothing comes after its datagram.
    """
    length = int.from_bytes(frame[38:40], "big")
    if length != len(frame) - UDP_AT:
        return False
    if length + IPV4.size != int.from_bytes(frame[16:18], "big"):
        return False
    return is_summed(frame, checksum_ready=checksum_ready)


def is_summed(frame: bytes, *, checksum_ready: bool, left_out: int = 0) -> bool:
    """Whether the checksums are right of a frame whose lengths are.

    *left_out* is how many zeros of its payload it is without, an even number: they
    are nothing in a sum.
    """
    if int.from_bytes(frame[14:34], "big") % 0xFFFF:
        return False
    if not checksum_ready or frame[40:42] == b"\0\0":
        return True
    # addresses and datagram are neighbours: the pseudo header and what follows it
    total = int.from_bytes(frame[26:], "big")
    length = len(frame) - UDP_AT + left_out
    if length & 1:
        total <<= 8
    return (total + PROTOCOL_UDP + length) % 0xFFFF == 0


def _udp_sum(source: bytes, destination: bytes, datagram: bytes) -> int:
    """Return the sum over pseudo header and datagram; 0 where its checksum is right."""
    pseudo = source + destination + struct.pack("!HH", PROTOCOL_UDP, len(datagram))
    padded = datagram + b"\0" if len(datagram) & 1 else datagram
    return int.from_bytes(pseudo + padded, "big") % 0xFFFF


def _complement(total: int) -> int:
    # 0 on the wire would say "no checksum" (RFC 768): its twin 0xFFFF is sent
    return 0xFFFF - total
