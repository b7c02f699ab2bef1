"""`up`, `down`, `check`: host H1, H2, H3, H4, H8, H12."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from appliance import links
from appliance import veth
from appliance.attachment import Attachment
from appliance.attachment import Device
from appliance.errors import SettingsError
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


def clean(attachment: Attachment) -> dict[str, Any]:
    """What an undisturbed `up` ends as."""
    links.up(attachment)
    found = state(attachment)
    links.down(attachment)
    return found


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

    @pytest.mark.parametrize("last", range(len(links.STEPS)))
    @in_machine
    def test_killed_after_a_step(self, last: int) -> None:
        """`up` killed by SIGKILL after any step: the next ends as a clean one (H1)."""
        bridge()
        guest("g1", "fa:16:3e:00:00:05")
        expected = clean(N1)

        def begin() -> None:
            for step in links.STEPS[: last + 1]:
                step.take(N1)

        killed(begin)
        assert bool(links.check(N1)) == (last < len(links.STEPS) - 1)
        links.up(N1)
        assert expected == state(N1)
        assert links.check(N1) == []
        links.down(N1)
        assert nothing_left(N1) == []

    @in_machine
    def test_killed_anywhere(self) -> None:
        """As above, at 40 moments between a step's first call and its last."""
        bridge()
        expected = clean(N1)
        calls = events_of(lambda: links.up(N1))
        links.down(N1)
        for moment in range(1, calls, calls // 40):
            killed_at(moment, lambda: links.up(N1))
            if moment % 2:
                links.up(N1)
                assert expected == state(N1), f"killed at {moment} of {calls}"
            links.down(N1)
            assert nothing_left(N1) == [], f"killed at {moment} of {calls}"

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            ("ip -n NS addr del 10.0.0.2/24 dev INNER", "INNER lacks 10.0.0.2/24"),
            ("ip -n NS addr add 10.0.0.9/24 dev INNER", "INNER has 10.0.0.9/24"),
            ("ip -n NS link set INNER down", "INNER is down"),
            ("ip -n NS link set INNER mtu 1500", "INNER has MAC LLADDR and MTU 1500"),
            ("ip -n NS link set INNER address 02:00:00:00:00:09", "INNER has MAC 02:"),
            ("ip -n NS link del INNER", "OUTER and INNER are not there"),
            ("ip -n NS link set INNER name other", "OUTER and INNER are not there"),
            ("ip link del OUTER", "OUTER and INNER are not there"),
            ("ip link set OUTER nomaster", "OUTER is not a port of br0"),
            ("ip link set OUTER down", "OUTER is down"),
            ("ip link set OUTER alias other", "does not carry the alias"),
            (
                "ip link del br0; ip link add br0 up type bridge;"
                "ip link set tap-g1 master br0",
                "OUTER is not a port of br0",
            ),
            (
                "bridge fdb del LLADDR dev OUTER master",
                "no static sticky entry of LLADDR",
            ),
            ("bridge fdb replace LLADDR dev OUTER master static", "no static sticky"),
            ("bridge fdb replace LLADDR dev tap-g1 master static", "no static sticky"),
            ("ip netns exec NS sysctl -w net.ipv4.ip_forward=1", "ip_forward is 1"),
            ("nft flush ruleset", "no nft table metalease_n1"),
            ("nft flush chain bridge metalease_n1 pre", "not steered"),
            ("nft delete element bridge metalease_n1 ours { 10.0.0.2 }", "not steered"),
            ("nft flush set bridge metalease_n1 ports", "not steered"),
            ("ip netns del NS", "there is no namespace NS"),
            ("umount /run/metalease/netns/n1", "netns/n1 is not the namespace NS"),
            ("ip netns del NS; ip netns add NS", "NS is another namespace than"),
            (
                "ip netns del NS; umount /run/metalease/netns/n1;"
                "ip netns add NS; ip netns set NS 3;"
                "ip -n NS link add inner3 type bridge",
                "outer3 and inner3 are not there",
            ),
        ],
    )
    @in_machine
    def test_repairs(self, damage: str, said: str) -> None:
        """What somebody broke is named by `check` and mended by `up`."""
        bridge()
        guest("g1", "fa:16:3e:00:00:05")
        links.up(N1)
        expected = state(N1)
        pair = veth.Pair.of(N1)

        def words(text: str) -> str:
            text = text.replace("OUTER", pair.outer).replace("INNER", pair.inner)
            return text.replace("NS", "br0_n1").replace("LLADDR", str(pair.mac))

        sh(words(damage))
        assert words(said) in "; ".join(links.check(N1))
        links.up(N1)
        assert links.check(N1) == []
        found = state(N1)
        for each in (expected, found):
            each["addresses"].sort()
        assert expected == found

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


class TestNumber:
    @in_machine
    def test_smallest_free(self) -> None:
        """N is the smallest that neither a namespace nor an outerN has (H2)."""
        bridge()
        sh("ip netns add other && ip netns set other 0")
        sh("ip link add outer1 type bridge")
        links.up(N1)
        assert links.device(N1) == "inner2"

    @in_machine
    def test_the_namespace_s_own_is_kept(self) -> None:
        """A namespace that was there, ZStack's, with its number, is taken over (H2)."""
        bridge()
        sh("ip netns add br0_n1 && ip netns set br0_n1 7")
        links.up(N1)
        assert links.device(N1) == "inner7"
        assert state(N1)["named"]

    @in_machine
    def test_a_stranger_s_link_is_not_touched(self) -> None:
        """An outerN that is not ours is named, with the way out, and left alone."""
        bridge()
        sh(
            "ip netns add br0_n1 && ip netns set br0_n1 7"
            " && ip link add outer7 type bridge"
        )
        with pytest.raises(
            SettingsError, match=r"outer7: exists .*`ip link del outer7`"
        ):
            links.up(N1)
        assert js("ip -j link show outer7")

    @in_machine
    def test_a_pair_of_an_earlier_namespace_is_removed(self) -> None:
        """What a namespace without a name holds does not stay on the bridge (H4)."""
        bridge()
        links.up(N1)
        with open(where(N1).netns):  # as a daemon would that still runs in it
            sh("ip netns del br0_n1; umount -l /run/metalease/netns/n1")
            links.up(N1)
            outers = [x["ifname"] for x in js("ip -j link") if "outer" in x["ifname"]]
            assert outers == [links.device(N1).replace("inner", "outer")]
        assert state(N1)["joined"]

    @in_machine
    def test_many_at_once(self) -> None:
        """Eight `up` at the same moment take eight numbers."""
        bridge()
        many = [network(f"n{n}", subnet=f"10.0.{n}.0/24") for n in range(8)]
        children = []
        for each in many:
            child = os.fork()
            if child == 0:
                links.up(each)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
        assert len({links.device(each) for each in many}) == 8
        assert [links.check(each) for each in many] == [[]] * 8


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


class TestDevice:
    """Container mode: a device that somebody else made, in the current namespace."""

    EXPECTED = Attachment("n1", Device("eth0"), N1.addresses, N1.subnets)

    @in_machine
    def test_addresses_and_settings(self) -> None:
        """`up` adds our addresses and settings to it, and takes nothing away."""
        sh("ip link add eth0 up type veth peer name wire")
        sh("ip addr add 10.0.0.77/24 dev eth0; sysctl -w net.ipv4.ip_forward=1")
        said = "; ".join(links.check(self.EXPECTED))
        assert "eth0 lacks 10.0.0.2/24" in said
        assert "net.ipv4.conf.eth0.arp_ignore is 0, not 1" in said
        links.up(self.EXPECTED)
        assert links.check(self.EXPECTED) == []
        assert links.device(self.EXPECTED) == "eth0"
        assert addresses_of("eth0") == {"10.0.0.77", "10.0.0.2", "169.254.169.254"}
        assert sh("sysctl -n net.ipv4.ip_forward").strip() == "1"  # the container's own
        assert sh("sysctl -n net.ipv4.conf.eth0.forwarding").strip() == "0"

    @in_machine
    def test_down(self) -> None:
        """`down` removes our addresses, twice as once, and no other."""
        sh(
            "ip link add eth0 up type veth peer name wire"
            "; ip addr add 10.9.0.1/24 dev eth0"
        )
        links.up(self.EXPECTED)
        links.down(self.EXPECTED)
        links.down(self.EXPECTED)
        assert addresses_of("eth0") == {"10.9.0.1"}

    @in_machine
    def test_no_device(self) -> None:
        """A device that is not there is named."""
        with pytest.raises(
            SettingsError, match="device eth0: is not in this namespace"
        ):
            links.up(self.EXPECTED)
        assert links.check(self.EXPECTED) == ["device eth0: is not in this namespace"]
        links.down(self.EXPECTED)

    @in_machine
    def test_no_privilege(self) -> None:
        """Without CAP_NET_ADMIN `up` fails, and `check` says what is lost.

        What somebody else has set up already needs no privilege.
        """
        sh("ip link add eth0 up type veth peer name wire")

        def refused() -> None:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(SettingsError, match=r"addresses: .*CAP_NET_ADMIN"):
                links.up(self.EXPECTED)
            assert "--cap-add NET_ADMIN" in links.check(self.EXPECTED)[-1]

        killed(refused)
        links.up(self.EXPECTED)

        def content() -> None:
            os.setresuid(65534, 65534, 65534)
            links.up(self.EXPECTED)
            (only,) = links.check(self.EXPECTED)
            assert "--cap-add NET_ADMIN" in only

        killed(content)

    @in_machine
    def test_settings_that_are_read_only(self) -> None:
        """In a container /proc/sys may be read-only: addresses come first."""
        sh("ip link add eth0 up type veth peer name wire")
        sh("mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys")
        with pytest.raises(SettingsError, match=r"settings: .*writable /proc/sys"):
            links.up(self.EXPECTED)
        assert addresses_of("eth0") == {"10.0.0.2", "169.254.169.254"}


def addresses_of(device: str) -> set[str]:
    (found,) = js(f"ip -j -4 addr show {device}")
    return {each["local"] for each in found["addr_info"]}


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


def events_of(body: Callable[[], None]) -> int:
    """Count the Python and C calls and returns of *body*."""
    seen = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(count)
    try:
        body()
    finally:
        sys.setprofile(None)
    return seen


def killed_at(moment: int, body: Callable[[], None]) -> None:
    """Kill *body* at its *moment*-th call or return."""

    def begin() -> None:
        seen = 0

        def count(frame: FrameType, event: str, argument: object) -> None:
            nonlocal seen
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        body()

    killed(begin)
