"""The pool, whatever happens to it: a model of promises beside it."""

import math
from ipaddress import IPv4Address

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import rule

from dhcp.lease import Hold
from dhcp.lease import Lease
from dhcp.lease import Use
from dhcp.pool import Pool

from .pools import QUARANTINE
from .pools import address
from .pools import mac
from .pools import tables

CLIENTS = st.integers(1, 6)
ADDRESSES = st.integers(0, 4)  # one more than there are


class PoolModel(RuleBasedStateMachine):
    """Whatever clients do and operators bind: one address, one client."""

    @initialize()
    def begin(self) -> None:
        self.bound: set[IPv4Address] = set()
        self.addresses = {address(number) for number in range(4)}
        self.pool = Pool(
            sorted(self.addresses),
            quarantine=QUARANTINE,
            taken=self.bound.__contains__,
        )
        self.now = 0.0
        self.promised: dict[IPv4Address, tuple[bytes, float]] = {}

    @rule(seconds=st.sampled_from([0.1, 1.0, 30.0, 61.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(client=CLIENTS, asked=ADDRESSES)
    def discover(self, client: int, asked: int) -> None:
        hold = self.pool.choose(mac(client), self.now, asked=address(asked))
        self.seen(hold, client)

    @rule(client=CLIENTS, asked=ADDRESSES)
    def claim(self, client: int, asked: int) -> None:
        held = self.pool.held(mac(client), self.now)
        if held is not None and held.use is Use.LEASED:
            return  # who has a lease is told off before
        self.seen(self.pool.claim(mac(client), address(asked), self.now), client)

    def seen(self, hold: Hold | None, client: int) -> None:
        if hold is None:
            return
        assert hold.address in self.addresses - self.bound
        assert hold.hardware == mac(client)
        owner, until = self.promised.get(hold.address, (mac(client), 0.0))
        assert owner == mac(client) or until <= self.now

    @rule(client=CLIENTS, where=ADDRESSES, in_use=st.booleans())
    def judge(self, client: int, where: int, in_use: bool) -> None:
        self.pool.judge(mac(client), address(where), self.now, in_use=in_use)

    @rule(client=CLIENTS, seconds=st.sampled_from([60.0, 1000.0, math.inf]))
    def take(self, client: int, seconds: float) -> None:
        held = self.pool.held(mac(client), self.now)
        if held is None:
            return
        self.pool.request(mac(client))
        begun = Lease(mac(client), held.address, seconds).begin(self.now)
        if self.pool.commit(begun):
            assert held.use in (Use.OFFERED, Use.LEASED)
            self.promised[held.address] = (mac(client), begun.until)

    @rule(client=CLIENTS, where=ADDRESSES)
    def release(self, client: int, where: int) -> None:
        if self.pool.release(mac(client), address(where), self.now):
            owner, until = self.promised.pop(address(where))
            assert owner == mac(client)
            assert until > self.now

    @rule(client=CLIENTS, where=ADDRESSES)
    def decline(self, client: int, where: int) -> None:
        if self.pool.decline(mac(client), address(where), self.now):
            self.promised.pop(address(where), None)

    @rule(client=CLIENTS)
    def let_go(self, client: int) -> None:
        self.pool.let_go(mac(client))

    @rule(where=ADDRESSES)
    def bind(self, where: int) -> None:
        self.bound.add(address(where))
        self.promised.pop(address(where), None)

    @rule(where=ADDRESSES)
    def unbind(self, where: int) -> None:
        self.bound.discard(address(where))

    @rule()
    def restart(self) -> None:
        again = Pool(
            sorted(self.addresses),
            quarantine=QUARANTINE,
            taken=self.bound.__contains__,
        )
        for hold in self.pool.memory(self.now):
            again.restore(hold)
        self.pool = again

    @invariant()
    def promises_are_kept(self) -> None:
        if not hasattr(self, "pool"):
            return
        leased = {
            hold.address: (hold.hardware, hold.until)
            for hold in self.pool.holds(self.now)
            if hold.use is Use.LEASED
        }
        assert len({hardware for hardware, _ in leased.values()}) == len(leased)
        assert not leased.keys() & self.bound
        for where, (owner, until) in self.promised.items():
            assert until <= self.now or leased[where] == (owner, until)

    @invariant()
    def tables_are_bounded(self) -> None:
        if hasattr(self, "pool"):
            self.pool.facts.clear()
            assert max(len(each) for each in tables(self.pool)) <= 4


TestPoolModel = PoolModel.TestCase
