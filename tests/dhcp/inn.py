"""A server with a pool that runs: the link and the disk are lists."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

import trio
import trio.testing

from dhcp.arp import EVERYONE
from dhcp.arp import PACKET
from dhcp.arp import REPLY
from dhcp.arp import TYPE_ARP
from dhcp.arp import TYPE_IPV4
from dhcp.arp import ArpPacket
from dhcp.codes import MessageType
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.frames import Frame
from dhcp.guards import Guards
from dhcp.hardware import HardwareAddress
from dhcp.lease import Hold
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.pool import Pool
from dhcp.responder import Responder
from dhcp.server import Answered
from dhcp.server import Event
from dhcp.server import serve
from dhcp.waiting import PROBE_WAIT
from dhcp.waiting import PROBES
from dhcp.waiting import Probed
from dhcp.waiting import Waiting

from .guest import SERVER_HARDWARE
from .guest import Guest
from .lodgers import GUEST
from .lodgers import pool_of
from .lodgers import server
from .room import RATE
from .room import ListPort

ALL_PROBES = PROBES * PROBE_WAIT + 0.01  # seconds
IMPOSTOR = HardwareAddress.parse("fa:16:3e:ff:ff:ff")


def claim(
    address: IPv4Address,
    hardware: HardwareAddress = IMPOSTOR,
    operation: int = REPLY,
    target: IPv4Address = NOWHERE,
) -> bytes:
    """Return the frame in which *hardware* says that it has *address*."""
    ends = (EVERYONE, hardware.octets, TYPE_ARP)
    kinds = (1, TYPE_IPV4, 6, 4, operation)
    who = (hardware.octets, address.packed, bytes(6), target.packed)
    return PACKET.pack(*ends, *kinds, *who)


@dataclass
class Link:
    """A link whose stations answer probes, if *listen* was called."""

    stations: dict[IPv4Address, HardwareAddress] = field(default_factory=dict)
    takes: bool = True
    listens: bool = False
    probes: list[IPv4Address] = field(default_factory=list)
    hardware: HardwareAddress = SERVER_HARDWARE
    _said: list[bytes] = field(default_factory=list)
    _heard: trio.Event = field(default_factory=trio.Event)

    def listen(self) -> None:
        self.listens = True

    def ignore(self) -> None:
        self.listens = False

    def say(self, *frames: bytes) -> None:
        if self.listens:
            self._said += frames
            self._heard.set()

    def send(self, frame: bytes) -> bool:
        if not self.takes:
            return False
        target = ArpPacket.parse(frame).target
        self.probes.append(target)
        self.say(frame)  # a packet socket hears what its own device sends
        if target in self.stations:
            self.say(claim(target, self.stations[target]))
        return True

    async def receive(self) -> list[bytes]:
        await self._heard.wait()
        self._heard = trio.Event()
        said, self._said = self._said, []
        return said


@dataclass
class Disk:
    """A journal that is a list; a slow disk waits for *turns*."""

    takes: bool = True
    written: list[Hold] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    slow: float = 0.0  # seconds

    async def write(self, holds: Sequence[Hold]) -> bool:
        await trio.sleep(self.slow)
        if self.takes:
            self.written += holds
            self.batches.append(len(holds))
        return self.takes


@dataclass
class Inn:
    """All that can be seen of a server with a pool."""

    responder: Responder
    port: ListPort = field(default_factory=ListPort)
    link: Link = field(default_factory=Link)
    disk: Disk = field(default_factory=Disk)
    events: list[Event] = field(default_factory=list)
    probed: list[Probed] = field(default_factory=list)

    @property
    def pool(self) -> Pool:
        return pool_of(self.responder)

    async def hear(self, *frames: bytes) -> None:
        """Let *frames* arrive together; return when nothing is left to be done now."""
        self.port.arrive(*frames)
        await trio.testing.wait_all_tasks_blocked()

    def said(self) -> list[Message]:
        """Return every message that was sent."""
        return [Message.parse(Frame.parse(each).payload) for each in self.port.sent]

    def decided(self) -> list[Reply | Silence]:
        return [each.decision for each in self.events if isinstance(each, Answered)]


def in_inn(scenario: Callable[[Inn], Awaitable[None]]) -> None:
    """Run *scenario* beside a server with a pool, on a clock that jumps."""

    async def main() -> None:
        inn = Inn(server())

        def observe(events: Iterable[Event], seconds: float) -> None:
            inn.events.extend(events)

        waiting = Waiting(
            inn.port,
            inn.link,
            inn.disk,
            inn.responder,
            inn.pool,
            observe,
            inn.probed.append,
        )
        guards = Guards(inn.responder.bindings.knows, known=RATE, unknown=RATE)
        async with trio.open_nursery() as nursery:
            await nursery.start(waiting.run)

            async def run(
                task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED,
            ) -> None:
                await serve(
                    inn.port,
                    inn.responder,
                    guards,
                    observe,
                    waiting=waiting,
                    task_status=task_status,
                )

            await nursery.start(run)
            await scenario(inn)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def frame(message: Message, guest: Guest = GUEST) -> bytes:
    return guest.frame(message, message.ciaddr)


async def boot(inn: Inn, guest: Guest = GUEST) -> IPv4Address:
    """Let *guest* have a lease."""
    await inn.hear(frame(guest.discover(), guest))
    await trio.sleep(ALL_PROBES)
    offered = inn.said()[-1].yiaddr
    await inn.hear(frame(guest.select(offered), guest))
    ack = inn.said()[-1]
    assert (ack.options.message_type, ack.yiaddr) == (MessageType.ACK, offered)
    return offered
