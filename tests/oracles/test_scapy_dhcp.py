"""scapy reads what we write, and we read what scapy writes: nobody grades himself."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP
from scapy.layers.dhcp import DHCP
from scapy.layers.inet import IP
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether

from dhcp.codes import MessageType
from dhcp.decision import Reply
from dhcp.frames import Frame
from dhcp.message import Message
from dhcp.options import Options
from dhcp.routes import decode_routes
from dhcp.server import enclose
from tests.dhcp.guest import ADDRESS
from tests.dhcp.guest import DHCLIENT
from tests.dhcp.guest import FOREIGN
from tests.dhcp.guest import GATEWAY
from tests.dhcp.guest import MAC
from tests.dhcp.guest import NETWORK
from tests.dhcp.guest import RELAY
from tests.dhcp.guest import SERVER
from tests.dhcp.guest import SERVER_HARDWARE
from tests.dhcp.guest import WRONG
from tests.dhcp.guest import Guest
from tests.dhcp.guest import answer
from tests.dhcp.guest import responder

CLIENT_ID = b"\1" + MAC.octets
PLAIN = Guest(options={55: DHCLIENT, 61: CLIENT_ID})
RELAYED = replace(PLAIN, giaddr=RELAY).with_options({82: b"\1\4port"})
LOUD = replace(PLAIN, broadcast=True)
# every kind of answer, and the state that it answers
ASKED: dict[str, Message] = {
    f"{name} {how}": message
    for how, guest in (("plain", PLAIN), ("relayed", RELAYED), ("broadcast", LOUD))
    for name, message in guest.everything().items()
    if name not in ("DECLINE", "RELEASE")
} | {
    "NAK outside": PLAIN.reboot(FOREIGN),
    "NAK of a choice": PLAIN.select(WRONG),
    "rapid commit": PLAIN.with_options({80: b""}).discover(),
    "overload": PLAIN.with_options({55: bytes([224, 225, 226])}).discover(),
    "many options": PLAIN.with_options({57: b"\5\xdc", 55: b""}).discover(),
}
SERVED = replace(
    NETWORK,
    rapid_commit=True,
    options={224: b"a" * 200, 225: b"b" * 100, 226: b"c" * 50},
)


def octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def seen_by_scapy(frame: bytes) -> tuple[Ether, IP, UDP, BOOTP, dict[Any, Any]]:
    ether = Ether(frame)
    options = {
        option[0]: option[1:] if len(option) > 2 else option[1]
        for option in ether[DHCP].options
        if isinstance(option, tuple)
    }
    return ether, ether[IP], ether[UDP], ether[BOOTP], options


def reply_and_frame(request: Message) -> tuple[Reply, bytes]:
    server = responder(SERVED)
    reply = answer(server, request)
    return reply, enclose(reply, server).pack()


@pytest.mark.parametrize("case", ASKED)
def test_scapy_sees_the_same_addresses_and_checksums(case: str) -> None:
    """dhcp 37, 38, 39, 40, 41, 42, 43: the frame of each answer, as scapy reads it."""
    reply, frame = reply_and_frame(ASKED[case])
    ether, ip, udp, _, _ = seen_by_scapy(frame)
    assert (ether.src, ether.dst) == (
        str(SERVER_HARDWARE),
        str(reply.destination.hardware),
    )
    assert (ip.src, ip.dst, ip.ttl) == (str(SERVER), str(reply.destination.address), 64)
    assert (udp.sport, udp.dport) == (67, reply.destination.port)
    assert (ip.len, udp.len) == (28 + len(reply.payload), 8 + len(reply.payload))
    ours = (ip.chksum, udp.chksum)
    del ip.chksum, udp.chksum
    again = Ether(bytes(ether))
    assert (again[IP].chksum, again[UDP].chksum) == ours


@pytest.mark.parametrize("case", ASKED)
def test_scapy_sees_the_same_fields(case: str) -> None:
    """dhcp 20, 31, 32: the fixed fields of each answer (2131 table 3), by scapy."""
    request = ASKED[case]
    reply, frame = reply_and_frame(request)
    *_, bootp, options = seen_by_scapy(frame)
    nak = reply.kind is MessageType.NAK
    assert (bootp.op, bootp.htype, bootp.hlen, bootp.hops) == (2, 1, 6, 0)
    assert (bootp.xid, bootp.secs) == (request.xid, 0)
    relayed_nak = 0x8000 if nak and request.relayed else 0
    assert int(bootp.flags) == request.flags | relayed_nak
    ciaddr = request.ciaddr if reply.kind is MessageType.ACK else IPv4Address(0)
    assert bootp.ciaddr == str(ciaddr)
    assert bootp.yiaddr == str(reply.address)
    assert (bootp.siaddr, bootp.giaddr) == ("0.0.0.0", str(request.giaddr))
    assert bootp.chaddr[:6] == MAC.octets
    assert options["message-type"] == reply.kind
    assert options["server_id"] == str(SERVER)


@pytest.mark.parametrize("case", ASKED)
def test_scapy_sees_the_same_options(case: str) -> None:
    """dhcp 21, 45, 55, 56: every code that we think we sent, in our order, by scapy."""
    reply, frame = reply_and_frame(ASKED[case])
    *_, options = seen_by_scapy(frame)
    numbers = [
        DHCP_CODES[name] if isinstance(name, str) else name
        for name in options
        if name not in ("end", "pad")
    ]
    ours = Message.parse(reply.payload)
    lent = {*codes_in(ours.file), *codes_in(ours.sname)}
    assert [code for code, _ in ours.options if code not in lent] == numbers
    if ASKED[case].relayed:
        assert numbers[-1] == 82
    if "client_id" in options:
        assert options["client_id"] == CLIENT_ID
    if reply.kind is not MessageType.NAK:
        assert options["subnet_mask"] == "255.255.255.0"
    if "router" in options:
        assert options["router"] == str(GATEWAY)


def codes_in(field: bytes) -> Iterable[int]:
    return Options.parse(field).values


@pytest.mark.parametrize("case", ["DISCOVER plain", "SELECTING plain", "INFORM plain"])
def test_scapy_sees_the_same_routes_and_names(case: str) -> None:
    """dhcp 47, 48, 52, 57: 121, 26, 12 and 15 mean the same to scapy."""
    reply, frame = reply_and_frame(ASKED[case])
    *_, options = seen_by_scapy(frame)
    routes = decode_routes(Message.parse(reply.payload).options[121])
    shown = options["classless_static_routes"]
    shown = [shown] if isinstance(shown, str) else shown
    assert [octets(each).decode() for each in shown] == [
        f"{route.destination}:{route.router}" for route in routes
    ]
    assert options["interface-mtu"] == 1450
    assert octets(options["hostname"]) == b"web-1"
    assert octets(options["domain"]) == b"net1.example"
    assert options["name_server"] == str(SERVER)


DISCOVER = {
    "message-type": "discover",
    "requested_addr": str(ADDRESS),
    "lease_time": 3600,
    "max_dhcp_size": 1472,
    "client_id": CLIENT_ID,
    "hostname": "guest",
    "vendor_class_id": "scapy",
    "param_req_list": list(DHCLIENT),
}


def scapy_frame(options: list[Any], **fields: Any) -> bytes:
    return bytes(
        Ether(src=str(MAC), dst="ff:ff:ff:ff:ff:ff")
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / BOOTP(chaddr=MAC.octets, **fields)
        / DHCP(options=[*options, "end"])
    )


def test_we_read_what_scapy_sends() -> None:
    """dhcp 1, 5, 11: a DISCOVER of scapy's, its checksums and its options, by us."""
    octets = scapy_frame([*DISCOVER.items()], xid=0xDEADBEEF, secs=3, flags=0x8000)
    frame = Frame.parse(octets)
    message = Message.parse(frame.payload)
    assert (frame.source_hardware, frame.source_port) == (MAC, 68)
    assert (message.xid, message.secs, message.broadcast) == (0xDEADBEEF, 3, True)
    assert message.chaddr == MAC.octets
    assert dict(message.options) == {
        53: b"\1",
        50: ADDRESS.packed,
        51: (3600).to_bytes(4, "big"),
        57: (1472).to_bytes(2, "big"),
        61: CLIENT_ID,
        12: b"guest",
        60: b"scapy",
        55: DHCLIENT,
    }
    reply = answer(responder(), message)
    assert (reply.kind, reply.address) == (MessageType.OFFER, ADDRESS)


raw = st.tuples(st.integers(128, 254), st.binary(min_size=1, max_size=200))


@settings(deadline=None)  # scapy takes its time, and more on a busy machine
@given(
    st.lists(raw, max_size=6, unique_by=lambda option: option[0]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1).map(IPv4Address),
)
def test_whatever_scapy_sends_we_read_the_same(
    options: list[tuple[int, bytes]], xid: int, ciaddr: IPv4Address
) -> None:
    """dhcp 1, 11, 12: fields and raw options of any value mean the same to both."""
    octets = scapy_frame([("message-type", 3), *options], xid=xid, ciaddr=str(ciaddr))
    message = Message.parse(Frame.parse(octets).payload)
    assert (message.xid, message.ciaddr) == (xid, ciaddr)
    assert dict(message.options) == {53: b"\3", **dict(options)}


# scapy's words for the codes of this file
DHCP_CODES = {
    "subnet_mask": 1,
    "router": 3,
    "name_server": 6,
    "hostname": 12,
    "domain": 15,
    "interface-mtu": 26,
    "broadcast_address": 28,
    "lease_time": 51,
    "dhcp-option-overload": 52,
    "message-type": 53,
    "server_id": 54,
    "error_message": 56,
    "renewal_time": 58,
    "rebinding_time": 59,
    "client_id": 61,
    "rapid_commit": 80,
    "relay_agent_information": 82,
    "domain_search": 119,
    "classless_static_routes": 121,
}
