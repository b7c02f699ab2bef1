"""The line between a network's daemon and its forwarder: what is asked, what came back.

A SOCK_SEQPACKET pair or socket: a message is a ticket, its kind or flags, and octets.
The daemon has no socket on the host's side; the forwarder hears nobody but upstreams
and us.
"""

import secrets
import socket
import struct
from collections import Counter
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from .names import encode_name

ASKED = struct.Struct("!IB")  # ticket, of which kind
BY_UDP, BY_TCP, ERRAND = 0, 1, 2  # the last is no question of DNS (appliance/proxy)
ANSWERED = struct.Struct("!IBBB")  # ticket, whether it is an answer, silent, strange
HELLO = 0  # the ticket of the first message: the network's name, and the loop's token
MESSAGE_AT_MOST = 96 * 1024  # octets: a body of 64 KiB, its head and more
DRAIN_AT_MOST = 64  # messages, then others have their turn
WAITING_AT_MOST = 1_000  # questions
SILENCE = 6.0  # seconds; the forwarder gives up itself before
AGAIN = 1.0  # seconds until a lost forwarder is looked for again

LOOP = b"\x13a loop of metalease"  # what a TXT record of the loop's name holds

Done = Callable[[bytes | None], None]


def loop_name(token: str) -> bytes:
    """Return the name that nobody but we can know (and who asks us what we ask)."""
    return encode_name(f"{token}.metalease.internal")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who wants to know, and until when."""

    done: Done
    deadline: float


class Channel:
    """Asks the forwarder, and tells who asked.

    Resource handling: owns the socket.  Error handling: a forwarder that is lost, or
    silent, is a failure of each question (None); it is looked for again.
    """

    def __init__(
        self, network: str, given: socket.socket | None, path: Path | None
    ) -> None:
        self.token = secrets.token_hex(8)
        self.counts: Counter[str] = Counter()
        """Upstreams' answers that did not come, or were not to what was asked."""
        self._hello = ASKED.pack(HELLO, 0) + f"{self.token} {network}".encode()
        self._socket: socket.socket | None = None
        self._path = path
        self._waiting: dict[int, Waiting] = {}
        self._ticket = HELLO
        self._unsent: deque[bytes] = deque()
        self._full = trio.lowlevel.ParkingLot()
        if given is not None:
            given.setblocking(False)
            self._greet(given)

    def ask(self, query: bytes, done: Done, *, tcp: bool) -> bool:
        """Send *query*; *done* gets the response, or None.

        False: nobody can be asked now, and *done* is not called.
        """
        return self._send(BY_TCP if tcp else BY_UDP, query, done)

    def carry(self, errand: bytes, done: Done) -> bool:
        """Send an errand; *done* gets what came of it, as `ask` says."""
        return self._send(ERRAND, errand, done)

    def _send(self, kind: int, octets: bytes, done: Done) -> bool:
        if self._socket is None or len(self._waiting) >= WAITING_AT_MOST:
            return False
        self._ticket = self._ticket % 0xFFFFFFFF + 1
        self._unsent.append(ASKED.pack(self._ticket, kind) + octets)
        deadline = trio.current_time() + SILENCE
        self._waiting[self._ticket] = Waiting(done, deadline)
        if len(self._unsent) == 1 and not self._flush(self._socket):
            self._full.unpark_all()
        return True

    async def run(self) -> None:
        """Hand out what comes back, until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sweep)
                nursery.start_soon(self._write)
                while True:
                    since = trio.current_time()
                    if self._socket is None:
                        self._connect()
                    if self._socket is not None:
                        await self._receive(self._socket)
                    if trio.current_time() < since + AGAIN:  # it was there, and hung up
                        await trio.sleep(AGAIN)
        finally:
            if self._socket is not None:
                self._socket.close()

    def _connect(self) -> None:
        if self._path is None:
            return
        found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        found.setblocking(False)  # one that accepts nobody must not hold us up
        try:
            found.connect(str(self._path))
        except OSError:
            found.close()
            return
        self._greet(found)

    def _greet(self, line: socket.socket) -> None:
        try:
            line.send(self._hello)
        except OSError:
            line.close()
            return
        self._socket = line

    async def _receive(self, line: socket.socket) -> None:
        """Hand out what comes by *line* until it is lost."""
        while True:
            await trio.lowlevel.wait_readable(line)
            for _ in range(DRAIN_AT_MOST):
                try:
                    message = line.recv(MESSAGE_AT_MOST)
                except BlockingIOError:
                    break
                except OSError:
                    message = b""
                if not message:
                    trio.lowlevel.notify_closing(line)
                    line.close()
                    self._socket = None
                    self._unsent.clear()
                    self._fail(list(self._waiting))
                    return
                self._hand_out(message)

    def _hand_out(self, message: bytes) -> None:
        ticket, answered, silent, strange = ANSWERED.unpack_from(message)
        self.counts["silent"] += silent
        self.counts["strange"] += strange
        waiting = self._waiting.pop(ticket, None)
        if waiting is not None:
            waiting.done(message[ANSWERED.size :] if answered else None)

    def _flush(self, line: socket.socket) -> bool:
        """Send what is not sent yet; False where *line* takes no more now."""
        while self._unsent:
            try:
                line.send(self._unsent[0])
            except BlockingIOError:
                return False
            except OSError:
                pass  # it is gone, as the reader sees
            self._unsent.popleft()
        return True

    async def _write(self) -> None:
        while True:
            await self._full.park()
            try:
                while self._socket is not None and not self._flush(self._socket):
                    await trio.lowlevel.wait_writable(self._socket)
            except trio.ClosedResourceError:
                pass  # lost while we waited

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(1)
            now = trio.current_time()
            self._fail([t for t, each in self._waiting.items() if each.deadline <= now])

    def _fail(self, tickets: list[int]) -> None:
        for ticket in tickets:
            waiting = self._waiting.pop(ticket, None)
            if waiting is not None:
                waiting.done(None)
