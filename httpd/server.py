"""One loop over all connections: what is ready is read, answered and sent in line.

An epoll descriptor can itself be awaited, so trio sees one descriptor however many
guests call.  What would wait - a cold page, a large body, a slow reader - leaves the
loop with its connection, to a task of its own, and comes back when it is done.
Deadlines are swept once a second.
"""

import os
import resource
import select
import socket
from collections.abc import Callable
from collections.abc import Iterable

import trio

from .contract import Answers
from .contract import Limits
from .contract import Observer
from .contract import TurnedAway
from .listener import Listener
from .service import Service

EVENTS_AT_ONCE = 64
LOOKS = 8  # at what is ready, then DHCP has its turn
SWEEP = 1.0  # seconds
SPARE = 128  # descriptors that guests leave to documents, commands, and the log
MOMENT = 8  # descriptors: a server's own, and documents that are looked for in line


def descriptors_at_most() -> int:
    """Return below which number a descriptor may be a guest's."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - min(SPARE, soft // 4)


def descriptors_left(listeners: Iterable[socket.socket]) -> int:
    """Return how many are left for those who will call *listeners*."""
    with socket.socket() as lowest:  # those below it are taken, and mostly no others
        taken = max(each.fileno() for each in (*listeners, lowest))
    return descriptors_at_most() - taken - MOMENT


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
        at_most = descriptors_at_most()
        self._listeners = {
            each.fileno(): Listener(
                each, save_syn=save_syn, descriptors_at_most=at_most
            )
            for each in listeners
        }
        # between two turns those who hung up are seen, and hold no place any more
        self._accepts = max(1, min(EVENTS_AT_ONCE, limits.connections_per_ip // 2))
        self._report = report
        self._bell: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._service = Service(answers, observe, report, limits, self._ring)
        self._observe = observe

    def __len__(self) -> int:
        return len(self._service.guests)

    async def run(
        self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve, and return when drained."""
        bell, service = self._bell, self._service
        epoll = service.guests.epoll
        assert bell is not None, "a server runs once"
        try:
            async with trio.open_nursery() as nursery:
                service.nursery = nursery
                for descriptor in (*self._listeners, bell):
                    epoll.register(descriptor, select.EPOLLIN)
                nursery.start_soon(self._sweep)
                task_status.started()
                while not service.draining or service.guests:
                    await trio.lowlevel.wait_readable(epoll.fileno())
                    for _ in range(LOOKS):
                        if not self._turn(bell):
                            break
                    service.memory.tell()
                nursery.cancel_scope.cancel()
        finally:
            self._bell = None
            service.guests.close()
            self._close_listeners()
            os.close(bell)

    def drain(self) -> None:
        """Take no more connections; the open ones may finish their request."""
        self._close_listeners()
        self._service.drain()
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:  # the loop looks again whether it is done
            os.eventfd_write(self._bell, 1)

    def _close_listeners(self) -> None:
        while self._listeners:
            self._listeners.popitem()[1].close()

    def _turn(self, bell: int) -> bool:
        """Serve what is ready; return whether anything was."""
        service = self._service
        find, read = service.guests.find, service.read
        events = service.guests.epoll.poll(0, EVENTS_AT_ONCE)
        if not events:
            return False
        service.begin_turn(trio.current_time())
        for descriptor, _ in events:
            guest = find(descriptor)
            if guest is not None:
                read(guest)
            elif descriptor == bell:
                os.eventfd_read(bell)
            elif descriptor in self._listeners:
                self._accept(self._listeners[descriptor])
        return True

    def _accept(self, listener: Listener) -> None:
        for _ in range(self._accepts):
            try:
                call = listener.accept()
            except OSError as problem:  # no descriptors left: who waits, waits a sweep
                self._service.guests.epoll.modify(listener.fileno(), 0)
                self._report(problem)
                return
            if call is None:
                return
            self._service.welcome(*call)

    async def _sweep(self) -> None:
        service = self._service
        while True:
            await trio.sleep(SWEEP)
            for listener in self._listeners.values():
                service.guests.epoll.modify(listener.fileno(), select.EPOLLIN)
            for guest in service.guests.overdue(trio.current_time()):
                if not (guest.said.empty or guest.refused):
                    self._observe(TurnedAway(guest.caller.peer, "timeout"))
                service.forget(guest)
