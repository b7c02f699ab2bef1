"""The packet socket, on a veth pair of its own: see wire.py."""

import errno
import os
import socket
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from dhcp.backlog import Received
from dhcp.errors import MalformedMessage
from dhcp.frames import Frame
from dhcp.port import FRAME_OCTETS
from dhcp.port import FRAMES
from dhcp.port import RawPort

from .guest import ADDRESS
from .guest import BROADCAST
from .guest import EVERYONE
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .guest import STRANGER
from .guest import Guest
from .guest import answer
from .guest import responder
from .namespace import in_namespace
from .namespace import ip
from .wire import CSUM_NOT_READY
from .wire import GUEST
from .wire import from_server
from .wire import port_and_peer
from .wire import receive
from .wire import seen

DISCOVER = Guest().frame(Guest().discover())


def patched(frame: bytes, at: int, digits: str) -> bytes:
    """Return *frame* with octets replaced, its IPv4 checksum made right again."""
    octets = bytearray(frame)
    new = bytes.fromhex(digits)
    octets[at : at + len(new)] = new
    octets[24:26] = b"\0\0"
    sum_of_header = int.from_bytes(octets[14:34], "big") % 0xFFFF
    octets[24:26] = (0xFFFF - sum_of_header).to_bytes(2, "big")
    return bytes(octets)


@pytest.mark.machine
@in_namespace
def test_a_burst_of_a_thousand_is_held() -> None:
    """dhcp 67, host H31: 1,000 DISCOVERs with nobody reading are all there."""
    with port_and_peer() as (port, peer):
        for number in range(1000):
            message = replace(Guest().discover(), xid=number)
            peer.send(Guest().frame(message))
        frames = receive(port, 1000)
        xids = [Frame.parse(frame).payload[4:8] for frame, _ in frames]
        assert xids == [number.to_bytes(4, "big") for number in range(1000)]
        assert port.lost() == 0


@pytest.mark.machine
@in_namespace
def test_a_full_ring_drops_and_counts() -> None:
    """dhcp 71, host H32: what a full ring drops is counted, and it goes on after."""
    with port_and_peer() as (port, peer):
        for _ in range(FRAMES + 50):
            peer.send(DISCOVER)
        assert len(receive(port, FRAMES)) == FRAMES
        assert port.lost() == 50
        assert port.lost() == 0
        peer.send(DISCOVER)
        assert receive(port)[0][0] == DISCOVER


def unfit() -> dict[str, bytes]:
    """Return frames that the filter has to drop."""
    vlan = DISCOVER[:12] + bytes.fromhex("81000064") + DISCOVER[12:]
    unicast = replace(Frame.parse(DISCOVER), destination_hardware=STRANGER)
    return {
        "a frame of VLAN 100": vlan,
        "a unicast to another MAC": unicast.pack(),
        "ARP": DISCOVER[:12] + b"\x08\x06" + DISCOVER[14:],
        "IPv6": DISCOVER[:12] + b"\x86\xdd" + DISCOVER[14:],
        "TCP": patched(DISCOVER, 23, "06"),
        "a later fragment": patched(DISCOVER, 20, "0001"),
        "port 68": replace(Frame.parse(DISCOVER), destination_port=68).pack(),
        "port 66": replace(Frame.parse(DISCOVER), destination_port=66).pack(),
        "port 67 only as source": replace(
            Frame.parse(DISCOVER), source_port=67, destination_port=53
        ).pack(),
    }


@pytest.mark.machine
@in_namespace
def test_only_dhcp_to_servers_gets_in() -> None:
    """dhcp 1, 11, host H30: UDP to port 67, to us or all; no VLAN, no fragment."""
    with port_and_peer() as (port, peer):
        to_us = replace(
            Frame.parse(DISCOVER),
            destination_hardware=SERVER_HARDWARE,
            destination=SERVER,
        ).pack()
        longer = DISCOVER[:14] + b"\x46" + DISCOVER[15:34] + b"\1" * 4 + DISCOVER[34:]
        for frame in unfit().values():
            peer.send(frame)
        for frame in (to_us, longer, DISCOVER):
            peer.send(frame)
        assert [frame for frame, _ in receive(port, 3)] == [to_us, longer, DISCOVER]
        assert port.lost() == 0


@pytest.mark.machine
@in_namespace
def test_large_frames_are_read_and_larger_ones_counted() -> None:
    """dhcp 2: a message that fills 1,500 octets and more is whole; one that is larger
    than the ring's frame is malformed, and so counted."""
    assert FRAME_OCTETS >= 4096
    with port_and_peer() as (port, peer):
        for octets in (1500, 3900, 8000):
            payload = Guest().discover().pack().ljust(octets - 28, b"\0")
            peer.send(replace(Frame.parse(DISCOVER), payload=payload).pack())
        (full, _), (large, _), (cut, _) = receive(port, 3)
        assert len(Frame.parse(full).payload) == 1472
        assert len(Frame.parse(large).payload) == 3872
        with pytest.raises(MalformedMessage, match="total length"):
            Frame.parse(cut)


@pytest.mark.machine
@in_namespace
def test_a_checksum_that_the_kernel_left_open_is_marked() -> None:
    """dhcp 11, host H33: a guest's own kernel leaves the checksum to a device that is
    never passed; the frame says so, and is read."""
    with port_and_peer() as (port, peer):
        ip(f"addr add {ADDRESS}/24 dev outer0")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"outer0")
        udp.bind(("", 68))
        udp.sendto(Guest().discover().pack(), (str(EVERYONE), 67))
        peer.send(DISCOVER)
        (partial, partly), (_, wholly) = receive(port, 2)
        udp.close()
        assert (partly, wholly) == (False, True)
        with pytest.raises(MalformedMessage, match="checksum"):
            Frame.parse(partial)
        frame = Frame.parse(partial, checksum_ready=partly)
        assert frame.payload == Guest().discover().pack()


@pytest.mark.machine
@in_namespace
def test_the_checksum_is_whole_on_the_wire() -> None:
    """dhcp 43, 42, 44: an answer leaves our device with its checksum filled in, from
    our MAC and address, TTL 64, and is read whole at the other end."""
    with port_and_peer() as (port, peer):
        reply = answer(responder(), Guest().discover())
        sent = Frame(SERVER_HARDWARE, GUEST, SERVER, ADDRESS, 67, 68, reply.payload)
        assert port.hardware == SERVER_HARDWARE
        assert port.send(sent.pack())
        frame, status = seen(peer, from_server)
        assert not status & CSUM_NOT_READY
        assert Frame.parse(frame) == sent
        assert frame[40:42] != b"\0\0"
        assert frame[22] == 64
        assert frame[20:22] == b"\0\0"


@pytest.mark.machine
@in_namespace
def test_a_unicast_renewal_is_met_with_no_icmp() -> None:
    """dhcp 44, host H34: a UDP socket is bound beside the packet socket, so that the
    kernel never says "port unreachable"; without it, it does."""
    with port_and_peer() as (port, peer):
        renewal = Frame(
            GUEST, SERVER_HARDWARE, ADDRESS, SERVER, 68, 67, Guest().renew().pack()
        )
        elsewhere = replace(renewal, destination_port=66)
        answered = []
        for frame in (renewal, renewal, elsewhere):
            peer.send(frame.pack())
        # the kernel answers in order: what comes first is about port 66
        icmp, _ = seen(peer, lambda frame: from_server(frame) and frame[23] == 1)
        answered.append(int.from_bytes(icmp[64:66], "big"))
        assert answered == [66]
        assert [Frame.parse(frame) for frame, _ in receive(port, 2)] == [renewal] * 2
        for silent in port._silent:
            with pytest.raises(BlockingIOError):
                silent.recv(1, socket.MSG_DONTWAIT)
        port.close()
        peer.send(renewal.pack())
        icmp, _ = seen(peer, lambda frame: from_server(frame) and frame[23] == 1)
        assert int.from_bytes(icmp[64:66], "big") == 67


@pytest.mark.machine
@in_namespace
def test_a_device_that_is_down_is_waited_for() -> None:
    """dhcp 44: while the device is down nothing is sent; up again, all goes on."""

    async def main() -> None:
        with port_and_peer() as (port, peer):
            ip("link set inner0 down")
            assert port.send(DISCOVER) is False
            with trio.move_on_after(0.2) as waiting:
                await port.wait()
            assert waiting.cancelled_caught
            ip("link set inner0 up")
            frames: list[Received] = []
            with trio.fail_after(10):
                while not frames:  # a link takes a moment to have a carrier
                    peer.send(DISCOVER)
                    with trio.move_on_after(0.05):
                        await port.wait()
                    frames = port.drain()
            assert frames[0][0] == DISCOVER
            assert port.send(DISCOVER)

    trio.run(main)


def removed_after(*commands: str) -> None:
    """Remove the device after ip(8) has run *commands*, with a task waiting for it."""

    async def main() -> None:
        with port_and_peer() as (port, _):

            async def wait() -> None:
                with pytest.raises(OSError, match="gone") as caught:
                    await port.wait()
                assert caught.value.errno == errno.ENODEV

            with trio.fail_after(5):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(wait)
                    for command in (*commands, "link del outer0"):
                        await trio.testing.wait_all_tasks_blocked(0.05)
                        ip(command)
            with pytest.raises(OSError, match=r"No such device"):
                port.send(DISCOVER)

    trio.run(main)


@pytest.mark.machine
@in_namespace
def test_a_device_that_is_removed_is_an_error() -> None:
    """dhcp 44: a device that is gone ends the wait, and each send, with an OSError."""
    removed_after()


@pytest.mark.machine
@in_namespace
def test_a_device_that_is_down_and_then_removed_is_an_error() -> None:
    """dhcp 44: the kernel says nothing of the removal of a device that is down: the
    port looks."""
    removed_after("link set inner0 down")


@pytest.mark.machine
@in_namespace
def test_a_frame_too_large_for_the_link_is_not_sent() -> None:
    """dhcp 42: a frame over the link's MTU is refused, and the port stays usable."""
    with port_and_peer() as (port, peer):
        ip("link set inner0 mtu 1500")
        frame = Frame(SERVER_HARDWARE, BROADCAST, SERVER, EVERYONE, 67, 68, bytes(1473))
        assert port.send(frame.pack()) is False
        fits = replace(frame, payload=bytes(1472)).pack()
        assert port.send(fits)
        assert seen(peer, from_server)[0] == fits


@pytest.mark.machine
@in_namespace
def test_what_fails_to_open_leaves_nothing_open() -> None:
    """dhcp 44: no such device, no such address, port 67 in use: OSError; all closed."""
    with port_and_peer():
        before = len(open_files())
        for device, address in (
            ("nothing0", SERVER),
            ("inner0", IPv4Address("10.9.9.9")),
            ("inner0", SERVER),  # the port of this test holds it
        ):
            with pytest.raises(OSError, match=r"\[Errno"):
                RawPort.open(device, [address])
        assert len(open_files()) == before


def open_files() -> list[str]:
    return os.listdir("/proc/self/fd")
