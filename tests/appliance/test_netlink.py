"""The netlink codec: round trip, and garbage gives the one exception."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import netlink
from appliance.netlink import Message
from appliance.netlink import NetlinkSyntaxError

MESSAGES = st.builds(
    Message,
    st.integers(0, 0xFFFF),
    st.binary(max_size=64),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
)


class TestMessages:
    @given(st.lists(MESSAGES, max_size=4))
    def test_round_trip(self, messages: list[Message]) -> None:
        """A datagram holds messages one after another, each padded to four octets."""
        datagram = b"".join(message.pack() for message in messages)
        assert messages == list(netlink.parse(datagram))

    @given(st.binary(max_size=80))
    def test_garbage(self, octets: bytes) -> None:
        """Octets that are no messages raise NetlinkSyntaxError and nothing else."""
        try:
            for message in netlink.parse(octets):
                netlink.attributes(message.body)
                _ = message.errno
        except NetlinkSyntaxError:
            pass

    def test_error(self) -> None:
        """NLMSG_ERROR carries the error number, negative; 0 acknowledges."""
        refused = struct.pack("=i", -errno.EPERM)
        assert Message(netlink.NLMSG_ERROR, refused).errno == errno.EPERM
        assert Message(netlink.NLMSG_ERROR, bytes(4)).errno == 0

    @pytest.mark.parametrize("cut", [1, 4, 15])
    def test_cut_short(self, cut: int) -> None:
        """A datagram that ends inside a message is no datagram of the kernel's."""
        whole = Message(16, b"1234").pack()
        with pytest.raises(NetlinkSyntaxError):
            list(netlink.parse(whole[:-cut]))


class TestAttributes:
    @given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=20), max_size=5))
    def test_round_trip(self, values: dict[int, bytes]) -> None:
        """Attributes follow a fixed part; each is padded to four octets."""
        octets = b"".join(netlink.attribute(k, v) for k, v in values.items())
        assert values == netlink.attributes(b"head" + octets, 4)

    def test_flags_of_the_type(self) -> None:
        """The two upper bits of a type say how to read it, not what it is."""
        nested = netlink.attribute(0x8000 | 18, b"x")
        assert netlink.attributes(nested) == {18: b"x"}

    @pytest.mark.parametrize("octets", [b"", b"123", b"12345"])
    def test_numbers_have_four_octets(self, octets: bytes) -> None:
        with pytest.raises(NetlinkSyntaxError):
            netlink.number(octets)
        with pytest.raises(NetlinkSyntaxError):
            netlink.signed(octets)
