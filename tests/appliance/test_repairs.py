"""What somebody broke is named by `check` and mended by `up` (host H1, H4, H12)."""

import os

import pytest

from appliance import links
from appliance import veth
from appliance.errors import SettingsError
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import guest
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import js
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh
from tests.appliance.plumbing import where
from tests.appliance.witness import state

N1 = network("n1")


class TestRepairs:
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
