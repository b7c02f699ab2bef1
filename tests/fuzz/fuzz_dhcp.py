"""What a guest can send to port 67, by coverage: python -m tests.fuzz.fuzz_dhcp NAME S.

NAME is a target: message, options or frame.  Whatever comes is malformed or decided
on; what is read is written, and read again, the same; and what the daemon remembers
is what the responder says.
"""

import sys

import atheris  # type: ignore[import-untyped] # it ships no types

with atheris.instrument_imports(include=["dhcp"]):
    from dhcp.errors import MalformedMessage
    from dhcp.message import Message
    from dhcp.option_text import describe_option
    from dhcp.options import Options
    from dhcp.options import encode_options
    from tests.dhcp import verdict
    from tests.dhcp.corpus import MALFORMED
    from tests.dhcp.corpus import VALID
    from tests.dhcp.twins import GUESTS
    from tests.dhcp.twins import STEP
    from tests.dhcp.twins import Twins
    from tests.dhcp.twins import as_sent_by
    from tests.dhcp.twins import framed
    from tests.dhcp.twins import sealed
    from tests.dhcp.twins import talkative

from tests.fuzz.fuzzing import fuzz

PACKETS = (*VALID.values(), *MALFORMED.values())
LENT_OCTETS = 192  # of the fields file and sname


class MessageTarget:
    """A message is decided on, and is the same when it is written and read again."""

    seeds = PACKETS
    octets_at_most = 1500

    def __init__(self) -> None:
        self._server = talkative()
        self._now = 0.0

    def __call__(self, octets: bytes) -> None:
        self._now += STEP
        verdict.of_message(self._server, octets, now=self._now)
        try:
            message = verdict.plain(Message.parse(octets))
        except MalformedMessage:
            return
        assert Message.parse(message.pack()) == message


class OptionsTarget:
    """Options are read from their three fields; joined and written they are the same.

    The first octets are the fields file and sname.
    """

    seeds = tuple(
        octets[108:236] + octets[44:108] + octets[240:]
        for octets in PACKETS
        if len(octets) >= 240
    )
    octets_at_most = 1500

    def __call__(self, octets: bytes) -> None:
        lent = octets[:LENT_OCTETS].ljust(LENT_OCTETS, b"\0")
        block = octets[LENT_OCTETS:]
        try:
            options = Options.parse(block, lent[:128], lent[128:])
        except MalformedMessage:
            return
        joined = {code: value for code, value in options if code != 52}
        again = Options.parse(encode_options(joined.items()))
        assert again == Options(joined)
        assert not set(options.ignored) & options.values.keys()
        for code, value in options:
            assert describe_option(code, value).isprintable() or not value


class FrameTarget:
    """A frame is decided on, and a server that remembers sends what another says."""

    seeds = tuple(framed(octets) for octets in PACKETS)
    octets_at_most = 1514

    def __init__(self) -> None:
        self._twins = Twins()

    def __call__(self, octets: bytes) -> None:
        self._twins.hear(octets)
        whole = sealed(octets)
        self._twins.hear(whole)
        for guest in GUESTS:  # what one has taught is told to the others
            self._twins.hear(sealed(as_sent_by(guest, whole)))


Target = MessageTarget | OptionsTarget | FrameTarget
TARGETS: dict[str, type[Target]] = {
    "message": MessageTarget,
    "options": OptionsTarget,
    "frame": FrameTarget,
}


def main(name: str, seconds: int) -> None:
    """Try for *seconds*; libFuzzer ends the process."""
    target: Target = TARGETS[name]()
    fuzz(target, target.seeds, seconds=seconds, octets_at_most=target.octets_at_most)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60)
