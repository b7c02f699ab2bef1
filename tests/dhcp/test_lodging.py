"""Clients that are not bound: what the pool offers them."""

from dataclasses import replace

from dhcp.bindings import Binding
from dhcp.codes import MessageType
from dhcp.decision import NakReason
from dhcp.decision import Probe
from dhcp.decision import Reason
from dhcp.lease import Lease
from dhcp.message import NOWHERE
from dhcp.message import Message

from .guest import ADDRESS
from .guest import BINDING
from .guest import NETWORK
from .guest import STRANGER
from .guest import Guest
from .guest import answer
from .guest import decide
from .guest import responder
from .guest import silence
from .lodgers import AUTHORITATIVE
from .lodgers import FIRST
from .lodgers import GUEST
from .lodgers import OTHER
from .lodgers import SECOND
from .lodgers import hardware
from .lodgers import leased
from .lodgers import pool_of
from .lodgers import server
from .lodgers import vouched


def test_an_unknown_client_gets_an_address_of_the_pool() -> None:
    """dhcp 18, 21, 31: its OFFER and ACK are those of a bound guest without a name,
    and the ACK has to be written down first."""
    found = server()
    offer = vouched(found, GUEST.discover())
    assert (offer.kind, offer.address, offer.lease) == (MessageType.OFFER, FIRST, None)
    ack = answer(found, GUEST.select(FIRST))
    assert ack.kind is MessageType.ACK
    assert ack.lease == Lease(STRANGER.octets, FIRST, NETWORK.lease_time)
    bound = responder(NETWORK, Binding(STRANGER, FIRST))
    assert ack.payload == answer(bound, GUEST.select(FIRST)).payload
    assert offer.payload == answer(bound, GUEST.discover()).payload


def test_a_bound_client_is_never_the_pools() -> None:
    """dhcp 17, 18: a binding is answered at once, without a probe or a lease, and the
    pool does not know of it."""
    found = server()
    for request in (Guest().discover(), Guest().select(), Guest().renew()):
        reply = answer(found, request)
        assert (reply.address, reply.lease) == (ADDRESS, None)
    assert pool_of(found).held(BINDING.hardware.octets, 0.0) is None


def test_an_address_is_probed_before_it_is_offered() -> None:
    """dhcp 18: whoever asks again while somebody asks around waits for the same
    address; one in use is left out, and the next one is asked for."""
    found = server()
    asked = Probe(FIRST, STRANGER.octets)
    assert decide(found, GUEST.discover()) == asked
    assert decide(found, GUEST.discover(), now=0.3) == asked
    pool_of(found).judge(STRANGER.octets, FIRST, 0.4, in_use=True)
    assert decide(found, GUEST.discover(), now=0.4) == Probe(SECOND, STRANGER.octets)


def test_an_offer_is_repeated() -> None:
    """dhcp 22: the same DISCOVER yields the same octets, and no second probe."""
    found = server()
    first = vouched(found, GUEST.discover())
    assert answer(found, GUEST.discover(), now=5.0).payload == first.payload


def test_a_hint_is_followed_if_it_is_free() -> None:
    """dhcp 18: option 50 of a DISCOVER is what it gets, if that is free in the pool."""
    found = server()
    assert vouched(found, GUEST.discover(SECOND)).address == SECOND
    assert vouched(found, OTHER.discover(SECOND)).address == FIRST


def test_an_empty_pool_is_silent() -> None:
    """dhcp 18: when all of it is leased there is no answer, and a reason."""
    found = server()
    for number in range(4):
        leased(found, replace(GUEST, hardware=hardware(number)))
    assert silence(found, GUEST.discover()) is Reason.POOL_EMPTY


def test_an_empty_pool_and_clients_that_help_themselves() -> None:
    """dhcp 18, 59: who sent 116 is told what the network says of it, where we have the
    say, when there is no address left; before, it is offered one."""
    found = server(replace(AUTHORITATIVE, options={116: b"\0"}))
    lonely = GUEST.with_options({116: b"\1"})
    assert vouched(found, lonely.discover()).address == FIRST
    for number in range(4):
        leased(found, replace(OTHER, hardware=hardware(number)))
    reply = answer(found, lonely.discover())
    assert (reply.kind, reply.address) == (MessageType.OFFER, NOWHERE)
    assert Message.parse(reply.payload).options[116] == b"\0"


def test_a_client_that_comes_back_has_its_address() -> None:
    """dhcp 18: it has a lease: it is offered that one at once, and not probed."""
    found = server()
    address = leased(found)
    offer = answer(found, GUEST.discover(SECOND), now=10.0)
    assert (offer.kind, offer.address) == (MessageType.OFFER, address)


def test_an_offer_that_went_to_another() -> None:
    """dhcp 25: who selects us for an address that another has by now waits for nobody
    else: a NAK, and he begins anew; silence while a file is unread, which may bind
    him, and where another network may have made the offer (dhcp 27, 74)."""
    found = server()
    leased(found, OTHER)
    nak = answer(found, GUEST.select(FIRST))
    assert (nak.kind, nak.nak) == (MessageType.NAK, NakReason.LEASE_LOST)
    found.bindings.unread = {hardware(3).octets}
    assert silence(found, GUEST.select(FIRST)) is Reason.UNKNOWN
    found.bindings.unread = set()
    found.network = replace(NETWORK, shares_bridge=True)
    assert silence(found, GUEST.select(FIRST)) is Reason.UNKNOWN
