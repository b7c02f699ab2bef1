"""The pool: addresses for clients that nobody has bound, and who holds which.

An address is free, or held: somebody has to be asked first whether it is in use
(PROBING), it is offered, leased, or in quarantine.  A client holds one at most.  What
is held by a mere offer is soon free again, and is given to another when nothing else
is left: a flood of unknown clients cannot push out a lease.  Every table is as long as
the pool.  Times are seconds of a monotonic clock.
"""

from collections import OrderedDict
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from itertools import chain

from .lease import Hold
from .lease import Use

OFFER_HOLDS = 60.0  # seconds for the answer to a probe, and to an OFFER
SWEEP_EVERY = 1.0  # seconds: what has expired is free after that, at the latest


class Pool:
    """The addresses of one network that go to whoever asks.

    *taken* says of an address that it is another's by now - bound, a server's - so
    that it is not given away, although it is in the pool.
    """

    def __init__(
        self,
        addresses: Iterable[IPv4Address],
        *,
        quarantine: float,
        taken: Callable[[IPv4Address], bool],
    ) -> None:
        """*quarantine* is in seconds."""
        self.taken = taken
        self._quarantine = quarantine
        self._free = OrderedDict.fromkeys(addresses)  # free for longest is first
        self._all = frozenset(self._free)
        self._holds: dict[IPv4Address, Hold] = {}
        self._held_by: dict[bytes, IPv4Address] = {}
        self._offers: OrderedDict[IPv4Address, None] = OrderedDict()  # oldest first
        self._last_user: dict[IPv4Address, bytes] = {}
        self._last_address: dict[bytes, IPv4Address] = {}
        self._swept = float("-inf")
        self.facts: list[Hold] = []
        """What became of leases, for who keeps a journal and empties this list."""

    def __contains__(self, address: IPv4Address) -> bool:
        return address in self._all

    def __len__(self) -> int:
        return len(self._all)

    def lends_to(self, hardware: bytes) -> bool:
        """Whether a client has a lease, as far as was seen."""
        address = self._held_by.get(hardware)
        return address is not None and self._holds[address].use is Use.LEASED

    def held(self, hardware: bytes, now: float) -> Hold | None:
        """Return what the client holds now."""
        address = self._held_by.get(hardware)
        if address is None:
            return None
        hold = self._holds[address]
        if hold.until > now:
            return hold
        self._expire(hold)
        return None

    def choose(
        self,
        hardware: bytes,
        now: float,
        *,
        asked: IPv4Address | None = None,
        within: IPv4Network | None = None,
    ) -> Hold | None:
        """Hold an address for a client, of *within*; None where no more is left.

        What it holds already, else what it had the last time, else what it asks for,
        else what was free for longest, else what was offered longest ago.
        """
        self._sweep(now)

        def fits(address: IPv4Address) -> bool:
            return not self.taken(address) and (within is None or address in within)

        held = self.held(hardware, now)
        if held is not None and fits(held.address):
            return held
        wished = (self._last_address.get(hardware), asked)
        again = (each for each in wished if each is not None and each in self._free)
        candidates = chain(again, self._free, self._offers)
        found = next(filter(fits, candidates), None)
        if found is None:
            return None
        if found in self._offers:
            self._expire(self._holds[found])
        return self._hold(found, hardware, now)

    def claim(self, hardware: bytes, address: IPv4Address, now: float) -> Hold | None:
        """Hold *address*, and no other, for a client; None where that cannot be."""
        self._sweep(now)
        held = self.held(hardware, now)
        if self.taken(address):
            return None
        if held is not None and held.address == address:
            return held
        if address not in self._free:
            return None
        return self._hold(address, hardware, now)

    def judge(
        self, hardware: bytes, address: IPv4Address, now: float, *, in_use: bool
    ) -> None:
        """Take what was found out about an address that is held for a client."""
        hold = self._holds.get(address)
        if hold is None or hold.use is not Use.PROBING or hold.hardware != hardware:
            return  # it was let go meanwhile
        if in_use:
            self._isolate(hold, b"", now)
        else:
            self._put(replace(hold, use=Use.OFFERED, until=now + OFFER_HOLDS))
            self._offers[address] = None

    def request(self, hardware: bytes) -> None:
        """Keep what a client has asked for: nobody else is offered it any more."""
        address = self._held_by.get(hardware)
        if address is not None:
            self._offers.pop(address, None)

    def commit(self, lease: Hold) -> bool:
        """Let a lease begin, or go on; False where the address is not its any more."""
        hold = self._holds.get(lease.address)
        if (
            hold is None
            or hold.hardware != lease.hardware
            or hold.use not in (Use.OFFERED, Use.LEASED)
            or self.taken(lease.address)
        ):
            return False
        self._offers.pop(lease.address, None)
        self._put(lease)
        self._remember(lease)
        return True

    def retract(self, written: Iterable[Hold]) -> None:
        """Say what is so of leases that were written, and have not begun."""
        for lease in written:
            hold = self._holds.get(lease.address)
            if hold is None or hold.use in (Use.PROBING, Use.OFFERED):
                self.facts.append(replace(lease, use=Use.FREE))
            elif hold.use is Use.QUARANTINED:
                self.facts.append(hold)

    def let_go(self, hardware: bytes) -> None:
        """Free what a client was offered: it has chosen another server."""
        address = self._held_by.get(hardware)
        if address is not None and self._holds[address].use is not Use.LEASED:
            self._end(self._holds[address])

    def evict(self, hardware: bytes) -> None:
        """Free whatever a client holds: it is bound now, or has to go elsewhere."""
        address = self._held_by.get(hardware)
        if address is not None:
            self._end(self._holds[address])

    def release(self, hardware: bytes, address: IPv4Address, now: float) -> bool:
        """End a client's lease; False where *address* is not leased to it."""
        held = self.held(hardware, now)
        if held is None or held.address != address or held.use is not Use.LEASED:
            return False
        self._end(held)
        return True

    def decline(self, hardware: bytes, address: IPv4Address, now: float) -> bool:
        """Isolate what a client found in use; False where it does not hold that."""
        held = self.held(hardware, now)
        if held is None or held.address != address or held.use is Use.PROBING:
            return False
        self._isolate(held, hardware, now)
        return True

    def restore(self, hold: Hold) -> None:
        """Take over what a journal says: of several, the later is right."""
        if hold.address not in self._all:
            return  # the pool was made smaller
        before = self._holds.get(hold.address)
        if before is not None:
            self._expire(before)
        if hold.use is Use.LEASED:
            self.evict(hold.hardware)
        if hold.hardware and hold.use is not Use.QUARANTINED:
            self._remember(hold)
        if hold.use in (Use.LEASED, Use.QUARANTINED):
            self._put(hold)
        self.facts.clear()  # the journal has them

    def holds(self, now: float) -> list[Hold]:
        """Return what is offered, leased or in quarantine, by address."""
        shown = (Use.OFFERED, Use.LEASED, Use.QUARANTINED)
        live = [
            hold
            for hold in self._holds.values()
            if hold.until > now and hold.use in shown and not self.taken(hold.address)
        ]
        return sorted(live, key=lambda hold: hold.address)

    def memory(self, now: float) -> list[Hold]:
        """Return all that a journal has to say, for `restore`."""
        kept = (Use.LEASED, Use.QUARANTINED)
        former = [
            Hold(address, Use.FREE, hardware, now)
            for hardware, address in self._last_address.items()
            if address not in self._holds
        ]
        return former + [hold for hold in self._holds.values() if hold.use in kept]

    def _hold(self, address: IPv4Address, hardware: bytes, now: float) -> Hold:
        self.evict(hardware)
        hold = Hold(address, Use.PROBING, hardware, now + OFFER_HOLDS)
        self._put(hold)
        return hold

    def _put(self, hold: Hold) -> None:
        self._free.pop(hold.address, None)
        self._holds[hold.address] = hold
        if hold.use is not Use.QUARANTINED:
            self._held_by[hold.hardware] = hold.address

    def _remember(self, hold: Hold) -> None:
        former = self._last_user.get(hold.address, b"")
        if self._last_address.get(former) == hold.address:
            del self._last_address[former]
        self._last_user[hold.address] = hold.hardware
        self._last_address[hold.hardware] = hold.address

    def _isolate(self, hold: Hold, by: bytes, now: float) -> None:
        self._forget(hold)
        until = now + self._quarantine
        isolated = Hold(hold.address, Use.QUARANTINED, by, until)
        self._put(isolated)
        self.facts.append(isolated)

    def _end(self, hold: Hold) -> None:
        self._expire(hold)
        if hold.use is Use.LEASED:
            self.facts.append(replace(hold, use=Use.FREE))

    def _expire(self, hold: Hold) -> None:
        """Free what is held; that its time is over, a journal knows by itself."""
        self._forget(hold)
        self._free[hold.address] = None

    def _forget(self, hold: Hold) -> None:
        del self._holds[hold.address]
        self._offers.pop(hold.address, None)
        if self._held_by.get(hold.hardware) == hold.address:
            del self._held_by[hold.hardware]

    def _sweep(self, now: float) -> None:
        if now - self._swept < SWEEP_EVERY:
            return
        self._swept = now
        for hold in [each for each in self._holds.values() if each.until <= now]:
            self._expire(hold)
