"""Frames: Ethernet, IPv4, UDP, and their checksums."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress

FRAME = Frame(
    HardwareAddress.parse("fa:16:3e:00:00:05"),
    HardwareAddress(b"\xff" * 6),
    IPv4Address("0.0.0.0"),
    IPv4Address("255.255.255.255"),
    68,
    67,
    b"hello",
)
OCTETS = bytes.fromhex(
    "ffffffffffff fa163e000005 0800"
    "45 00 0021 0000 0000 40 11 7acd 00000000 ffffffff"
    "0044 0043 000d bb7b"
    "68656c6c6f"
)


def test_a_frame_by_hand() -> None:
    """dhcp 42, 43: TTL 64, an IPv4 and a UDP checksum (RFC 791, RFC 768)."""
    assert FRAME.pack() == OCTETS
    assert Frame.parse(OCTETS) == FRAME


def test_padding_of_the_link_is_no_payload() -> None:
    """dhcp 11: what follows the IPv4 total length is Ethernet's padding."""
    assert Frame.parse(OCTETS.ljust(60, b"\0")) == FRAME


def patched(*patches: tuple[int, str]) -> bytes:
    """Return OCTETS with octets replaced, its IPv4 checksum made right again."""
    octets = bytearray(OCTETS)
    for at, digits in patches:
        new = bytes.fromhex(digits)
        octets[at : at + len(new)] = new
    octets[24:26] = b"\0\0"
    header = octets[14 : 14 + max(20, (octets[14] & 15) * 4)]
    octets[24:26] = (0xFFFF - int.from_bytes(header, "big") % 0xFFFF).to_bytes(2, "big")
    return bytes(octets)


MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "too few"),
    "41 octets": (OCTETS[:41], "too few"),
    "IPv6": (patched((12, "86dd")), "not IPv4"),
    "a VLAN tag": (patched((12, "8100")), "not IPv4"),
    "version 6": (patched((14, "65")), "begins with 0x65"),
    "a header of 16 octets": (patched((14, "44")), "begins with 0x44"),
    "a header past the datagram": (patched((14, "4f")), "total length"),
    "a total length past the frame": (patched((16, "0022")), "total length"),
    "a total length within the headers": (patched((16, "001b")), "total length"),
    "TCP": (patched((23, "06")), "not UDP"),
    "a first fragment": (patched((20, "2000")), "fragment"),
    "a later fragment": (patched((20, "0001")), "fragment"),
    "a wrong IPv4 checksum": (OCTETS[:24] + b"\0\0" + OCTETS[26:], "wrong checksum"),
    "a UDP length past the datagram": (patched((38, "000e")), "length of 14"),
    "a UDP length of 7": (patched((38, "0007")), "length of 7"),
    "a wrong UDP checksum": (patched((40, "bb7c")), "wrong checksum"),
    "a changed payload": (patched((42, "69")), "wrong checksum"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_datagram_is_malformed(case: str) -> None:
    """dhcp 11: a fragment, a wrong checksum or length is malformed, never more."""
    octets, what = MALFORMED[case]
    with pytest.raises(MalformedMessage, match=what):
        Frame.parse(octets)


def test_do_not_fragment_is_no_fragment() -> None:
    """dhcp 11: the DF bit is not a fragment's."""
    assert Frame.parse(patched((20, "4000"))) == FRAME


def test_no_checksum_is_accepted() -> None:
    """dhcp 11: a UDP checksum of zero is none (RFC 768)."""
    assert Frame.parse(patched((40, "0000"))) == FRAME


def test_a_checksum_left_to_the_device_is_not_verified() -> None:
    """dhcp 11: with TP_STATUS_CSUMNOTREADY the checksum is not verified."""
    octets = patched((40, "1234"))
    assert Frame.parse(octets, checksum_ready=False) == FRAME


def test_ipv4_options_are_skipped() -> None:
    """dhcp 11: a header of more than 20 octets is read."""
    header = OCTETS[14:34]
    longer = bytearray(b"\x46" + header[1:2] + b"\0\x25" + header[4:] + b"\1\1\1\1")
    longer[10:12] = b"\0\0"
    total = 0xFFFF - int.from_bytes(longer, "big") % 0xFFFF
    longer[10:12] = total.to_bytes(2, "big")
    assert Frame.parse(OCTETS[:14] + bytes(longer) + OCTETS[34:]) == FRAME


def test_a_checksum_of_zero_is_sent_as_its_twin() -> None:
    """dhcp 43: a sum that comes out as 0 is sent as FFFF; 0 would say none."""
    sums = [octets_of(number)[40:42] for number in range(0x10000)]
    assert (sums.count(b"\0\0"), sums.count(b"\xff\xff")) == (0, 1)
    assert Frame.parse(octets_of(sums.index(b"\xff\xff")))


def octets_of(number: int) -> bytes:
    return replace(FRAME, payload=number.to_bytes(2, "big")).pack()


hardware = st.binary(min_size=6, max_size=6).map(HardwareAddress)
address = st.integers(0, 2**32 - 1).map(IPv4Address)
port = st.integers(0, 0xFFFF)
frames = st.builds(
    Frame, hardware, hardware, address, address, port, port, st.binary(max_size=600)
)


@given(frames)
def test_round_trip(frame: Frame) -> None:
    """dhcp 43: every frame that we make has checksums that hold."""
    assert Frame.parse(frame.pack()) == frame


mutations: list[Callable[[bytes, int, int], bytes]] = [
    lambda octets, at, new: octets[:at],
    lambda octets, at, new: octets[:at] + bytes([new]) + octets[at + 1 :],
    lambda octets, at, new: octets[:at] + bytes([new]) + octets[at:],
    lambda octets, at, new: octets[:at] + octets[at + 1 :],
]


@given(st.sampled_from(mutations), st.integers(0, len(OCTETS) - 1), st.integers(0, 255))
def test_a_mutated_frame_is_read_or_malformed(
    mutate: Callable[[bytes, int, int], bytes], at: int, new: int
) -> None:
    """dhcp 12: a cut, changed, added or missing octet is read, or malformed."""
    with suppress(MalformedMessage):
        Frame.parse(mutate(OCTETS, at, new))


@pytest.mark.parametrize("at", range(14, len(OCTETS)))
@pytest.mark.parametrize("bit", [1, 128])
def test_no_flipped_bit_behind_ethernet_goes_unseen(at: int, bit: int) -> None:
    """dhcp 11: one flipped bit behind the Ethernet header is malformed."""
    octets = bytearray(OCTETS)
    octets[at] ^= bit
    with pytest.raises(MalformedMessage):
        Frame.parse(bytes(octets))
