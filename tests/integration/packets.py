"""Packets that no DHCP client sends: made by hand, from inside a guest.

A `Wire` is in this process and its sockets are in the guest: what a test sends next is
what the server sees next.
"""

import socket
import struct
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.lab.guest import Guest
from appliance.namespace import entered

ETH_P_IP = 0x0800
SO_RCVBUFFORCE = 33
RECEIVE_OCTETS = 16 << 20  # what arrives while this process has no CPU
XID_AT = 46  # octets of Ethernet, IP and UDP, then op, htype, hlen, hops
OPTIONS_AT = 282
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
REQUESTED_ADDRESS = 50
ASKED = bytes([55, 7, 1, 3, 6, 12, 15, 26, 121])
METADATA = ("169.254.169.254", 80)
ANSWER_WITHIN = 10.0  # seconds, on a busy machine


def message(
    mac: str, xid: int, kind: int = DISCOVER, requested: str | None = None
) -> bytes:
    """Return what *mac* broadcasts; without a UDP checksum, as is legal."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    bootp = struct.pack("!BBBBI20x16s192x", 1, 1, 6, 0, xid, hardware)
    options = b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + ASKED
    if requested is not None:
        options += bytes([REQUESTED_ADDRESS, 4]) + socket.inet_aton(requested)
    payload = bootp + options + b"\xff"
    udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0)
    length = 20 + len(udp) + len(payload)
    head = struct.pack("!BBHIBB", 0x45, 0, length, 0, 64, 17)
    everyone = b"\xff\xff\xff\xff"
    head += _checksum(head + bytes(6) + everyone) + bytes(4) + everyone
    return b"\xff" * 6 + hardware + struct.pack("!H", ETH_P_IP) + head + udp + payload


def _checksum(head: bytes) -> bytes:
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a DHCP server said."""

    kind: int
    xid: int
    address: str
    options: dict[int, bytes]

    @classmethod
    def parse(cls, frame: bytes) -> "Answer | None":
        """Parse a frame; None for one that is no server's answer."""
        if len(frame) < OPTIONS_AT or frame[23] != 17 or frame[36:38] != b"\x00\x44":
            return None
        options = dict(_options(frame))
        return cls(
            options.get(53, b"\0")[0],
            int.from_bytes(frame[XID_AT : XID_AT + 4], "big"),
            socket.inet_ntoa(frame[58:62]),
            options,
        )

    @property
    def hostname(self) -> str:
        return self.options.get(12, b"").decode()

    @property
    def mtu(self) -> int:
        return int.from_bytes(self.options.get(26, b""), "big")


def _options(frame: bytes) -> Iterator[tuple[int, bytes]]:
    at = OPTIONS_AT
    while at < len(frame) and frame[at] != 255:
        stop = at + 2 + frame[at + 1]
        yield frame[at], frame[at + 2 : stop]
        at = stop


def packet_socket(interface: str) -> socket.socket:
    """Open a packet socket where this thread is, with room for a long silence."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_OCTETS)
    opened.bind((interface, ETH_P_IP))
    return opened


def read_answer(octets: bytes) -> tuple[int, str, str]:
    """Return status and body of an HTTP answer, and what is wrong with it, or ""."""
    head, _, body = octets.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split()
    if len(words) < 2 or not words[1].isdigit():
        return 0, "", "ended before the answer"
    parted = (line.partition(":") for line in lines)
    fields = {name.lower(): value.strip() for name, _, value in parted}
    whole = fields.get("content-length") == str(len(body))
    return int(words[1]), body.decode(), "" if whole else "ended within the answer"


class UnansweredError(Exception):
    """Nothing came any more, and these xids had no answer."""

    def __init__(self, xids: set[int]) -> None:
        some = ", ".join(map(hex, sorted(xids)[:5]))
        super().__init__(f"{len(xids)} without an answer: {some}")
        self.xids = xids


class Wire:
    """A guest's interface in this process's hands.

    Resource handling: the end of the `with` block closes it.
    """

    def __init__(self, guest: Guest) -> None:
        self._namespace = Path(f"/proc/{guest.pid}/ns/net")
        with entered(self._namespace):
            self._raw = packet_socket(guest.interface)
        self._xid = 0xD1000000

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    def send(
        self, mac: str, kind: int = DISCOVER, *, requested: str | None = None
    ) -> int:
        """Send one message; return its xid."""
        self._xid += 1
        self._raw.send(message(mac, self._xid, kind, requested))
        return self._xid

    def send_together(self, macs: Iterable[str]) -> dict[int, str]:
        """Send a DISCOVER of each, back to back; return whose xid is whose."""
        frames = {}
        for mac in macs:
            self._xid += 1
            frames[self._xid] = (mac, message(mac, self._xid))
        for _, frame in frames.values():
            self._raw.send(frame)
        return {xid: mac for xid, (mac, _) in frames.items()}

    def receive_until(
        self, xids: Iterable[int], *, within: float = ANSWER_WITHIN
    ) -> list[Answer]:
        """Return every answer that comes until each of *xids* has one.

        Raises UnansweredError when none comes for *within* seconds.
        """
        missing, answers = set(xids), []
        self._raw.settimeout(within)
        while missing:
            try:
                answer = Answer.parse(self._raw.recv(4096))
            except TimeoutError:
                raise UnansweredError(missing) from None
            if answer is not None:
                answers.append(answer)
                missing.discard(answer.xid)
        return answers

    def receive_within(self, seconds: float) -> Answer | None:
        """Return the next answer, if one comes in time."""
        self._raw.settimeout(seconds)
        try:
            return Answer.parse(self._raw.recv(4096))
        except TimeoutError:
            return None

    def ask(
        self, mac: str, kind: int = DISCOVER, *, requested: str | None = None
    ) -> Answer:
        """Send one message and return its answer."""
        xid = self.send(mac, kind, requested=requested)
        answers = self.receive_until([xid])
        (answer,) = (each for each in answers if each.xid == xid)
        return answer

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Connect to the metadata service as the guest would."""
        with entered(self._namespace):
            opened = socket.socket()
        with opened:
            opened.settimeout(ANSWER_WITHIN)
            opened.connect(METADATA)
            yield opened

    def get(self, path: str) -> tuple[int, str]:
        """GET by a connection of its own; return status and body, which is whole."""
        with self.connected() as opened:
            opened.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            octets = receive_all(opened)
        status, body, problem = read_answer(octets)
        assert not problem, octets
        return status, body


def receive_all(opened: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    octets = b""
    while more := opened.recv(65536):
        octets += more
    return octets


def take_address(guest: Guest, address: str, *, server: str, prefix: int = 24) -> None:
    """Configure a guest by hand, as its DHCP client would."""
    guest.ip("address", "add", f"{address}/{prefix}", "dev", guest.interface)
    guest.ip("route", "add", METADATA[0], "via", server)
