"""What guests of an L3 ask, frame by frame and octet by octet, and what they hear."""

import socket
import subprocess
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.lab.guest import Guest
from appliance.namespace import entered
from dhcp.codes import MessageType
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.options import Options
from tests.dhcp.corpus import CLIENTS
from tests.dhcp.guest import BROADCAST
from tests.dhcp.guest import EVERYONE
from tests.integration.packets import packet_socket
from tests.oracles.answers import message_of

from .zstack_host import L3
from .zstack_host import PORT
from .zstack_host import Vm

STEPS = ("discover", "select", "reboot")
"""By their names in tests/corpus/dhcp."""
ANSWER_WITHIN = 10.0  # seconds, on a busy machine
METADATA = "169.254.169.254"
BOOTPC = 68
BOOTP = "bootp"
REFUSED = (
    "reboot to a wrong address",
    "reboot to a foreign address",
    "select a wrong address",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; status 0 is a connection that was closed without one."""

    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        if not octets:
            return cls()
        head, _, body = octets.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        parted = (line.partition(":") for line in lines)
        fields = {name.lower(): value.strip() for name, _, value in parted}
        return cls(int(first.split()[1]), fields, body)


def dhcp_frames(l3: L3, vm: Vm, client: str) -> Iterator[tuple[str, bytes]]:
    """Return what a real *client* sends when it boots, with the VM's MAC."""
    mac = HardwareAddress.parse(vm.mac)
    for number, step in enumerate(STEPS):
        if (payload := CLIENTS[client].get(step)) is None:
            continue
        sent = Message.parse(payload)
        told = {
            50: IPv4Address(vm.ip).packed,
            54: IPv4Address(l3.server).packed,
            61: sent.options.values.get(61, b"").replace(sent.chaddr, mac.octets),
        }
        options = {code: told.get(code, value) for code, value in sent.options}
        xid = _xid(vm, client, number)
        message = replace(sent, xid=xid, chaddr=mac.octets, options=Options(options))
        yield step, _broadcast(vm, message, NOWHERE)


def later_frames(l3: L3, vm: Vm, client: str) -> Iterator[tuple[str, bytes]]:
    """Return what *client* broadcasts when it has its address."""
    held = IPv4Address(vm.ip)
    for number, step in enumerate(("rebind", "inform")):
        kind = MessageType.INFORM if step == "inform" else MessageType.REQUEST
        message = _again(vm, client, kind, {}, held, 8 + number)
        yield step, _broadcast(vm, message, held)


def refused_frames(l3: L3, vm: Vm, client: str) -> Iterator[tuple[str, bytes]]:
    """Return what is to get a NAK: addresses that are not the VM's."""
    wrong, foreign = IPv4Address(l3.first) + 9_999, IPv4Address("192.0.2.7")
    server = {54: IPv4Address(l3.server).packed}
    asked = ({50: wrong.packed}, {50: foreign.packed}, {50: wrong.packed, **server})
    for number, (step, options) in enumerate(zip(REFUSED, asked, strict=True), 10):
        message = _again(vm, client, MessageType.REQUEST, options, NOWHERE, number)
        yield step, _broadcast(vm, message, NOWHERE)


def bootp(vm: Vm) -> tuple[str, bytes]:
    """Return what a client says that is older than DHCP (RFC 1534)."""
    sent = Message.parse(CLIENTS["dhclient"]["discover"])
    mac = HardwareAddress.parse(vm.mac)
    xid = _xid(vm, "dhclient", 13)
    message = replace(sent, xid=xid, chaddr=mac.octets, options=Options({}))
    return BOOTP, _broadcast(vm, message, NOWHERE)


def renewal(vm: Vm, client: str) -> Message:
    return _again(vm, client, MessageType.REQUEST, {}, IPv4Address(vm.ip), 14)


def release(l3: L3, vm: Vm, client: str) -> Message:
    """Return what nobody answers; then its client is a new one."""
    options = {54: IPv4Address(l3.server).packed}
    return _again(vm, client, MessageType.RELEASE, options, IPv4Address(vm.ip), 15)


def _again(
    vm: Vm,
    client: str,
    kind: MessageType,
    options: Mapping[int, bytes],
    ciaddr: IPv4Address,
    number: int,
) -> Message:
    """Return a further message of a *client*, with what it says of itself."""
    sent = Message.parse(CLIENTS[client]["select"])
    mac = HardwareAddress.parse(vm.mac)
    said = {code: value for code, value in sent.options if code not in (50, 54)}
    own = said.get(61, b"").replace(sent.chaddr, mac.octets)
    told = {53: bytes([kind]), **({61: own} if 61 in said else {}), **options}
    if kind is MessageType.RELEASE:
        said = {code: value for code, value in said.items() if code == 61}
    return replace(
        sent,
        xid=_xid(vm, client, number),
        flags=0,
        ciaddr=ciaddr,
        chaddr=mac.octets,
        options=Options({**said, **told}),
    )


def _xid(vm: Vm, client: str, number: int) -> int:
    return vm.number << 8 | sorted(CLIENTS).index(client) << 4 | number


def _broadcast(vm: Vm, message: Message, source: IPv4Address) -> bytes:
    mac = HardwareAddress.parse(vm.mac)
    return Frame(mac, BROADCAST, source, EVERYONE, BOOTPC, 67, message.pack()).pack()


class Asking:
    """A guest's interface, with the MAC and the address of one VM after the other.

    Resource handling: the end of the `with` block closes its packet socket.
    """

    def __init__(self, guest: Guest, l3: L3) -> None:
        self._guest, self._l3 = guest, l3
        self._namespace = Path(f"/proc/{guest.pid}/ns/net")
        with entered(self._namespace):
            self._raw = packet_socket(guest.interface)
        self._raw.settimeout(ANSWER_WITHIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    def tell(self, frame: bytes) -> bytes:
        """Send *frame*; return the frame that answers it."""
        self._raw.send(frame)
        return self._hear(message_of(frame).xid)

    def say(self, message: Message) -> None:
        """Send *message* to the server, as who has its address does."""
        with entered(self._namespace):
            opened = socket.socket(type=socket.SOCK_DGRAM)
        with opened:
            opened.bind((str(message.ciaddr), BOOTPC))
            opened.sendto(message.pack(), (self._l3.server, 67))

    def renew(self, message: Message) -> bytes:
        """Send *message* to the server; return the frame that answers it."""
        self.say(message)
        return self._hear(message.xid)

    def _hear(self, xid: int) -> bytes:
        while True:
            octets = self._raw.recv(4096)
            if octets[12:14] != b"\x08\x00" or octets[23] != socket.IPPROTO_UDP:
                continue
            if octets[36:38] != BOOTPC.to_bytes(2, "big"):
                continue
            if message_of(octets).xid == xid:
                return octets

    @contextmanager
    def being(self, vm: Vm) -> Iterator[None]:
        """Have the MAC, the address and the routes of *vm* meanwhile."""
        device = self._guest.interface
        lines = [
            f"link set {device} address {vm.mac}",
            f"address add {vm.ip}/{self._l3.prefix} dev {device}",
            f"route add {METADATA} via {self._l3.server}",
        ]
        self._configure(lines)
        yield
        self._configure([f"address flush dev {device}"])

    def _configure(self, lines: Iterable[str]) -> None:
        enter = ["nsenter", "-t", str(self._guest.pid), "-n"]
        subprocess.run(
            [*enter, "ip", "-batch", "-"],
            input="\n".join(lines),
            text=True,
            check=True,
        )

    def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Ask on a connection of its own."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {METADATA}\r\nConnection: close\r\n"
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        with entered(self._namespace):
            opened = socket.socket()
        with opened:
            opened.settimeout(ANSWER_WITHIN)
            opened.connect((METADATA, PORT))
            opened.sendall(f"{head}\r\n".encode() + body)
            octets = b""
            while more := opened.recv(65536):
                octets += more
        return Answer.parse(octets)
