"""What steering does to frames: host H10 (R3, R4), H11, H12."""

from ipaddress import IPv4Address

import pytest

from appliance import links
from appliance import steering
from appliance.attachment import METADATA_ADDRESS
from appliance.veth import Pair
from tests.appliance.frames import BROADCAST
from tests.appliance.frames import MARK
from tests.appliance.frames import PORT
from tests.appliance.frames import Ear
from tests.appliance.frames import ask
from tests.appliance.frames import converse
from tests.appliance.frames import frame
from tests.appliance.frames import mac
from tests.appliance.frames import question
from tests.appliance.frames import server
from tests.appliance.frames import udp
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import guest
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh
from tests.appliance.plumbing import until

N1 = network("n1")


class TestFrames:
    @in_machine
    def test_by_the_gateways_mac(self) -> None:
        """A guest that sends 169.254.169.254 to its gateway reaches us (R3), not it."""
        bridge()
        router = guest("gw", "fa:16:3e:00:00:01", "10.0.0.1/24")
        static = guest("g1", "fa:16:3e:00:00:05", "10.0.0.5/24")
        static.sh("ip route add default via 10.0.0.1")
        ear, tongue = Ear(router.path, "eth0"), Ear(static.path, "eth0")
        links.up(N1)
        with udp(static.path) as client, server(N1) as served:
            converse(client, served, b"steered")
            tongue.send(frame(BROADCAST, mac(static), MARK, b"end"))
            assert not [x for x in ear.heard(b"end") if b"steered" in x]

            steering.remove("n1")  # and without R3 the gateway has it
            ask(client, b"astray")
            tongue.send(frame(BROADCAST, mac(static), MARK, b"end"))
            assert [x for x in ear.heard(b"end") if b"astray" in x]

    @in_machine
    def test_arp_reaches_only_our_own(self) -> None:
        """The question for 169.254.169.254 is heard by one innerN alone (R4)."""
        bridge()
        n2 = network("n2", subnet="10.0.1.0/24")
        one = guest("g1", "fa:16:3e:00:00:05")
        two = guest("g2", "fa:16:3e:00:00:06")
        links.up(N1)
        links.up(n2)
        links.up(N1)
        pairs = Pair.of(N1), Pair.of(n2)
        ears = [Ear(pair.namespace, pair.inner) for pair in pairs]
        ears.append(Ear(two.path, "eth0"))
        tongue = Ear(one.path, "eth0")

        def who_hears(address: str) -> list[bool]:
            asked = question(METADATA_ADDRESS, mac(one), IPv4Address(address))
            tongue.send(asked)
            tongue.send(frame(BROADCAST, mac(one), MARK, b"end"))
            return [any(asked[12:] in x for x in ear.heard(b"end")) for ear in ears]

        assert who_hears("10.0.0.5") == [True, False, False]
        assert who_hears("10.0.1.5") == [False, True, False]
        assert who_hears("10.0.9.5") == [True, True, True]  # of no network: as ever
        for each in ("n1", "n2"):
            steering.remove(each)
        assert who_hears("10.0.0.5") == [True, True, True]

    @in_machine
    def test_two_networks_of_one_bridge(self) -> None:
        """Each guest gets its own network's answer, whoever's MAC it sends to (H11)."""
        bridge()
        n2 = network("n2", subnet="10.0.1.0/24")
        one = guest("g1", "fa:16:3e:00:00:05", "10.0.0.5/24")
        two = guest("g2", "fa:16:3e:00:00:06", "10.0.1.6/24")
        links.up(N1)
        links.up(n2)
        for each in (one, two):
            # both believe what the other's network answered
            wrong = Pair.of(n2 if each is one else N1).mac
            each.sh("ip route add 169.254.169.254 dev eth0")
            each.sh(f"ip neigh replace 169.254.169.254 lladdr {wrong} dev eth0")
        with server(N1) as first, server(n2) as second:
            with udp(one.path) as client:
                converse(client, first, b"1")
            with udp(two.path) as client:
                converse(client, second, b"2")

    @in_machine
    def test_two_bridges_with_one_subnet(self) -> None:
        """The same addresses on two bridges: each network's frames are its own.

        As are those of a third bridge, which is no network of ours.
        """
        for name in ("br0", "br1", "br2"):
            bridge(name)
        other = network("n2", bridge="br1")
        one = guest("g1", "fa:16:3e:00:00:05", "10.0.0.5/24")
        two = guest("g2", "fa:16:3e:00:00:05", "10.0.0.5/24", bridge="br1")
        three = guest("g3", "fa:16:3e:00:00:05", "10.0.0.5/24", bridge="br2")
        theirs = guest("g4", "fa:16:3e:00:00:07", "10.0.0.2/24", bridge="br2")
        for each in (one, two, three):
            each.sh("ip route add default dev eth0")
        theirs.sh(f"ip addr add {METADATA_ADDRESS}/32 dev eth0")
        links.up(N1)
        links.up(other)
        with server(N1) as first, server(other) as second:
            with udp(one.path) as client:
                converse(client, first, b"1")
            with udp(two.path) as client:
                converse(client, second, b"2")
        with (
            udp(theirs.path, (str(METADATA_ADDRESS), PORT)) as third,
            udp(three.path) as client,
        ):
            converse(client, third, b"3")

    @in_machine
    def test_the_uplink_is_no_guest(self) -> None:
        """What comes in by the wire is not steered: it is another host's affair."""
        bridge()
        wire = guest("wire", "fa:16:3e:00:00:05")
        attachment = network("n1", uplink="tap-wire")
        links.up(attachment)
        tongue, pair = Ear(wire.path, "eth0"), Pair.of(attachment)
        ear = Ear(pair.namespace, pair.inner)
        asked = question(METADATA_ADDRESS, mac(wire), IPv4Address("10.0.0.5"))
        tongue.send(asked)
        tongue.send(frame(BROADCAST, mac(wire), MARK, b"end"))
        (heard,) = [x for x in ear.heard(b"end") if asked[12:] in x]
        assert heard[:6] == BROADCAST.octets


class TestFixed:
    @pytest.mark.parametrize("sticky", [True, False])
    @in_machine
    def test_a_guest_does_not_steal_our_mac(self, sticky: bool) -> None:
        """A frame with innerN's MAC moves no sticky entry; a static one, yes (H12)."""
        bridge()
        victim = guest("g1", "fa:16:3e:00:00:05", "10.0.0.5/24")
        victim.sh("ip route add default dev eth0")
        thief = guest("g2", "fa:16:3e:00:00:06")
        links.up(N1)
        pair = Pair.of(N1)
        if not sticky:
            sh(f"bridge fdb replace {pair.mac} dev {pair.outer} master static")
        tongue, ear = Ear(victim.path, "eth0"), Ear(thief.path, "eth0")
        ear.send(frame(BROADCAST, pair.mac, MARK, b"theft"))
        tongue.heard(b"theft")  # the bridge has seen it
        with udp(victim.path) as client, server(N1) as served:
            victim.sh(f"ip neigh replace 169.254.169.254 lladdr {pair.mac} dev eth0")
            if sticky:
                converse(client, served, b"secret")
            else:
                ask(client, b"secret")
        tongue.send(frame(BROADCAST, mac(victim), MARK, b"end"))
        stolen = [x for x in ear.heard(b"end") if b"secret" in x]
        assert bool(stolen) == (not sticky)

    @in_machine
    def test_a_stolen_entry_is_put_back(self) -> None:
        """What a guest could learn before `up` is ours after it."""
        bridge()
        thief = guest("g1", "fa:16:3e:00:00:06")
        links.up(N1)
        pair = Pair.of(N1)
        links.down(N1)
        Ear(thief.path, "eth0").send(frame(BROADCAST, pair.mac, MARK, b"theft"))
        until(
            lambda: str(pair.mac) in sh("bridge fdb show br br0"), "the bridge learns"
        )
        links.up(N1)
        assert links.check(N1) == []
        assert "sticky" in sh(f"bridge fdb get {pair.mac} br br0")


class TestReach:
    @in_machine
    def test_nothing_behind_us(self) -> None:
        """A guest reaches our addresses, nothing else in the namespace, or behind."""
        bridge()
        one = guest("g1", "fa:16:3e:00:00:05", "10.0.0.5/24")
        two = guest("g2", "fa:16:3e:00:00:06", "10.0.0.6/24")
        links.up(N1)
        pair = Pair.of(N1)
        # every way leads to us, as for a guest that tries
        one.sh("ip addr add 203.0.113.9/32 dev eth0")
        one.sh("ip route add default dev eth0 src 10.0.0.5")
        for far in (
            "10.0.0.6",
            "192.0.2.1",
            "127.0.0.2",
            "10.0.0.2",
            "169.254.169.254",
        ):
            one.sh(f"ip neigh replace {far} lladdr {pair.mac} dev eth0")
        one.sh("sysctl -w net.ipv4.conf.all.route_localnet=1")
        one.sh("ip route add 127.0.0.2/32 dev eth0 src 10.0.0.5 table 9")
        one.sh("ip rule add to 127.0.0.2 lookup 9 pref 0")
        ear, tongue = Ear(two.path, "eth0"), Ear(one.path, "eth0")
        with (
            udp(pair.namespace, ("0.0.0.0", PORT)) as listening,
            udp(one.path) as client,
        ):
            for far in ("10.0.0.6", "192.0.2.1", "127.0.0.2"):
                client.sendto(b"far", (far, PORT))
            with udp(one.path, ("203.0.113.9", 0)) as stranger:
                stranger.sendto(b"strange", ("10.0.0.2", PORT))
            client.sendto(b"near", ("10.0.0.2", PORT))
            assert listening.recv(100) == b"near"  # and nothing before it
        tongue.send(frame(BROADCAST, mac(one), MARK, b"end"))
        assert not [x for x in ear.heard(b"end") if b"far" in x]  # nothing is forwarded
        assert "inet6" not in sh(f"ip -n br0_n1 addr show {pair.inner}")
