"""A guest's address without an address: the link-local one that its MAC gives it.

RFC 4291, appendix A: fe80::/64, then the MAC with one bit turned and ff:fe in its
middle.  So it belongs to a binding as an IPv4 address does, and can be a permanent
neighbour before the guest has said a word.  A link-local address of another kind
(RFC 7217, 8981) says nothing of its MAC, and is nobody's here.
"""

from ipaddress import IPv6Address
from ipaddress import IPv6Interface
from typing import Final

METADATA_LINK_LOCAL: Final = IPv6Address("fe80::a9fe:a9fe")
"""What OpenStack's clients ask: 169.254.169.254, as octets."""
METADATA_UNIQUE_LOCAL: Final = IPv6Address("fd00:ec2::254")
"""What AWS's clients ask."""
METADATA_INTERFACES: Final = (
    IPv6Interface((METADATA_LINK_LOCAL, 64)),
    IPv6Interface((METADATA_UNIQUE_LOCAL, 128)),
)

_PREFIX: Final = IPv6Address("fe80::").packed[:8]
_MIDDLE: Final = b"\xff\xfe"
_UNIVERSAL: Final = 0x02  # the bit that is turned, in the first octet


def address_of(mac: bytes) -> IPv6Address:
    """Return the link-local address of the six octets *mac*."""
    first = bytes([mac[0] ^ _UNIVERSAL])
    return IPv6Address(_PREFIX + first + mac[1:3] + _MIDDLE + mac[3:])


def mac_of(address: IPv6Address) -> bytes:
    """Return the MAC that *address* is of; nothing where it does not say."""
    octets = address.packed
    if octets[:8] != _PREFIX or octets[11:13] != _MIDDLE:
        return b""
    return bytes([octets[8] ^ _UNIVERSAL]) + octets[9:11] + octets[13:]
