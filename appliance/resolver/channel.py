"""The line between a network's daemon and its forwarder: what is asked, what came back.

A SOCK_SEQPACKET pair or socket: a message is a ticket, a flag, and octets.  The daemon
has no socket on the host's side; the forwarder hears nobody but upstreams and us.
"""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio

ASKED = struct.Struct("!IB")  # ticket, by TCP
ANSWERED = struct.Struct("!IB")  # ticket, whether it is an answer
HELLO = 0  # the ticket of a message that names the network
MESSAGE_AT_MOST = 66_000  # octets
WAITING_AT_MOST = 1_000  # questions
SILENCE = 6.0  # seconds; the forwarder gives up itself before
AGAIN = 1.0  # seconds until a lost forwarder is looked for again

Done = Callable[[bytes | None], None]


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
        self._network = network
        self._socket = given
        self._path = path
        self._waiting: dict[int, Waiting] = {}
        self._ticket = HELLO

    def ask(self, query: bytes, done: Done, *, tcp: bool) -> None:
        """Send *query*; *done* gets the response, or None."""
        if self._socket is None or len(self._waiting) >= WAITING_AT_MOST:
            done(None)
            return
        self._ticket = self._ticket % 0xFFFFFFFF + 1
        try:
            self._socket.send(ASKED.pack(self._ticket, tcp) + query)
        except OSError:  # full or gone: a failure now is better than a wait
            done(None)
            return
        deadline = trio.current_time() + SILENCE
        self._waiting[self._ticket] = Waiting(done, deadline)

    async def run(self) -> None:
        """Hand out what comes back, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep)
            while True:
                if self._socket is None:
                    self._connect()
                if self._socket is None:
                    await trio.sleep(AGAIN)
                else:
                    await self._receive(self._socket)

    def _connect(self) -> None:
        if self._path is None:
            return
        found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            found.connect(str(self._path))
            found.setblocking(False)
            found.send(ASKED.pack(HELLO, 0) + self._network.encode())
        except OSError:
            found.close()
            return
        self._socket = found

    async def _receive(self, line: socket.socket) -> None:
        await trio.lowlevel.wait_readable(line)
        try:
            message = line.recv(MESSAGE_AT_MOST)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            line.close()
            self._socket = None
            self._fail(list(self._waiting))
            return
        ticket, answered = ANSWERED.unpack_from(message)
        waiting = self._waiting.pop(ticket, None)
        if waiting is not None:
            waiting.done(message[ANSWERED.size :] if answered else None)

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
