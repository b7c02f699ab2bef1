"""What `explain` says is what is sent, of every kind of client (issue 4.5)."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation
from appliance.namespace import entered
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import Message
from dhcp.option_text import describe_option
from dhcp.options import Options
from dhcp.options import message_type_name

from .packets import ANSWER_WITHIN
from .packets import packet_socket

pytestmark = [pytest.mark.machine, pytest.mark.long]

NOWHERE, EVERYONE = IPv4Address(0), IPv4Address("255.255.255.255")
BROADCAST = HardwareAddress(b"\xff" * 6)
PRL = bytes([1, 3, 6, 12, 15, 26, 42, 60, 66, 67, 121, 249])
GUEST = "fa:16:3e:00:00:11"
STRANGER = "fa:16:3e:00:00:99"
LEVELS = """
[dhcp]
pool = ["10.0.0.100-10.0.0.103"]
[dhcp.options]
42 = "10.0.0.3"
[dhcp.boot]
server = "10.0.0.4"
script = "http://10.0.0.4/boot.ipxe"
[dhcp.boot.files]
bios = "undionly.kpxe"
[[dhcp.class]]
name = "blue"
user_class = "blue"
[dhcp.class.options]
42 = "10.0.0.5"
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A message of *mac*, and what it is in words."""

    words: str
    mac: str = GUEST
    kind: int = 1
    options: dict[int, bytes] = field(default_factory=dict)
    ciaddr: IPv4Address = NOWHERE
    giaddr: IPv4Address = NOWHERE
    source: IPv4Address = NOWHERE
    flags: int = 0


BIOS = {60: b"PXEClient", 93: b"\0\0"}
OWN, POOLED = IPv4Address("10.0.0.11"), IPv4Address("10.0.0.100")
RELAY = IPv4Address("10.0.0.200")
ABROAD = IPv4Address("10.7.0.1")
QUESTIONS = (
    Question("--user-class blue", options={77: b"blue"}),
    Question("--vendor-class PXEClient --architecture bios", options=BIOS),
    Question(
        "--vendor-class PXEClient --architecture bios --user-class iPXE",
        options={**BIOS, 77: b"iPXE"},
    ),
    Question("--broadcast", flags=0x8000),
    Question("--relay 10.0.0.200", giaddr=RELAY, source=RELAY),
    Question("--type request --ciaddr 10.0.0.11", kind=3, ciaddr=OWN, source=OWN),
    Question("--type inform --ciaddr 10.0.0.11", kind=8, ciaddr=OWN, source=OWN),
    Question(
        "--type inform --ciaddr 10.0.0.77", STRANGER, 8, ciaddr=IPv4Address("10.0.0.77")
    ),
    Question("--type inform --ciaddr 10.7.0.1", STRANGER, 8, ciaddr=ABROAD),
    Question("--relay 10.7.0.1", STRANGER, giaddr=ABROAD, source=ABROAD),
    Question("", STRANGER),
    Question("--relay 10.0.0.200", STRANGER, giaddr=RELAY, source=RELAY),
    Question(
        "--type request --requested 10.0.0.100",
        STRANGER,
        3,
        options={50: POOLED.packed},
    ),
    Question("--type request --ciaddr 10.0.0.100", STRANGER, 3, ciaddr=POOLED),
)


@pytest.fixture
def link(guest: Guest) -> Iterator[socket.socket]:
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        opened = packet_socket(guest.interface)
    with opened:
        yield opened


def ask(
    link: socket.socket, question: Question, xid: int, *, silence: bool
) -> Frame | None:
    """Say *question*; return its answer.

    Where there is to be *silence*, return None once a later one has its own.
    """
    for number, each in ((xid, question), (xid + 1, Question("", GUEST))):
        hardware = HardwareAddress.parse(each.mac)
        message = Message(
            op=1,
            xid=number,
            flags=each.flags,
            ciaddr=each.ciaddr,
            giaddr=each.giaddr,
            chaddr=hardware.octets,
            options=Options({53: bytes([each.kind]), 55: PRL, **each.options}),
        )
        link.send(
            Frame(
                hardware, BROADCAST, each.source, EVERYONE, 68, 67, message.pack()
            ).pack()
        )
    link.settimeout(ANSWER_WITHIN)
    while True:
        try:
            frame = Frame.parse(link.recv(4096), checksum_ready=False)
            answer = Message.parse(frame.payload)
        except MalformedMessage:
            continue
        if answer.op == 2 and answer.xid == xid:
            return frame
        if answer.op == 2 and answer.xid == xid + 1 and silence:
            return None


def sent(frame: Frame, question: Question) -> dict[str, object]:
    """Return an answer on the wire as `explain` tells it."""
    message = Message.parse(frame.payload)
    relayed = question.giaddr != NOWHERE
    link = "the MAC of the relay" if relayed else frame.destination_hardware
    return {
        "answer": message_type_name(message.options.message_type),
        "address": str(message.yiaddr),
        "to": f"{frame.destination} port {frame.destination_port}, {link}",
        "octets": len(frame.payload),
        "boot_file": message.file.rstrip(b"\0").decode(),
        "options": [(code, describe_option(code, v)) for code, v in message.options],
    }


def test_every_kind_of_client(
    installation: Installation, guest: Guest, link: socket.socket
) -> None:
    """dhcp 18, 36, 37, 63: for a class, a loader, a relay, an INFORM and a client of
    the pool, decision, destination, size, file and options are the same offline and
    on the wire, in their order."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(settings.read_text() + LEVELS)
    installation.start("n1")
    installation.succeed("put", "n1", str(OWN), "--mac", guest.mac)
    prl = ",".join(map(str, PRL))
    for number, each in enumerate(QUESTIONS):
        words = ["--prl", prl, "--json", *each.words.split()]
        said = json.loads(
            installation.succeed("explain", "n1", "dhcp", each.mac, *words)
        )
        silence = said["answer"].startswith("silence: ")
        frame = ask(link, each, 0xE1000000 + 2 * number, silence=silence)
        if frame is None:
            continue
        assert not silence, each
        told = {key: said.get(key) for key in sent(frame, each)}
        told["options"] = [(one["code"], one["value"]) for one in said["options"]]
        assert told == sent(frame, each), each
