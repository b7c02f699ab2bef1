"""Guests that boot all at once, in one process: DHCP, then a crawl, each on its own.

Every guest has its MAC, its address and its own TCP connections, a new one for each
document, as cloud-init has; a kernel has no thousand stations, so the little of TCP
that a client needs for one request is here.  A guest goes on when it has its answer;
what is lost is sent again when a real client would (clients C18; RFC 6298).
"""

import heapq
import socket
import struct
import time
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

from .bench import address
from .bench import mac
from .guests import DISCOVER
from .guests import REQUEST
from .guests import frame

SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
ROOM = 64 << 20  # octets
ETH_P_ALL, ETH_P_IP, ETH_P_ARP = 0x0003, b"\x08\x00", b"\x08\x06"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
IP = struct.Struct("!BBHHHBBH4s4s")
TCP = struct.Struct("!HHIIBBHHH")
SEGMENT = struct.Struct("!4s4sHHIIBB")  # from the addresses of the IP header on
WINDOW = 0xFFFF
FIRST_PORT = 32768
FIRST = 1  # guest: 0 is a machine of its own
AGAIN_DHCP = 3.0  # seconds: udhcpc, the most patient asks later
AGAIN_SYN = 1.0  # RFC 6298 section 2.1
AGAIN_TCP = 0.3
NEVER = float("inf")
LOOKS = 64  # packets between two looks at the clock
HEAD = (
    "GET {path} HTTP/1.1\r\nHost: 169.254.169.254\r\n"
    "User-Agent: Cloud-Init/22.4.2\r\nAccept-Encoding: gzip, deflate\r\n"
    "Accept: */*\r\nConnection: keep-alive\r\n\r\n"
)


def complement(total: int) -> int:
    return 0xFFFF - total % 0xFFFF


def summed(octets: bytes) -> int:
    """Return what *octets* add to a one's complement sum."""
    return int.from_bytes(octets + b"\0" * (len(octets) % 2), "big") % 0xFFFF


@dataclass(frozen=True, slots=True)
class Server:
    """Who is asked: addresses, and the port of HTTP."""

    dhcp: str
    http: str
    port: int


@dataclass(slots=True)
class Booting:
    """One guest: what it waits for, and what it has sent."""

    number: int
    hardware: bytes
    own: bytes
    port: int
    waits_for: str = "OFFER"
    step: int = 0
    """Documents that it has."""
    sent: int = 0
    """The next octet's sequence number."""
    had: int = 0
    """The next that is expected."""
    text: bytes = b""
    """Of the answer that is coming."""
    last: bytes = b""
    """The frame that is sent again."""
    due: float = 0.0
    ends: bytes = b""
    """Source and destination, addresses."""
    sum: int = 0
    """Of the pseudo header without its length."""
    first: float = 0.0
    """When its first document was there, and all of them."""
    done: float = 0.0


@dataclass(slots=True)
class Storm:
    """What came of it."""

    seconds: float = 0.0
    first: list[float] = field(default_factory=list)
    """Milliseconds until a guest had its first document, each."""
    done: list[float] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)
    """What had to be sent again, by what was waited for."""
    refused: int = 0
    """Answers that were no document, and connections that were reset."""


class Crowd:
    """*count* guests of *server*, on *device* of this thread's namespace.

    Each connects from *port* + 1 on: one that a server has not yet seen end would
    take a new one's SYN for its own.

    Resource handling: `close` gives the socket back.
    """

    def __init__(
        self, device: str, count: int, server: Server, paths: list[str], port: int
    ) -> None:
        packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        packets.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, ROOM)
        packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        packets.bind((device, ETH_P_ALL))
        packets.setblocking(False)
        self._packets = packets
        self._server = IPv4Address(server.dhcp)
        self._host, self._host_port = IPv4Address(server.http).packed, server.port
        self._station = b""
        self._heads = [HEAD.format(path=path).encode() for path in paths]
        self._sums = [summed(head) for head in self._heads]
        self._storm = Storm()
        self._due: list[tuple[float, int]] = []
        self._guests: dict[int, Booting] = {}
        self._by_address: dict[bytes, Booting] = {}
        self._by_hardware: dict[bytes, Booting] = {}
        for number in range(FIRST, FIRST + count):
            hardware = bytes.fromhex(mac(number).replace(":", ""))
            own = IPv4Address(address(number)).packed
            guest = Booting(number, hardware, own, port, ends=own + self._host)
            guest.sum = summed(guest.ends) + socket.IPPROTO_TCP
            self._guests[number] = guest
            self._by_address[own] = self._by_hardware[hardware] = guest

    def close(self) -> None:
        self._packets.close()

    def boot(self, within: float) -> Storm:
        """Switch all on together; return when all are done, or after *within* s."""
        self._began = time.perf_counter()
        for guest in self._guests.values():
            self._dhcp(guest, DISCOVER)
        left = set(self._guests)
        receive = self._packets.recv
        while left:
            now = time.perf_counter()
            if now - self._began > within:
                break
            self._repeat(now)
            for _ in range(LOOKS):
                try:
                    octets = receive(2048)
                except BlockingIOError:
                    break
                kind = octets[12:14]
                if kind == ETH_P_ARP:
                    self._arp(octets)
                elif octets[23] == socket.IPPROTO_TCP:
                    left.discard(self._tcp(octets))
                elif octets[23] == socket.IPPROTO_UDP and octets[36:38] == b"\0\x44":
                    self._answer(octets)
        self._storm.seconds = time.perf_counter() - self._began
        return self._storm

    def _send(self, guest: Booting, octets: bytes, seconds: float) -> None:
        guest.last = octets
        guest.due = time.perf_counter() + seconds
        heapq.heappush(self._due, (guest.due, guest.number))
        self._out(octets)

    def _out(self, octets: bytes) -> None:
        while True:
            try:
                self._packets.send(octets)
            except BlockingIOError:
                continue
            return

    def _repeat(self, now: float) -> None:
        """Send again what is overdue."""
        while self._due and self._due[0][0] <= now:
            due, number = heapq.heappop(self._due)
            guest = self._guests[number]
            if guest.due != due or guest.done:
                continue
            repeats = self._storm.repeats
            repeats[guest.waits_for] = repeats.get(guest.waits_for, 0) + 1
            slow = guest.waits_for in ("OFFER", "ACK")
            self._send(guest, guest.last, AGAIN_DHCP if slow else AGAIN_SYN)

    def _dhcp(self, guest: Booting, kind: int) -> None:
        guest.waits_for = "OFFER" if kind == DISCOVER else "ACK"
        own = address(guest.number)
        octets = frame(guest.number, kind, guest.number << 1, self._server, own)
        self._send(guest, octets, AGAIN_DHCP)

    def _answer(self, octets: bytes) -> None:
        guest = self._by_hardware.get(octets[70:76])
        if guest is None:
            return
        if octets[58:62] != guest.own:
            raise RuntimeError(f"no {guest.waits_for}: {octets.hex()}")
        if guest.waits_for == "OFFER":
            self._station = octets[6:12]
            self._dhcp(guest, REQUEST)
        elif guest.waits_for == "ACK":
            self._connect(guest)

    def _arp(self, octets: bytes) -> None:
        guest = self._by_address.get(octets[38:42])
        if octets[20:22] == b"\0\1" and guest is not None:
            told = guest.hardware + guest.own + octets[22:32]
            head = octets[6:12] + guest.hardware + ETH_P_ARP + octets[14:20] + b"\0\2"
            self._out(head + told)

    def _connect(self, guest: Booting) -> None:
        guest.waits_for, guest.text = "SYN", b""
        guest.port += 1
        guest.sent, guest.had = guest.number << 16, 0
        self._send(guest, self._segment(guest, guest.port, SYN), AGAIN_SYN)
        guest.sent += 1

    def _segment(
        self,
        guest: Booting,
        port: int,
        flags: int,
        *,
        sent: int | None = None,
        had: int | None = None,
        body: tuple[bytes, int] = (b"", 0),
    ) -> bytes:
        text, total = body
        sent = guest.sent if sent is None else sent
        had = guest.had if had is None else had
        length = 20 + len(text)
        total += guest.sum + length + port + self._host_port + WINDOW
        total += (sent >> 16) + (sent & 0xFFFF) + (had >> 16) + (had & 0xFFFF)
        total += 0x5000 | flags
        check = complement(total)
        tcp = TCP.pack(port, self._host_port, sent, had, 0x50, flags, WINDOW, check, 0)
        own, host = guest.own, self._host
        whole = 20 + length
        head = IP.pack(0x45, 0, whole, 0, 0x4000, 64, 6, 0, own, host)
        head = head[:10] + complement(summed(head)).to_bytes(2, "big") + head[12:]
        return self._station + guest.hardware + ETH_P_IP + head + tcp + text

    def _tcp(self, octets: bytes) -> int:
        """Take a segment; return the number of a guest that is done now, else 0."""
        _, own, _, port, sequence, had, offset, flags = SEGMENT.unpack_from(octets, 26)
        guest = self._by_address.get(own)
        if guest is None:
            return 0
        end = 14 + int.from_bytes(octets[16:18], "big")
        text = octets[34 + (offset >> 4) * 4 : end]
        if flags & FIN:  # whoever closes is told that it was heard
            after = sequence + len(text) + 1 & 0xFFFFFFFF
            self._out(self._segment(guest, port, ACK, sent=had, had=after))
        if port != guest.port or guest.done:
            return 0
        if had == guest.sent and guest.waits_for == "document":
            guest.due = NEVER  # it was heard, so it is not sent again
        if flags & RST:
            self._storm.refused += 1
            self._connect(guest)
        elif flags & SYN and guest.waits_for == "SYN":
            guest.had = sequence + 1 & 0xFFFFFFFF
            guest.waits_for = "document"
            body = self._heads[guest.step], self._sums[guest.step]
            asked = self._segment(guest, port, ACK | PSH, body=body)
            guest.sent += len(body[0])
            self._send(guest, asked, AGAIN_TCP)
        elif text and sequence == guest.had:
            guest.had = sequence + len(text) & 0xFFFFFFFF
            guest.text += text
            self._read(guest)
        return guest.number if guest.done else 0

    def _read(self, guest: Booting) -> None:
        head, end, body = guest.text.partition(b"\r\n\r\n")
        if not end:
            return
        _, _, rest = head.lower().partition(b"content-length: ")
        if len(body) < int(rest.partition(b"\r\n")[0] or b"0"):
            return
        now = time.perf_counter() - self._began
        if head[9:12] != b"200":
            self._storm.refused += 1
        self._out(self._segment(guest, guest.port, FIN | ACK))
        guest.step += 1
        if guest.step == 1:
            self._storm.first.append(now * 1e3)
        if guest.step == len(self._heads):
            guest.done = now
            self._storm.done.append(now * 1e3)
        else:
            self._connect(guest)
