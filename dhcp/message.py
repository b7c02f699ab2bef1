"""A DHCP message: 236 fixed octets, the magic cookie, options (RFC 2131 section 2)."""

import struct
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from typing import Self

from .codes import BROADCAST_FLAG
from .codes import Op
from .errors import MalformedMessage
from .options import Options
from .options import encode_options

FIXED = struct.Struct("!BBBBLHH4s4s4s4s16s64s128s4s")
COOKIE = bytes.fromhex("63825363")
SNAME_OCTETS = 64
FILE_OCTETS = 128
AT_LEAST = 300  # octets of a message that we send (RFC 1542 section 2.1)
NOWHERE = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Message:
    """One message, its fields under the names of RFC 2131 figure 1."""

    op: int = Op.BOOTREQUEST
    htype: int = 1
    hlen: int = 6
    hops: int = 0
    xid: int = 0
    secs: int = 0
    flags: int = 0
    ciaddr: IPv4Address = NOWHERE
    yiaddr: IPv4Address = NOWHERE
    siaddr: IPv4Address = NOWHERE
    giaddr: IPv4Address = NOWHERE
    chaddr: bytes = bytes(6)
    """The first *hlen* octets of the field."""
    sname: bytes = b""
    file: bytes = b""
    options: Options = field(default_factory=Options)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read a UDP payload; raises MalformedMessage and nothing else."""
        if len(payload) < FIXED.size:
            raise MalformedMessage("message", f"{len(payload)} octets are too few")
        (
            op,
            htype,
            hlen,
            hops,
            xid,
            secs,
            flags,
            ciaddr,
            yiaddr,
            siaddr,
            giaddr,
            chaddr,
            sname,
            file,
            cookie,
        ) = FIXED.unpack_from(payload)
        if cookie != COOKIE:
            raise MalformedMessage("octet 236", "the magic cookie is missing")
        if hlen > len(chaddr):
            raise MalformedMessage("hlen", f"{hlen} octets do not fit in chaddr")
        options = Options.parse(payload[FIXED.size :], file, sname)
        return cls(
            op,
            htype,
            hlen,
            hops,
            xid,
            secs,
            flags,
            IPv4Address(ciaddr),
            IPv4Address(yiaddr),
            IPv4Address(siaddr),
            IPv4Address(giaddr),
            chaddr[:hlen],
            sname,
            file,
            options,
        )

    def pack(self) -> bytes:
        """Return the message as octets, padded with zeros to 300."""
        return self.pack_with(encode_options(self.options) + b"\xff")

    def pack_with(self, options: bytes) -> bytes:
        """Return the message with options that are already encoded, END included."""
        fixed = FIXED.pack(
            self.op,
            self.htype,
            self.hlen,
            self.hops,
            self.xid,
            self.secs,
            self.flags,
            self.ciaddr.packed,
            self.yiaddr.packed,
            self.siaddr.packed,
            self.giaddr.packed,
            self.chaddr,
            self.sname,
            self.file,
            COOKIE,
        )
        return (fixed + options).ljust(AT_LEAST, b"\0")

    @property
    def broadcast(self) -> bool:
        """Whether the client cannot receive unicast yet (RFC 2131 figure 2)."""
        return bool(self.flags & BROADCAST_FLAG)

    @property
    def relayed(self) -> bool:
        return self.giaddr != NOWHERE
