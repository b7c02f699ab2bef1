"""`up`, `down`, `check`: host H1, H2, H4, H8."""

import os
from collections.abc import Callable

import pytest

from appliance import kernel
from appliance import links
from appliance import veth
from appliance.attachment import Attachment
from appliance.errors import SettingsError
from appliance.namespace import entered
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import guest
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import js
from tests.appliance.plumbing import killed
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh
from tests.appliance.plumbing import where
from tests.appliance.witness import nothing_left
from tests.appliance.witness import state

N1 = network("n1")


class TestUp:
    @in_machine
    def test_makes_it_all(self) -> None:
        """A namespace of two names, the pair joined to the bridge, addresses (H1)."""
        bridge()
        guest("g1", "fa:16:3e:00:00:05")
        links.up(N1)
        found = state(N1)
        assert (found["same"], found["named"], found["joined"]) == (True,) * 3
        assert found["addresses"] == [
            ["10.0.0.2", 24, "global"],
            ["169.254.169.254", 32, "global"],
        ]
        assert found["outer"]["master"] == "br0"
        assert found["outer"]["mtu"] == found["inner"]["mtu"] == 65500
        assert found["outer"]["ifalias"] == "metalease n1"
        assert found["inner"]["operstate"] == found["outer"]["operstate"] == "UP"
        assert "net.ipv4.ip_forward = 0" in found["settings"]
        assert "net.ipv4.conf.innerN.arp_ignore = 1" in found["settings"]
        assert "net.ipv4.conf.innerN.arp_announce = 2" in found["settings"]
        assert "net.ipv4.conf.all.send_redirects = 0" in found["settings"]
        assert "net.ipv4.conf.all.accept_redirects = 0" in found["settings"]
        assert "net.ipv6.conf.innerN.disable_ipv6 = 1" in found["settings"]
        assert links.check(N1) == []
        with entered(veth.Pair.of(N1).namespace):
            inner = kernel.inner()
        assert inner is not None
        assert inner.name == links.device(N1)

    @in_machine
    def test_settings_of_the_host_are_not_inherited(self) -> None:
        """A hypervisor that forwards makes namespaces that do: ours does not (H8)."""
        sh("sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=1")
        bridge()
        links.up(N1)
        settings = state(N1)["settings"]
        assert "net.ipv4.ip_forward = 0" in settings
        assert "net.ipv4.conf.all.proxy_arp = 0" in settings
        assert sh("sysctl -n net.ipv4.ip_forward").strip() == "1"

    @in_machine
    def test_the_bridge_keeps_mac_and_mtu(self) -> None:
        """outerN's MTU and MAC are higher than any port's (H1: br0 stays at 1500)."""
        bridge()
        sh("ip link add up0 address fa:ff:ff:ff:ff:ff type veth peer name wire")
        sh("ip link set up0 master br0 up")
        (before,) = js("ip -j link show br0")
        links.up(N1)
        (after,) = js("ip -j link show br0")
        assert (before["address"], 1500) == (after["address"], after["mtu"])

    @in_machine
    def test_twice_changes_nothing(self) -> None:
        """`up` of what is up sends nothing to the kernel but questions."""
        bridge()
        links.up(N1)
        before = state(N1), sh("ip -d -n br0_n1 link"), sh("nft -a list ruleset")
        links.up(N1)
        assert before == (
            state(N1),
            sh("ip -d -n br0_n1 link"),
            sh("nft -a list ruleset"),
        )

    @in_machine
    def test_two_ranges(self) -> None:
        """Each range's DHCP address is innerN's, and its guests are steered."""
        bridge()
        one, two = network("n1"), network("n1", subnet="10.0.1.0/24")
        both = Attachment(
            "n1",
            one.where,
            (one.addresses[0], *two.addresses),
            one.subnets + two.subnets,
        )
        links.up(both)
        assert sorted(x[0] for x in state(both)["addresses"]) == [
            "10.0.0.2",
            "10.0.1.2",
            "169.254.169.254",
        ]
        assert links.check(both) == []
        links.up(one)  # the operator took the second range away
        assert [x[0] for x in state(one)["addresses"]] == [
            "10.0.0.2",
            "169.254.169.254",
        ]
        assert links.check(one) == []


class TestDown:
    @in_machine
    def test_leaves_nothing(self) -> None:
        """`down` removes outerN, both paths and the table; twice is as once (H4)."""
        before = sh("nft list ruleset")
        bridge()
        ports = sh("bridge link")
        links.up(N1)
        links.down(N1)
        assert nothing_left(N1) == []
        assert (before, ports) == (sh("nft list ruleset"), sh("bridge link"))
        links.down(N1)

    @in_machine
    def test_others_stay(self) -> None:
        """`down` of one network leaves its neighbours on the bridge as they are."""
        bridge()
        n2 = network("n2", subnet="10.0.1.0/24")
        links.up(N1)
        links.up(n2)
        before = state(n2)
        links.down(N1)
        assert before == state(n2)

    @in_machine
    def test_while_somebody_is_inside(self) -> None:
        """A daemon that still runs holds the namespace, not the pair or a name (H4)."""
        bridge()
        links.up(N1)
        with open(where(N1).netns):
            links.down(N1)
            assert nothing_left(N1) == []


class TestRefused:
    @in_machine
    def test_no_bridge(self) -> None:
        """A bridge that is not there is named with the way out; nothing is lost."""
        with pytest.raises(SettingsError, match=r"network n1: there is no bridge br0"):
            links.up(N1)
        assert "no bridge br0" in links.check(N1)[0]
        bridge()
        links.up(N1)
        assert links.check(N1) == []

    @in_machine
    def test_no_linux_bridge(self) -> None:
        """A link of another kind is not taken for a bridge."""
        sh("ip link add br0 type ifb")
        with pytest.raises(SettingsError, match="br0 is no Linux bridge"):
            links.up(N1)

    @in_machine
    def test_a_bridge_that_is_down(self) -> None:
        """It is the operator's: said by `check`, with the command, not done."""
        sh("ip link add br0 type bridge")
        links.up(N1)
        assert links.check(N1) == ["br0 is down: ip link set br0 up"]

    @in_machine
    def test_no_root(self) -> None:
        """Who is not root is told so, by `up`, `check` and `down`."""
        bridge()
        links.up(N1)
        sh("ip link set outer0 down")

        def said(act: Callable[[], object]) -> None:
            with pytest.raises(SettingsError, match="root"):
                act()

        def unprivileged() -> None:
            os.setresuid(65534, 65534, 65534)
            said(lambda: links.up(N1))
            said(lambda: links.down(N1))
            assert "root" in links.check(N1)[0]

        killed(unprivileged)

    @in_machine
    def test_no_nft(self) -> None:
        """Without nftables all but the steering is made, and the package is named."""
        bridge()
        sh("mount --bind /dev/null /usr/sbin/nft")
        with pytest.raises(SettingsError, match="install the package nftables"):
            links.up(N1)
        assert "nftables" in links.check(N1)[0]
        sh("umount /usr/sbin/nft")
        links.up(N1)
        assert links.check(N1) == []


class TestHardwareAddress:
    def test_the_same_every_time(self) -> None:
        """One machine and network, one MAC; another machine or network, another."""
        machines, networks = ("", "3d12", "3d13"), ("n1", "n2")
        made = [veth.hardware_address(n, m) for m in machines for n in networks]
        assert len(set(made)) == 6
        assert made == [veth.hardware_address(n, m) for m in machines for n in networks]

    def test_locally_administered(self) -> None:
        """It is a station's, and of no vendor."""
        made = veth.hardware_address("n1", "3d12")
        assert made.usable
        assert made.octets[0] & 2
