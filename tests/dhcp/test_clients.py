"""What real clients send, and what each of them needs (spec/clients.md)."""

from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest

from dhcp.codes import MessageType
from dhcp.decision import Reply
from dhcp.destination import Arrival
from dhcp.message import NOWHERE
from dhcp.message import Message
from dhcp.network import Network
from dhcp.responder import Responder
from dhcp.routes import ClasslessRoute
from dhcp.routes import decode_routes

from .corpus import CLIENTS
from .guest import ADDRESS
from .guest import BROADCAST
from .guest import GATEWAY
from .guest import MAC
from .guest import NETWORK
from .guest import SERVER
from .guest import WRONG
from .guest import codes
from .guest import responder
from .guest import sequence

SENT = [(client, name) for client, messages in CLIENTS.items() for name in messages]
ANSWERED = [(client, name) for client, name in SENT if name != "release"]
LEASED = [(client, name) for client, name in ANSWERED if name != "inform"]
DISCOVERS = [(client, name) for client, name in SENT if name.startswith("discover")]
MANY = replace(
    NETWORK,
    mtu=1500,
    routes=tuple(
        ClasslessRoute(IPv4Network((0x0A400000 + (n << 8), 24)), GATEWAY)
        for n in range(60)
    ),
)


def payload(client: str, name: str) -> bytes:
    return CLIENTS[client][name]


def ask(server: Responder, octets: bytes, now: float = 0.0) -> Reply:
    request = Message.parse(octets)
    own = request.ciaddr
    if request.options.get(60) == b"cloudbase-init":
        own = ADDRESS  # a configured guest that asks on
    decision = server.respond(request, Arrival(MAC, own), now)
    assert isinstance(decision, Reply), decision
    return decision


def reply(client: str, name: str, network: Network = NETWORK) -> Reply:
    return ask(responder(network), payload(client, name))


def message(client: str, name: str, network: Network = NETWORK) -> Message:
    return Message.parse(reply(client, name, network).payload)


def test_the_corpus_is_there() -> None:
    """Every client of spec/clients.md section 2 is in the corpus."""
    assert set(CLIENTS) == {
        "cloudbase-init",
        "dhclient",
        "dhclient-bare",
        "dhcpcd",
        "ipxe",
        "networkd",
        "udhcpc",
        "windows",
    }


@pytest.mark.parametrize(("client", "name"), SENT)
def test_the_corpus_is_read_to_the_octet(client: str, name: str) -> None:
    """dhcp 1, 2, clients C2: every message is read; what we pack again is the same."""
    octets = payload(client, name)
    assert Message.parse(octets).pack() == octets.ljust(300, b"\0")


@pytest.mark.parametrize(("client", "name"), LEASED)
def test_each_client_gets_its_address(client: str, name: str) -> None:
    """dhcp 17, 25, 26, 27, clients C3: an OFFER or an ACK, of the binding's address."""
    answered = message(client, name)
    kind = MessageType.OFFER if "discover" in name else MessageType.ACK
    assert (answered.options.message_type, answered.yiaddr) == (kind, ADDRESS)
    assert answered.xid == Message.parse(payload(client, name)).xid


@pytest.mark.parametrize(("client", "name"), LEASED)
def test_no_client_lacks_what_it_binds_by(client: str, name: str) -> None:
    """dhcp 21, clients C4 54, C5 51 and 1: without them clients loop or take /8."""
    options = message(client, name).options
    assert options.address(54) == SERVER
    assert options.number(51) == 86400
    assert options.address(1) == IPv4Address("255.255.255.0")


@pytest.mark.parametrize(("client", "name"), ANSWERED)
def test_every_client_has_its_routes_its_resolver_and_its_mtu(
    client: str, name: str
) -> None:
    """dhcp 46, 48, 49, clients C7, C8, C12: 121 with the default route in it, 3 with
    the same router, 6 and 26 go to every client, asked for or not."""
    options = message(client, name).options
    assert [str(route) for route in decode_routes(options[121])] == [
        f"0.0.0.0/0 via {GATEWAY}",
        f"169.254.169.254/32 via {SERVER}",
    ]
    assert options.address(3) == GATEWAY
    assert options.address(6) == SERVER
    assert options.number(26) == 1450


@pytest.mark.parametrize(("client", "name"), ANSWERED)
@pytest.mark.parametrize("network", [NETWORK, MANY])
def test_no_client_gets_more_than_it_takes(
    client: str, name: str, network: Network
) -> None:
    """dhcp 53, clients C11: udhcpc drops an answer of more than its 57 in silence."""
    takes = Message.parse(payload(client, name)).options.number(57) or 576
    answered = reply(client, name, network)
    assert len(answered.payload) + 28 <= takes
    sequence(answered.payload)  # no PAD before END


@pytest.mark.parametrize("client", ["dhcpcd", "networkd"])
def test_sixty_routes_arrive(client: str) -> None:
    """dhcp 54, clients C10: 121 of over 255 octets is split, and joined by them."""
    answered = reply(client, "discover", MANY)
    assert codes(answered.payload).count(121) == 2
    assert len(decode_routes(Message.parse(answered.payload).options[121])) == 62


@pytest.mark.parametrize(("client", "name"), ANSWERED)
def test_no_client_has_to_answer_arp_first(client: str, name: str) -> None:
    """dhcp 39, 40, 41, clients C1: unicast to chaddr and the address not yet owned;
    broadcast only where the bit says so, as in Windows."""
    request = Message.parse(payload(client, name))
    where = reply(client, name).destination
    if request.broadcast:
        assert (where.hardware, str(where.address)) == (BROADCAST, "255.255.255.255")
    else:
        assert (where.hardware, where.address) == (MAC, ADDRESS)
    assert where.port == 68


@pytest.mark.parametrize("client", CLIENTS)
def test_new_transactions_get_the_same_answer(client: str) -> None:
    """dhcp 22, clients C25: boots in a row, each of a new xid: the same answer."""
    server = responder()
    for name in CLIENTS[client]:
        if name == "release":
            continue
        octets = payload(client, name)
        answers = {
            (lambda found: found[:4] + found[8:])(
                ask(server, octets[:4] + xid.to_bytes(4, "big") + octets[8:]).payload
            )
            for xid in (1, 2, 0xFFFFFFFF)
        }
        assert len(answers) == 1


@pytest.mark.parametrize("client", ["dhclient", "dhcpcd"])
def test_a_reboot_with_a_stale_address_is_naked_at_once(client: str) -> None:
    """dhcp 26, clients C13: NAK sends them to DISCOVER; silence would cost 10 s."""
    octets = payload(client, "reboot").replace(ADDRESS.packed, WRONG.packed)
    assert ask(responder(), octets).kind is MessageType.NAK


def test_networkd_releases_at_each_reboot() -> None:
    """dhcp 35, clients C19: a RELEASE is not answered, and the binding survives it."""
    server = responder()
    before = ask(server, payload("networkd", "discover"))
    request = Message.parse(payload("networkd", "release"))
    assert len(payload("networkd", "release")) < 300
    assert not isinstance(server.respond(request, Arrival(MAC, ADDRESS), 0.0), Reply)
    assert ask(server, payload("networkd", "discover")) == before


@pytest.mark.parametrize("client", ["dhcpcd", "networkd"])
def test_a_duid_is_echoed_and_does_not_match(client: str) -> None:
    """dhcp 13, 55, clients C24: cloned images share a DUID: chaddr counts; echoed."""
    octets = payload(client, "discover")
    sent = Message.parse(octets).options[61]
    assert Message.parse(ask(responder(), octets).payload).options[61] == sent
    clone = octets.replace(MAC.octets, bytes.fromhex("fa163e000099"), 1)
    request = Message.parse(clone)
    assert request.options[61] == sent
    decision = responder().respond(request, Arrival(MAC, NOWHERE), 0.0)
    assert not isinstance(decision, Reply)


def test_dhcpcd_asks_for_rapid_commit() -> None:
    """dhcp 23, clients C23: dhcpcd 9 sends 80: an OFFER, or an ACK where enabled."""
    assert reply("dhcpcd", "discover").kind is MessageType.OFFER
    rapid = replace(NETWORK, rapid_commit=True)
    assert reply("dhcpcd", "discover", rapid).kind is MessageType.ACK
    assert 80 in message("dhcpcd", "discover", rapid).options
    assert reply("dhclient", "discover", rapid).kind is MessageType.OFFER


@pytest.mark.parametrize("name", ["discover", "select", "renew", "inform"])
def test_windows_has_249_and_clean_addresses(name: str) -> None:
    """dhcp 50, 60, clients C26: 249 is the octets of 121; addresses have 4 octets."""
    options = message("windows", name).options
    assert options[249] == options[121]
    assert [len(options[code]) for code in (1, 3, 6)] == [4, 4, 4]


def test_windows_says_its_name_by_81() -> None:
    """dhcp 57, clients C26: to its 81 Windows gets 81, with the binding's name."""
    options = message("windows", "select").options
    assert options[81] == b"\3\xff\xffweb-1.net1.example"
    assert 12 not in options


def test_windows_with_a_wrong_address_is_naked() -> None:
    """dhcp 25, clients C26: Windows loops if a wrong address is not NAKed."""
    octets = payload("windows", "select").replace(ADDRESS.packed, WRONG.packed)
    assert ask(responder(), octets).kind is MessageType.NAK


def test_cloudbase_init_finds_its_mtu_and_its_clock() -> None:
    """dhcp 41, 53, clients C27: a unicast DISCOVER is answered to the guest's address
    within 1,024 octets: 26 in the OFFER, and 42 where it is configured."""
    clock = replace(NETWORK, options={42: SERVER.packed})
    for name in ("discover", "discover_ntp"):
        answered = reply("cloudbase-init", name, clock)
        where = answered.destination
        assert (where.hardware, where.address, where.port) == (MAC, ADDRESS, 68)
        assert len(answered.payload) <= 1024
        options = dict(sequence(answered.payload))
        assert options[26] == (1450).to_bytes(2, "big")
        assert (42 in options) is (name == "discover_ntp")


def test_ipxe_is_offered_twice_the_same() -> None:
    """dhcp 22, 65, clients C28: a second DISCOVER despite an OFFER; no boot file."""
    server = responder()
    first = ask(server, payload("ipxe", "discover"))
    assert ask(server, payload("ipxe", "discover_again"), now=1.0) == first
    answered = Message.parse(first.payload)
    assert (answered.siaddr, any(answered.file), any(answered.sname)) == (
        NOWHERE,
        False,
        False,
    )
    assert not {66, 67} & answered.options.values.keys()


def test_a_bare_client_has_what_it_did_not_ask_for() -> None:
    """dhcp 46, clients C20, C22: who asks for no 121 and no 26 has them all the same,
    behind what it asked for, in its order."""
    order = codes(reply("dhclient-bare", "discover").payload)
    assert order == [53, 54, 51, 58, 59, 1, 28, 3, 15, 6, 12, 121, 26]
    order = codes(reply("udhcpc", "discover").payload)
    assert order == [53, 54, 51, 58, 59, 1, 3, 6, 12, 15, 28, 121, 26, 61]
