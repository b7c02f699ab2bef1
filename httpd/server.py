"""One loop over all connections: what is ready is read, answered and sent in line.

An epoll descriptor can itself be awaited, so trio sees one descriptor however many
guests call.  What would wait - a cold page, a large body, a slow reader - leaves the
loop with its connection, to a task of its own, and comes back when it is done.
Deadlines are swept once a second.
"""

import os
import select
import socket
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field
from email.utils import formatdate
from ipaddress import IPv4Address
from time import perf_counter
from time import time

import trio

from .connection import Connection
from .contract import Answers
from .contract import Limits
from .contract import Observer
from .contract import Served
from .contract import TurnedAway
from .errors import BadRequest
from .listener import Peer
from .listener import identify
from .listener import reset
from .messages import FileBody
from .messages import Request
from .messages import Response
from .messages import encode_head
from .respond import refuse
from .transmission import Rest
from .transmission import transmit

READ_AT_ONCE = 64 * 1024  # octets
EVENTS_AT_ONCE = 64  # then DHCP has its turn
SWEEP = 1.0  # seconds
LINGER = 2.0  # seconds for a refused guest to read why


@dataclass(slots=True, eq=False)
class _Guest:
    """A connection, what it has said, and when it has to have said more."""

    socket: socket.socket
    peer: Peer
    deadline: float
    said: Connection = field(default_factory=Connection)
    away: bool = False
    """A task of its own has it; the loop and the sweep leave it alone."""
    refused: bool = False
    """It was told why, and what it still says is not read."""

    @property
    def gone(self) -> bool:
        return self.socket.fileno() < 0


class HttpServer:
    """Serves *listeners* until `drain` was called and the last guest is gone.

    Resource handling: owns the listeners and every connection; all are closed when
    `run` ends, however it ends.
    Error handling: an exception of *answers* is a 500 to that guest and goes to
    *report*; an OSError of a connection ends that connection alone.
    """

    def __init__(
        self,
        listeners: Iterable[socket.socket],
        answers: Answers,
        observe: Observer,
        report: Callable[[BaseException], None],
        *,
        limits: Limits,
        save_syn: bool = True,
    ) -> None:
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._answers = answers
        self._observe = observe
        self._report = report
        self._limits = limits
        self._save_syn = save_syn
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._guests: dict[int, _Guest] = {}
        self._held: Counter[IPv4Address] = Counter()
        self._draining = False
        self._date = ("", 0)

    def __len__(self) -> int:
        return len(self._guests)

    async def run(
        self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve, and return when drained."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for descriptor in (*self._listeners, self._bell):
                    self._epoll.register(descriptor, select.EPOLLIN)
                nursery.start_soon(self._sweep)
                task_status.started()
                while not self._draining or self._guests:
                    await trio.lowlevel.wait_readable(self._epoll.fileno())
                    self._turn()
                nursery.cancel_scope.cancel()
        finally:
            for guest in list(self._guests.values()):
                self._forget(guest)
            self._close_listeners()
            self._epoll.close()
            os.close(self._bell)

    def drain(self) -> None:
        """Take no more connections; the open ones may finish their request."""
        self._draining = True
        self._close_listeners()
        for guest in list(self._guests.values()):
            if guest.said.empty and not guest.away:
                self._forget(guest)
        os.eventfd_write(self._bell, 1)

    def _close_listeners(self) -> None:
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    def _turn(self) -> None:
        for descriptor, _ in self._epoll.poll(0, EVENTS_AT_ONCE):
            if descriptor == self._bell:
                os.eventfd_read(self._bell)
            elif descriptor in self._listeners:
                self._accept(self._listeners[descriptor])
            elif descriptor in self._guests:
                self._read(self._guests[descriptor])

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(EVENTS_AT_ONCE):
            try:
                connection, (address, _) = listener.accept()
            except BlockingIOError:
                return
            except OSError as problem:  # no descriptors left: those who wait will wait
                self._report(problem)
                return
            try:
                connection.setblocking(False)
                peer = identify(connection, address, save_syn=self._save_syn)
            except OSError:
                connection.close()
            else:
                self._welcome(connection, peer)

    def _welcome(self, connection: socket.socket, peer: Peer) -> None:
        if not self._answers.admits(peer):
            self._observe(TurnedAway(peer, "identity"))
            reset(connection)
            return
        deadline = trio.current_time() + self._limits.request_seconds
        guest = _Guest(connection, peer, deadline)
        self._guests[connection.fileno()] = guest
        self._held[peer.address] += 1
        self._epoll.register(connection.fileno(), select.EPOLLIN)
        if (
            self._held[peer.address] > self._limits.connections_per_ip
            or len(self._guests) > self._limits.connections_total
        ):
            busy = refuse(503, "too many connections", ("Retry-After", "1"))
            self._refuse(guest, busy)
        else:
            self._read(guest)  # the request is often here already

    def _read(self, guest: _Guest) -> None:
        try:
            octets = guest.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._forget(guest)
            return
        if guest.refused:
            return
        if guest.said.empty:
            guest.deadline = trio.current_time() + self._limits.request_seconds
        guest.said.receive(octets)
        self._answer_all(guest)

    def _answer_all(self, guest: _Guest) -> None:
        """Answer every request that is here, until one has to wait."""
        while not (guest.gone or guest.refused):
            started = perf_counter()
            try:
                request = guest.said.next_request()
            except BadRequest as problem:
                self._refuse(guest, refuse(problem.status, problem.what))
                return
            if request is None:
                return
            try:
                response = self._answer(guest, request, wait=False)
            except BlockingIOError:
                self._leave(guest)
                self._nursery.start_soon(self._answer_later, guest, request, started)
                return
            rest = self._reply(guest, request, response, started)
            if rest is not None:
                self._leave(guest)
                self._nursery.start_soon(self._send_later, guest, rest)
                return

    def _answer(
        self, guest: _Guest, request: Request, *, wait: bool
    ) -> Response | None:
        try:
            return self._answers.answer(request, guest.peer, wait=wait)
        except BlockingIOError:
            raise
        except Exception as problem:  # the one place: a fault of ours is a 500
            self._report(problem)
            return refuse(500, "internal error")

    def _refuse(self, guest: _Guest, response: Response) -> None:
        """Answer what is no request, and close when it was read, or soon.

        To close at once with octets unread would be a reset, which may overtake the
        answer.
        """
        started = perf_counter()
        octets, _ = self._encode(None, response, keep_alive=False)
        guest.refused = True
        guest.deadline = trio.current_time() + LINGER
        try:
            guest.socket.send(octets)
            guest.socket.shutdown(socket.SHUT_WR)
        except OSError:  # full or gone: nothing more is owed to it
            self._forget(guest)
        seconds = perf_counter() - started
        self._observe(Served(guest.peer, None, response, seconds))

    def _reply(
        self,
        guest: _Guest,
        request: Request,
        response: Response | None,
        started: float,
    ) -> Rest | None:
        """Send what can be sent now, and return what cannot."""
        if response is None:
            self._observe(TurnedAway(guest.peer, "identity"))
            self._forget(guest, resetting=True)
            return None
        keep_alive = request.keeps_alive and not self._draining
        octets, file = self._encode(request, response, keep_alive=keep_alive)
        try:
            sent = guest.socket.send(octets)
        except BlockingIOError:
            sent = 0
        except OSError:  # it is gone: nothing is left to send
            sent, keep_alive = len(octets), False
        seconds = perf_counter() - started
        self._observe(Served(guest.peer, request, response, seconds))
        if sent < len(octets) or file is not None:
            return Rest(octets[sent:], file, keep_alive)
        self._go_on(guest, keep_alive)
        return None

    def _encode(
        self, request: Request | None, response: Response, *, keep_alive: bool
    ) -> tuple[bytes, FileBody | None]:
        version = (1, 1) if request is None else request.version
        second = int(time())
        if self._date[1] != second:
            self._date = (formatdate(second, usegmt=True), second)
        head = encode_head(
            response, date=self._date[0], keep_alive=keep_alive, version=version
        )
        body = response.body
        if request is not None and request.method == "HEAD":
            if isinstance(body, FileBody):
                os.close(body.descriptor)
            return head, None
        return (head, body) if isinstance(body, FileBody) else (head + body, None)

    def _go_on(self, guest: _Guest, keep_alive: bool) -> None:
        if keep_alive:
            guest.deadline = trio.current_time() + self._limits.idle_seconds
        else:
            self._forget(guest)

    def _leave(self, guest: _Guest) -> None:
        guest.away = True
        self._epoll.unregister(guest.socket.fileno())

    async def _answer_later(
        self, guest: _Guest, request: Request, started: float
    ) -> None:
        response = await trio.to_thread.run_sync(
            lambda: self._answer(guest, request, wait=True)
        )
        rest = self._reply(guest, request, response, started)
        if rest is not None:
            await self._send_later(guest, rest)
        elif not guest.gone:
            self._return(guest)

    async def _send_later(self, guest: _Guest, rest: Rest) -> None:
        keep_alive = rest.keep_alive
        try:
            await transmit(guest.socket, rest, patience=self._limits.send_seconds)
        except (OSError, trio.TooSlowError):
            keep_alive = False
        self._go_on(guest, keep_alive and not self._draining)
        if not guest.gone:
            self._return(guest)

    def _return(self, guest: _Guest) -> None:
        guest.away = False
        self._epoll.register(guest.socket.fileno(), select.EPOLLIN)
        self._answer_all(guest)

    def _forget(self, guest: _Guest, *, resetting: bool = False) -> None:
        descriptor = guest.socket.fileno()
        if descriptor < 0:
            return
        del self._guests[descriptor]
        self._held[guest.peer.address] -= 1
        if not self._held[guest.peer.address]:
            del self._held[guest.peer.address]
        (reset if resetting else socket.socket.close)(guest.socket)
        if self._draining and not self._guests:
            os.eventfd_write(self._bell, 1)

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(SWEEP)
            now = trio.current_time()
            for guest in list(self._guests.values()):
                if not guest.away and guest.deadline <= now:
                    if not (guest.said.empty or guest.refused):
                        self._observe(TurnedAway(guest.peer, "timeout"))
                    self._forget(guest)
