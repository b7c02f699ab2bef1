"""The variable part of a message: options, as RFC 2131 section 4.1 carries them.

An option is a code, a length and a value.  A code that comes more than once is one
long value in pieces (RFC 3396): joined here when read, split here when written, so
nobody else knows of it.  Option 52 lends the fields `file` and `sname` to options.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address
from typing import Self

from .codes import MessageType
from .codes import OptionCode
from .errors import MalformedMessage

PIECE_AT_MOST = 255  # octets of one option's value

# Octets that the value must have (RFC 2132 and the option's own RFC).  A value of
# another length is treated as absent; option 53 is the exception: the message goes.
LENGTHS = {
    OptionCode.REQUESTED_IP_ADDRESS: 4,
    OptionCode.LEASE_TIME: 4,
    OptionCode.OVERLOAD: 1,
    OptionCode.MESSAGE_TYPE: 1,
    OptionCode.SERVER_ID: 4,
    OptionCode.MAXIMUM_MESSAGE_SIZE: 2,
    OptionCode.RENEWAL_TIME: 4,
    OptionCode.REBINDING_TIME: 4,
    OptionCode.RAPID_COMMIT: 0,
    OptionCode.AUTO_CONFIGURE: 1,
}
CLIENT_ID_AT_LEAST = 2  # octets (RFC 2132 section 9.14)


@dataclass(frozen=True, slots=True)
class Options:
    """Options by code, joined, in the order of their first appearance."""

    values: Mapping[int, bytes] = field(default_factory=dict)
    ignored: tuple[int, ...] = ()
    """Codes whose value has a length that they cannot have."""

    @classmethod
    def parse(cls, options: bytes, file: bytes = b"", sname: bytes = b"") -> Self:
        """Read the options field, then what option 52 says of file and sname.

        Raises MalformedMessage for a value that runs past its field, and for an
        option 53 that is not one octet.
        """
        values: dict[int, bytes] = {}
        _collect(options, "options", values)
        overload = values.get(OptionCode.OVERLOAD, b"")
        if len(overload) == 1 and overload[0] in (1, 2, 3):
            if overload[0] & 1:
                _collect(file, "file", values)
            if overload[0] & 2:
                _collect(sname, "sname", values)
            values[OptionCode.OVERLOAD] = (
                overload  # one inside file or sname is not ours
            )
        if len(values.get(OptionCode.MESSAGE_TYPE, b"\0")) != 1:
            raise MalformedMessage("option 53", "is not one octet")
        ignored = tuple(
            code for code, value in values.items() if _unusable(code, value)
        )
        for code in ignored:
            del values[code]
        return cls(values, ignored)

    def __contains__(self, code: int) -> bool:
        return code in self.values

    def __getitem__(self, code: int) -> bytes:
        return self.values[code]

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self.values.items())

    def get(self, code: int) -> bytes | None:
        return self.values.get(code)

    def address(self, code: int) -> IPv4Address | None:
        """Return the option as one address; None where it is absent."""
        value = self.values.get(code)
        return None if value is None else IPv4Address(value)

    def number(self, code: int) -> int | None:
        """Return the option as a number; None where it is absent."""
        value = self.values.get(code)
        return None if value is None else int.from_bytes(value, "big")

    @property
    def message_type(self) -> int | None:
        """Option 53 as it came: a number that may have no name."""
        value = self.values.get(OptionCode.MESSAGE_TYPE)
        return None if value is None else value[0]


@dataclass(frozen=True, slots=True)
class Span:
    """Where one option's value is in a block."""

    code: int
    start: int
    stop: int


def find_spans(block: bytes, at: int = 0) -> list[Span]:
    """Return the options of *block* from octet *at* on, up to END.

    Raises MalformedMessage for one that runs past the block.
    """
    found, end = [], len(block)
    while at < end and block[at] != 255:
        code = block[at]
        at += 1
        if code == 0:
            continue
        if at == end or at + 1 + block[at] > end:
            raise MalformedMessage(f"octet {at}", f"option {code} runs past the end")
        found.append(Span(code, at + 1, at + 1 + block[at]))
        at = found[-1].stop
    return found


def _collect(block: bytes, where: str, values: dict[int, bytes]) -> None:
    at, end = 0, len(block)
    while at < end:
        code = block[at]
        at += 1
        if code == 0:
            continue
        if code == 255:
            return
        if at == end or at + 1 + block[at] > end:
            raise MalformedMessage(
                f"{where}, octet {at}", f"option {code} runs past it"
            )
        stop = at + 1 + block[at]
        value = block[at + 1 : stop]
        values[code] = values[code] + value if code in values else value
        at = stop


def _unusable(code: int, value: bytes) -> bool:
    if code == OptionCode.CLIENT_ID:
        return len(value) < CLIENT_ID_AT_LEAST
    length = LENGTHS.get(code)  # type: ignore[call-overload] # IntEnum keys are ints
    return length is not None and len(value) != length


def encode_option(code: int, value: bytes) -> bytes:
    """Return one option, its value split where it is over 255 octets (RFC 3396)."""
    if len(value) <= PIECE_AT_MOST:
        return bytes((code, len(value))) + value
    pieces = range(0, len(value), PIECE_AT_MOST)
    return b"".join(
        bytes((code, len(piece))) + piece
        for piece in (value[at : at + PIECE_AT_MOST] for at in pieces)
    )


def encode_options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the options one after the other, without an END."""
    return b"".join(encode_option(code, value) for code, value in options)


def message_type_name(number: int | None) -> str:
    """Return a word for logs and metrics: a closed set."""
    if number is None:
        return "BOOTP"
    try:
        return MessageType(number).name
    except ValueError:
        return "OTHER"
