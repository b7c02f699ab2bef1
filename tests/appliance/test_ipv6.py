"""Metadata by IPv6: what `up` makes for it, heals and removes (issue 5.8)."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv6Address
from pathlib import Path

import pytest
import toml

from appliance import host
from appliance import inside
from appliance import kernel
from appliance import link_neighbours
from appliance import links
from appliance import netlink
from appliance import steering
from appliance import veth
from appliance.attachment import Attachment
from appliance.attachment import Device
from appliance.events import Events
from appliance.keeper import Keeper
from appliance.link_local import METADATA_INTERFACES
from appliance.link_local import address_of
from appliance.link_local import mac_of
from appliance.netlink import Message
from appliance.settings import parse_settings
from dhcp.hardware import HardwareAddress
from tests.appliance.house import N1 as SETTINGS
from tests.appliance.house import House
from tests.appliance.kept import MAC_ONE
from tests.appliance.kept import MAC_TWO
from tests.appliance.kept import ONE
from tests.appliance.kept import Kept
from tests.appliance.kept import Network
from tests.appliance.kept import neighbours_of
from tests.appliance.kept import until
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import js
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh

N1 = replace(network("n1"), ipv6=METADATA_INTERFACES)
MAC = bytes.fromhex("fa163e000005")
OTHER = bytes.fromhex("fa163e000006")
OF_ONE, OF_TWO = "fe80::f816:3eff:fe00:5", "fe80::f816:3eff:fe00:6"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def ours(attachment: Attachment) -> set[str]:
    """The IPv6 addresses of innerN."""
    inner = veth.Pair.of(attachment)
    shown = js(f"ip -n {inner.namespace.name} -j -6 addr show dev {inner.inner}")
    return {info["local"] for link in shown for info in link.get("addr_info", [])}


class TestLinkLocal:
    """The one IPv6 address that a binding has."""

    def test_of_a_mac(self) -> None:
        """RFC 4291, appendix A: fe80::, the MAC with a bit turned, ff:fe within."""
        assert address_of(MAC) == IPv6Address("fe80::f816:3eff:fe00:5")
        assert mac_of(address_of(MAC)) == MAC

    @pytest.mark.parametrize(
        "address",
        [
            "fe80::f816:3eff:ff00:5",
            "fe80::f816:3efe:fe00:5",
            "fe80:0:0:1:f816:3eff:fe00:5",
            "2001:db8::f816:3eff:fe00:5",
            "fe80::a9fe:a9fe",
            "::",
        ],
    )
    def test_of_no_mac(self, address: str) -> None:
        """What is not made of a MAC, or is no link's own, is nobody's."""
        assert mac_of(IPv6Address(address)) == b""


class TestSettings:
    """`[metadata] ipv6`."""

    def settings(self, house: House, metadata: dict[str, object]) -> bool:
        values = {**toml.loads(SETTINGS), "metadata": metadata}
        return bool(parse_settings(house.files, values).attachment.ipv6)

    def test_switch(self, house: House) -> None:
        """It is on unless it is switched off, or the IP alone tells who asks."""
        assert self.settings(house, {})
        assert not self.settings(house, {"ipv6": False})
        assert not self.settings(house, {"identity": "ip"})


class TestLinks:
    """What `up` makes."""

    @in_machine
    def test_at_once(self) -> None:
        """Both addresses are there to be used when `up` has ended, and no other: no
        duplicate-address detection, no address of the kernel's own making."""
        bridge()
        links.up(N1)
        pair = veth.Pair.of(N1)
        shown = js(f"ip -n {pair.namespace.name} -j -6 addr show dev {pair.inner}")
        infos = [info for link in shown for info in link["addr_info"]]
        assert {(each["local"], each["prefixlen"]) for each in infos} == {
            ("fe80::a9fe:a9fe", 64),
            ("fd00:ec2::254", 128),
        }
        assert not [each for each in infos if each.get("tentative")]
        assert links.check(N1) == []
        conf = f"ip netns exec {pair.namespace.name} sysctl -n net.ipv6.conf"
        for key in ("accept_dad", "accept_ra", "forwarding", "accept_redirects"):
            assert sh(f"{conf}.{pair.inner}.{key}").strip() == "0", key
        assert sh(f"{conf}.lo.disable_ipv6").strip() == "1"

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            ("ip -n NS addr del fe80::a9fe:a9fe/64 dev INNER", "lacks fe80::a9fe:a9fe"),
            ("ip -n NS addr del fd00:ec2::254/128 dev INNER", "lacks fd00:ec2::254"),
            ("ip -n NS addr add fd00::1/64 dev INNER", "INNER has fd00::1/64"),
            ("ip -n NS link set INNER down", "lacks fe80::a9fe:a9fe/64"),
            (
                "ip netns exec NS sysctl -w net.ipv6.conf.INNER.accept_ra=1",
                "accept_ra is 1, not 0",
            ),
            (
                "ip netns exec NS sysctl -w net.ipv6.conf.INNER.disable_ipv6=1",
                "disable_ipv6 is 1, not 0",
            ),
            ("nft flush set bridge metalease_n1 ours6", "not steered"),
            (
                "nft delete element bridge metalease_n1 ours6 { fd00:ec2::254 }",
                "not st",
            ),
        ],
    )
    @in_machine
    def test_repairs(self, damage: str, said: str) -> None:
        """What somebody broke is named by `check` and mended by `up`."""
        bridge()
        links.up(N1)
        pair, before = veth.Pair.of(N1), ours(N1)
        damage = damage.replace("NS", "br0_n1").replace("INNER", pair.inner)
        sh(damage)
        assert said.replace("INNER", pair.inner) in "; ".join(links.check(N1))
        links.up(N1)
        assert links.check(N1) == []
        assert ours(N1) == before

    @in_machine
    def test_beside_another_network(self) -> None:
        """Two networks of one bridge have none: nothing in a guest's frame would say
        which it is of. It comes back when one is alone."""
        n2 = replace(network("n2", subnet="10.0.1.0/24"), ipv6=METADATA_INTERFACES)
        bridge()
        links.up(N1)
        assert ours(N1)
        links.up(n2)
        assert links.check(n2) == []
        assert ours(n2) == set()
        assert "fe80::a9fe:a9fe" in "; ".join(links.check(N1))
        links.up(N1)
        assert links.check(N1) == []
        assert ours(N1) == set()
        found = steering.loaded("n1")
        assert found is not None
        assert not found.ours6
        links.down(n2)
        links.up(N1)
        assert len(ours(N1)) == 2

    @in_machine
    def test_a_device_of_somebody_else(self) -> None:
        """In a container the addresses come to its device, where it may have IPv6, and
        go with `down`; its other addresses stay."""
        sh("ip link add eth0 type veth peer name wire && ip link set wire up")
        sh("ip link set eth0 up")
        there = Attachment("n1", Device("eth0"), N1.addresses, N1.subnets, N1.ipv6)
        index = inside.device("eth0").index
        sh("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1")
        links.up(there)
        assert links.check(there) == []
        assert not set(METADATA_INTERFACES) & set(kernel.addresses(index))
        sh("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0")
        sh("ip addr add fd00::1/64 dev eth0 nodad")
        assert "eth0 lacks fe80::a9fe:a9fe/64" in links.check(there)
        links.up(there)
        assert set(METADATA_INTERFACES) <= set(kernel.addresses(index))
        links.down(there)
        left = set(map(str, kernel.addresses(index)))
        assert "fd00::1/64" in left
        assert not left & set(map(str, (*there.addresses, *there.ipv6)))


class TestNeighbours:
    """A permanent neighbour for each binding's link-local address (host H7, H22)."""

    def test_round_trip(self) -> None:
        sent = [Message(28, link_neighbours.encode(7, mac)) for mac in (MAC, OTHER)]
        expected = {address_of(mac): mac for mac in (MAC, OTHER)}
        assert link_neighbours.parse(7, sent) == expected
        assert link_neighbours.parse(8, sent) == {}

    def test_malformed(self) -> None:
        with pytest.raises(netlink.NetlinkSyntaxError):
            link_neighbours.parse(7, [Message(28, b"\x0a")])

    @in_machine
    def test_follow_the_bindings(self) -> None:
        """They are there for each binding, follow it to another MAC, and go with it."""
        bridge()
        one = Network(N1)
        keeper = Keeper(one, Events(), touched=lambda: None)

        def bind(**bound: HardwareAddress) -> None:
            one.on_disk = {
                IPv4Address(f"10.0.0.{key[1:]}"): mac for key, mac in bound.items()
            }
            one.refresh(None)

        def held() -> set[str]:
            return {ip for ip in neighbours_of(N1) if ":" in ip}

        bind(_5=MAC_ONE)
        keeper.heal(0.0)
        assert neighbours_of(N1) == {
            "10.0.0.5": str(MAC_ONE),
            OF_ONE: str(MAC_ONE),
        }
        bind(_5=MAC_TWO)
        keeper.follow([MAC_ONE, MAC_TWO])
        assert held() == {OF_TWO}
        bind(_5=MAC_TWO, _6=MAC_ONE)
        keeper.follow(None)
        assert held() == {OF_ONE, OF_TWO}
        bind(_7=MAC_TWO)  # one moves, one goes
        keeper.follow(None)
        assert held() == {OF_TWO}

    @pytest.mark.parametrize(
        "damage",
        [
            "ip -n NS addr del fe80::a9fe:a9fe/64 dev INNER",
            "ip -n NS link set INNER down && ip -n NS link set INNER up",
            "ip netns exec NS sysctl -qw net.ipv6.conf.INNER.disable_ipv6=1",
            "ip netns exec NS sysctl -qw net.ipv6.conf.INNER.forwarding=1",
        ],
    )
    @in_machine
    def test_heals_at_once(self, damage: str) -> None:
        """What the kernel tells of is healed when it tells, neighbours too (H6, H7)."""
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            expected = neighbours_of(N1)
            assert expected[OF_ONE] == str(MAC_ONE)
            inner = veth.Pair.of(N1).inner
            sh(damage.replace("INNER", inner).replace("NS", "br0_n1"))

            def whole() -> bool:
                return not links.check(N1) and neighbours_of(N1) == expected

            await until(whole, damage, seconds=host.LOOK_SECONDS / 2)

        Kept(one).run(scene)

    @in_machine
    def test_what_somebody_took(self) -> None:
        """They are put back when they are looked at, and it is said."""
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}
        one.refresh(None)
        keeper = Keeper(one, Events(), touched=lambda: None)
        keeper.heal(0.0)
        pair = veth.Pair.of(N1)
        sh(f"ip -n br0_n1 neigh del {OF_ONE} dev {pair.inner}")
        sh(
            f"ip -n br0_n1 neigh replace fe80::9 lladdr {MAC_TWO}"
            f" dev {pair.inner} nud permanent"
        )
        assert keeper.heal(1.0) == ["2 neighbour entries"]
        assert neighbours_of(N1).keys() == {"10.0.0.5", OF_ONE}
