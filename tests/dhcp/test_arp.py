"""ARP as it is on the link."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.arp import REPLY
from dhcp.arp import REQUEST
from dhcp.arp import ArpPacket
from dhcp.arp import probe
from dhcp.errors import MalformedMessage
from dhcp.hardware import HardwareAddress

from .guest import SERVER_HARDWARE
from .guest import STRANGER

ADDRESS = IPv4Address("10.0.0.200")
# a reply of fa:16:3e:00:00:99, which has 10.0.0.200, to a probe of 02:00:00:00:00:01
ANSWER = bytes.fromhex(
    "020000000001 fa163e000099 0806 0001 0800 06 04 0002"
    "fa163e000099 0a0000c8 020000000001 00000000"
)


def test_a_probe_names_nobody_as_its_sender() -> None:
    """RFC 5227 section 2.1.1: sent to everyone, its sender's address 0, padded to the
    60 octets of Ethernet: it changes nobody's table."""
    frame = probe(ADDRESS, SERVER_HARDWARE)
    assert frame == bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001 0800 06 04 0001"
        "020000000001 00000000 000000000000 0a0000c8" + "00" * 18
    )
    nowhere = IPv4Address(0)
    packet = ArpPacket(REQUEST, SERVER_HARDWARE, nowhere, ADDRESS)
    assert ArpPacket.parse(frame) == packet


def test_what_an_answer_claims() -> None:
    """RFC 5227 section 2.1.1: whoever names the address as his own has it, in a reply
    or in a request; who probes for it will have it."""
    packet = ArpPacket.parse(ANSWER)
    nowhere, other = IPv4Address(0), IPv4Address("10.0.0.5")
    assert packet == ArpPacket(REPLY, STRANGER, ADDRESS, nowhere)
    assert packet.claimed == ADDRESS
    assert ArpPacket(REQUEST, STRANGER, ADDRESS, other).claimed == ADDRESS
    assert ArpPacket(REQUEST, STRANGER, nowhere, ADDRESS).claimed == ADDRESS
    assert ArpPacket(REPLY, STRANGER, nowhere, ADDRESS).claimed == nowhere


@pytest.mark.parametrize(
    ("at", "digits"),
    [
        pytest.param(12, "0800", id="no ARP"),
        pytest.param(14, "0006", id="no Ethernet"),
        pytest.param(16, "86dd", id="no IPv4"),
        pytest.param(18, "08", id="a MAC of 8 octets"),
        pytest.param(19, "10", id="an address of 16 octets"),
        pytest.param(20, "0003", id="RARP"),
    ],
)
def test_what_is_about_something_else(at: int, digits: str) -> None:
    """RFC 826: only requests and replies about IPv4 on Ethernet are read."""
    new = bytes.fromhex(digits)
    frame = ANSWER[:at] + new + ANSWER[at + len(new) :]
    with pytest.raises(MalformedMessage, match="ARP: "):
        ArpPacket.parse(frame)


@given(st.binary(max_size=80))
def test_garbage_is_the_one_error(octets: bytes) -> None:
    """dhcp 12: any octets are a packet, or MalformedMessage."""
    for frame in (octets, ANSWER[:20] + octets):
        try:
            packet = ArpPacket.parse(frame)
        except MalformedMessage:
            continue
        assert isinstance(packet.sender_hardware, HardwareAddress)


def test_every_truncation_is_malformed() -> None:
    """dhcp 12: a packet that was cut is none; what pads it is nothing."""
    for length in range(len(ANSWER)):
        with pytest.raises(MalformedMessage):
            ArpPacket.parse(ANSWER[:length])
    assert ArpPacket.parse(ANSWER + bytes(18)) == ArpPacket.parse(ANSWER)
