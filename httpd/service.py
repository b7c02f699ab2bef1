"""What is done for one guest: its octets are read, its requests answered in line.

A request whose very octets were answered before is answered from memory.
"""

import socket
from collections.abc import Callable
from time import perf_counter

import trio

from .callers import Caller
from .callers import Callers
from .callers import Kept
from .contract import Answers
from .contract import Later
from .contract import Limits
from .contract import Observer
from .contract import Served
from .contract import TurnedAway
from .desk import Desk
from .desk import busy
from .errors import BadRequest
from .guests import Guest
from .guests import Guests
from .guests import Room
from .listener import Call
from .listener import Peer
from .listener import reset
from .memory import Memory
from .messages import Request
from .messages import Response
from .respond import refuse
from .transmission import Rest
from .transmission import Sender
from .transmission import transmit

READ_AT_ONCE = 64 * 1024  # octets
ANSWERS_AT_ONCE = 16  # to one guest that sends many requests together


class Service:
    """Serves the guests of one server; *ring* wakes its loop."""

    nursery: trio.Nursery

    def __init__(
        self,
        answers: Answers,
        observe: Observer,
        report: Callable[[BaseException], None],
        limits: Limits,
        ring: Callable[[], None],
    ) -> None:
        self.guests = Guests(limits)
        self.draining = False
        self._answers = answers
        self._observe = observe
        self._limits = limits
        self._ring = ring
        self._desk = Desk(answers, report, limits)
        self._callers = Callers(limits.rate)
        self._sender = Sender()
        self.memory = Memory(answers, self._callers, self._sender, observe)
        self._now = 0.0

    def begin_turn(self, now: float) -> None:
        """All that is served from now on had come by *now*, in seconds."""
        self._now = now
        self.memory.begin_turn()

    def drain(self) -> None:
        """Let the guests finish their request, and no more."""
        self.draining = True
        for guest in self.guests:
            if guest.idle:
                self.read(guest)  # its request may be here already
            if guest.idle:
                self.guests.forget(guest)

    def welcome(self, connection: socket.socket, call: Call) -> None:
        """Take a connection, or turn it away."""
        caller = self._callers.known(call)
        if caller is None:
            peer = Peer.of(call)
            if not self._answers.admits(peer):
                self._turn_away(connection, peer, "identity")
                return
            caller = self._callers.meet(call, peer, self._now)
        octets = b""
        room = self.guests.room_for(caller.account)
        if room is Room.FREE and not self.draining:
            # the request is often here already, and the same as before
            try:
                octets = connection.recv(READ_AT_ONCE, socket.MSG_DONTWAIT)
            except OSError:  # it has not come, or the guest has gone: the loop sees it
                pass
            kept = self.memory.recall(caller, octets)
            if kept is not None:
                self._repeat(connection, caller, kept)
                return
        if not self._answers.admits(caller.peer):
            self._turn_away(connection, caller.peer, "identity")
        elif room is Room.NONE:
            self._turn_away(connection, caller.peer, "crowded")
        else:
            guest = self.guests.welcome(connection, caller, self._now)
            if room is Room.CROWDED:
                self._refuse(guest, busy("too many connections"))
            elif octets:
                self._take(guest, octets)

    def _turn_away(self, connection: socket.socket, peer: Peer, reason: str) -> None:
        reset(connection)
        self._observe(TurnedAway(peer, reason))

    def _repeat(self, connection: socket.socket, caller: Caller, kept: Kept) -> None:
        """Answer the first request of a new connection, often its last."""
        sent = _send(connection, kept.dated(self._sender.date))
        if sent < 0 or (sent == len(kept.octets) and not kept.keep_alive):
            connection.close()
            return
        guest = self.guests.welcome(connection, caller, self._now)
        if sent < len(kept.octets):
            self._send_rest(guest, Rest(kept.octets[sent:], None, kept.keep_alive))
        else:
            self._go_on(guest, kept.keep_alive)

    def read(self, guest: Guest) -> None:
        """Read what a guest has sent, and answer it."""
        try:
            octets = guest.socket.recv(READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.forget(guest)
            return
        if guest.refused:
            return
        kept = None
        if guest.said.empty and not self.draining:
            kept = self.memory.recall(guest.caller, octets)
        if kept is None:
            self._take(guest, octets)
            return
        sent = _send(guest.socket, kept.dated(self._sender.date))
        if sent < 0:
            self.forget(guest)
        elif sent < len(kept.octets):
            self._send_rest(guest, Rest(kept.octets[sent:], None, kept.keep_alive))
        else:
            self._go_on(guest, kept.keep_alive)

    def _take(self, guest: Guest, octets: bytes) -> None:
        begins = guest.said.empty
        guest.said.receive(octets)
        if begins:
            self.guests.extend(guest, self._now)
        self._answer_all(guest, octets if begins else b"")

    def _answer_all(self, guest: Guest, octets: bytes = b"") -> None:
        """Answer the requests that are here, until one has to wait.

        *octets* are what came, where a request begins with them.
        """
        for _ in range(ANSWERS_AT_ONCE):
            started = perf_counter()
            try:
                request = guest.said.next_request()
            except BadRequest as problem:
                self._refuse(guest, refuse(problem.status, problem.what))
                return
            if request is None:
                return
            response = self._desk.ask(guest.caller, request)
            if isinstance(response, Later):
                self.guests.leave(guest)
                self.nursery.start_soon(
                    self._answer_later, guest, request, started, response.seconds
                )
                return
            if octets and guest.said.empty and response is not None:
                self.memory.keep(guest.caller, octets, request, response)
            octets = b""
            rest = self._reply(guest, request, response, started)
            if rest is not None:
                self._send_rest(guest, rest)
                return
            if guest.gone:
                return
        self.guests.leave(guest)
        self.nursery.start_soon(self._go_on_later, guest)

    def _refuse(self, guest: Guest, response: Response) -> None:
        """Answer what is no request, and close when it was read, or soon.

        To close at once with octets unread would be a reset, which may overtake the
        answer.
        """
        octets, _ = self._sender.encode(None, response, keep_alive=False)
        self.guests.refuse(guest, trio.current_time())
        try:
            guest.socket.send(octets)
            guest.socket.shutdown(socket.SHUT_WR)
        except OSError:  # full or gone: nothing more is owed to it
            self.forget(guest)
        self._observe(Served(guest.caller.peer, None, response, 0.0))

    def _reply(
        self, guest: Guest, request: Request, response: Response | None, started: float
    ) -> Rest | None:
        """Send what can be sent now, and return what cannot."""
        if response is None:
            self._observe(TurnedAway(guest.caller.peer, "identity"))
            self.forget(guest, resetting=True)
            return None
        keep_alive = request.keeps_alive and not self.draining
        if response.hop_limit is not None:
            # it counts for what is sent again too, so nothing else may follow
            keep_alive = False
            guest.socket.setsockopt(
                socket.IPPROTO_IP, socket.IP_TTL, response.hop_limit
            )
        octets, file = self._sender.encode(request, response, keep_alive=keep_alive)
        sent = _send(guest.socket, octets)
        seconds = perf_counter() - started
        self._observe(Served(guest.caller.peer, request, response, seconds))
        if sent < 0:  # it is gone: nothing is left to send
            sent, keep_alive = len(octets), False
        if sent < len(octets) or file is not None:
            return Rest(octets[sent:], file, keep_alive)
        self._go_on(guest, keep_alive)
        return None

    def _go_on(self, guest: Guest, keep_alive: bool) -> None:
        if keep_alive:
            self.guests.extend(guest, trio.current_time())
        else:
            self.forget(guest)

    async def _answer_later(
        self, guest: Guest, request: Request, started: float, pause: float
    ) -> None:
        response = await self._desk.ask_again(guest.caller, request, pause)
        rest = self._reply(guest, request, response, started)
        if rest is None:
            self._return(guest)
        else:
            await self._transmit(guest, rest)

    def _send_rest(self, guest: Guest, rest: Rest) -> None:
        self.guests.leave(guest)
        self.nursery.start_soon(self._transmit, guest, rest)

    async def _transmit(self, guest: Guest, rest: Rest) -> None:
        try:
            await transmit(guest.socket, rest, patience=self._limits.send_seconds)
        except (OSError, trio.TooSlowError):
            self.forget(guest)
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
        self.guests.take_back(guest)
        self._answer_all(guest)
        if self.draining and guest.idle:
            self.forget(guest)

    def forget(self, guest: Guest, *, resetting: bool = False) -> None:
        """Close a guest's connection."""
        self.guests.forget(guest, resetting=resetting)
        if self.draining:
            self._ring()


def _send(connection: socket.socket, octets: bytes) -> int:
    """Send what can be sent now; return how much, -1 where the guest has gone."""
    try:
        return connection.send(octets, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0
    except OSError:
        return -1
