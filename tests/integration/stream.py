"""A raw client: DISCOVERs with xids of its own and GETs, at a fixed pace.

A process of its own inside a guest, so that it shares nothing with what it watches:

    python -m tests.integration.stream '{"interface": "eth0", "macs": [..], ..}'

It begins at once, catches up where the machine was busy, and ends at SIGTERM: then it
waits for the answers that are due and prints what became of each packet and request.
"""

import json
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from typing import NoReturn

from .packets import METADATA
from .packets import OFFER
from .packets import XID_AT
from .packets import Answer
from .packets import message
from .packets import packet_socket
from .packets import read_answer

UNANSWERED_AT_MOST = 256  # packets: a catch-up never fills the server's ring by itself
REQUESTS_AT_MOST = 16  # open at once; a guest may have 32
ANSWER_WITHIN = 20.0  # seconds for the last answers
REQUEST_WITHIN = 20.0  # seconds for each


@dataclass(slots=True)
class Packet:
    """A DISCOVER, and each OFFER for it. Times are CLOCK_MONOTONIC."""

    mac: str
    sent: float
    offers: list[tuple[float, str, int]] = field(default_factory=list)
    """When it came, host name and MTU."""


@dataclass(slots=True)
class Asked:
    """A GET: its answer, or why there is none."""

    path: str
    sent: float
    ended: float = 0.0
    status: int = 0
    body: str = ""
    problem: str = ""


@dataclass(slots=True)
class Report:
    """What became of everything."""

    seconds: float
    packets: list[Packet]
    requests: list[Asked]

    @classmethod
    def parse(cls, text: str) -> "Report":
        values = json.loads(text)
        packets = [Packet(**each) for each in values["packets"]]
        requests = [Asked(**each) for each in values["requests"]]
        return cls(values["seconds"], packets, requests)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, and how fast."""

    interface: str
    macs: list[str]
    """Whose DISCOVERs, one after the other."""
    packets_per_second: float
    paths: list[str]
    """What to GET, one after the other."""
    requests_per_second: float
    first_xid: int = 0x51000000


class Stream:
    """One loop over a packet socket and the requests that are open."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._packets: list[Packet] = []
        self._requests: list[Asked] = []
        self._unanswered: set[int] = set()
        self._open: dict[int, tuple[socket.socket, Asked, bytearray]] = {}
        self._frames = [message(mac, 0) for mac in plan.macs]
        self._raw = packet_socket(plan.interface)
        self._raw.setblocking(False)
        self._poll = select.epoll()
        self._poll.register(self._raw, select.EPOLLIN)

    def run(self) -> Report:
        """Send at the pace of the plan until SIGTERM, and see everything answered."""
        stop: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
        started = time.monotonic()
        print("started", file=sys.stderr, flush=True)
        elapsed = 0.0
        while not stop:
            elapsed = time.monotonic() - started
            self._send_due(elapsed)
            self._turn(0.001)
        # what was due by then is sent still: the pace is a promise
        deadline = time.monotonic() + ANSWER_WITHIN
        while time.monotonic() < deadline:
            late = self._send_due(elapsed)
            if not late and not self._unanswered and not self._open:
                break
            self._turn(0.01)
        return Report(elapsed, self._packets, self._requests)

    def _send_due(self, elapsed: float) -> bool:
        """Send what is due after *elapsed* seconds; whether more is due than may be."""
        plan = self._plan
        packets = int(elapsed * plan.packets_per_second)
        while len(self._packets) < packets:
            if len(self._unanswered) >= UNANSWERED_AT_MOST:
                break
            self._send_packet()
        requests = int(elapsed * plan.requests_per_second)
        while len(self._requests) < requests and len(self._open) < REQUESTS_AT_MOST:
            self._send_request()
        return len(self._packets) < packets or len(self._requests) < requests

    def _send_packet(self) -> None:
        number = len(self._packets)
        which = number % len(self._frames)
        frame = self._frames[which]
        xid = struct.pack("!I", self._plan.first_xid + number)
        self._packets.append(Packet(self._plan.macs[which], time.monotonic()))
        self._unanswered.add(number)
        self._raw.send(frame[:XID_AT] + xid + frame[XID_AT + 4 :])

    def _send_request(self) -> None:
        path = self._plan.paths[len(self._requests) % len(self._plan.paths)]
        asked = Asked(path, time.monotonic())
        self._requests.append(asked)
        opened = socket.socket()
        opened.setblocking(False)
        opened.connect_ex(METADATA)
        self._open[opened.fileno()] = (opened, asked, bytearray())
        self._poll.register(opened, select.EPOLLOUT)

    def _turn(self, patience: float) -> None:
        for descriptor, _ in self._poll.poll(patience):
            if descriptor == self._raw.fileno():
                self._receive()
            else:
                self._go_on(descriptor)
        limit = time.monotonic() - REQUEST_WITHIN
        for opened, asked, _ in list(self._open.values()):
            if asked.sent < limit:
                self._end(opened, asked, "no answer in time")

    def _receive(self) -> None:
        while True:
            try:
                frame = self._raw.recv(4096)
            except BlockingIOError:
                return
            now = time.monotonic()
            answer = Answer.parse(frame)
            if answer is None or answer.kind != OFFER:
                continue
            number = answer.xid - self._plan.first_xid
            if 0 <= number < len(self._packets):
                told = (now, answer.hostname, answer.mtu)
                self._packets[number].offers.append(told)
                self._unanswered.discard(number)

    def _go_on(self, descriptor: int) -> None:
        opened, asked, answer = self._open[descriptor]
        try:
            if not answer and asked.status == 0:
                request = f"GET {asked.path} HTTP/1.0\r\n\r\n"
                opened.send(request.encode())
                asked.status = -1
                self._poll.modify(descriptor, select.EPOLLIN)
                return
            more = opened.recv(65536)
        except OSError as failure:
            self._end(opened, asked, repr(failure))
            return
        answer += more
        if more:
            return
        asked.status, asked.body, problem = read_answer(bytes(answer))
        self._end(opened, asked, problem)

    def _end(self, opened: socket.socket, asked: Asked, problem: str) -> None:
        asked.ended, asked.problem = time.monotonic(), problem
        del self._open[opened.fileno()]
        self._poll.unregister(opened)
        opened.close()


def main() -> NoReturn:
    report = Stream(Plan(**json.loads(sys.argv[1]))).run()
    json.dump(asdict(report), sys.stdout)
    sys.exit(0)


if __name__ == "__main__":
    main()
