"""What guests of an L3 ask, frame by frame and octet by octet, and what they hear."""

import socket
import subprocess
from collections.abc import Iterable
from collections.abc import Iterator
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
        xid = vm.number << 8 | sorted(CLIENTS).index(client) << 4 | number
        message = replace(sent, xid=xid, chaddr=mac.octets, options=Options(options))
        frame = Frame(mac, BROADCAST, NOWHERE, EVERYONE, BOOTPC, 67, message.pack())
        yield step, frame.pack()


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
        sent = message_of(frame)
        self._raw.send(frame)
        while True:
            octets = self._raw.recv(4096)
            if octets[12:14] != b"\x08\x00" or octets[23] != socket.IPPROTO_UDP:
                continue
            if octets[36:38] != BOOTPC.to_bytes(2, "big"):
                continue
            if message_of(octets).xid == sent.xid:
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
