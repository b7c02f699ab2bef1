"""What waits, beside the server that never does: ARP probes, and leases on their way
to the disk.

A message whose address somebody may have is decided again when that is known (RFC
2131 section 2.2 and 3.1; RFC 5227 section 2.1.1), so that its client gets an answer
without asking twice.  An ACK to a client of the pool leaves when its lease is written,
and never else.
"""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address
from time import perf_counter
from typing import Protocol

import trio

from .arp import ArpPacket
from .arp import probe
from .decision import Probe
from .decision import Reason
from .decision import Reply
from .decision import Silence
from .decision import Verdict
from .destination import Arrival
from .errors import MalformedMessage
from .hardware import HardwareAddress
from .lease import Hold
from .message import Message
from .pool import Pool
from .responder import Responder
from .server import Answered
from .server import Deferred
from .server import Observer
from .server import Port
from .server import enclose

PROBES = 2  # packets
PROBE_WAIT = 0.2  # seconds after each
PROBES_AT_ONCE = 64  # addresses
ADDRESSES_AT_MOST = 8  # that are probed for one message
MESSAGES_AT_MOST = 1024  # that wait for the disk


class ArpPort(Protocol):
    """What carries ARP: `arp_port.ArpPort`, or lists in a test."""

    hardware: HardwareAddress

    def listen(self) -> None: ...

    def ignore(self) -> None: ...

    async def receive(self) -> list[bytes]: ...

    def send(self, frame: bytes) -> bool: ...


class Ledger(Protocol):
    """What keeps leases on disk."""

    async def write(self, holds: Sequence[Hold]) -> bool:
        """Keep what became of addresses; False where the disk refuses it."""
        ...


class Outcome(Enum):
    """What a probe has found."""

    FREE = "free"
    IN_USE = "in_use"
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Probed:
    """An address was probed."""

    address: IPv4Address
    outcome: Outcome
    holder: HardwareAddress | None
    """Who has it."""


@dataclass(slots=True)
class Asked:
    """An address that is asked about, and the message that waits for the answer."""

    request: Message
    arrival: Arrival
    left: int
    """How many more addresses are tried for this message."""
    holder: HardwareAddress | None = None
    """Who else than the client has answered."""
    answered: trio.Event = field(default_factory=trio.Event)


@dataclass(frozen=True, slots=True)
class Unwritten:
    """An ACK that waits for its lease to be written."""

    request: Message
    arrival: Arrival
    reply: Reply
    lease: Hold


class Waiting:
    """Probes and leases of one network.

    Resource handling: `run` ends what it has begun; *arp* is closed by who opened it.
    """

    def __init__(
        self,
        port: Port,
        arp: ArpPort,
        ledger: Ledger,
        responder: Responder,
        pool: Pool,
        observe: Observer,
        report: Callable[[Probed], None],
        *,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._port = port
        self._arp = arp
        self._ledger = ledger
        self._responder = responder
        self._pool = pool
        self._observe = observe
        self._report = report
        self._clock = clock
        self._asked: dict[IPv4Address, Asked] = {}
        self._unwritten: list[Unwritten] = []
        self._wake = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def run(
        self, *, task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve what waits, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._hear)
            nursery.start_soon(self._write)
            task_status.started()

    def take(
        self, request: Message, arrival: Arrival, decision: Probe | Reply
    ) -> Answered | Deferred:
        """Take a message over that cannot be answered at once."""
        if isinstance(decision, Probe):
            return self._ask(request, arrival, decision, ADDRESSES_AT_MOST)
        assert decision.lease is not None  # else nothing has to be waited for
        if len(self._unwritten) >= MESSAGES_AT_MOST:
            silence = Silence(Reason.UNRECORDED, "the disk is too slow")
            return Answered(request, arrival, silence, sent=False)
        lease = decision.lease.begin(self._clock())
        self._unwritten.append(Unwritten(request, arrival, decision, lease))
        self._wake.set()
        return Deferred()

    def flush(self) -> None:
        """Have written what became of leases without an answer."""
        if self._pool.facts:
            self._wake.set()

    def _ask(
        self, request: Message, arrival: Arrival, decision: Probe, left: int
    ) -> Answered | Deferred:
        asked = self._asked.get(decision.address)
        if asked is not None:  # the client is impatient: its last message counts
            asked.request, asked.arrival = request, arrival
            return Deferred()
        if self._nursery is None or not left or len(self._asked) >= PROBES_AT_ONCE:
            self._pool.let_go(decision.hardware)
            silence = Silence(Reason.PROBES_BUSY)
            return Answered(request, arrival, silence, sent=False)
        if not self._asked:
            self._arp.listen()
        self._asked[decision.address] = Asked(request, arrival, left - 1)
        self._nursery.start_soon(self._find_out, decision)
        return Deferred()

    async def _find_out(self, wanted: Probe) -> None:
        asked = self._asked[wanted.address]
        outcome = await self._probe(wanted, asked)
        del self._asked[wanted.address]
        if not self._asked:
            self._arp.ignore()
        started = perf_counter()
        if outcome is Outcome.UNSENT:
            self._pool.let_go(wanted.hardware)
        else:
            in_use = outcome is Outcome.IN_USE
            now = self._clock()
            self._pool.judge(wanted.hardware, wanted.address, now, in_use=in_use)
        self._report(Probed(wanted.address, outcome, asked.holder))
        event: Answered | Deferred
        if outcome is Outcome.UNSENT:
            silence = Silence(Reason.PROBES_BUSY, "the device takes no probe")
            event = Answered(asked.request, asked.arrival, silence, sent=False)
        else:
            event = self._decide_again(asked)
        self._observe([event], perf_counter() - started)
        self.flush()

    async def _probe(self, wanted: Probe, asked: Asked) -> Outcome:
        frame = probe(wanted.address, self._arp.hardware)
        for _ in range(PROBES):
            if not self._arp.send(frame):
                return Outcome.UNSENT
            with trio.move_on_after(PROBE_WAIT):
                await asked.answered.wait()
                return Outcome.IN_USE
        return Outcome.FREE

    async def _hear(self) -> None:
        while True:
            for frame in await self._arp.receive():
                try:
                    packet = ArpPacket.parse(frame)
                except MalformedMessage:
                    continue  # nobody's claim
                asked = self._asked.get(packet.claimed)
                who = packet.sender_hardware
                if (
                    asked is not None
                    and who != self._arp.hardware
                    and who.octets != asked.request.chaddr
                ):
                    asked.holder = who
                    asked.answered.set()

    def _decide_again(self, asked: Asked) -> Answered | Deferred:
        request, arrival = asked.request, asked.arrival
        decision = self._responder.respond(request, arrival, self._clock())
        if isinstance(decision, Probe):
            return self._ask(request, arrival, decision, asked.left)
        if isinstance(decision, Reply) and decision.lease is not None:
            return self.take(request, arrival, decision)
        return self._answer(request, arrival, decision)

    def _answer(self, request: Message, arrival: Arrival, answer: Verdict) -> Answered:
        sent = False
        if isinstance(answer, Reply):
            sent = self._port.send(enclose(answer, self._responder).pack())
        return Answered(request, arrival, answer, sent)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            facts, self._pool.facts = self._pool.facts, []
            batch, self._unwritten = self._unwritten, []
            written = await self._ledger.write(
                [*facts, *(each.lease for each in batch)]
            )
            started = perf_counter()
            events = [self._finish(each, written=written) for each in batch]
            if written:
                self._pool.retract(each.lease for each in batch)
                self.flush()
            if events:
                self._observe(events, perf_counter() - started)

    def _finish(self, each: Unwritten, *, written: bool) -> Answered:
        answer: Verdict = each.reply
        if not written:
            answer = Silence(Reason.UNRECORDED, "the disk refuses the lease")
        elif not self._pool.commit(each.lease):
            answer = Silence(Reason.UNRECORDED, "another has the address by now")
        return self._answer(each.request, each.arrival, answer)
