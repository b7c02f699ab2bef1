"""The pool: who holds which address, and until when."""

import math
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from dhcp.lease import Hold
from dhcp.lease import Lease
from dhcp.lease import Use
from dhcp.pool import OFFER_HOLDS
from dhcp.pool import Pool

from .pools import DAY
from .pools import QUARANTINE
from .pools import address
from .pools import lease
from .pools import mac
from .pools import make
from .pools import offer


def test_nobody_is_offered_what_was_not_probed() -> None:
    """dhcp 18: an address is held for its client while somebody asks about it, and is
    offered when nobody has it."""
    pool = make()
    hold = pool.choose(mac(1), 0.0)
    assert hold == Hold(address(0), Use.PROBING, mac(1), OFFER_HOLDS)
    assert pool.choose(mac(1), 1.0) == hold
    pool.judge(mac(1), address(0), 2.0, in_use=False)
    offered = pool.choose(mac(1), 3.0)
    assert offered == Hold(address(0), Use.OFFERED, mac(1), 2.0 + OFFER_HOLDS)


def test_what_is_in_use_rests_and_the_next_is_tried() -> None:
    """dhcp 34: an address that answers a probe is in quarantine, and then free."""
    pool = make(2)
    assert pool.choose(mac(1), 0.0) is not None
    pool.judge(mac(1), address(0), 0.0, in_use=True)
    assert pool.facts == [Hold(address(0), Use.QUARANTINED, b"", QUARANTINE)]
    assert lease(pool, 1) == address(1)
    assert offer(pool, 2) is None
    assert offer(pool, 2, QUARANTINE + 1) == address(0)


def test_the_answer_to_a_probe_counts_for_its_client_alone() -> None:
    """dhcp 34: what was let go meanwhile is neither offered nor in quarantine."""
    pool = make(1)
    assert pool.choose(mac(1), 0.0) is not None
    pool.let_go(mac(1))
    assert pool.choose(mac(2), 0.0) is not None
    pool.judge(mac(1), address(0), 0.0, in_use=True)
    hold = pool.held(mac(2), 0.0)
    assert hold is not None
    assert hold.use is Use.PROBING


def test_a_client_keeps_what_it_has() -> None:
    """dhcp 22: its lease, or what it was offered, whatever it asks for."""
    pool = make()
    offered = offer(pool, 1)
    assert offer(pool, 1, asked=address(2)) == offered
    leased = lease(pool, 2)
    assert offer(pool, 2, 1.0, asked=address(2)) == leased
    hold = pool.held(mac(2), 1.0)
    assert hold is not None
    assert hold.use is Use.LEASED


def test_what_is_chosen() -> None:
    """dhcp 18: what it had; what it asks for; what is free for longest; else what was
    offered longest ago."""
    pool = make(4)
    assert lease(pool, 1) == address(0)
    assert pool.release(mac(1), address(0), 1.0)
    assert offer(pool, 1, 2.0, asked=address(3)) == address(0)
    assert offer(pool, 2, 2.0, asked=address(3)) == address(3)
    assert offer(pool, 3, 2.0, asked=address(3)) == address(1)
    pool.let_go(mac(1))
    assert offer(pool, 4, 2.0, asked=IPv4Address("10.9.9.9")) == address(2)
    assert offer(pool, 5, 2.0) == address(0)
    assert [offer(pool, client, 2.0) for client in (6, 7)] == [address(3), address(1)]


def test_an_address_within_reach_of_the_relay() -> None:
    """dhcp 37: behind a relay, an address of elsewhere is of no use."""
    pool = make(2)
    assert pool.choose(mac(1), 0.0, within=IPv4Network("10.0.1.0/24")) is None
    found = pool.choose(mac(1), 0.0, within=IPv4Network("10.0.0.201/32"))
    assert found is not None
    assert found.address == address(1)


def test_what_is_bound_is_not_given_away() -> None:
    """dhcp 15: an address that is bound, or a server's, is never offered or leased."""
    pool = make(2, address(0))
    assert offer(pool, 1, asked=address(0)) == address(1)
    assert pool.claim(mac(2), address(0), 0.0) is None
    assert offer(pool, 2, asked=address(0)) == address(1)
    assert len(pool.holds(0.0)) == 1


def test_a_binding_that_is_made_later_wins() -> None:
    """dhcp 30: the lease of an address that was bound is not renewed, nor offered."""
    bound: set[IPv4Address] = set()
    pool = Pool([address(0)], quarantine=600, taken=bound.__contains__)
    leased = lease(pool, 1)
    bound.add(leased)
    assert pool.claim(mac(1), leased, 1.0) is None
    assert not pool.commit(Lease(mac(1), leased, DAY).begin(1.0))
    assert pool.holds(1.0) == []
    assert offer(pool, 1, 1.0) is None


def test_a_claim_is_for_one_address() -> None:
    """dhcp 26, 27: a client that asks for what is free gets it, after a probe; what is
    another's, or of no pool, it cannot have."""
    pool = make()
    hold = pool.claim(mac(1), address(2), 0.0)
    assert hold is not None
    assert (hold.use, hold.address) == (Use.PROBING, address(2))
    assert pool.claim(mac(2), address(2), 0.0) is None
    assert pool.claim(mac(2), IPv4Address("10.0.0.99"), 0.0) is None
    assert pool.claim(mac(1), address(1), 0.0) is not None  # and then not the other
    leased = lease(pool, 3)
    assert offer(pool, 4, asked=address(2)) == address(2)
    again = pool.claim(mac(3), leased, 1.0)
    assert again is not None
    assert again.use is Use.LEASED


def test_an_offer_is_soon_over() -> None:
    """dhcp 24: what nobody takes is free a minute later, or when it is let go."""
    pool = make(1)
    assert offer(pool, 1) == address(0)
    pool.let_go(mac(1))
    assert offer(pool, 2) == address(0)
    assert pool.held(mac(2), OFFER_HOLDS - 1) is not None
    assert pool.held(mac(2), OFFER_HOLDS) is None
    assert offer(pool, 3, OFFER_HOLDS) == address(0)
    assert pool.facts == []


def test_letting_go_ends_no_lease() -> None:
    """dhcp 24: who has a lease and chooses another server keeps it until it expires."""
    pool = make(1)
    leased = lease(pool, 1)
    pool.let_go(mac(1))
    assert pool.lends_to(mac(1))
    assert offer(pool, 1, 1.0) == leased


def test_a_lease_expires() -> None:
    """dhcp 58: then its address is free for others, and the first for its client."""
    pool = make(2)
    leased = lease(pool, 1, seconds=100)
    assert pool.lends_to(mac(1))
    assert lease(pool, 2, seconds=50) != leased
    assert offer(pool, 3, 49.0) is None
    assert pool.held(mac(1), 100.0) is None
    assert not pool.lends_to(mac(1))
    assert offer(pool, 1, 101.0) == leased


def test_a_lease_without_end() -> None:
    pool = make(1)
    lease(pool, 1, seconds=math.inf)
    assert pool.held(mac(1), 1e12) is not None


def test_a_renewal_is_for_its_client() -> None:
    """dhcp 27: a lease goes on from now, and no other client can have it."""
    pool = make(1)
    leased = lease(pool, 1, seconds=100)
    assert not pool.commit(Lease(mac(2), leased, 100).begin(50.0))
    assert pool.commit(Lease(mac(1), leased, 100).begin(50.0))
    assert pool.held(mac(1), 149.0) is not None


def test_a_lease_begins_with_an_offer() -> None:
    """dhcp 18: what is still asked about, or is over by now, cannot be leased."""
    pool = make(1)
    hold = pool.choose(mac(1), 0.0)
    assert hold is not None
    wanted = Lease(mac(1), hold.address, DAY).begin(0.0)
    assert not pool.commit(wanted)
    pool.let_go(mac(1))
    assert not pool.commit(wanted)


def test_a_release_frees() -> None:
    """dhcp 35: a lease ends if MAC and address match; a journal is told."""
    pool = make(1)
    leased = lease(pool, 1)
    assert not pool.release(mac(2), leased, 1.0)
    assert not pool.release(mac(1), address(1), 1.0)
    assert pool.facts == []
    assert pool.release(mac(1), leased, 1.0)
    assert [(hold.address, hold.use) for hold in pool.facts] == [(leased, Use.FREE)]
    assert not pool.release(mac(1), leased, 1.0)
    assert offer(pool, 2, 1.0) == leased


def test_a_decline_isolates() -> None:
    """dhcp 34: what a client declines rests for the time of the settings; only what it
    holds can it decline."""
    pool = make(2)
    leased = lease(pool, 1)
    assert not pool.decline(mac(2), leased, 1.0)
    assert not pool.decline(mac(1), address(1), 1.0)
    assert pool.decline(mac(1), leased, 1.0)
    until = 1.0 + QUARANTINE
    assert pool.facts == [Hold(leased, Use.QUARANTINED, mac(1), until)]
    assert pool.held(mac(1), 2.0) is None
    assert lease(pool, 1, 2.0) == address(1)
    assert offer(pool, 2, until - 1) is None
    assert offer(pool, 2, until + 1) == leased


def test_who_is_bound_has_no_lease() -> None:
    """dhcp 17: a binding that is made for a MAC frees what it had in the pool."""
    pool = make(1)
    leased = lease(pool, 1)
    pool.evict(mac(1))
    assert [hold.use for hold in pool.facts] == [Use.FREE]
    assert offer(pool, 2, 1.0) == leased
