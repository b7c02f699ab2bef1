"""The table of connections: who holds how many, until when, and the epoll over them.

One guest can neither fill the table nor, by being refused, keep others from it: who is
refused holds no place of those that are served, and only so many may wait to read why.
"""

import enum
import select
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field

from .callers import Caller
from .callers import Kept
from .connection import Connection
from .contract import Limits
from .listener import Connected
from .listener import reset

LINGER = 2.0  # seconds for a refused guest to read why
STRANGERS = 4  # who is nobody's guest has this part of all places: it may be one alone


class Room(enum.Enum):
    """What there is for one more connection."""

    FREE = "it is served"
    CROWDED = "it is told to come again"
    NONE = "it is reset: too many wait already to be told"


@dataclass(slots=True, eq=False)
class Guest:
    """A connection, what it has said, and when it has to have said more."""

    socket: Connected
    caller: Caller
    deadline: float
    known: bool = True
    """It is one of ours, and no stranger."""
    said: Connection = field(default_factory=Connection)
    away: bool = False
    """A task of its own has it; the loop and the sweep leave it alone."""
    refused: bool = False
    """It was told why, and what it still says is not read."""
    fresh: bool = True
    """Nothing of a request is here: what comes next is a request's first octet."""
    recv: Callable[[int], bytes] = field(init=False)
    send: Callable[[bytes], int] = field(init=False)
    """The socket's, which are called for each request."""
    kept: dict[bytes, Kept | None] = field(init=False)
    """The caller's."""

    def __post_init__(self) -> None:
        self.recv, self.send = self.socket.recv, self.socket.send
        self.kept = self.caller.kept

    @property
    def idle(self) -> bool:
        """Whether nothing of a request is here, and nothing of an answer is left."""
        return not self.gone and not self.away and self.said.empty

    @property
    def gone(self) -> bool:
        return self.socket.fileno() < 0


class Guests:
    """The open connections, each watched by the epoll unless it is away.

    Resource handling: owns the epoll and every connection that it welcomed.
    """

    def __init__(self, limits: Limits) -> None:
        self.epoll = select.epoll()
        self._limits = limits
        self._guests: dict[int, Guest] = {}
        self.find = self._guests.get
        """The guest of a descriptor, if it is one's."""
        self._refused = 0
        self._strangers = 0  # that are served

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[Guest]:
        """Yield each; the table may change meanwhile."""
        return iter(list(self._guests.values()))

    def room_for(self, caller: Caller, *, known: bool) -> Room:
        """Return what room there is for one more connection of *caller*.

        When half of all places are taken, what one may hold shrinks with what is left:
        many that hold much leave some for who holds nothing.  Who is not *known* has as
        many MACs as it likes, so all strangers together have a part of the places.
        """
        limits, held = self._limits, caller.account.held
        each, total = limits.connections_per_ip, limits.connections_total
        left = total - (len(self) - self._refused)
        share = min(each, -(-2 * each * left // total))
        if held < share and (known or self._strangers * STRANGERS < total):
            return Room.FREE
        if held >= 2 * each or self._refused >= total:
            return Room.NONE
        return Room.CROWDED

    def welcome(
        self, connection: Connected, caller: Caller, now: float, *, known: bool
    ) -> Guest:
        """Take *connection* in; it does not block from now on."""
        connection.setblocking(False)
        guest = Guest(connection, caller, now + self._limits.request_seconds, known)
        self._guests[connection.fileno()] = guest
        self._strangers += not known
        caller.account.held += 1
        self.epoll.register(connection.fileno(), select.EPOLLIN)
        return guest

    def extend(self, guest: Guest, now: float) -> None:
        """Set the deadline of what it is doing: a request, or nothing between two."""
        limits = self._limits
        idle = guest.said.empty
        guest.deadline = now + (limits.idle_seconds if idle else limits.request_seconds)

    def refuse(self, guest: Guest, now: float) -> None:
        guest.refused = True
        guest.fresh = False
        guest.deadline = now + LINGER
        self._refused += 1
        self._strangers -= not guest.known

    def leave(self, guest: Guest) -> None:
        """A task of its own takes it."""
        guest.away = True
        self.epoll.unregister(guest.socket.fileno())

    def take_back(self, guest: Guest) -> None:
        guest.away = False
        self.epoll.register(guest.socket.fileno(), select.EPOLLIN)

    def forget(self, guest: Guest, *, resetting: bool = False) -> None:
        """Close its connection, if it is still open."""
        if guest.gone:
            return
        del self._guests[guest.socket.fileno()]
        self._refused -= guest.refused
        self._strangers -= not (guest.known or guest.refused)
        guest.caller.account.held -= 1
        if resetting:
            reset(guest.socket)
        else:
            guest.socket.close()

    def overdue(self, now: float) -> list[Guest]:
        return [each for each in self if not each.away and each.deadline <= now]

    def close(self) -> None:
        for guest in self:
            self.forget(guest)
        self.epoll.close()
