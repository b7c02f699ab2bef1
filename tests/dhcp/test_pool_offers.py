"""Clients of the pool that have been offered an address, and have no lease yet."""

from dataclasses import replace
from ipaddress import IPv4Address

from dhcp.codes import MessageType
from dhcp.decision import Note
from dhcp.decision import Probe
from dhcp.decision import Reason
from dhcp.lease import Lease
from dhcp.lease import Use

from .guest import RELAY
from .guest import STRANGER
from .guest import answer
from .guest import decide
from .guest import silence
from .lodgers import FIRST
from .lodgers import GUEST
from .lodgers import SECOND
from .lodgers import server
from .lodgers import vouched
from .pools import DAY
from .pools import address
from .pools import lease
from .pools import mac
from .pools import make
from .pools import offer


def test_who_was_offered_may_say_nothing() -> None:
    """dhcp 28: a REQUEST without any address, of a client that was offered one, is an
    ACK of that."""
    found = server()
    vouched(found, GUEST.discover())
    reply = answer(found, GUEST.request_nothing())
    assert (reply.kind, reply.address) == (MessageType.ACK, FIRST)
    assert Note.REQUEST_WITHOUT_ADDRESS in reply.notes


def test_who_was_offered_may_ask_for_what_it_had() -> None:
    """dhcp 26: an offer that was not taken keeps no client from its address of before,
    which is probed; SELECTING another than was offered is a NAK."""
    found = server()
    vouched(found, GUEST.discover())
    assert answer(found, GUEST.select(SECOND)).kind is MessageType.NAK
    assert decide(found, GUEST.reboot(SECOND)) == Probe(SECOND, STRANGER.octets)


def test_a_request_by_a_relay_is_for_its_own_range() -> None:
    """dhcp 26, 37: an INIT-REBOOT through a relay of the pool's range is met; through
    one of elsewhere the address is of no use, and there is silence."""
    near = replace(GUEST, giaddr=RELAY)
    assert decide(server(), near.reboot(SECOND)) == Probe(SECOND, STRANGER.octets)
    far = replace(GUEST, giaddr=IPv4Address("10.9.0.1"))
    assert silence(server(), far.reboot(SECOND)) is Reason.UNKNOWN


def test_an_offer_is_no_lease() -> None:
    """dhcp 18: who is asked about, or was offered an address, is lent none; and what is
    asked about is not shown."""
    pool = make(1)
    assert pool.choose(mac(1), 0.0) is not None
    assert pool.holds(0.0) == []
    assert not pool.decline(mac(1), address(0), 0.0)
    assert offer(pool, 1) == address(0)
    assert [hold.use for hold in pool.holds(0.0)] == [Use.OFFERED]
    assert not pool.lends_to(mac(1))
    assert not pool.release(mac(1), address(0), 0.0)


def test_what_is_over_is_not_shown() -> None:
    """dhcp 58: a lease is shown up to its end, swept or not."""
    pool = make(1)
    lease(pool, 1, seconds=100)
    assert len(pool.holds(99.9)) == 1
    assert pool.holds(100.0) == []


def test_what_was_written_for_nothing_is_taken_back() -> None:
    """dhcp 24: the lease that was on its way to the disk is taken back although its
    address is offered to another by now."""
    pool = make(1)
    offer(pool, 1)
    written = Lease(mac(1), address(0), DAY).begin(0.0)
    pool.let_go(mac(1))
    for step in ("asked about", "offered"):
        if step == "asked about":
            assert pool.choose(mac(2), 0.0) is not None
        else:
            assert offer(pool, 2) == address(0)
        pool.retract([written])
        (fact,) = pool.facts
        assert (fact.use, fact.address, fact.hardware) == (Use.FREE, address(0), mac(1))
        pool.facts.clear()
