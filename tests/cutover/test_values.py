"""The parts of a cut-over that are pure: what is read, remembered, chosen and said."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from appliance.cutover import exchange
from appliance.cutover import held
from appliance.cutover import jump
from appliance.cutover.bound import free
from appliance.cutover.exchange import Lease
from appliance.cutover.found import Address
from appliance.cutover.found import End
from appliance.cutover.found import Found
from appliance.cutover.found import Held
from appliance.cutover.found import Jump
from appliance.cutover.found import Place
from appliance.cutover.found import Program
from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.settings import Settings
from appliance.settings import parse_settings
from dhcp.codes import MessageType
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.options import Options

MAC = HardwareAddress.parse("02:00:00:00:00:01")
MASTER = Program(
    10,
    1000,
    1,
    "lighttpd",
    "/usr/sbin/lighttpd",
    ("lighttpd", "-f", "/a/ns\udcff/lighttpd.conf"),
    "/",
    ("PATH=/bin", "ODD"),
    0,
)
FOUND = Found(
    "n1",
    (MASTER, replace(MASTER, pid=11, parent=10)),
    (Held("tcp", "169.254.169.254", 1180),),
    Place(
        End(3, "outer7", "fe0000000001", 65500, True, "", 2),
        End(4, "inner7", "020000000001", 65500, True, "", 0),
        (Address(4, 2, 24, 0, 0, ((1, "0a000002"), (2, "0a000002"))),),
        {"ipv4/ip_forward": "1"},
        {"10.0.0.5": "fa:16:3e:00:00:05"},
        named_twice=False,
        steered=False,
        fixed=False,
    ),
    Jump(2, ("--logical-in", "br_eth0", "-j", "USERDATA-br_eth0-67e367e3")),
)


def test_the_journal_is_read_as_it_was_written() -> None:
    """issue 6.7: all that is remembered comes back, odd octets included."""
    assert Found.parse(FOUND.pack(), "journal") == FOUND
    without = replace(FOUND, jump=None)
    assert Found.parse(without.pack(), "journal") == without


@pytest.mark.parametrize("octets", [b"", b"{", b"[]", b'{"network": 1}', b"\xff"])
def test_what_is_no_journal(octets: bytes) -> None:
    """issue 6.7: a journal that cannot be read is one error, which names the file."""
    with pytest.raises(SettingsError, match="journal: is no journal of a cut-over"):
        Found.parse(octets, "journal")


def test_who_was_started_by_somebody_else() -> None:
    """issue 6.7: a worker is its master's to start (zstack 3.3)."""
    assert FOUND.roots == (MASTER,)


LISTING = """\
Bridge table: nat

Bridge chain: PREROUTING, entries: 2, policy: ACCEPT
-p ARP -j ACCEPT
--logical-in br_eth0 -j USERDATA-br_eth0-67e367e3
"""
CHAIN = """\
Bridge chain: USERDATA-br_eth0-67e367e3, entries: 2, policy: RETURN
-p IPv4 --ip-src 10.0.0.0/24 --ip-dst 169.254.169.254 -j dnat --to-dst 2:0:0:0:0:1 \
--dnat-target ACCEPT
-p ARP --arp-ip-dst 169.254.64.1 -j DROP
"""


def test_the_jump_of_ebtables() -> None:
    """zstack 2.5: rules are read in order, and a MAC without its zeros is that MAC."""
    assert jump.rules(LISTING) == [
        ["-p", "ARP", "-j", "ACCEPT"],
        ["--logical-in", "br_eth0", "-j", "USERDATA-br_eth0-67e367e3"],
    ]
    assert jump.word_after(jump.rules(LISTING)[1], ("--logical-in",)) == "br_eth0"
    assert jump.rewrites_to(CHAIN, MAC)
    assert not jump.rewrites_to(CHAIN, HardwareAddress.parse("02:00:00:00:00:10"))


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: FEA9FEA9:049C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1
   1: FEA9FEA9:049C 0B00000A:8888 01 00000000:00000000 00:00000000 00000000 0 0 4712 1
"""
UDP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
  10: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 12 2
  11: 00000000:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 13 2
"""


def test_sockets_that_serve() -> None:
    """Of TCP those that listen, of UDP those of a server's port."""
    found = list(held.parse("tcp", TCP))
    assert found == [(Held("tcp", "169.254.169.254", 1180), 4711)]
    assert list(held.parse("udp", UDP)) == [(Held("udp", "0.0.0.0", 67), 12)]


def _settings(**network: object) -> Settings:
    values = {
        "network": {"subnet": "10.0.0.0/29", "dhcp_address": "10.0.0.2", **network},
        "attach": {"bridge": "br0"},
    }
    return parse_settings(Layout(Path("/nowhere")).network("n1"), values)


def test_addresses_that_are_free() -> None:
    """Nobody's, the last first: not the subnet's own, ours, the gateway's, bound."""
    settings = _settings(gateway="10.0.0.1", dns=["10.0.0.5"])
    found = list(free(settings, {IPv4Address("10.0.0.4")}))
    assert found == [IPv4Address("10.0.0.6"), IPv4Address("10.0.0.3")]


def _reply(**options: bytes) -> Message:
    values = {int(code.removeprefix("o")): value for code, value in options.items()}
    return Message(
        op=2,
        xid=7,
        yiaddr=IPv4Address("10.0.0.6"),
        chaddr=MAC.octets,
        options=Options(values),
    )


def test_a_client_asks_as_rfc_2131_has_it() -> None:
    """RFC 2131 section 4.3.2: a REQUEST names the server and the address it wants."""
    offer = _reply(o54=bytes([10, 0, 0, 2]))
    sent = Message.parse(Frame.parse(exchange.request(MAC, 7, offer)).payload)
    assert sent.options.message_type == MessageType.REQUEST
    assert sent.options.address(50) == IPv4Address("10.0.0.6")
    assert sent.options.address(54) == IPv4Address("10.0.0.2")
    asked = Message.parse(Frame.parse(exchange.discover(MAC, 7)).payload)
    assert asked.options.message_type == MessageType.DISCOVER
    assert asked.broadcast


def test_an_answer_to_somebody_else() -> None:
    """Only an answer with our xid and chaddr is ours; garbage is nobody's."""
    source, everyone = IPv4Address("10.0.0.2"), IPv4Address("255.255.255.255")
    reply = _reply(o53=b"\x02")

    def framed(message: Message) -> bytes:
        return Frame(MAC, MAC, source, everyone, 67, 68, message.pack()).pack()

    found = exchange.answer(framed(reply), MAC, 7)
    assert found is not None
    assert found.yiaddr == reply.yiaddr
    assert exchange.answer(framed(reply), MAC, 8) is None
    other = replace(reply, chaddr=bytes(6))
    assert exchange.answer(framed(other), MAC, 7) is None
    assert exchange.answer(b"garbage", MAC, 7) is None


WAY = bytes([32, 169, 254, 169, 254, 10, 0, 0, 2])


@pytest.mark.parametrize(
    ("options", "router"),
    [
        ({"o121": b"\0\x0a\0\0\x01" + WAY}, "10.0.0.2"),
        ({"o121": b"\0\x0a\0\0\x01", "o3": bytes([10, 0, 0, 9])}, "10.0.0.1"),
        ({"o3": bytes([10, 0, 0, 9])}, "10.0.0.9"),
        ({}, None),
    ],
)
def test_the_way_to_the_metadata(options: dict[str, bytes], router: str | None) -> None:
    """RFC 3442: the nearest route of option 121, and then none of option 3."""
    lease = Lease.of(_reply(o1=bytes([255, 255, 255, 248]), **options))
    assert lease.address == IPv4Interface("10.0.0.6/29")
    assert lease.router == (None if router is None else IPv4Address(router))


def test_pages_and_names() -> None:
    """What is no answer has no status, and no RCODE."""
    assert exchange.read_page(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nx") == (200, "x")
    assert exchange.read_page(b"") == (0, "")
    assert exchange.read_page(b"SSH-2.0 200") == (0, "")
    question = exchange.name_question(IPv4Address("10.0.0.6"), 7)
    assert b"\x016\x010\x010\x0210\x07in-addr\x04arpa\0" in question
    answer = question[:2] + b"\x81\x83" + question[4:]
    assert exchange.name_answer(answer, 7) == 3
    assert exchange.name_answer(answer, 8) is None
    assert exchange.name_answer(question, 7) is None
    assert exchange.name_answer(b"", 7) is None
