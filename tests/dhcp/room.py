"""A server that runs over a port that is a list, on a clock that jumps."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

import trio
import trio.testing

from dhcp.backlog import Received
from dhcp.guards import Guards
from dhcp.responder import Responder
from dhcp.server import Event
from dhcp.server import serve

from .guest import responder


@dataclass
class ListPort:
    """A port whose frames are written to, and read from, lists."""

    takes: bool = True
    sent: list[bytes] = field(default_factory=list)
    failure: OSError | None = None
    _waiting: list[Received] = field(default_factory=list)
    _arrived: trio.Event = field(default_factory=trio.Event)

    def arrive(self, *frames: bytes, checksum_ready: bool = True) -> None:
        self._waiting += [(frame, checksum_ready) for frame in frames]
        self._arrived.set()

    def fail(self, failure: OSError) -> None:
        self.failure = failure
        self._arrived.set()

    async def wait(self) -> None:
        await self._arrived.wait()
        if self.failure is not None:
            raise self.failure

    def drain(self) -> list[Received]:
        self._arrived = trio.Event()
        batch, self._waiting = self._waiting, []
        return batch

    def send(self, frame: bytes) -> bool:
        if self.takes:
            self.sent.append(frame)
        return self.takes


@dataclass
class Room:
    """A server that runs, and all that can be seen of it."""

    port: ListPort
    responder: Responder
    events: list[Event]

    async def hear(self, *frames: bytes, checksum_ready: bool = True) -> list[Event]:
        """Let *frames* arrive together; return what was observed of them."""
        self.events.clear()
        self.port.arrive(*frames, checksum_ready=checksum_ready)
        await trio.testing.wait_all_tasks_blocked()
        return list(self.events)


RATE = 10_000.0  # messages a second: more than any test here sends


def in_room(
    scenario: Callable[[Room], Awaitable[None]],
    *,
    known: float = RATE,
    unknown: float = RATE,
) -> None:
    """Run *scenario* beside a server, on a clock that jumps over every wait."""

    async def main() -> None:
        room = Room(ListPort(), responder(), [])
        knows = room.responder.bindings.knows
        guards = Guards(knows, known=known, unknown=unknown)

        def observe(events: Sequence[Event], seconds: float) -> None:
            assert 0 < seconds < 1
            room.events.extend(events)

        async with trio.open_nursery() as nursery:
            await nursery.start(serve, room.port, room.responder, guards, observe)
            await scenario(room)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
