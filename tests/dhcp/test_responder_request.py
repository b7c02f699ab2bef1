"""REQUEST in its four states (RFC 2131 section 4.3.2, table 4)."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest

from dhcp.codes import MessageType
from dhcp.decision import Note
from dhcp.decision import Reason
from dhcp.message import NOWHERE
from dhcp.network import Network
from dhcp.network import Range

from .guest import ADDRESS
from .guest import BINDING
from .guest import FOREIGN
from .guest import MAC
from .guest import NETWORK
from .guest import OTHER_SERVER
from .guest import STRANGER
from .guest import WRONG
from .guest import Guest
from .guest import answer
from .guest import read
from .guest import responder
from .guest import sequence
from .guest import silence

AUTHORITATIVE = replace(NETWORK, authoritative=True)
NETWORKS = pytest.mark.parametrize("network", [NETWORK, AUTHORITATIVE])
STATES = ["SELECTING", "INIT-REBOOT", "RENEWING"]
NAK, ACK = MessageType.NAK, MessageType.ACK


@NETWORKS
@pytest.mark.parametrize("address", [ADDRESS, WRONG, None])
@pytest.mark.parametrize("hardware", [MAC, STRANGER])
def test_the_choice_of_another_server_is_silence(
    network: Network, address: IPv4Address | None, hardware: object
) -> None:
    """dhcp 24: SELECTING another server: silent, never an ACK, never a NAK."""
    guest = Guest(MAC if hardware is MAC else STRANGER)
    request = guest.select(address, OTHER_SERVER)
    assert silence(responder(network), request) is Reason.OTHER_SERVER


@NETWORKS
def test_what_we_offered_is_acked(network: Network) -> None:
    """dhcp 25: SELECTING us with the binding's address: ACK."""
    ack = read(responder(network), Guest().select())
    assert (ack.options.message_type, ack.yiaddr) == (ACK, ADDRESS)


@pytest.mark.parametrize("address", [WRONG, FOREIGN, NOWHERE, None])
def test_another_address_than_offered_is_a_nak(address: IPv4Address | None) -> None:
    """dhcp 25: SELECTING us with another address, or none: NAK."""
    assert answer(responder(), Guest().select(address)).kind is NAK


@pytest.mark.parametrize("ciaddr", [ADDRESS, WRONG])
def test_ciaddr_in_selecting_is_ignored(ciaddr: IPv4Address) -> None:
    """dhcp 25, 31: SELECTING with ciaddr is as if it were 0: answer and destination."""
    request = replace(Guest().select(), ciaddr=ciaddr)
    reply = answer(responder(), request)
    assert Note.CIADDR_IN_SELECTING in reply.notes
    assert replace(reply, notes=()) == answer(responder(), Guest().select())
    wrong = replace(Guest().select(WRONG), ciaddr=ADDRESS)
    assert answer(responder(), wrong).kind is NAK


@NETWORKS
def test_a_reboot_with_its_address_is_acked(network: Network) -> None:
    """dhcp 26: INIT-REBOOT with the binding's address: ACK."""
    ack = read(responder(network), Guest().reboot())
    assert (ack.options.message_type, ack.yiaddr) == (ACK, ADDRESS)


@pytest.mark.parametrize("address", [WRONG, FOREIGN])
def test_a_reboot_with_another_address_is_a_nak(address: IPv4Address) -> None:
    """dhcp 26: INIT-REBOOT for an address that is not the binding's gets a NAK."""
    assert answer(responder(), Guest().reboot(address)).kind is NAK


@pytest.mark.parametrize("address", [ADDRESS, WRONG, FOREIGN])
def test_a_reboot_of_an_unknown_mac(address: IPv4Address) -> None:
    """dhcp 26: unknown MAC: silent; authoritative: NAK, in or out of the subnet."""
    request = Guest(STRANGER).reboot(address)
    assert silence(responder(), request) is Reason.UNKNOWN
    assert answer(responder(AUTHORITATIVE), request).kind is NAK


@pytest.mark.parametrize("source", [ADDRESS, NOWHERE])
def test_a_renewal_is_acked(source: IPv4Address) -> None:
    """dhcp 27: RENEWING or REBINDING with the binding's address: ACK to ciaddr."""
    arrival = Guest().arrival(source)
    reply = answer(responder(), Guest(broadcast=True).renew(), arrival=arrival)
    assert (reply.kind, reply.address) == (ACK, ADDRESS)
    assert (reply.destination.hardware, reply.destination.address) == (MAC, ADDRESS)


@pytest.mark.parametrize("address", [WRONG, FOREIGN])
def test_a_renewal_of_another_address_is_a_nak(address: IPv4Address) -> None:
    """dhcp 27: a known MAC whose ciaddr is not its binding's: NAK."""
    assert answer(responder(), Guest().renew(address)).kind is NAK


@pytest.mark.parametrize("address", [ADDRESS, WRONG, FOREIGN])
def test_a_renewal_of_an_unknown_mac(address: IPv4Address) -> None:
    """dhcp 27: unknown MAC: silent; authoritative: NAK."""
    request = Guest(STRANGER).renew(address)
    assert silence(responder(), request) is Reason.UNKNOWN
    assert answer(responder(AUTHORITATIVE), request).kind is NAK


@NETWORKS
@pytest.mark.parametrize("state", STATES)
def test_a_mac_whose_file_is_unread_gets_no_nak(network: Network, state: str) -> None:
    """dhcp 27: a MAC whose file could not be read is always met with silence."""
    server = responder(network)
    server.bindings.unread.add(STRANGER.octets)
    for address in (ADDRESS, WRONG):
        request = {
            "SELECTING": Guest(STRANGER).select(address),
            "INIT-REBOOT": Guest(STRANGER).reboot(address),
            "RENEWING": Guest(STRANGER).renew(address),
        }[state]
        assert silence(server, request) is Reason.UNREAD


def test_while_a_file_is_unread_no_unknown_mac_gets_a_nak() -> None:
    """dhcp 27: while any file is unread, unknown MACs get silence, known ones not."""
    server = responder(AUTHORITATIVE)
    server.bindings.unread.add(bytes.fromhex("fa163e000042"))
    for request in (Guest(STRANGER).reboot(), Guest(STRANGER).renew()):
        assert silence(server, request) is Reason.UNKNOWN
    assert answer(server, Guest().reboot()).kind is ACK
    assert answer(server, Guest().reboot(WRONG)).kind is NAK
    server.bindings.unread.clear()
    assert answer(server, Guest(STRANGER).reboot()).kind is NAK


def test_a_request_without_an_address_is_helped() -> None:
    """dhcp 28: no 50, no 54, no ciaddr: a known MAC is ACKed its binding, counted."""
    reply = answer(responder(), Guest().request_nothing())
    assert (reply.kind, reply.address) == (ACK, ADDRESS)
    assert Note.REQUEST_WITHOUT_ADDRESS in reply.notes
    request = Guest(STRANGER).request_nothing()
    assert silence(responder(), request) is Reason.UNKNOWN


@NETWORKS
@pytest.mark.parametrize("state", STATES)
def test_a_restart_takes_nothing_from_a_good_client(
    network: Network, state: str
) -> None:
    """dhcp 29: a server that has seen nothing ACKs the same, octet for octet."""
    requests = {
        "SELECTING": Guest().select(),
        "INIT-REBOOT": Guest().reboot(),
        "RENEWING": Guest().renew(),
    }
    old = responder(network)
    for request in (Guest().discover(), Guest().select(), requests[state]):
        before = answer(old, request)
    after = answer(responder(network), requests[state])
    assert (after.kind, after.address) == (ACK, ADDRESS)
    assert after == before


@pytest.mark.parametrize("state", STATES)
def test_a_moved_network_does_not_nak_a_good_binding(state: str) -> None:
    """dhcp 29: where the range moved away from under a binding: silence, no NAK."""
    moved = Range(IPv4Network("10.7.0.0/24"), NETWORK.ranges[0].server_id)
    server = responder(replace(AUTHORITATIVE, ranges=(moved,)))
    request = {
        "SELECTING": Guest().select(),
        "INIT-REBOOT": Guest().reboot(),
        "RENEWING": Guest().renew(),
    }[state]
    assert silence(server, request) is Reason.NOT_OURS


def test_a_changed_address_is_a_nak_for_the_old_one() -> None:
    """dhcp 30: after the binding's address changed, the next renewal is NAKed."""
    server = responder()
    assert answer(server, Guest().renew()).kind is ACK
    server.bindings.put(replace(BINDING, address=WRONG))
    assert answer(server, Guest().renew()).kind is NAK
    assert read(server, Guest().discover()).yiaddr == WRONG


def test_a_removed_binding_makes_its_mac_unknown() -> None:
    """dhcp 30: after its removal the MAC is unknown: clause 27."""
    server = responder()
    server.bindings.remove(MAC)
    assert silence(server, Guest().renew()) is Reason.UNKNOWN
    server.network = AUTHORITATIVE
    assert answer(server, Guest().renew()).kind is NAK


@pytest.mark.parametrize("state", STATES)
def test_an_ack_says_what_an_offer_says(state: str) -> None:
    """dhcp 31: an ACK's options are those of an OFFER now; only 53 differs."""
    server = responder()
    request = {
        "SELECTING": Guest().select(),
        "INIT-REBOOT": Guest().reboot(),
        "RENEWING": Guest().renew(),
    }[state]
    offer, ack = answer(server, Guest().discover()), answer(server, request)
    assert sequence(ack.payload)[1:] == sequence(offer.payload)[1:]
    assert sequence(ack.payload)[0] == (53, b"\5")
    server.bindings.put(replace(BINDING, mtu=1300, hostname="new"))
    offer, ack = answer(server, Guest().discover()), answer(server, request)
    assert sequence(ack.payload)[1:] == sequence(offer.payload)[1:]
    assert (26, b"\5\x14") in sequence(ack.payload)


def test_ciaddr_is_echoed_in_an_ack() -> None:
    """dhcp 31: an ACK's ciaddr is the request's, or 0 (table 3); siaddr is 0."""
    renewed, rebooted = (
        read(responder(), request) for request in (Guest().renew(), Guest().reboot())
    )
    assert (renewed.ciaddr, rebooted.ciaddr) == (ADDRESS, NOWHERE)
    assert (renewed.siaddr, renewed.hops, renewed.secs) == (NOWHERE, 0, 0)
