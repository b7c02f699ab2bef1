"""What the shells tell becomes lines, numbers and each guest's last word."""

import os
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

import pytest

from appliance import observation
from appliance.activity import Activity
from appliance.journal import Journal
from appliance.metrics import Metrics
from appliance.observation import LINES_AT_ONCE
from appliance.observation import Observation
from appliance.observation import dialect_of
from dhcp import server as dhcp_server
from dhcp.bindings import Binding
from dhcp.bindings import BindingTable
from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.decision import Probe
from dhcp.destination import Arrival
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.options import Options
from dhcp.responder import Responder
from httpd import contract
from httpd.listener import Peer
from httpd.messages import Request
from httpd.messages import Response

from .house import ip
from .house import mac
from .told import network

OURS = HardwareAddress(bytes(5) + b"\2")
NOWHERE = IPv4Address(0)


@dataclass
class Watched:
    """An observation of a real responder's decisions, whose lines are read here."""

    now: float = 1000.0
    pipe: tuple[int, int] = field(default_factory=os.pipe)

    def __post_init__(self) -> None:
        self.journal = Journal(self.pipe[1])
        self.metrics = Metrics("1")
        self.observation = Observation(self.journal, self.metrics, lambda: self.now)
        table = BindingTable([Binding(mac(5), ip(5))])
        self.responder = Responder(network().network, table, OURS)

    def dhcp(
        self,
        kind: MessageType,
        *,
        number: int = 5,
        ciaddr: IPv4Address = NOWHERE,
        sent: bool = True,
        **options: bytes,
    ) -> None:
        codes = {"server": 54, "requested": 50, "message": 56, "wants": 55}
        values = {codes[name]: value for name, value in options.items()}
        request = Message(
            op=Op.BOOTREQUEST,
            chaddr=mac(number).octets,
            ciaddr=ciaddr,
            options=Options({53: bytes([kind]), **values}),
        )
        arrival = Arrival(mac(number), ciaddr)
        decision = self.responder.respond(request, arrival, now=self.now)
        assert not isinstance(decision, Probe)
        event = dhcp_server.Answered(request, arrival, decision, sent)
        self.observation.dhcp([event], 0.000_25)

    def lines(self) -> list[str]:
        octets = self.journal._take()
        return octets.decode().splitlines()

    def count(self, name: str, *labels: str) -> int:
        return self.metrics.counters[name][labels]


@pytest.fixture
def watched() -> Watched:
    found = Watched()
    for descriptor in found.pipe:
        os.close(descriptor)
    return found


def test_an_exchange_is_a_line_and_a_number(watched: Watched) -> None:
    """dhcp 72, 73."""
    watched.dhcp(MessageType.DISCOVER)
    watched.dhcp(MessageType.REQUEST, server=ip(2).packed, requested=ip(5).packed)
    assert watched.lines() == [
        "dhcp type=DISCOVER reply=OFFER mac=fa:16:3e:00:00:05 ip=10.0.0.5 us=250",
        "dhcp type=REQUEST reply=ACK mac=fa:16:3e:00:00:05 ip=10.0.0.5 us=250",
    ]
    assert watched.count("metalease_dhcp_messages", "DISCOVER", "OFFER") == 1
    assert watched.count("metalease_dhcp_messages", "REQUEST", "ACK") == 1
    assert watched.observation.activity == {mac(5).octets: Activity(1000.0)}


def test_a_refusal_says_why(watched: Watched) -> None:
    watched.dhcp(MessageType.REQUEST, server=ip(2).packed, requested=ip(9).packed)
    (line,) = watched.lines()
    assert "reply=NAK" in line
    assert 'reason="' in line
    assert watched.observation.activity == {}


def test_what_a_shared_wire_is_full_of_is_only_counted(watched: Watched) -> None:
    watched.dhcp(MessageType.DISCOVER, number=9)
    assert watched.lines() == []
    assert watched.count("metalease_dhcp_messages", "DISCOVER", "unknown_client") == 1


def test_a_flood_of_strangers_takes_no_line_from_the_bound(watched: Watched) -> None:
    """dhcp 71, 73: who is not bound has a small share of the lines."""
    for _ in range(2 * observation.DHCP_LINES_PER_SECOND):
        watched.dhcp(MessageType.INFORM, number=9)
    strangers = watched.lines()
    assert 0 < len(strangers) <= 2 * observation.STRANGER_LINES_PER_SECOND
    assert watched.journal.dropped > 0
    watched.dhcp(MessageType.DISCOVER)
    (line,) = watched.lines()
    assert "reply=OFFER" in line


def test_a_conflict_is_remembered_until_the_next_ack(watched: Watched) -> None:
    """dhcp 34: DECLINE is logged with MAC, IP and text, escaped."""
    watched.dhcp(
        MessageType.DECLINE,
        server=ip(2).packed,
        requested=ip(5).packed,
        message=b"in use by\nmac=00:00",
    )
    (line,) = watched.lines()
    assert 'said="in use by' in line
    assert "ip=10.0.0.5" in line
    known = watched.observation.activity[mac(5).octets]
    assert known.conflict is not None
    watched.dhcp(MessageType.REQUEST, server=ip(2).packed, requested=ip(5).packed)
    assert known == Activity(1000.0, None)


def test_a_release_ends_the_lease(watched: Watched) -> None:
    """dhcp 35."""
    watched.dhcp(MessageType.REQUEST, server=ip(2).packed, requested=ip(5).packed)
    watched.dhcp(MessageType.RELEASE, server=ip(2).packed, ciaddr=ip(5))
    assert watched.observation.activity[mac(5).octets].acknowledged is None


def test_who_is_not_bound_leaves_nothing_behind(watched: Watched) -> None:
    """Tables are bounded: no message of a stranger makes an entry."""
    for number in range(6, 250):
        for kind in MessageType:
            watched.dhcp(kind, number=number, ciaddr=ip(number))
            watched.dhcp(kind, number=number, server=ip(2).packed)
    assert watched.observation.activity == {}


def test_a_guest_that_is_removed_is_forgotten(watched: Watched) -> None:
    watched.dhcp(MessageType.REQUEST, server=ip(2).packed, requested=ip(5).packed)
    watched.observation.forget(mac(5).octets)
    watched.observation.forget(mac(5).octets)
    assert watched.observation.activity == {}


def test_what_is_no_message_and_what_is_not_sent(watched: Watched) -> None:
    """dhcp 72: what is malformed is counted by what is wrong: a checksum is another's
    fault than an option; what was not seen yet is 0."""
    frame = bytes(12) + b"\x08\0" + bytes(300)
    for octets in (b"", frame, frame):
        with pytest.raises(MalformedMessage) as caught:
            Frame.parse(octets)
        event = dhcp_server.Malformed(caught.value)
        watched.observation.dhcp([event], 0.000_25)
    with pytest.raises(MalformedMessage) as caught:
        Message.parse(b"")
    watched.observation.dhcp([dhcp_server.Malformed(caught.value)], 0.000_25)
    watched.dhcp(MessageType.DISCOVER, sent=False)
    counted = watched.metrics.counters["metalease_dhcp_malformed"]
    assert counted == {
        ("frame",): 1,
        ("ipv4",): 2,
        ("udp",): 0,
        ("message",): 1,
    }
    assert watched.count("metalease_dhcp_unsent") == 1


PEER = Peer(ip(5), mac(5).octets)


def test_a_request_is_a_line_and_a_number(watched: Watched) -> None:
    target = "/latest/user-data?a=b"
    request = Request("GET", target, "/latest/user-data", "a=b")
    response = Response(200, body=b"xyz", origin="own", rule="preset ec2:6")
    watched.observation.http(contract.Served(PEER, request, response, 0.000_1))
    assert watched.lines() == [
        'http ip=10.0.0.5 method=GET target="/latest/user-data?a=b" status=200'
        " bytes=3 from=own us=100"
    ]
    assert watched.count("metalease_http_requests", "ec2", "200") == 1


def test_a_request_that_could_not_be_read(watched: Watched) -> None:
    watched.observation.http(contract.Served(PEER, None, Response(400), 0.0))
    assert watched.lines() == ["http ip=10.0.0.5 status=400 bytes=0 us=0"]
    assert watched.count("metalease_http_requests", "none", "400") == 1


@pytest.mark.parametrize(
    ("hardware", "said"), [(mac(6).octets, "fa:16:3e:00:00:06"), (None, "unknown")]
)
def test_who_was_turned_away(
    watched: Watched, hardware: bytes | None, said: str
) -> None:
    peer = Peer(ip(5), hardware)
    watched.observation.http(contract.TurnedAway(peer, "identity"))
    assert watched.lines() == [f"http ip=10.0.0.5 mac={said} refused=identity"]
    assert watched.count("metalease_http_turned_away", "identity") == 1


def test_strangers_by_http_take_few_lines(watched: Watched) -> None:
    """dhcp 73, issue 5.7: ever new addresses do not fill the journal."""
    unknown = Response(404, origin="unknown")
    for number in range(1000):
        peer = Peer(ip(0) + number, mac(5).octets)
        watched.observation.http(contract.Served(peer, None, unknown, 0.0))
        watched.observation.http(contract.TurnedAway(peer, "identity"))
    assert 0 < len(watched.lines()) <= 2 * observation.STRANGER_LINES_PER_SECOND
    assert watched.journal.dropped >= 1800
    watched.observation.http(contract.TurnedAway(PEER, "crowded"))
    assert len(watched.lines()) == 1
    assert watched.count("metalease_http_turned_away", "identity") == 1000


def test_a_fault_is_one_line_with_its_traceback(watched: Watched) -> None:
    try:
        raise RuntimeError("a\nb")
    except RuntimeError as problem:
        watched.observation.fault(problem)
    (line,) = watched.lines()
    assert line.startswith("fault error=")
    assert "test_observation.py" in line


@pytest.mark.parametrize(
    ("rule", "dialect"),
    [
        ("", "none"),
        ("preset ec2:6", "ec2"),
        ("/etc/metalease/networks/n1.rules:3", "own"),
        ("/etc/metalease/networks/n1.toml: metadata.rewrite:1", "own"),
    ],
)
def test_dialects_are_a_closed_set(rule: str, dialect: str) -> None:
    assert dialect_of(rule) == dialect


def test_a_guest_that_floods_us_does_not_flood_the_journal(watched: Watched) -> None:
    """dhcp 73: lines are limited for each guest; every message is still counted."""
    for _ in range(LINES_AT_ONCE + 10):
        watched.dhcp(MessageType.DISCOVER)
    assert len(watched.lines()) == LINES_AT_ONCE
    assert watched.journal.dropped == 10
    assert watched.count("metalease_dhcp_messages", "DISCOVER", "OFFER") == (
        LINES_AT_ONCE + 10
    )
    watched.now += 1
    watched.dhcp(MessageType.DISCOVER)
    assert len(watched.lines()) == 1


def test_a_long_target_is_cut_in_the_line(watched: Watched) -> None:
    """dhcp 73: a guest chooses its URL, and no line of 8 KiB."""
    request = Request("GET", "/" + "x" * 5000, "/x")
    event = contract.Served(Peer(ip(5), None), request, Response(404), 0.001)
    watched.observation.http(event)
    assert len(watched.lines()[0]) < 400
