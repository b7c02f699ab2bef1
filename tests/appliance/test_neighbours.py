"""Permanent neighbours: the codec, and ten thousand of them (host H7, H22)."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Address
from ipaddress import IPv4Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import inside
from appliance import kernel
from appliance import neighbours
from appliance.errors import SettingsError
from appliance.neighbours import Change
from appliance.netlink import Message
from appliance.netlink import NetlinkSyntaxError
from dhcp.hardware import HardwareAddress
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import js
from tests.appliance.plumbing import killed
from tests.appliance.plumbing import sh

ONE = IPv4Address("10.0.0.5")
MAC = HardwareAddress.parse("fa:16:3e:00:00:05")
OTHER = HardwareAddress.parse("fa:16:3e:00:00:06")
ADDRESSES = st.ip_addresses(v=4)
MACS = st.binary(min_size=6, max_size=6).map(HardwareAddress)
TABLES = st.dictionaries(ADDRESSES, MACS, max_size=6)


def many(count: int) -> dict[IPv4Address, HardwareAddress]:
    first = int(IPv4Address("10.0.0.3"))
    return {
        IPv4Address(first + n): HardwareAddress(n.to_bytes(6, "big"))
        for n in range(count)
    }


def device() -> int:
    """Make a device as innerN is, with no address of its subnet's but ours."""
    sh("ip link add inner0 up type veth peer name outer0")
    sh("ip link set outer0 up")
    inside.add_addresses("inner0", [IPv4Interface("10.0.0.2/16")])
    return inside.device("inner0").index


def listed() -> dict[str, str]:
    found = js("ip -j neigh show dev inner0 nud permanent")
    return {each["dst"]: each["lladdr"] for each in found}


class TestCodec:
    def test_octets(self) -> None:
        """ndmsg: family, index, state, flags, type; then NDA_DST, NDA_LLADDR."""
        expected = (
            "02000000 07000000 8000 00 00"  # AF_INET, link 7, NUD_PERMANENT
            "0800 0100 0a000005"
            "0a00 0200 fa163e000005 0000"
        )
        assert bytes.fromhex(expected) == neighbours.encode(7, ONE, MAC)
        removal = "02000000 07000000 0000 00 00 0800 0100 0a000005"
        assert bytes.fromhex(removal) == neighbours.encode_removal(7, ONE)

    @given(TABLES)
    def test_round_trip(self, table: Mapping[IPv4Address, HardwareAddress]) -> None:
        """What is sent reads as it was, of its link alone."""
        sent = [Message(28, neighbours.encode(7, *each)) for each in table.items()]
        assert table == neighbours.parse(7, sent)
        assert neighbours.parse(8, sent) == {}

    @given(st.binary(max_size=60))
    def test_garbage(self, octets: bytes) -> None:
        """Octets that are no entry raise NetlinkSyntaxError and nothing else."""
        try:
            neighbours.parse(7, [Message(28, octets)])
        except NetlinkSyntaxError:
            pass

    @given(TABLES, TABLES)
    def test_difference(
        self,
        present: dict[IPv4Address, HardwareAddress],
        wanted: dict[IPv4Address, HardwareAddress],
    ) -> None:
        """A difference makes the one of the other, and says nothing needless."""
        change = neighbours.difference(present, wanted)
        made = {**present, **change.put}
        for address in change.removed:
            del made[address]
        assert made == wanted
        assert not [x for x in change.put.items() if x in present.items()]
        assert bool(change) == (present != wanted)


class TestKeep:
    @in_machine
    def test_exactly(self) -> None:
        """Permanent entries become exactly what is wanted; learnt ones are left."""
        index = device()
        sh("ip neigh add 10.0.0.9 lladdr fa:16:3e:00:00:09 dev inner0 nud permanent")
        sh("ip neigh add 10.0.0.8 lladdr fa:16:3e:00:00:08 dev inner0 nud reachable")
        sh("ip neigh add 10.0.0.5 lladdr fa:16:3e:00:00:07 dev inner0 nud stale")
        assert neighbours.keep(index, {ONE: MAC}) == Change(
            {ONE: MAC}, frozenset({IPv4Address("10.0.0.9")})
        )
        assert listed() == {"10.0.0.5": "fa:16:3e:00:00:05"}
        assert "10.0.0.8" in sh("ip neigh show dev inner0")
        assert not neighbours.keep(index, {ONE: MAC})

    @in_machine
    def test_ten_thousand(self) -> None:
        """10,000 are set and diffed, past gc_thresh3, with a handful of sends (H7)."""
        index, wanted = device(), many(10_000)
        neighbours.keep(index, wanted)
        assert len(listed()) == 10_000
        assert wanted == neighbours.present(index)
        fewer = dict(list(wanted.items())[::2]) | {ONE: OTHER}
        change = neighbours.keep(index, fewer)
        assert (change.put, len(change.removed)) == ({ONE: OTHER}, 5_000)
        assert fewer == neighbours.present(index)

    @in_machine
    def test_one_of_ten_thousand(self) -> None:
        """One is set or removed by one message, however many there are."""
        index, wanted = device(), many(10_000)
        neighbours.keep(index, wanted)
        neighbours.change(index, Change({ONE: OTHER}, frozenset()))
        assert listed()[str(ONE)] == str(OTHER)
        neighbours.change(index, Change({}, frozenset({ONE})))
        assert len(listed()) == 9_999
        neighbours.change(index, Change({}, frozenset({ONE})))  # gone already

    @in_machine
    def test_lost_when_the_link_goes_down(self) -> None:
        """`link set down` removes them all: so they are kept again (H7)."""
        index, wanted = device(), many(10)
        neighbours.keep(index, wanted)
        sh("ip link set inner0 down && ip link set inner0 up")
        assert neighbours.present(index) == {}
        neighbours.keep(index, wanted)
        assert wanted == neighbours.present(index)

    @in_machine
    def test_arp_does_not_change_one(self) -> None:
        """A guest that claims another's address by ARP is not believed (H22)."""
        index = device()
        neighbours.keep(index, {ONE: MAC})
        sh("ip netns add g && ip link set outer0 netns g && ip -n g link set outer0 up")
        sh("ip -n g addr add 10.0.0.5/16 dev outer0")
        sh("ip netns exec g arping -q -c 1 -U -I outer0 10.0.0.5")
        sh("ip netns exec g arping -q -c 1 -A -I outer0 10.0.0.5")
        assert listed() == {"10.0.0.5": "fa:16:3e:00:00:05"}

    @in_machine
    def test_no_privilege(self) -> None:
        """Without CAP_NET_ADMIN it is refused, with the way out, once."""
        index = device()

        def unprivileged() -> None:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(SettingsError, match="--cap-add NET_ADMIN"):
                neighbours.keep(index, many(2_000))

        killed(unprivileged)

    @in_machine
    def test_refused(self) -> None:
        """What the kernel refuses is counted and named."""
        with pytest.raises(SettingsError, match="the kernel refuses 3: No such device"):
            neighbours.keep(4711, many(3))
        assert kernel.link("nothing") is None
