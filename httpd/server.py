"""One loop over all connections: what is ready is read, answered and sent in line.

An epoll descriptor can itself be awaited, so trio sees one descriptor however many
guests call.  What would wait - a cold page, a large body, a slow reader - leaves the
loop with its connection, to a task of its own, and comes back when it is done.
Deadlines are swept once a second.
"""

import os
import select
import socket
from collections.abc import Callable
from collections.abc import Iterable
from functools import partial
from time import perf_counter

import trio

from .contract import Answers
from .contract import Limits
from .contract import Observer
from .contract import Served
from .contract import TurnedAway
from .errors import BadRequest
from .guests import Guest
from .guests import Guests
from .guests import Room
from .listener import Peer
from .listener import accept
from .listener import reset
from .messages import Request
from .messages import Response
from .respond import refuse
from .transmission import Rest
from .transmission import Sender
from .transmission import transmit

READ_AT_ONCE = 64 * 1024  # octets
EVENTS_AT_ONCE = 64  # then DHCP has its turn
ANSWERS_AT_ONCE = 16  # to one guest that sends many requests together
SWEEP = 1.0  # seconds


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
        self._guests = Guests(limits)
        self._bell: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._draining = False
        self._sender = Sender()

    def __len__(self) -> int:
        return len(self._guests)

    async def run(
        self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve, and return when drained."""
        bell, epoll = self._bell, self._guests.epoll
        assert bell is not None, "a server runs once"
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for descriptor in (*self._listeners, bell):
                    epoll.register(descriptor, select.EPOLLIN)
                nursery.start_soon(self._sweep)
                task_status.started()
                while not self._draining or self._guests:
                    await trio.lowlevel.wait_readable(epoll.fileno())
                    self._turn(bell)
                nursery.cancel_scope.cancel()
        finally:
            self._bell = None
            self._guests.close()
            self._close_listeners()
            os.close(bell)

    def drain(self) -> None:
        """Take no more connections; the open ones may finish their request."""
        self._draining = True
        self._close_listeners()
        for guest in self._guests:
            if guest.idle:
                self._read(guest)  # its request may be here already
            if guest.idle:
                self._guests.forget(guest)
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:  # the loop looks again whether it is done
            os.eventfd_write(self._bell, 1)

    def _close_listeners(self) -> None:
        while self._listeners:
            self._listeners.popitem()[1].close()

    def _turn(self, bell: int) -> None:
        for descriptor, _ in self._guests.epoll.poll(0, EVENTS_AT_ONCE):
            guest = self._guests.find(descriptor)
            if descriptor == bell:
                os.eventfd_read(bell)
            elif guest is not None:
                self._read(guest)
            elif descriptor in self._listeners:
                self._accept(self._listeners[descriptor])

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(EVENTS_AT_ONCE):
            try:
                caller = accept(listener, save_syn=self._save_syn)
            except OSError as problem:  # no descriptors left: who waits, waits a sweep
                self._guests.epoll.modify(listener.fileno(), 0)
                self._report(problem)
                return
            if caller is None:
                return
            self._welcome(*caller)

    def _welcome(self, connection: socket.socket, peer: Peer) -> None:
        room, known = self._guests.room_for(peer), self._answers.admits(peer)
        if room is Room.NONE or not known:
            reset(connection)
            self._observe(TurnedAway(peer, "crowded" if known else "identity"))
            return
        guest = self._guests.welcome(connection, peer, trio.current_time())
        if room is Room.CROWDED:
            busy = refuse(503, "too many connections", ("Retry-After", "1"))
            self._refuse(guest, busy)
        else:
            self._read(guest)  # the request is often here already

    def _read(self, guest: Guest) -> None:
        try:
            octets = guest.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._forget(guest)
        elif not guest.refused:
            begins = guest.said.empty
            guest.said.receive(octets)
            if begins:
                self._guests.extend(guest, trio.current_time())
            self._answer_all(guest)

    def _answer_all(self, guest: Guest) -> None:
        """Answer the requests that are here, until one has to wait."""
        for _ in range(ANSWERS_AT_ONCE):
            started = perf_counter()
            try:
                request = guest.said.next_request()
            except BadRequest as problem:
                self._refuse(guest, refuse(problem.status, problem.what))
                return
            if request is None:
                return
            try:
                response = self._answers.answer(request, guest.peer, wait=False)
            except BlockingIOError:
                self._guests.leave(guest)
                self._nursery.start_soon(self._answer_later, guest, request, started)
                return
            except Exception as problem:
                response = self._fault(problem)
            rest = self._reply(guest, request, response, started)
            if rest is not None:
                self._guests.leave(guest)
                self._nursery.start_soon(self._send_later, guest, rest)
                return
            if guest.gone:
                return
        self._guests.leave(guest)
        self._nursery.start_soon(self._go_on_later, guest)

    def _fault(self, problem: Exception) -> Response:
        """Answer for an exception of ours, which ends no more than this request."""
        self._report(problem)
        return refuse(500, "internal error")

    def _refuse(self, guest: Guest, response: Response) -> None:
        """Answer what is no request, and close when it was read, or soon.

        To close at once with octets unread would be a reset, which may overtake the
        answer.
        """
        octets, _ = self._sender.encode(None, response, keep_alive=False)
        self._guests.refuse(guest, trio.current_time())
        try:
            guest.socket.send(octets)
            guest.socket.shutdown(socket.SHUT_WR)
        except OSError:  # full or gone: nothing more is owed to it
            self._forget(guest)
        self._observe(Served(guest.peer, None, response, 0.0))

    def _reply(
        self, guest: Guest, request: Request, response: Response | None, started: float
    ) -> Rest | None:
        """Send what can be sent now, and return what cannot."""
        if response is None:
            self._observe(TurnedAway(guest.peer, "identity"))
            self._forget(guest, resetting=True)
            return None
        keep_alive = request.keeps_alive and not self._draining
        if response.hop_limit is not None:
            # it counts for what is sent again too, so nothing else may follow
            keep_alive = False
            guest.socket.setsockopt(
                socket.IPPROTO_IP, socket.IP_TTL, response.hop_limit
            )
        octets, file = self._sender.encode(request, response, keep_alive=keep_alive)
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

    def _go_on(self, guest: Guest, keep_alive: bool) -> None:
        if keep_alive:
            self._guests.extend(guest, trio.current_time())
        else:
            self._forget(guest)

    async def _answer_later(
        self, guest: Guest, request: Request, started: float
    ) -> None:
        ask = partial(self._answers.answer, request, guest.peer, wait=True)
        try:
            response = await trio.to_thread.run_sync(ask)
        except Exception as problem:
            response = self._fault(problem)
        rest = self._reply(guest, request, response, started)
        if rest is not None:
            await self._send_later(guest, rest)
        else:
            self._return(guest)

    async def _send_later(self, guest: Guest, rest: Rest) -> None:
        try:
            await transmit(guest.socket, rest, patience=self._limits.send_seconds)
        except (OSError, trio.TooSlowError):
            self._forget(guest)
        else:
            self._go_on(guest, rest.keep_alive)
            self._return(guest)

    async def _go_on_later(self, guest: Guest) -> None:
        """Answer what a guest has sent beyond its turn, after the others' turn."""
        await trio.lowlevel.checkpoint()
        self._return(guest)

    def _return(self, guest: Guest) -> None:
        if guest.gone:
            return
        self._guests.take_back(guest)
        self._answer_all(guest)
        if self._draining and guest.idle:
            self._forget(guest)

    def _forget(self, guest: Guest, *, resetting: bool = False) -> None:
        self._guests.forget(guest, resetting=resetting)
        if self._draining:
            self._ring()

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(SWEEP)
            for listener in self._listeners.values():
                self._guests.epoll.modify(listener.fileno(), select.EPOLLIN)
            for guest in self._guests.overdue(trio.current_time()):
                if not (guest.said.empty or guest.refused):
                    self._observe(TurnedAway(guest.peer, "timeout"))
                self._forget(guest)
