"""`metalease host`: networks kept as `up` made them, and healed (host H6, H7)."""

import ctypes
import os
import struct
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import trio

from appliance import host
from appliance import links
from appliance import veth
from appliance.attachment import Attachment
from appliance.attachment import Device
from tests.appliance.kept import BELL
from tests.appliance.kept import MAC_ONE
from tests.appliance.kept import ONE
from tests.appliance.kept import Kept
from tests.appliance.kept import Network
from tests.appliance.kept import neighbours_of
from tests.appliance.kept import until
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import guest
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh
from tests.appliance.plumbing import where
from tests.appliance.witness import state

N1 = network("n1")
N2 = network("n2", subnet="10.0.1.0/24")


class TestKeep:
    @in_machine
    def test_makes_what_up_makes(self) -> None:
        """What is not up yet when it starts is made as `up` makes it."""
        bridge()
        links.up(N1)
        expected = state(N1)
        links.down(N1)

        async def scene(kept: Kept) -> None:
            assert expected == state(N1)

        Kept(Network(N1)).run(scene)
        assert expected == state(N1)  # and stays, when it ends
        assert not BELL.exists()

    @pytest.mark.parametrize(
        "damage",
        [
            "ip -n NS addr del 10.0.0.2/24 dev INNER",
            "ip -n NS addr add 10.0.0.9/24 dev INNER",
            "ip -n NS link set INNER down",
            "ip -n NS link set INNER down && ip -n NS link set INNER up",
            "ip netns exec NS sysctl -w net.ipv4.ip_forward=1",
            "ip link set OUTER nomaster",
            "ip link set OUTER down",
            "ip link del OUTER",
            "nft flush ruleset",
            "nft flush chain bridge metalease_n1 pre",
            "nft delete element bridge metalease_n1 ours { 10.0.0.2 }",
        ],
    )
    @in_machine
    def test_heals_at_once(self, damage: str) -> None:
        """What the kernel tells of is healed when it tells, neighbours too (H6, H7)."""
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            expected = state(N1), neighbours_of(N1)
            assert expected[1] == {"10.0.0.5": "fa:16:3e:00:00:05"}
            pair = veth.Pair.of(N1)
            command = damage.replace("OUTER", pair.outer).replace("INNER", pair.inner)
            sh(command.replace("NS", "br0_n1"))

            def whole() -> bool:
                return not links.check(N1) and neighbours_of(N1) == expected[1]

            await until(whole, damage, seconds=host.LOOK_SECONDS / 2)

        Kept(one).run(scene)

    @in_machine
    def test_a_new_guest_is_steered(self) -> None:
        """A port that comes is steered from then on; one that goes, forgotten (H10)."""
        bridge()

        async def scene(kept: Kept) -> None:
            guest("g1", "fa:16:3e:00:00:05")
            await until(lambda: "tap-g1" in sh("nft list ruleset"), "steered")
            sh("ip link del tap-g1")
            await until(lambda: "tap-g1" not in sh("nft list ruleset"), "forgotten")

        Kept(Network(N1)).run(scene)

    @in_machine
    def test_looks_now_and_then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What nobody tells, a name or a neighbour that goes, is found by looking."""
        monkeypatch.setattr(host, "LOOK_SECONDS", 1.0)
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            inner = links.device(N1)
            sh(f"ip -n br0_n1 neigh del 10.0.0.5 dev {inner}; umount {where(N1).netns}")
            await until(lambda: neighbours_of(N1) and not links.check(N1), "found")
            sh("ip netns del br0_n1; umount /run/metalease/netns/n1")
            await until(lambda: not links.check(N1), "another namespace")
            await until(lambda: neighbours_of(N1), "with the neighbours")
            inner = links.device(N1)
            monkeypatch.setattr(host, "LOOK_SECONDS", 1000.0)
            sh(f"ip -n br0_n1 addr del 10.0.0.2/24 dev {inner}")
            await until(lambda: not links.check(N1), "and listened to")

        Kept(one).run(scene)

    @in_machine
    def test_one_that_fails_hurts_no_other(self) -> None:
        """A network without its bridge is reported once, and tried again."""
        bridge()
        lost = network("n2", bridge="br1", subnet="10.0.1.0/24")
        two = Network(lost)
        two.on_disk = {IPv4Address("10.0.1.5"): MAC_ONE}

        async def scene(kept: Kept) -> None:
            assert links.check(N1) == []
            assert troubles(kept) == 1
            assert (await kept.ring(op="apply", network="n1"))["ok"]
            bridge("br1")
            await until(lambda: not links.check(lost), "n2 is made")
            await until(lambda: neighbours_of(lost), "with its neighbours")
            assert (await kept.ring(op="apply", network="n2"))["ok"]
            await until(lambda: ends(kept), "its end is reported")
            assert troubles(kept) == 1

        def troubles(kept: Kept) -> int:
            told = [text for name, text in kept.reported if name == "n2"]
            return len([text for text in told if "there is no bridge br1" in text])

        def ends(kept: Kept) -> bool:
            return ("n2", "links: as they should be again") in kept.reported

        Kept(Network(N1), two).run(scene)

    @in_machine
    def test_bindings_that_cannot_be_read(self) -> None:
        """A network whose bindings fail keeps its links and its neighbours."""
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            one.trouble = "no such directory"
            await until(lambda: kept.reported[-1:] == [trouble], "reported")
            sh("nft flush ruleset")
            await until(lambda: not links.check(N1), "healed")
            assert neighbours_of(N1) == {"10.0.0.5": str(MAC_ONE)}
            one.trouble = ""
            await until(lambda: ("n1", END) in kept.reported, "and its end")
            assert len([x for x in kept.reported if x == trouble]) == 1

        END = "bindings: as they should be again"  # noqa: N806 # a constant of the test
        trouble = ("n1", "n1: no such directory")
        Kept(one).run(scene)

    @in_machine
    def test_networks_come_and_go(self) -> None:
        """A network that is added is made; one that is removed is left as it is."""
        bridge()

        async def scene(kept: Kept) -> None:
            kept.networks["n2"] = Network(N2)
            await until(lambda: not links.check(N2), "n2 is made")
            del kept.networks["n1"]
            await trio.sleep(host.TICK_SECONDS * 2)
            assert links.check(N1) == []
            links.down(N1)
            kept.networks = {"n2": Network(network("n2", subnet="10.0.2.0/24"))}
            await until(
                lambda: not links.check(kept.networks["n2"].attachment), "moved"
            )
            assert (await kept.ring(op="apply", network="n1"))["ok"] is False

        Kept(Network(N1)).run(scene)

    @in_machine
    def test_a_device(self) -> None:
        """In container mode addresses and neighbours of the device are kept."""
        sh("ip link add eth0 up type veth peer name wire; ip link set wire up")
        one = Network(Attachment("n1", Device("eth0"), N1.addresses, N1.subnets))
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            assert "10.0.0.5 dev eth0 lladdr fa:16:3e:00:00:05 PERMANENT" in sh(
                "ip neigh"
            )
            sh("ip addr del 10.0.0.2/24 dev eth0; ip link set eth0 down")
            sh("ip link set eth0 up")
            await until(lambda: "10.0.0.2/24" in sh("ip addr show eth0"), "healed")
            await until(lambda: "10.0.0.5" in sh("ip neigh"), "neighbours too")

        Kept(one).run(scene)

    @in_machine
    def test_events_that_were_lost(self) -> None:
        """When the kernel drops events, everything is looked at (H6: ENOBUFS)."""
        bridge()

        async def scene(kept: Kept) -> None:
            many = "".join(f"link set v0 alias {n}\n" for n in range(500))
            Path("/run/batch").write_text(many)  # noqa: ASYNC240 # it is a tmpfs
            sh("ip link add v0 type bridge; ip -batch /run/batch")
            sh(f"ip link set {veth.Pair.of(N1).outer} nomaster")  # heard by nobody
            await until(lambda: not links.check(N1), "healed", host.LOOK_SECONDS / 2)

        Kept(Network(N1)).run(scene)

    @in_machine
    def test_no_descriptor_is_left(self) -> None:
        """Healing again and again holds no descriptor and no process."""
        bridge()

        async def scene(kept: Kept) -> None:
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(3):
                sh("ip netns del br0_n1; umount -l /run/metalease/netns/n1")
                assert (await kept.ring(op="apply", network="n1"))["ok"]
                sh("nft flush ruleset")
                await until(lambda: not links.check(N1), "healed", seconds=20)
            assert before == len(os.listdir("/proc/self/fd"))

        Kept(Network(N1)).run(scene)


class TestPrivilege:
    @in_machine
    def test_three_capabilities(self) -> None:
        """NET_ADMIN, SYS_ADMIN and CHOWN are enough for all of it."""
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            assert links.check(N1) == []
            assert (await kept.ring(op="apply", network="n1"))["ok"]
            sh("nft flush ruleset")
            await until(lambda: not links.check(N1), "healed")

        bound_to(1 << 12 | 1 << 21 | 1 << 0)
        Kept(one).run(scene)
        links.down(N1)


def bound_to(capabilities: int) -> None:
    """Give up every other capability, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(64):
        if not capabilities >> number & 1:
            libc.prctl(24, number, 0, 0, 0)  # PR_CAPBSET_DROP
    header = struct.pack("Ii", 0x20080522, 0)
    low, high = capabilities & 0xFFFFFFFF, capabilities >> 32
    held = struct.pack("6I", low, low, 0, high, high, 0)
    assert libc.capset(header, held) == 0, os.strerror(ctypes.get_errno())
