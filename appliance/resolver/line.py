"""The forwarder's end of the line: one daemon's questions, until it hangs up."""

import socket
from collections.abc import Awaitable
from collections.abc import Callable
from functools import partial

import trio

from .channel import ANSWERED
from .channel import ASKED
from .channel import BY_TCP
from .channel import DRAIN_AT_MOST
from .channel import ERRAND
from .channel import HELLO
from .channel import MESSAGE_AT_MOST
from .errors import MalformedQuery
from .first_tries import FirstTries
from .first_tries import Question
from .forwarder import Forwarder
from .forwarder import Outcome
from .wire import Query

QUESTIONS_AT_MOST = 1_000  # at a time
GREETING = 10.0  # seconds that a daemon has to say who it is

Errands = Callable[[bytes], Awaitable[bytes]]
"""Runs an errand, and returns what came of it."""


async def serve_line(
    line: socket.socket,
    open_network: Callable[[str], Forwarder],
    first: Forwarder | None,
    errands_of: Callable[[str], Errands] | None = None,
) -> None:
    """Answer one daemon's questions until it hangs up.

    Resource handling: closes the line.  *open_network* gives the forwarder of the
    network that the first message names, where *first* is not it already; what it
    raises is raised.  *errands_of* gives who runs the same network's errands.
    """
    line.setblocking(False)
    with line:
        with trio.move_on_after(GREETING):
            await trio.lowlevel.wait_readable(line)
        hello = _receive(line)
        if not hello or ASKED.unpack_from(hello)[0] != HELLO:
            return
        token, _, network = hello[ASKED.size :].decode().partition(" ")
        forwarder = first or open_network(network)
        errands = errands_of(network) if errands_of is not None else None
        later, answers = trio.open_memory_channel[bytes](QUESTIONS_AT_MOST)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(forwarder.watch, token)
            nursery.start_soon(_write, line, answers)
            tries = FirstTries(forwarder, nursery)
            nursery.start_soon(tries.run)
            give = partial(_give, line, later)
            await _read(line, tries, give, errands, nursery)
            nursery.cancel_scope.cancel()


async def _read(
    line: socket.socket,
    tries: FirstTries,
    give: Callable[[bytes], None],
    errands: Errands | None,
    nursery: trio.Nursery,
) -> None:
    """Ask each question, until there are no more."""
    while True:
        await trio.lowlevel.wait_readable(line)
        for _ in range(DRAIN_AT_MOST):
            message = _receive(line)
            if message is None:
                break
            if not message:
                return
            if len(tries) + len(nursery.child_tasks) > QUESTIONS_AT_MOST:
                continue  # more than a daemon of ours asks
            ticket, kind = ASKED.unpack_from(message)
            told = partial(_tell, give, ticket)
            if kind == ERRAND:
                if errands is None:
                    told(Outcome())
                else:
                    octets = message[ASKED.size :]
                    nursery.start_soon(_run, errands, octets, told)
                continue
            try:
                query = Query.parse(message[ASKED.size :])
            except MalformedQuery:
                told(Outcome())
                continue
            tries.ask(Question(query, kind == BY_TCP, told))


async def _run(
    errands: Errands, octets: bytes, told: Callable[[Outcome], None]
) -> None:
    told(Outcome(await errands(octets)))


def _tell(give: Callable[[bytes], None], ticket: int, outcome: Outcome) -> None:
    silent, strange = min(outcome.silent, 255), min(outcome.strange, 255)
    head = ANSWERED.pack(ticket, outcome.reply is not None, silent, strange)
    give(head + (outcome.reply or b""))


def _give(
    line: socket.socket, later: "trio.MemorySendChannel[bytes]", message: bytes
) -> None:
    if not _send(line, message):
        try:
            later.send_nowait(message)
        except trio.WouldBlock:
            pass  # a daemon that does not read counts the time itself


async def _write(
    line: socket.socket, answers: "trio.MemoryReceiveChannel[bytes]"
) -> None:
    async for message in answers:
        while not _send(line, message):
            await trio.lowlevel.wait_writable(line)


def _send(line: socket.socket, message: bytes) -> bool:
    """Send *message*; False where *line* takes no more now."""
    try:
        line.send(message)
    except BlockingIOError:
        return False
    except OSError:
        pass  # it hung up, as the reader sees
    return True


def _receive(line: socket.socket) -> bytes | None:
    """Return a message; an empty one for the end, None where there is none yet."""
    try:
        return line.recv(MESSAGE_AT_MOST)
    except BlockingIOError:
        return None
    except OSError:
        return b""
