"""The pool: what it remembers, for how many, and what a journal is told."""

import math

from dhcp.lease import Hold
from dhcp.lease import Lease
from dhcp.lease import Use

from .pools import DAY
from .pools import address
from .pools import lease
from .pools import mac
from .pools import make
from .pools import offer
from .pools import tables


def test_what_is_remembered_of_former_clients() -> None:
    """dhcp 71: of each address its last one, however many there were."""
    pool = make(2)
    for client in range(10):
        pool.release(mac(client), lease(pool, client), 0.0)
    pool.facts.clear()
    assert max(len(each) for each in tables(pool)) <= 2
    assert len(pool.memory(0.0)) == 2


def test_a_journal_is_told_what_did_not_begin() -> None:
    """What was written and did not begin is taken back, if nobody else has it."""
    pool = make(1)
    offer(pool, 1)
    written = Lease(mac(1), address(0), DAY).begin(0.0)
    pool.let_go(mac(1))
    pool.retract([written])
    assert [hold.use for hold in pool.facts] == [Use.FREE]
    pool.facts.clear()
    lease(pool, 2)
    pool.retract([written])
    assert pool.facts == []
    pool.decline(mac(2), address(0), 1.0)
    pool.facts.clear()
    pool.retract([written])
    assert [hold.use for hold in pool.facts] == [Use.QUARANTINED]


def test_a_flood_reuses_offers_and_never_a_lease() -> None:
    """dhcp 71: 10,000 unknown clients find the pool full; what was offered longest ago
    goes first, what is asked about or requested stays, and no lease is lost."""
    pool = make(4)
    leased = lease(pool, 1)
    requested = offer(pool, 2)
    pool.request(mac(2))
    asked = pool.choose(mac(3), 0.0)
    assert asked is not None
    for client in range(10, 10_010):
        assert offer(pool, client) == address(3)
    kept = {mac(1): leased, mac(2): requested, mac(3): asked.address}
    for chaddr, where in kept.items():
        hold = pool.held(chaddr, 0.0)
        assert hold is not None
        assert hold.address == where
    sizes = [len(each) for each in tables(pool)]
    assert max(sizes) <= 4, sizes


def test_a_journal_gives_everything_back() -> None:
    """dhcp 29: a new pool that reads the memory of an old one goes on where it was."""
    pool = make(4)
    lease(pool, 1, seconds=math.inf)
    lease(pool, 2, seconds=100)
    released = lease(pool, 3)
    pool.release(mac(3), released, 1.0)
    pool.decline(mac(2), address(1), 2.0)
    offer(pool, 4, 3.0, asked=address(3))
    again = make(4)
    for hold in pool.memory(5.0):
        again.restore(hold)
    leased = [hold for hold in pool.holds(5.0) if hold.use is not Use.OFFERED]
    assert again.holds(5.0) == leased
    assert again.facts == []
    assert offer(again, 3, 5.0) == released


def test_the_later_record_is_right() -> None:
    """Of two records for one address, or for one client, the later one stands; what is
    of no pool any more is forgotten."""
    pool = make(2)
    for client, number in ((1, 0), (2, 0), (2, 1), (3, 9)):
        pool.restore(Hold(address(number), Use.LEASED, mac(client), DAY))
    assert pool.holds(0.0) == [Hold(address(1), Use.LEASED, mac(2), DAY)]
    pool.restore(Hold(address(1), Use.FREE, mac(2), 0.0))
    assert pool.holds(0.0) == []


def test_a_former_client_is_known_from_a_journal() -> None:
    """dhcp 29: who had an address has it again after a restart, if it is free; what is
    in quarantine was nobody's to have again, and what has no client neither."""
    pool = make(3)
    pool.restore(Hold(address(2), Use.FREE, mac(1), 0.0))
    pool.restore(Hold(address(1), Use.QUARANTINED, mac(2), 5.0))
    pool.restore(Hold(address(0), Use.FREE, b"", 0.0))
    assert [hold.hardware for hold in pool.memory(0.0)] == [mac(1), mac(2)]
    assert offer(pool, 1, 10.0) == address(2)
    assert offer(pool, 2, 10.0) == address(0)
