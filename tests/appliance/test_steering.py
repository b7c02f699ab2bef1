"""The steering's table: R3 and R4 of host H10, changed in place (H13)."""

import json
import os
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from appliance import links
from appliance import netlink
from appliance import steering
from appliance.attachment import METADATA_ADDRESS
from appliance.errors import SettingsError
from appliance.netlink import Message
from appliance.steering import Steering
from dhcp.hardware import HardwareAddress
from tests.appliance.frames import converse
from tests.appliance.frames import server
from tests.appliance.frames import udp
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import guest
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh

N1 = network("n1")
MAC = HardwareAddress.parse("02:00:00:00:00:01")
STEERING = Steering.of(
    MAC,
    subnets=[IPv4Network("10.0.0.0/24"), IPv4Network("10.0.2.0/32")],
    ours=[IPv4Address("10.0.0.2"), METADATA_ADDRESS],
    ports=["tap1", "vnic5.0", "a-b_c@d"],
)


def steered(network: str) -> int:
    listed = json.loads(sh(f"nft -j list counters table bridge metalease_{network}"))
    return next(
        int(x["counter"]["packets"]) for x in listed["nftables"] if "counter" in x
    )


# its name has no blank, so the sixth word is the session
TELLS_ITS_SESSION = "#!/bin/sh\ncut -d' ' -f6 /proc/$$/stat >{told}\n"


def test_nft_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 6.7: Ctrl-C at a terminal ends us in good order, and no nft that puts a
    table back: it has a session of its own."""
    told, program = tmp_path / "told", tmp_path / "nft"
    program.write_text(TELLS_ITS_SESSION.format(told=told))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    steering.remove("n1")
    assert int(told.read_text()) != os.getsid(0)


class TestText:
    def test_in_place(self) -> None:
        """Declare, flush rules and sets, fill: never delete and add (H13)."""
        lines = steering.replacement("n-1", STEERING).splitlines()
        assert not [line for line in lines if "delete" in line]
        assert "flush table bridge metalease_n-1" in lines
        assert [x.split()[-1] for x in lines if x.startswith("flush set")] == [
            "subnets",
            "ours",
            "ours6",
            "ports",
        ]

    def test_overlapping_ranges(self) -> None:
        """Ranges that overlap or touch are one: nft's intervals take no overlap."""
        ranges = ["10.0.0.0/25", "10.0.0.128/25", "10.0.0.0/28"]
        made = Steering.of(MAC, subnets=map(IPv4Network, ranges), ours=[], ports=[])
        assert made.subnets == {IPv4Network("10.0.0.0/24")}

    @pytest.mark.parametrize("port", ['a"b', "tap*", "a\\b"])
    def test_ports_that_nft_cannot_say(self, port: str) -> None:
        """A name that would end nft's string is left out: it is not steered."""
        made = Steering.of(MAC, subnets=[], ours=[], ports=[port, "tap1"])
        assert made.ports == {"tap1"}

    @pytest.mark.parametrize("listing", ["", "[]", "{}", '{"nftables": [1]}', "null"])
    def test_garbage(self, listing: str) -> None:
        """What is no table of ours reads as none: it is written anew."""
        assert steering.parse(listing) is None


class TestEvents:
    def test_whose_table(self) -> None:
        """An event of nftables begins with the family, then names its table."""
        name = netlink.attribute(1, b"metalease_n-1\0")
        assert steering.network_of(Message(0xA00, b"\x07\0\0\0" + name)) == "n-1"
        assert steering.network_of(Message(0xA00, b"\x02\0\0\0" + name)) is None
        other = netlink.attribute(1, b"filter\0")
        assert steering.network_of(Message(0xA00, b"\x07\0\0\0" + other)) is None
        assert steering.network_of(Message(0xA00, b"")) is None


class TestTable:
    @pytest.mark.parametrize(
        "name", ["n1", "0", "a-b", "a-", "-".join("abc_"), "a" * 32]
    )
    @in_machine
    def test_applied_and_read_back(self, name: str) -> None:
        """Every name that a network can have is a table's; what is set is read back."""
        assert steering.loaded(name) is None
        for each in (
            STEERING,
            Steering.of(MAC, subnets=[], ours=[], ports=[]),
            STEERING,
        ):
            steering.apply(name, each)
            assert each == steering.loaded(name)
        steering.remove(name)
        steering.remove(name)
        assert sh("nft list tables") == ""

    @in_machine
    def test_counters_stay(self) -> None:
        """A change in place keeps the counters (H13)."""
        bridge()
        one = guest("g1", "fa:16:3e:00:00:05", "10.0.0.5/24")
        one.sh("ip route add default dev eth0")
        links.up(N1)
        with udp(one.path) as client, server(N1) as served:
            converse(client, served, b"1")
        before = steered("n1")
        assert before
        guest("g2", "fa:16:3e:00:00:06")
        assert links.check(N1) == [
            "guests are not steered as they should be, at tap-g2"
        ]
        links.up(N1)
        assert steered("n1") >= before
        assert links.check(N1) == []

    @in_machine
    def test_types_of_another_version(self) -> None:
        """A set of another type under our name is replaced with its table (H13)."""
        sh("nft add table bridge metalease_n1")
        sh("nft 'add set bridge metalease_n1 ports { type ether_addr; }'")
        steering.apply("n1", STEERING)
        assert steering.loaded("n1") == STEERING

    @in_machine
    def test_refused(self) -> None:
        """What nft says is said."""
        sh("mount --bind /bin/false /usr/sbin/nft")
        with pytest.raises(SettingsError, match="table bridge metalease_n1: exit 1"):
            steering.apply("n1", STEERING)
