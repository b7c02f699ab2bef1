"""What is remembered is what is decided, for whatever may be in a frame.

dhcp.memory looks at octets by their place; here they are not where it looks.
"""

from dataclasses import replace

import pytest

from dhcp.frames import Frame
from dhcp.message import Message

from .corpus import MALFORMED
from .corpus import VALID
from .guest import EVERYONE
from .guest import MAC
from .guest import Guest
from .twins import GUESTS
from .twins import Twins
from .twins import as_sent_by
from .twins import framed
from .twins import sealed


def with_ipv4_options(frame: bytes, options: bytes) -> bytes:
    """Return *frame* with a longer IPv4 header."""
    longer = bytearray(frame[:34] + options + frame[34:])
    longer[14] = 0x45 + len(options) // 4
    longer[16:18] = (int.from_bytes(frame[16:18], "big") + len(options)).to_bytes(2)
    return sealed(bytes(longer))


@pytest.mark.parametrize("packet", VALID | MALFORMED)
def test_the_corpus_is_remembered_as_it_was_decided(packet: str) -> None:
    """dhcp 22: what one guest has taught is told to the others, each its own."""
    whole = framed((VALID | MALFORMED)[packet])
    twins = Twins()
    for guest in GUESTS * 2:
        twins.hear(sealed(as_sent_by(guest, whole)))


@pytest.mark.parametrize("trailer", [b"\0", b"\x63\xff", bytes(18), b"\x3d" * 9])
def test_octets_behind_the_datagram_are_not_its(trailer: bytes) -> None:
    """dhcp 5, 12: what a link adds behind a datagram is neither read nor remembered."""
    twins = Twins()
    for packet in ("dhclient discover", "networkd discover", "odd no_end"):
        frame = framed(VALID[packet])
        for each in (frame + trailer, frame, frame + trailer):
            assert len(twins.hear(each)) == 1


@pytest.mark.parametrize("options", [b"\1" * 4, b"\x94\4\0\0", b"\x63\xff" * 20])
def test_a_header_with_options_is_read_behind_them(options: bytes) -> None:
    """dhcp 12: IPv4 options move the message, and nothing else."""
    twins = Twins()
    for packet in ("dhclient discover", "networkd discover", "windows renew"):
        frame = framed(VALID[packet])
        moved = with_ipv4_options(frame, options)
        for each in (moved, frame, moved):
            assert len(twins.hear(each)) == 1


def test_a_guest_that_calls_itself_everyone() -> None:
    """dhcp 39: an answer to ciaddr 255.255.255.255 is for chaddr's station."""
    guest = Guest(broadcast=True)
    message = replace(guest.discover(), ciaddr=EVERYONE)
    frame = framed(replace(message).pack())
    source = frame[:26] + bytes(4) + frame[30:]
    twins = Twins()
    for _ in range(2):
        (answered,) = twins.hear(sealed(source))
        assert Frame.parse(answered).destination_hardware == MAC
    assert Message.parse(Frame.parse(frame).payload).ciaddr == EVERYONE
