"""What the daemon gives the forwarder to carry, and what comes back, in octets."""

import struct
from dataclasses import dataclass
from enum import IntEnum

ANSWER_AT_MOST = 60 * 1024  # octets of an upstream's body
WITHIN = 5.0  # seconds that an errand takes at most, in all
AT_ONCE = 32  # errands of one network

_BROUGHT = struct.Struct("!BHH")  # what came of it, status, length of the content type
_END = b"\n"  # of the upstream's name


class Result(IntEnum):
    """What came of an errand."""

    ANSWERED = 0
    DEAD = 1
    """Nobody listens there, or no way leads there."""
    SLOW = 2
    LARGE = 3
    STRANGE = 4
    """It does not speak HTTP, or hung up in the middle."""
    UNLISTED = 5
    """The network's rules name no such upstream."""
    BUSY = 6
    LOST = 7
    """There is no forwarder."""


_RESULTS = {each.value for each in Result}


@dataclass(frozen=True, slots=True)
class Errand:
    """A request, and to whom it goes."""

    upstream: str
    """As a rule names it: "host:port"."""
    octets: bytes
    """A whole HTTP/1.1 request."""

    @classmethod
    def parse(cls, message: bytes) -> "Errand":
        name, _, octets = message.partition(_END)
        return cls(name.decode("ascii", "replace"), octets)

    def encode(self) -> bytes:
        return self.upstream.encode() + _END + self.octets

    @property
    def method(self) -> str:
        return self.octets.partition(b" ")[0].decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Brought:
    """What an upstream said, or why nothing came."""

    result: Result
    status: int = 0
    content_type: str = ""
    body: bytes = b""

    @classmethod
    def parse(cls, message: bytes | None) -> "Brought":
        """Read what the forwarder says; None is its silence."""
        if message is None or len(message) < _BROUGHT.size:
            return cls(Result.LOST)
        result, status, length = _BROUGHT.unpack_from(message)
        if result not in _RESULTS:
            return cls(Result.LOST)  # a forwarder of another version
        kind, body = (
            message[_BROUGHT.size :][:length],
            message[_BROUGHT.size + length :],
        )
        return cls(Result(result), status, kind.decode("latin-1"), body)

    def encode(self) -> bytes:
        kind = self.content_type.encode("latin-1")
        return _BROUGHT.pack(self.result, self.status, len(kind)) + kind + self.body
