"""The server on a real device, a guest at the other end of the veth: see wire.py."""

import socket
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
import trio

from dhcp.codes import MessageType
from dhcp.frames import Frame
from dhcp.guards import Guards
from dhcp.message import Message
from dhcp.responder import Responder
from dhcp.server import Event
from dhcp.server import serve

from .guest import ADDRESS
from .guest import BINDING
from .guest import BROADCAST
from .guest import MAC
from .guest import SERVER
from .guest import SERVER_HARDWARE
from .guest import WRONG
from .guest import Guest
from .guest import responder
from .namespace import in_namespace
from .room import RATE
from .wire import from_server
from .wire import port_and_peer

Ask = Callable[[bytes], Awaitable[Frame]]


def beside_a_server(
    scenario: Callable[[Ask, Responder, list[Event]], Awaitable[None]],
) -> None:
    """Run *scenario* with a way to ask, and to hear the next thing that we say."""

    async def main() -> None:
        with port_and_peer() as (port, peer):
            peer.setblocking(False)
            server, events = responder(), list[Event]()

            async def ask(frame: bytes) -> Frame:
                peer.send(frame)
                with trio.fail_after(5):
                    return Frame.parse(await hear(peer))

            async with trio.open_nursery() as nursery:
                guards = Guards(server.bindings.knows, known=RATE, unknown=RATE)

                def observe(turn: Sequence[Event], seconds: float) -> None:
                    events.extend(turn)

                await nursery.start(serve, port, server, guards, observe)
                await scenario(ask, server, events)
                nursery.cancel_scope.cancel()
            assert port.lost() == 0

    trio.run(main)


async def hear(peer: socket.socket) -> bytes:
    """Return the next IPv4 frame of the server's, whatever it is."""
    while True:
        await trio.lowlevel.wait_readable(peer)
        frame = peer.recv(9216)
        if from_server(frame):
            return frame


@pytest.mark.machine
@in_namespace
def test_a_guest_boots_renews_and_is_told_off() -> None:
    """dhcp 17, 25, 27, 38, 43, 44: DISCOVER, REQUEST, a unicast renewal and a NAK over
    a real device: each is answered once, with whole checksums, and by no ICMP."""

    async def scenario(ask: Ask, server: Responder, events: list[Event]) -> None:
        guest = Guest()
        renewal = Frame(
            MAC, SERVER_HARDWARE, ADDRESS, SERVER, 68, 67, guest.renew().pack()
        )
        said = [
            await ask(guest.frame(guest.discover())),
            await ask(guest.frame(guest.select())),
            await ask(renewal.pack()),
            await ask(guest.frame(guest.renew(), ADDRESS)),
            await ask(guest.frame(guest.reboot(WRONG))),
        ]
        kinds = [Message.parse(each.payload).options.message_type for each in said]
        assert kinds == [
            MessageType.OFFER,
            MessageType.ACK,
            MessageType.ACK,
            MessageType.ACK,
            MessageType.NAK,
        ]
        assert [each.destination_hardware for each in said] == [MAC] * 4 + [BROADCAST]
        assert {(each.source_hardware, each.source) for each in said} == {
            (SERVER_HARDWARE, SERVER)
        }
        assert len(events) == 5
        assert all(
            event[2] if isinstance(event, tuple) else getattr(event, "sent", False)
            for event in events
        )

    beside_a_server(scenario)


@pytest.mark.machine
@in_namespace
def test_a_thousand_changes_lose_nothing() -> None:
    """dhcp 67: through 1,000 changes of the table, each DISCOVER is answered, and the
    first one after a change with what has changed."""

    async def scenario(ask: Ask, server: Responder, events: list[Event]) -> None:
        for number in range(1000):
            address = IPv4Address(f"10.0.0.{10 + number % 200}")
            server.bindings.put(replace(BINDING, address=address))
            discover = replace(Guest().discover(), xid=number)
            offer = Message.parse((await ask(Guest().frame(discover))).payload)
            assert (offer.xid, offer.yiaddr) == (number, address)
        assert len(events) == 1000

    beside_a_server(scenario)
