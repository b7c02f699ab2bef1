"""What the server needs of its owner, and what it tells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .listener import Peer
from .messages import Request
from .messages import Response


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


class Answers(Protocol):
    """Who decides what is answered."""

    def admits(self, peer: Peer) -> bool:
        """Whether *peer* may ask at all; else its connection is reset."""

    def answer(self, request: Request, peer: Peer, *, wait: bool) -> Response | None:
        """Return the answer; None resets the connection.

        With *wait* false raises BlockingIOError where a disk would be waited for:
        it is then asked again with *wait* true, from a thread.
        """


@dataclass(frozen=True, slots=True)
class Served:
    """A request was answered."""

    peer: Peer
    request: Request | None
    """None for one that could not be read."""
    response: Response
    seconds: float


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A connection was ended without an answer."""

    peer: Peer
    reason: str
    """"identity", "timeout", or "crowded": no room even to be told so."""


Event = Served | TurnedAway
Observer = Callable[[Event], None]
