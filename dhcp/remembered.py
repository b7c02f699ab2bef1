"""What is remembered: the shape of a message, and the answer that it has."""

from dataclasses import dataclass
from enum import Enum

from .bindings import Binding
from .decision import Reply
from .guards import Bucket
from .pattern import Pattern


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A message, but for its guest's own values."""

    pattern: Pattern
    client_id: slice | None
    """Where option 61 is, in what decides."""


class To(Enum):
    """Where an answer goes (dhcp 37, 40, 41)."""

    GUEST = "its MAC and address"
    ALL = "everyone"
    RELAY = "the station that sent it, and giaddr"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An answer, but for its guest's own values."""

    pattern: Pattern
    words: tuple[str, str]
    """The type of the message and of the answer."""
    reply: Reply
    """The first one, to whichever guest."""
    server: bytes
    to: To
    port: int
    seconds: int
    """The lease that T1 is a part of; 0 where there is no T1."""
    room: int
    """Octets that the guest's name can have."""


@dataclass(slots=True, eq=False)
class Guest:
    """What is a guest's own in its messages and answers."""

    binding: Binding
    mac: bytes
    address: bytes
    name: bytes
    """Option 12."""
    pace: float
    answers: dict[Shape, Answer]
    """Those of all guests that are told the same."""
    version: object
    """Of the table, when its binding was looked up last."""
    bucket: Bucket | None = None
    """Its rate, for who guards it."""
