"""What commands write, as values: bindings, documents, networks' files."""

from email import message_from_bytes
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from appliance.agent import bindings
from appliance.agent import network_file
from appliance.agent.documents import LAYOUT
from appliance.agent.documents import documents
from appliance.agent.documents import packed
from appliance.agent.guests import Described
from appliance.agent.guests import Guest
from appliance.agent.orders import Place
from appliance.agent.orders import Prepare
from appliance.layout import Layout
from appliance.records import read_record
from appliance.settings import parse_settings
from appliance.zstack import network_name
from appliance.zstack import wire_port
from dhcp.hardware import HardwareAddress
from dhcp.routes import ClasslessRoute

MAC = HardwareAddress.parse("fa:16:3e:00:00:05")
IP = IPv4Address("10.0.0.5")
GATEWAY = IPv4Address("10.0.0.1")
DNS = (IPv4Address("10.0.0.53"),)
ROUTE = ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.9")
METADATA = ClasslessRoute.parse("169.254.169.254/32 via 10.0.0.2")
BASE = {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5", "mtu": 1500}
WHOLE = Guest(
    MAC, IP, 24, GATEWAY, "web", True, "a.example", DNS, 1450, False, (ROUTE,)
)


@pytest.mark.parametrize(
    ("guest", "values"),
    [
        (
            WHOLE,
            {
                **BASE,
                "hostname": "web",
                "prefix": 24,
                "gateway": "10.0.0.1",
                "dns": ["10.0.0.53"],
                "domain": "a.example",
                "mtu": 1450,
                "routes": ["10.9.0.0/16 via 10.0.0.9"],
            },
        ),
        # a further NIC: no router, no name servers, no domain (zstack 2.2)
        (
            Guest(MAC, IP, None, GATEWAY, None, False, "a.example", DNS),
            {**BASE, "default_network": False, "gateway": "10.0.0.1"},
        ),
        # but for a guest that is told all routers
        (
            Guest(MAC, IP, gateway=GATEWAY, multi_gateway=True),
            {
                **BASE,
                "default_network": False,
                "gateway": "10.0.0.1",
                "router": True,
            },
        ),
        # the way to the metadata is our own affair
        (Guest(MAC, IP, default_network=True, routes=(METADATA,)), BASE),
        # a name with its domain
        (
            Guest(MAC, IP, hostname="web.b.example", default_network=True),
            {**BASE, "hostname": "web", "domain": "b.example"},
        ),
    ],
)
def test_a_guest_as_a_binding(
    tmp_path: Path, guest: Guest, values: dict[str, Any]
) -> None:
    """zstack 2.2: what a guest is told on its default network, and on another; the
    daemon takes it as it is."""
    assert bindings.bound({}, guest) == values
    network = {"subnet": "10.0.0.0/24", "dhcp_address": "10.0.0.2"}
    tables = {"network": network, "attach": {"bridge": "br0"}}
    settings = parse_settings(Layout(tmp_path).network("l3"), tables)
    assert read_record(values, "binding", settings).ip == IP


def test_what_is_not_zstacks_stays() -> None:
    """The id that userdata gave, and what an operator put; the rest is replaced."""
    known = {
        "instance_id": "u5",
        "tokens": "required",
        "options": {"42": "10.0.0.3"},
        "router": True,
        "hostname": "old",
        "dns": ["10.0.0.54"],
    }
    assert bindings.bound(known, Guest(MAC, IP, default_network=True)) == {
        **BASE,
        "instance_id": "u5",
        "tokens": "required",
        "options": {"42": "10.0.0.3"},
    }


def test_the_default_network_moves() -> None:
    """zstack 4, resetDefaultGateway: there and back, with what hangs on it."""
    known = bindings.bound({}, WHOLE)
    lost = bindings.without_gateway(known)
    assert lost["default_network"] is False
    assert not {"dns", "domain"} & lost.keys()
    gained = bindings.with_gateway(lost, GATEWAY)
    assert "default_network" not in gained
    assert gained["gateway"] == "10.0.0.1"
    assert bindings.with_gateway({**lost, "router": True}, GATEWAY) == gained


def test_the_smallest_layout() -> None:
    """zstack 3.1: without user-data only the leaves."""
    assert documents(Described(IP, "u5")) == {
        "meta-data/index.html": b"instance-id",
        "meta-data/instance-id": b"u5",
    }


def test_the_whole_layout() -> None:
    """zstack 3.1: path by path, octet by octet."""
    whole = documents(Described(IP, "u5", "web", ("#!/bin/sh\n",), "enable"))
    assert whole == {
        "meta-data/index.html": b"instance-id\nlocal-hostname",
        "meta-data/instance-id": b"u5",
        "meta-data/local-hostname": b"web",
        "meta-data/pvpanic": b"enable",
        "user-data": b"#!/bin/sh\n",
        "user_data": b"#!/bin/sh\n",
        "meta_data.json": b'{\n    "uuid": "u5"\n}',
        "password": b"",
    }
    assert set(whole) == set(LAYOUT)


def test_an_empty_part_makes_the_layout_whole() -> None:
    """zstack 3.5: set to an empty text, cloudbase-init's remedy."""
    found = documents(Described(IP, "u5", parts=("",)))
    assert found["user-data"] == b""
    assert {"meta_data.json", "password"} <= found.keys()


def test_several_parts_are_one_message() -> None:
    """issue 6.8, zstack 3.1: each is read as a message, and its leaves attached."""
    parts = (
        "\n#cloud-config\nusers: [Łukasz]\n",
        "Content-Type: text/x-shellscript\nMIME-Version: 1.0\n\n#!/bin/sh\nFrom here\n",
        'Content-Type: multipart/mixed; boundary="B"\n\n--B\n\na\n--B\n\nb\n--B--\n',
    )
    octets = packed(parts)
    assert packed(parts) == octets  # the same again changes no file
    whole = message_from_bytes(octets)
    assert whole.get_content_type() == "multipart/mixed"
    assert whole["MIME-Version"] == "1.0"
    leaves = [each for each in whole.walk() if not each.is_multipart()]
    assert [each.get_content_type() for each in leaves] == [
        "text/plain",
        "text/x-shellscript",
        "text/plain",
        "text/plain",
    ]
    assert [each.get_payload(decode=True) for each in leaves] == [
        "#cloud-config\nusers: [Łukasz]".encode(),
        b"#!/bin/sh\nFrom here",
        b"a",
        b"b",
    ]


def prepare(namespace: str = "br_eth0_l3", bridge: str | None = "br_eth0") -> Prepare:
    subnet = IPv4Network("10.0.0.0/24")
    return Prepare(Place(namespace, bridge), IPv4Address("10.0.0.2"), subnet)


@pytest.mark.parametrize(
    ("namespace", "bridge", "name"),
    [
        ("br_eth0_" + "67e3" * 8, "br_eth0", "67e3" * 8),
        ("br_eth0_" + "67e3" * 8, None, "67e3" * 8),
        ("br_eth0.100_a_b", "br_eth0.100", "a_b"),
        ("l3", "br0", "l3"),
        ("Br0_X", "br0", None),
        ("br0_" + "x" * 33, "br0", None),
    ],
)
def test_a_network_is_named_after_its_l3(
    namespace: str, bridge: str | None, name: str | None
) -> None:
    """zstack 1.1: the namespace is <bridge>_<l3Uuid>."""
    assert network_name(namespace, bridge) == name


@pytest.mark.parametrize(
    ("bridge", "vlan", "ports", "uplink"),
    [
        ("br_eth0", None, ["vnic1", "eth0"], "eth0"),
        ("br_eth0_100", None, ["vnic1", "eth0.100"], "eth0.100"),
        ("br_vx_7863", None, ["vxlan7863"], "vxlan7863"),
        ("br_x", "vxlan200", ["vxlan200"], "vxlan200"),
        ("br_eth0", "vlan100", ["eth0.100", "eth0"], "eth0.100"),
        ("br_eth0", None, ["vnic1"], None),
    ],
)
def test_the_way_to_the_wire(
    bridge: str, vlan: str | None, ports: list[str], uplink: str | None
) -> None:
    """zstack 2.5: P, by the bridge's name or by vlanId, if it is a port of it."""
    assert wire_port(bridge, ports, vlan) == uplink


def test_a_file_for_a_network_that_is_prepared(tmp_path: Path) -> None:
    values = network_file.prepared({}, prepare(), "eth0")
    settings = parse_settings(Layout(tmp_path).network("l3"), values)
    assert str(settings.attachment.addresses[0]) == "10.0.0.2/24"
    assert settings.bridge == "br_eth0"
    assert settings.metadata.presets[0] == "zstack"
    assert network_file.prepared(values, prepare(), "eth0") == values


def test_a_file_is_changed_and_changed_back() -> None:
    """Each change keeps the rest, and the same again is the same file."""
    whole = network_file.prepared({}, prepare(), None)
    whole["dns"] = {"upstream": ["10.0.0.53"]}
    whole["dhcp"] = {"lease_time": "infinite"}
    flushed = network_file.flushed(whole)
    assert flushed["dhcp"]["enabled"] is False
    assert network_file.prepared(flushed, prepare(), None) == whole
    assert network_file.widened(whole, 1500) == whole
    wide = network_file.widened(whole, 9000)
    assert wide["network"]["mtu"] == 9000
    assert network_file.widened(wide, 1450) == wide
    assert network_file.listening(whole, 1180) == whole
    assert network_file.listening(whole, 81)["metadata"]["ports"] == [80, 1180, 81]
    assert wide["dns"] == whole["dns"]
