"""Messages: the fixed fields and the cookie."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.errors import MalformedMessage
from dhcp.message import Message
from dhcp.options import Options

from .guest import Guest

# RFC 2131 figure 1, by hand
DISCOVER = bytes.fromhex(
    "01 01 06 03 deadbeef 0007 8000"
    "0a000005 0a000006 0a000007 0a000008"
    "fa163e000005" + "00" * 10 + "73" + "00" * 63 + "66" + "00" * 127 + "63825363"
    "350101 3d0701fa163e000005 ff"
)


def test_the_fields_are_where_figure_1_has_them() -> None:
    """dhcp 1: a message is 236 fixed octets, the cookie, options (2131 section 2)."""
    message = Message.parse(DISCOVER)
    assert message == Message(
        op=1,
        htype=1,
        hlen=6,
        hops=3,
        xid=0xDEADBEEF,
        secs=7,
        flags=0x8000,
        ciaddr=IPv4Address("10.0.0.5"),
        yiaddr=IPv4Address("10.0.0.6"),
        siaddr=IPv4Address("10.0.0.7"),
        giaddr=IPv4Address("10.0.0.8"),
        chaddr=bytes.fromhex("fa163e000005"),
        sname=b"s".ljust(64, b"\0"),
        file=b"f".ljust(128, b"\0"),
        options=Options({53: b"\1", 61: bytes.fromhex("01fa163e000005")}),
    )
    assert message.broadcast
    assert message.relayed
    assert message.pack() == DISCOVER.ljust(300, b"\0")


def test_every_prefix_is_read_or_malformed() -> None:
    """dhcp 1, 12: under 240 octets it is malformed; each other prefix is one or not."""
    for length in range(240):
        with pytest.raises(MalformedMessage, match="too few"):
            Message.parse(DISCOVER[:length])
    read = []
    for length in range(240, len(DISCOVER) + 1):
        try:
            read.append((length, len(Message.parse(DISCOVER[:length]).options.values)))
        except MalformedMessage:
            continue
    assert read == [(240, 0), (243, 1), (252, 2), (253, 2)]


@pytest.mark.parametrize("at", range(236, 240))
def test_the_cookie_is_demanded(at: int) -> None:
    """dhcp 1: a message without 63 82 53 63 is malformed."""
    octets = bytearray(DISCOVER)
    octets[at] ^= 1
    with pytest.raises(MalformedMessage, match="cookie"):
        Message.parse(bytes(octets))


@pytest.mark.parametrize("hlen", [0, 6, 16])
def test_chaddr_has_hlen_octets(hlen: int) -> None:
    """dhcp 3: chaddr is the first hlen octets of its field."""
    octets = DISCOVER[:2] + bytes([hlen]) + DISCOVER[3:]
    assert Message.parse(octets).chaddr == DISCOVER[28 : 28 + hlen]


@pytest.mark.parametrize("hlen", [17, 255])
def test_more_than_the_field_is_malformed(hlen: int) -> None:
    """dhcp 3: hlen > 16 is malformed."""
    with pytest.raises(MalformedMessage, match="hlen"):
        Message.parse(DISCOVER[:2] + bytes([hlen]) + DISCOVER[3:])


def test_a_short_message_is_padded_to_300() -> None:
    """dhcp 53: a message has at least 300 octets, padded with zeros after END."""
    octets = Guest(options={}).discover().pack()
    assert len(octets) == 300
    assert octets[240:244] == bytes.fromhex("350101ff")
    assert not any(octets[244:])


def test_a_long_message_is_read_whole() -> None:
    """dhcp 2: a client may send all that a 1500-octet link carries, and more."""
    options = {53: b"\1", **{code: bytes([code]) * 255 for code in range(224, 238)}}
    message = Message(options=Options(options))
    assert len(message.pack()) > 3800
    assert Message.parse(message.pack()).options == message.options


addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
octet = st.integers(0, 255)
messages = st.builds(
    Message,
    op=octet,
    htype=octet,
    hlen=st.just(6),
    hops=octet,
    xid=st.integers(0, 2**32 - 1),
    secs=st.integers(0, 0xFFFF),
    flags=st.integers(0, 0xFFFF),
    ciaddr=addresses,
    yiaddr=addresses,
    siaddr=addresses,
    giaddr=addresses,
    chaddr=st.binary(min_size=6, max_size=6),
    sname=st.binary(min_size=64, max_size=64),
    file=st.binary(min_size=128, max_size=128),
    options=st.dictionaries(
        st.integers(224, 254), st.binary(max_size=300), max_size=4
    ).map(Options),
)


@given(messages)
def test_round_trip(message: Message) -> None:
    """dhcp 1: every message is read back as it was written."""
    assert Message.parse(message.pack()) == message


@given(st.binary(max_size=40))
def test_garbage_after_the_cookie_is_read_or_malformed(garbage: bytes) -> None:
    """dhcp 12: any options field is read, or raises MalformedMessage."""
    try:
        message = Message.parse(DISCOVER[:240] + garbage)
    except MalformedMessage:
        return
    assert message.xid == 0xDEADBEEF
