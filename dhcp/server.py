"""The shell around the responder: drain the port, decide, send."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import NoReturn
from typing import Protocol

import trio

from .codes import SERVER_PORT
from .decision import Decision
from .decision import Reply
from .destination import Arrival
from .errors import MalformedMessage
from .frames import Frame
from .message import Message
from .port import Received
from .responder import Responder


class Port(Protocol):
    """What carries frames: `RawPort`, or a list in a test."""

    async def receive(self) -> list[Received]: ...

    def send(self, frame: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A message was understood and decided about."""

    request: Message
    arrival: Arrival
    decision: Decision
    sent: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Malformed:
    """What arrived was no DHCP message."""

    problem: MalformedMessage


Event = Answered | Malformed
Observer = Callable[[Event], None]


async def serve(
    port: Port,
    responder: Responder,
    observe: Observer,
    *,
    clock: Callable[[], float] = trio.current_time,
    task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Answer what arrives at *port*, until cancelled.

    Error handling: a malformed message is observed and dropped; an OSError of the
    port propagates, and ends the daemon.
    """
    task_status.started()
    while True:
        for received in await port.receive():
            started = perf_counter()
            try:
                frame = Frame.parse(
                    received.frame, checksum_ready=received.checksum_ready
                )
                request = Message.parse(frame.payload)
            except MalformedMessage as problem:
                observe(Malformed(problem))
                continue
            arrival = Arrival(
                frame.source_hardware,
                frame.source,
                frame.source_port,
                frame.destination,
            )
            decision = responder.respond(request, arrival, clock())
            sent = isinstance(decision, Reply) and port.send(
                enclose(decision, responder).pack()
            )
            observe(
                Answered(request, arrival, decision, sent, perf_counter() - started)
            )


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
