"""Which options an answer has, and in which order."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from dhcp.bindings import Binding
from dhcp.message import Message
from dhcp.network import Network
from dhcp.network import RouterWith121
from dhcp.routes import ClasslessRoute
from dhcp.routes import decode_routes

from .guest import BINDING
from .guest import DHCLIENT
from .guest import GATEWAY
from .guest import MAC
from .guest import NETWORK
from .guest import RELAY
from .guest import SERVER
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import read
from .guest import responder
from .guest import sequence

CLIENT_ID = bytes.fromhex("01fa163e000005")
AGENT = bytes.fromhex("010400000001020208ff")
LEASE = [53, 54, 51, 58, 59]
NTP = replace(NETWORK, options={42: SERVER.packed})


def asked(
    *wanted: int, network: Network = NETWORK, binding: Binding = BINDING
) -> Message:
    guest = Guest(options={55: bytes(wanted)})
    return read(responder(network, binding), guest.discover())


def routes(message: Message) -> list[str]:
    return [str(route) for route in decode_routes(message.options.get(121) or b"")]


ORDERS: list[tuple[dict[int, bytes], list[int]]] = [
    # what the client sends -> what follows 53, 54, 51, 58, 59
    ({55: bytes([1, 3, 6])}, [1, 3, 6, 121, 15, 26]),
    ({55: bytes([6, 3, 1])}, [1, 6, 3, 121, 15, 26]),
    ({55: bytes([3, 26, 121, 6, 1, 15])}, [1, 3, 26, 121, 6, 15]),
    ({55: bytes([28, 42, 12])}, [1, 28, 42, 12, 3, 121, 6, 15, 26]),
    ({55: bytes([249, 249, 3, 3])}, [1, 249, 3, 121, 6, 15, 26]),
    ({55: b""}, [1, 3, 121, 6, 15, 26]),
    ({55: bytes([200, 53, 54, 82, 61, 255, 0, 52])}, [1, 3, 121, 6, 15, 26]),
    ({55: bytes([28]), 61: CLIENT_ID}, [1, 28, 3, 121, 6, 15, 26, 61]),
]


@pytest.mark.parametrize(("sent", "order"), ORDERS)
def test_options_are_in_order(sent: dict[int, bytes], order: list[int]) -> None:
    """dhcp 45: 53 54 51 58 59 1, the client's order, always-send, 61, 82, END."""
    reply = answer(responder(NTP), Guest(options=sent).discover())
    assert codes(reply.payload) == LEASE + order
    relayed = Guest(options={82: AGENT, **sent}, giaddr=RELAY).discover()
    assert codes(answer(responder(NTP), relayed).payload) == [*LEASE, *order, 82]


def test_only_what_was_asked_or_is_always_sent() -> None:
    """dhcp 46: what is configured is sent to who asks; 1 3 121 6 15 26 to everyone."""
    assert set(asked(network=NTP).options.values) == {*LEASE, 1, 3, 121, 6, 15, 26}
    assert 42 in asked(42, network=NTP).options
    assert 28 in asked(28).options
    nothing = replace(NTP, always=(1,))
    assert set(asked(network=nothing).options.values) == {*LEASE, 1}
    assert set(asked(3, network=nothing).options.values) == {*LEASE, 1, 3}


def test_the_list_of_this_message_counts() -> None:
    """dhcp 46: a guest whose next message asks for more or less is sent just that."""
    server = responder(NTP)
    for wanted in ([42], [28], None, [42]):
        options = {} if wanted is None else {55: bytes(wanted)}
        found = codes(answer(server, Guest(options=options).discover()).payload)
        assert (42 in found) is (wanted in ([42], None))
        assert (28 in found) is (wanted in ([28], None))


def test_without_a_list_all_is_sent() -> None:
    """dhcp 46: no option 55: the full configured set, in a message of 548 octets."""
    reply = answer(responder(NTP), Guest(options={}).discover())
    full = {1, 3, 6, 12, 15, 26, 28, 42, 119, 121}
    assert set(codes(reply.payload)) == {*LEASE, *full}
    assert len(reply.payload) <= 548


def test_what_must_be_asked_for() -> None:
    """dhcp 46, 50, 59: 108 and 249 go only to who asks for them."""
    network = replace(NETWORK, options={108: bytes(4)})
    unasked = read(responder(network), Guest(options={}).discover())
    assert not {108, 249} & set(unasked.options.values)
    assert {108, 249} <= set(asked(108, 249, network=network).options.values)


def test_121_has_the_default_route_and_the_metadata_route() -> None:
    """dhcp 48: 0.0.0.0/0 by the gateway, 169.254.169.254/32 by our address."""
    message = asked(121, 3)
    assert routes(message) == [
        f"0.0.0.0/0 via {GATEWAY}",
        f"169.254.169.254/32 via {SERVER}",
    ]


def test_the_default_route_and_option_3_agree() -> None:
    """dhcp 49: the default route in 121 is option 3, from network or binding."""
    for gateway in (None, IPv4Address("10.0.0.254")):
        message = asked(121, 3, binding=replace(BINDING, gateway=gateway))
        router = message.options.address(3)
        assert router == (gateway or GATEWAY)
        assert routes(message)[0] == f"0.0.0.0/0 via {router}"


def test_without_a_gateway_there_is_no_default_route() -> None:
    """dhcp 48: no gateway: no option 3, and 121 has the metadata route alone."""
    place = replace(NETWORK.ranges[0], gateway=None)
    message = asked(121, 3, network=replace(NETWORK, ranges=(place,)))
    assert 3 not in message.options
    assert routes(message) == [f"169.254.169.254/32 via {SERVER}"]


def test_routes_of_binding_and_network_follow() -> None:
    """dhcp 47, 48: then the binding's routes, then the network's; each once."""
    network = replace(
        NETWORK,
        routes=(
            ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.9"),
            ClasslessRoute.parse("10.8.0.0/16 via 10.0.0.9"),
            ClasslessRoute.parse("0.0.0.0/0 via 10.0.0.9"),
        ),
    )
    binding = replace(
        BINDING, routes=(ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.7"),)
    )
    assert routes(asked(121, network=network, binding=binding)) == [
        f"0.0.0.0/0 via {GATEWAY}",
        f"169.254.169.254/32 via {SERVER}",
        "10.9.0.0/16 via 10.0.0.7",
        "10.8.0.0/16 via 10.0.0.9",
    ]


ROUTERS: list[tuple[RouterWith121, tuple[int, ...], bool]] = [
    (RouterWith121.BOTH, (3, 121, 33), True),
    (RouterWith121.BOTH, (3, 33), True),
    (RouterWith121.RFC, (3, 33), True),
    (RouterWith121.RFC, (3, 121, 33), False),
    (RouterWith121.RFC, (121,), False),
]


@pytest.mark.parametrize(("switch", "wanted", "router"), ROUTERS)
def test_router_with_121(
    switch: RouterWith121, wanted: tuple[int, ...], router: bool
) -> None:
    """dhcp 49: 3 and 121 to all; with "rfc" no 3, no 33 to who asks for 121 (3442)."""
    network = replace(NETWORK, router_with_121=switch, options={33: bytes(8)})
    message = asked(*wanted, network=network)
    assert (3 in message.options) is router
    assert (33 in message.options) is (router and 33 in wanted)
    assert 121 in message.options


def test_rfc_keeps_3_where_no_121_is_sent() -> None:
    """dhcp 49: "rfc" takes 3 from nobody who gets no 121."""
    network = replace(NETWORK, router_with_121=RouterWith121.RFC, always=())
    assert 3 in asked(3, network=network).options
    binding = replace(BINDING, metadata_route=False)
    message = asked(3, 121, network=network, binding=binding)
    assert routes(message) == [f"0.0.0.0/0 via {GATEWAY}"]
    assert 3 not in message.options


def test_249_is_121() -> None:
    """dhcp 50: 249 has the octets of 121, and is sent when asked for."""
    message = asked(249, 121)
    assert message.options[249] == message.options[121]
    assert 249 not in asked(121).options


SECONDARY = replace(BINDING, default_network=False)


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({}, []),
        ({"metadata_route": True}, [f"169.254.169.254/32 via {SERVER}"]),
        ({"gateway": IPv4Address("10.0.0.9")}, []),
        (
            {"routes": (ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.9"),)},
            ["10.9.0.0/16 via 10.0.0.9"],
        ),
    ],
)
def test_another_nic_has_no_default_route(change: Any, sent: list[str]) -> None:
    """dhcp 51: off the default network: no 3, no 6, 15, 119, no default route; the
    metadata route only where it is wanted; mask and MTU as everywhere."""
    message = asked(*DHCLIENT, 249, binding=replace(SECONDARY, **change))
    assert routes(message) == sent
    assert not {3, 6, 15, 119} & set(message.options.values)
    assert (121 in message.options) is (249 in message.options) is bool(sent)
    assert {1, 26, 28} <= set(message.options.values)


def test_another_nic_has_a_router_where_it_is_said() -> None:
    """dhcp 51: "router": true tells 3 off the default network, and no default route."""
    message = asked(*DHCLIENT, 249, binding=replace(SECONDARY, router=True))
    assert message.options.address(3) == GATEWAY
    assert not {6, 15, 119, 121, 249} & set(message.options.values)


def test_another_nic_has_what_its_binding_says() -> None:
    """dhcp 51: 6 and 15 off the default network are sent if the binding has them."""
    binding = replace(SECONDARY, dns=(GATEWAY,), domain="own.example")
    message = asked(6, 15, binding=binding)
    assert message.options.address(6) == GATEWAY
    assert message.options[15] == b"own.example"


def test_the_metadata_route_can_be_denied() -> None:
    """dhcp 48, 51: "metadata_route": false leaves the default route alone."""
    message = asked(121, binding=replace(BINDING, metadata_route=False))
    assert routes(message) == [f"0.0.0.0/0 via {GATEWAY}"]


PRECEDENCE: list[tuple[dict[str, Any], int, bytes]] = [
    ({"dns": (GATEWAY, SERVER)}, 6, GATEWAY.packed + SERVER.packed),
    ({"domain": "b.example"}, 15, b"b.example"),
    ({"domain": "b.example"}, 119, b"\1b\7example\0"),
    ({"mtu": 1400}, 26, (1400).to_bytes(2, "big")),
    ({"prefix": 25}, 1, bytes([255, 255, 255, 128])),
    ({"prefix": 25}, 28, bytes([10, 0, 0, 127])),
    ({"prefix": 32}, 1, bytes([255, 255, 255, 255])),
    ({"options": {42: GATEWAY.packed}}, 42, GATEWAY.packed),
    ({"options": {224: b"raw"}}, 224, b"raw"),
    ({}, 42, SERVER.packed),
    ({}, 6, SERVER.packed),
    ({}, 1, bytes([255, 255, 255, 0])),
]


@pytest.mark.parametrize(("change", "code", "value"), PRECEDENCE)
def test_the_binding_is_nearer_than_the_network(
    change: Any, code: int, value: bytes
) -> None:
    """dhcp 36, 61: what a binding says wins over its network, raw octets included."""
    message = asked(code, network=NTP, binding=replace(BINDING, **change))
    assert message.options[code] == value


@pytest.mark.parametrize("client_id", [b"\0\1", CLIENT_ID, b"\xff" * 255])
def test_the_client_id_is_echoed(client_id: bytes) -> None:
    """dhcp 55: 61 is echoed unmodified, before 82; the switch turns it off (6842)."""
    guest = Guest().with_options({61: client_id})
    for request in (guest.discover(), guest.select(), guest.inform()):
        reply = answer(responder(), request)
        assert sequence(reply.payload)[-1] == (61, client_id)
        quiet = responder(replace(NETWORK, echo_client_id=False))
        assert 61 not in codes(answer(quiet, request).payload)
        short = replace(request, options=Guest().discover().options)
        assert 61 not in codes(answer(responder(), short).payload)
    nak = answer(responder(), guest.reboot(IPv4Address("10.0.0.77")))
    assert sequence(nak.payload)[-1] == (61, client_id)


@pytest.mark.parametrize("agent", [AGENT, b"", bytes(255), b"\0\xff\0\xff"])
def test_the_relays_option_is_echoed_last(agent: bytes) -> None:
    """dhcp 56: 82 is echoed octet for octet, the last before END (3046 section 2.2)."""
    guest = Guest(MAC, {82: agent, 61: CLIENT_ID, 55: DHCLIENT}, giaddr=RELAY)
    for request in (guest.discover(), guest.select(), guest.renew(), guest.inform()):
        payload = answer(responder(), request).payload
        assert sequence(payload)[-2:] == [(61, CLIENT_ID), (82, agent)]


def test_a_guests_own_82_is_trusted_only_where_configured() -> None:
    """dhcp 56: without giaddr 82 is echoed only with trust_option_82."""
    request = Guest().with_options({82: AGENT}).discover()
    assert 82 not in codes(answer(responder(), request).payload)
    trusting = responder(replace(NETWORK, trust_option_82=True))
    assert sequence(answer(trusting, request).payload)[-1] == (82, AGENT)
