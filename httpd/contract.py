"""What the server needs of its owner, and what it tells."""

from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .listener import Peer
from .messages import Request
from .messages import Response
from .pace import FIFTY
from .pace import Rate


@dataclass(frozen=True, slots=True)
class Limits:
    """What one guest, and all of them, may hold."""

    connections_total: int = 4096
    connections_per_ip: int = 32
    request_seconds: float = 10.0
    """From the accept, or a request's first octet, to its last."""
    idle_seconds: float = 20.0
    """Between two requests of a connection."""
    send_seconds: float = 30.0
    """For a reader that takes nothing."""
    rate: Rate = FIFTY
    """Of one guest's requests."""
    held_total: int = 1024
    """Requests that wait for their turn, or for a document to be whole."""


@dataclass(frozen=True, slots=True)
class Later:
    """No answer yet: it is asked for again after *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Awaited:
    """No answer yet: somebody else has it, and it is waited for in a task."""

    come: Callable[[], Awaitable[Response]]
    """Waits, not for ever."""


class Answers(Protocol):
    """Who decides what is answered."""

    def admits(self, peer: Peer) -> bool:
        """Whether *peer* may ask at all; else its connection is reset."""

    def knows(self, peer: Peer) -> bool:
        """Whether *peer* is a guest of ours, who may ask: strangers leave it room."""

    def shut(self, request: Request, peer: Peer) -> Response | None:
        """Return what *peer* is answered whatever it asks, before any limit counts."""

    def answer(
        self, request: Request, peer: Peer, *, wait: bool, waited: float
    ) -> Response | Later | Awaited | None:
        """Return the answer; None resets the connection.

        With *wait* false raises BlockingIOError where a disk would be waited for:
        it is then asked again with *wait* true, from a thread.  *waited* is for how
        many seconds it said Later.
        """

    def holds(self, peer: Peer, proof: object) -> bool:
        """Whether an answer to *peer* that had *proof* would be the same now."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request was answered, or the same request several times in one turn."""

    peer: Peer
    request: Request | None
    """None for one that could not be read."""
    response: Response
    seconds: float
    times: int = 1


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A connection was ended without an answer."""

    peer: Peer
    reason: str
    """"identity", "timeout", or "crowded": no room even to be told so."""


Event = Served | TurnedAway
Observer = Callable[[Event], None]
