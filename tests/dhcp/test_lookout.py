"""The socket that watches other servers: what gets in, and that it takes its time."""

import os
import socket
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.frames import Frame
from dhcp.hardware import HardwareAddress
from dhcp.lookout import FRAMES_AT_ONCE
from dhcp.lookout import PAUSE
from dhcp.lookout import Lookout
from dhcp.lookout import watch
from dhcp.message import Message
from dhcp.options import Options

from .guest import ADDRESS
from .guest import BROADCAST
from .guest import EVERYONE
from .guest import MAC
from .guest import OTHER_SERVER
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .guest import STRANGER
from .guest import Guest
from .namespace import in_namespace
from .namespace import ip
from .wire import port_and_peer

Seen = list[tuple[IPv4Address, HardwareAddress]]

OFFER = Message(
    op=Op.BOOTREPLY,
    chaddr=MAC.octets,
    yiaddr=ADDRESS,
    options=Options({53: bytes([MessageType.OFFER]), 54: OTHER_SERVER.packed}),
)
FRAME = Frame(STRANGER, BROADCAST, OTHER_SERVER, EVERYONE, 67, 68, OFFER.pack())


class Endless:
    """A link that has always another frame."""

    def __init__(self, frame: bytes) -> None:
        self.frame = frame

    async def receive(self) -> list[bytes]:
        await trio.lowlevel.checkpoint()
        return [self.frame] * FRAMES_AT_ONCE


def watched(octets: bytes, seconds: float) -> Seen:
    """Return whom the watch sees on a link that has always another frame."""
    seen: Seen = []

    async def main() -> None:
        with trio.move_on_after(seconds):
            await watch(Endless(octets), lambda *each: seen.append(each))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return seen


def test_a_flood_takes_no_more_than_its_share() -> None:
    """dhcp 71, 72: so many frames are looked at in a second, and no more."""
    seen = watched(FRAME.pack(), 9.5 * PAUSE)
    assert seen == [(OTHER_SERVER, STRANGER)] * (10 * FRAMES_AT_ONCE)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        FRAME.pack()[:-40],
        replace(FRAME, payload=b"").pack(),
        replace(FRAME, payload=Guest().discover().pack()).pack(),
    ],
    ids=["nothing", "cut", "empty", "a client's"],
)
def test_what_is_no_answer_is_passed_over(octets: bytes) -> None:
    """dhcp 12, 72: garbage ends nothing and is no server; nor is a client."""
    assert watched(octets, 2.5 * PAUSE) == []


@contextmanager
def lookout_and_peer() -> Iterator[tuple[Lookout, socket.socket]]:
    with port_and_peer() as (port, peer):
        lookout = Lookout.open("inner0", port.hardware)
        try:
            yield lookout, peer
        finally:
            lookout.close()


def until(lookout: Lookout, count: int) -> list[bytes]:
    """Return the next *count* frames."""

    async def collect() -> list[bytes]:
        frames: list[bytes] = []
        with trio.fail_after(5):
            while len(frames) < count:
                frames += await lookout.receive()
        return frames

    return trio.run(collect)


@pytest.mark.machine
@in_namespace
def test_only_what_others_say_to_clients_gets_in() -> None:
    """dhcp 72: UDP 67 to 68, broadcast or to us, whole, not from our own MAC."""
    unfit: dict[str, Callable[[], bytes]] = {
        "to a server": replace(FRAME, destination_port=67).pack,
        "from a client's port": replace(FRAME, source_port=68).pack,
        "for another station": replace(FRAME, destination_hardware=MAC).pack,
        "our own": replace(FRAME, source_hardware=SERVER_HARDWARE).pack,
        "a fragment": lambda: FRAME.pack()[:20] + b"\x20\0" + FRAME.pack()[22:],
        "TCP": lambda: FRAME.pack()[:23] + b"\6" + FRAME.pack()[24:],
        "another VLAN": lambda: (
            FRAME.pack()[:12] + bytes.fromhex("81000064") + FRAME.pack()[12:]
        ),
    }
    octets = SERVER_HARDWARE.octets
    fit = [
        FRAME,
        replace(FRAME, destination_hardware=SERVER_HARDWARE),
        # each half of our MAC is another's too
        replace(FRAME, source_hardware=HardwareAddress(octets[:4] + b"\7\7")),
        replace(FRAME, source_hardware=HardwareAddress(b"\2\7\7\7" + octets[4:])),
    ]
    with lookout_and_peer() as (lookout, peer):
        for pack in unfit.values():
            peer.send(pack())
        for frame in fit:
            peer.send(frame.pack())
        assert until(lookout, len(fit)) == [frame.pack() for frame in fit]


@pytest.mark.machine
@in_namespace
def test_our_own_answers_are_not_seen() -> None:
    """dhcp 72: what the socket beside it sends is no other server's."""
    with port_and_peer() as (port, peer):
        lookout = Lookout.open("inner0", port.hardware)
        ours = replace(FRAME, source_hardware=port.hardware, source=SERVER)
        assert port.send(ours.pack())
        peer.send(FRAME.pack())
        assert until(lookout, 1) == [FRAME.pack()]
        lookout.close()


@pytest.mark.machine
@in_namespace
def test_a_checksum_that_is_left_to_a_device_is_no_fault() -> None:
    """dhcp 11, 72: another server on this host sends through its own kernel."""
    with lookout_and_peer() as (lookout, _):
        ip(f"addr add {OTHER_SERVER}/24 dev outer0")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"outer0")
        udp.bind((str(OTHER_SERVER), 67))
        udp.sendto(OFFER.pack(), (str(EVERYONE), 68))
        seen: Seen = []

        async def main() -> None:
            with trio.move_on_after(5) as scope:

                def see(server_id: IPv4Address, hardware: HardwareAddress) -> None:
                    seen.append((server_id, hardware))
                    scope.cancel()

                await watch(lookout, see)

        trio.run(main)
        udp.close()
        assert seen == [(OTHER_SERVER, HardwareAddress.parse(str(MAC)))]


@pytest.mark.machine
@in_namespace
def test_what_is_too_much_is_dropped_and_a_device_may_be_down() -> None:
    """dhcp 71, 72: a burst fills a small buffer and no more; down and up, it sees."""
    with lookout_and_peer() as (lookout, peer):
        for _ in range(2000):
            peer.send(FRAME.pack())
        counts: list[int] = []

        async def drain() -> None:
            with trio.move_on_after(1):
                while True:
                    counts.append(len(await lookout.receive()))

        trio.run(drain)
        assert max(counts) == FRAMES_AT_ONCE < sum(counts) < 1000
        ip("link set inner0 down")
        ip("link set inner0 up")
        trio.run(drain)  # it says once that the link was down

        async def seen_again() -> None:
            with trio.fail_after(5):
                while True:
                    peer.send(FRAME.pack())  # a link takes a moment to have a carrier
                    with trio.move_on_after(0.05):
                        if await lookout.receive():
                            return

        trio.run(seen_again)


@pytest.mark.machine
@in_namespace
def test_what_fails_to_open_leaves_nothing_open() -> None:
    with port_and_peer():
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(OSError, match=r"\[Errno") as caught:
            Lookout.open("nothing0", SERVER_HARDWARE)
        assert caught.tb  # what it holds is not let go by chance
        assert len(os.listdir("/proc/self/fd")) == before
