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
from .listener import Connected
from .listener import Peer
from .listener import limit_hops
from .listener import reset
from .memory import Memory
from .messages import Request
from .messages import Response
from .respond import refuse
from .transmission import NOW
from .transmission import Rest
from .transmission import Sender
from .transmission import send_now
from .transmission import transmit

READ_AT_ONCE = 4 * 1024  # octets
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
        self._now = self._until = 0.0

    def begin_turn(self, now: float) -> None:
        """All that is served from now on had come by *now*, in seconds."""
        self._now = now
        self._until = now + self._limits.idle_seconds
        self.memory.begin_turn()

    def drain(self) -> None:
        """Let the guests finish their request, and no more."""
        self.draining = True
        self._callers.forget_answers()
        for guest in self.guests:
            if guest.idle:
                self.read(guest)  # its request may be here already
            if guest.idle:
                self.guests.forget(guest)

    def welcome(self, connection: Connected, call: Call) -> None:
        """Take a connection, or turn it away."""
        caller = self._callers.known(call)
        if caller is None:
            peer = Peer.of(call)
            if not self._answers.admits(peer):
                self._turn_away(connection, peer, "identity")
                return
            caller = self._callers.meet(call, peer, self._now)
        try:  # the request is here already, where the listener defers
            octets = connection.recv(READ_AT_ONCE, NOW)
        except OSError:  # it is not, or the guest has gone: the loop sees which
            octets = b""
        kept = caller.kept.get(octets)
        if kept is None or kept.keep_alive or not self.memory.proves(caller, kept):
            self._seat(connection, caller, octets)
            return
        sent = send_now(connection, kept.octets, last=True)
        if sent == kept.length:
            connection.close()
        else:
            known = self._answers.knows(caller.peer)
            guest = self.guests.welcome(connection, caller, self._now, known=known)
            self._end(guest, kept, sent)

    def _seat(self, connection: Connected, caller: Caller, octets: bytes) -> None:
        """Take a connection in, with what it has said, if there is room for it."""
        known = self._answers.knows(caller.peer)
        room = self.guests.room_for(caller, known=known)
        if not (known or self._answers.admits(caller.peer)):
            self._turn_away(connection, caller.peer, "identity")
        elif room is Room.NONE:
            self._turn_away(connection, caller.peer, "crowded")
        else:
            guest = self.guests.welcome(connection, caller, self._now, known=known)
            if room is Room.CROWDED:
                self._refuse(guest, busy("too many connections"))
            elif octets:
                self.read(guest, octets)

    def _turn_away(self, connection: Connected, peer: Peer, reason: str) -> None:
        reset(connection)
        self._observe(TurnedAway(peer, reason))

    def read(self, guest: Guest, octets: bytes | None = None) -> None:
        """Answer what a guest has sent, from memory where that is possible.

        *octets* are what was read of it already.
        """
        if octets is None:
            try:
                octets = guest.recv(READ_AT_ONCE)
            except BlockingIOError:
                return
            except OSError:
                octets = b""
        kept = guest.kept.get(octets)
        if (
            kept is None
            or not guest.fresh
            or not self.memory.proves(guest.caller, kept)
        ):
            self._take(guest, octets)
            return
        if not kept.keep_alive:
            self._end(guest, kept, send_now(guest.socket, kept.octets, last=True))
            return
        try:
            sent = guest.send(kept.octets)
        except OSError as problem:
            sent = 0 if isinstance(problem, BlockingIOError) else -1
        if sent == kept.length:
            guest.deadline = self._until
        else:
            self._end(guest, kept, sent)

    def _end(self, guest: Guest, kept: Kept, sent: int) -> None:
        """Go on where an answer from memory is the last, or did not go whole."""
        if 0 <= sent < kept.length:
            self._send_rest(guest, Rest(kept.octets[sent:], None, kept.keep_alive))
        else:
            self._go_on(guest, kept.keep_alive and sent >= 0)

    def _take(self, guest: Guest, octets: bytes) -> None:
        if not octets:
            self.forget(guest)
        elif not guest.refused:
            begins = guest.said.empty
            guest.said.receive(octets)
            if begins:
                self.guests.extend(guest, self._now)
            self._answer_all(guest, octets if begins else b"")
            guest.fresh = guest.said.empty and not guest.refused

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
            if octets and guest.said.empty and response and not self.draining:
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
            limit_hops(guest.socket, response.hop_limit)
        octets, file = self._sender.encode(request, response, keep_alive=keep_alive)
        last = not keep_alive and file is None
        sent = send_now(guest.socket, octets, last=last)
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
        guest.fresh = guest.said.empty and not guest.refused
        if self.draining and guest.idle:
            self.forget(guest)

    def forget(self, guest: Guest, *, resetting: bool = False) -> None:
        """Close a guest's connection."""
        self.guests.forget(guest, resetting=resetting)
        if self.draining:
            self._ring()
