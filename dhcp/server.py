"""The shell around the responder: drain the port, decide, send."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NoReturn
from typing import Protocol

import trio

from .backlog import Backlog
from .backlog import Received
from .codes import SERVER_PORT
from .decision import Probe
from .decision import Reply
from .decision import Silence
from .decision import Verdict
from .destination import Arrival
from .errors import MalformedMessage
from .frames import Frame
from .guards import Guards
from .memory import Memory
from .message import Message
from .remembered import Answer
from .remembered import Guest
from .responder import Responder

AT_ONCE = 128  # packets, then others have their turn and the port is drained
CHADDR = slice(70, 76)  # of a frame whose IPv4 header has no options


class Port(Protocol):
    """What carries frames: `RawPort`, or a list in a test."""

    async def wait(self) -> None: ...

    def drain(self) -> list[Received]: ...

    def send(self, frame: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A message was understood and decided about."""

    request: Message
    arrival: Arrival
    decision: Verdict
    sent: bool


Repeated = tuple[Answer, Guest, bool]
"""A message was answered from memory, and whether that was sent."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """What arrived was no DHCP message."""

    problem: MalformedMessage


@dataclass(frozen=True, slots=True)
class Refused:
    """Its sender sends too much: nobody looked at it."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """It has to wait, for a probe or for the disk, and is answered later."""


@dataclass(frozen=True, slots=True)
class Crowded:
    """More frames waited than are kept."""

    dropped: int


Event = Answered | Repeated | Malformed | Refused | Crowded | Deferred
Observer = Callable[[Sequence[Event], float], None]
"""Takes what happened since the last time, and how many seconds that took."""


REFUSED = Refused()


class Waiting(Protocol):
    """What takes messages over that cannot be answered at once: `waiting.Waiting`."""

    def take(
        self, request: Message, arrival: Arrival, decision: Probe | Reply
    ) -> Answered | Deferred: ...

    def flush(self) -> None: ...


async def serve(
    port: Port,
    responder: Responder,
    guards: Guards,
    observe: Observer,
    *,
    waiting: Waiting | None = None,
    clock: Callable[[], float] = trio.current_time,
    task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Answer what arrives at *port*, until cancelled.

    Error handling: a malformed message is observed and dropped; an OSError of the
    port propagates, and ends the daemon.
    """
    server = Server(port, responder, guards, waiting)
    backlog = Backlog()
    task_status.started()
    while True:
        if backlog:  # others have their turn
            await trio.lowlevel.checkpoint()
        else:
            await port.wait()
        started, now = perf_counter(), clock()
        events: list[Event] = []
        while len(events) < AT_ONCE:
            dropped = backlog.extend(port.drain())
            if dropped:
                events.append(Crowded(dropped))
            if not backlog:
                break
            # what came meanwhile is taken in the same turn: to wait is dear
            events += [server.answer(each, now) for each in backlog.take(AT_ONCE)]
        if events:
            observe(events, perf_counter() - started)
        if waiting is not None:
            waiting.flush()


class Server:
    """Answers frames one by one: from memory, or as the responder decides."""

    def __init__(
        self,
        port: Port,
        responder: Responder,
        guards: Guards,
        waiting: Waiting | None = None,
    ) -> None:
        self._port = port
        self._waiting = waiting
        self._responder = responder
        self._guards = guards
        self._memory = Memory(responder)

    def answer(self, received: Received, now: float) -> Event:
        """Decide about one frame, and send what is decided."""
        frame, checksum_ready = received
        if not self._admits(frame[CHADDR], now):
            return REFUSED
        recalled = self._memory.recall(frame, checksum_ready=checksum_ready)
        if recalled is not None:
            sent, answer, guest = recalled
            return answer, guest, self._port.send(sent)
        try:
            parsed = Frame.parse(frame, checksum_ready=checksum_ready)
            request = Message.parse(parsed.payload)
        except MalformedMessage as problem:
            return Malformed(problem)
        arrival = Arrival(
            parsed.source_hardware,
            parsed.source,
            parsed.source_port,
            parsed.destination,
        )
        decision = self._responder.respond(request, arrival, now)
        if isinstance(decision, Silence):
            return Answered(request, arrival, decision, sent=False)
        if isinstance(decision, Probe) or decision.lease is not None:
            assert self._waiting is not None  # it is there where a pool is
            return self._waiting.take(request, arrival, decision)
        self._memory.learn(frame, request, decision)
        left = self._port.send(enclose(decision, self._responder).pack())
        return Answered(request, arrival, decision, left)

    def _admits(self, chaddr: bytes, now: float) -> bool:
        """Ask the guards; who is remembered has its bucket at hand."""
        guest = self._memory.meet(chaddr)
        if guest is None:
            return self._guards.admits(chaddr, now)
        if guest.bucket is None:
            guest.bucket = self._guards.bucket_of(chaddr, now)
        return guest.bucket.take(self._guards.known, now)


def enclose(reply: Reply, responder: Responder) -> Frame:
    """Return the frame that carries *reply* to its destination."""
    return Frame(
        responder.hardware,
        reply.destination.hardware,
        reply.source,
        reply.destination.address,
        SERVER_PORT,
        reply.destination.port,
        reply.payload,
    )
