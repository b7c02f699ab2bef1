"""Every option that an operator can write, by scapy: its octets mean the same to both.

What scapy knows no form for is read by dnspython, or compared with its twin.
"""

from dataclasses import replace
from typing import Any

import dns.name
import pytest
from scapy.layers.dhcp import BOOTP
from scapy.layers.dhcp import DHCP
from scapy.layers.dhcp import DHCPOptions
from scapy.layers.inet import UDP
from scapy.layers.l2 import Ether

from dhcp.bindings import Binding
from dhcp.formats import FORMATS
from dhcp.formats import addresses
from dhcp.formats import domain_names
from dhcp.formats import parse_option
from dhcp.formats import text
from dhcp.message import Message
from dhcp.routes import ClasslessRoute
from dhcp.routes import encode_routes
from dhcp.server import enclose
from tests.dhcp.guest import ADDRESS
from tests.dhcp.guest import MAC
from tests.dhcp.guest import NETWORK
from tests.dhcp.guest import SERVER
from tests.dhcp.guest import Guest
from tests.dhcp.guest import answer
from tests.dhcp.guest import responder

UNKNOWN = {119, 252}
"""To scapy."""
WORDS: dict[object, str] = {addresses: "10.0.0.3, 10.0.0.4", text: "some-text"}
TYPED = sorted(FORMATS.keys() - UNKNOWN - {116})


def written(code: int) -> str:
    """Return a value of *code* as an operator writes it; numbers fill their octets."""
    octets = {13: 2, 22: 2, 2: 4, 24: 4, 35: 4, 38: 4, 108: 4}.get(code, 1)
    number = int.from_bytes(bytes(range(0xA1, 0xA1 + octets)), "big")
    return WORDS.get(FORMATS[code], str(number))


def spoken(code: int) -> list[Any]:
    """Return the same value as scapy has it."""
    if FORMATS[code] is addresses:
        return ["10.0.0.3", "10.0.0.4"]
    if FORMATS[code] is text:
        return [b"some-text"]
    return [int(written(code))]


def name_of(code: int) -> str:
    """Return scapy's word for *code*."""
    known: Any = DHCPOptions[code]
    return known if isinstance(known, str) else str(known.name)


def said_by_us(code: int, value: bytes) -> dict[str | int, list[Any]]:
    """Return the options of the answer to who asks for *code*, as scapy reads them."""
    server = responder(NETWORK, Binding(MAC, ADDRESS, options={code: value}))
    request = Guest(options={55: bytes([code])}).discover()
    return seen_by_scapy(enclose(answer(server, request), server).pack())


def seen_by_scapy(frame: bytes) -> dict[str | int, list[Any]]:
    found = Ether(frame)[DHCP].options
    return {each[0]: list(each[1:]) for each in found if isinstance(each, tuple)}


def said_by_scapy(*option: Any) -> Message:
    """Return what we read of a message that scapy writes."""
    options = [("message-type", "discover"), option, "end"]
    packet = UDP() / BOOTP(chaddr=MAC.octets) / DHCP(options=options)
    return Message.parse(bytes(packet[BOOTP]))


@pytest.mark.parametrize("code", TYPED)
def test_scapy_reads_what_we_write(code: int) -> None:
    """dhcp 60, 61: each format of an option, from the operator to scapy's value."""
    number, value = parse_option(str(code), written(code))
    assert number == code
    seen = said_by_us(code, value)[name_of(code)]
    assert [each if isinstance(each, str | int) else bytes(each) for each in seen] == (
        spoken(code)
    )


@pytest.mark.parametrize("code", TYPED)
def test_we_read_what_scapy_writes(code: int) -> None:
    """dhcp 60: each format of an option, from scapy's value to our octets."""
    message = said_by_scapy(name_of(code), *spoken(code))
    assert message.options[code] == parse_option(str(code), written(code))[1]


ROUTES = ("0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "10.9.0.0/16", "10.9.8.0/24")
NARROW = ("192.0.2.128/25", "169.254.169.254/32")


@pytest.mark.parametrize("destination", ROUTES + NARROW)
def test_a_route_both_ways(destination: str) -> None:
    """dhcp 47: each width of a destination means the same to scapy, both ways."""
    route = ClasslessRoute.parse(f"{destination} via 10.0.0.9")
    message = said_by_scapy("classless_static_routes", f"{destination}:10.0.0.9")
    assert message.options[121] == encode_routes([route])
    server = responder(NETWORK, Binding(MAC, ADDRESS, routes=(route,)))
    request = Guest(options={55: bytes([121, 249])}).discover()
    reply = answer(server, request)
    seen = seen_by_scapy(enclose(reply, server).pack())
    (routes,) = seen["classless_static_routes"]
    ways = {"0.0.0.0/0": "10.0.0.1", "169.254.169.254/32": str(SERVER)}
    assert f"{destination}:{ways.get(destination, '10.0.0.9')}" in routes
    options = Message.parse(reply.payload).options
    assert options[249] == options[121]  # scapy has no form for the twin


@pytest.mark.parametrize("seconds", [60, 86_400, 0xFFFFFFFF])
def test_a_lease_both_ways(seconds: int) -> None:
    """dhcp 58: 51, 58 and 59 are numbers of four octets to scapy too."""
    assert said_by_scapy("lease_time", seconds).options.number(51) == seconds
    server = responder(replace(NETWORK, lease_time=seconds))
    reply = answer(server, Guest().discover())
    seen = seen_by_scapy(enclose(reply, server).pack())
    assert seen["lease_time"] == [seconds]
    if seconds == 0xFFFFFFFF:
        assert not {"renewal_time", "rebinding_time"} & seen.keys()
    else:
        assert 0 < seen["renewal_time"][0] < seen["rebinding_time"][0] < seconds


def test_a_search_list_is_what_dnspython_reads() -> None:
    """dhcp 57: 119 is names after RFC 1035, one behind the other (RFC 3397)."""
    assert FORMATS[119] is domain_names
    _, value = parse_option("119", "net1.example, a.b.c.example")
    names, at = [], 0
    while at < len(value):
        name, used = dns.name.from_wire(value, at)
        names.append(name.to_text())
        at += used
    assert names == ["net1.example.", "a.b.c.example."]
    assert value in said_by_us(119, value)[119]


def test_252_is_text_and_116_a_number() -> None:
    """dhcp 59, 61: what is left, octet by octet."""
    assert parse_option("252", "http://a/wpad")[1] == b"http://a/wpad"
    assert parse_option("116", "1") == (116, b"\1")
    assert said_by_scapy("auto-config", 1).options[116] == b"\1"


def test_no_format_is_left_out() -> None:
    """Each code that an operator can write is in one of the tests above."""
    assert {*TYPED, *UNKNOWN, 116} == FORMATS.keys()
    assert len(TYPED) > 50
