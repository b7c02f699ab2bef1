"""Classless static routes."""

from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.errors import MalformedMessage
from dhcp.routes import ClasslessRoute
from dhcp.routes import decode_routes
from dhcp.routes import encode_routes

# RFC 3442's own examples, and the widths between them
WIRE = {
    "0.0.0.0/0 via 10.0.0.1": "00 0a000001",
    "10.0.0.0/8 via 10.0.0.1": "08 0a 0a000001",
    "10.128.0.0/9 via 10.0.0.1": "09 0a80 0a000001",
    "10.0.0.0/16 via 10.0.0.1": "10 0a00 0a000001",
    "10.17.0.0/24 via 10.0.0.1": "18 0a1100 0a000001",
    "10.27.129.0/24 via 10.0.0.1": "18 0a1b81 0a000001",
    "10.229.0.128/25 via 10.0.0.1": "19 0ae50080 0a000001",
    "169.254.169.254/32 via 10.0.0.2": "20 a9fea9fe 0a000002",
    "10.1.2.3/32 via 0.0.0.0": "20 0a010203 00000000",
}


@pytest.mark.parametrize("text", WIRE)
def test_a_route_is_width_significant_octets_router(text: str) -> None:
    """dhcp 47: width, ceil(width/8) octets, router; /0 /8 /9 /24 /25 /32 (3442)."""
    route = ClasslessRoute.parse(text)
    assert route.encode() == bytes.fromhex(WIRE[text])
    assert decode_routes(bytes.fromhex(WIRE[text])) == (route,)
    assert str(route) == text


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("10.9.3.4/16 via 10.0.0.1", "10.9.0.0/16"),
        ("10.255.0.0/9 via 10.0.0.1", "10.128.0.0/9"),
        ("1.2.3.4/0 via 10.0.0.1", "0.0.0.0/0"),
        ("1.2.3.4 via 10.0.0.1", "1.2.3.4/32"),
    ],
)
def test_host_bits_are_zeroed(text: str, destination: str) -> None:
    """dhcp 47: bits right of the width are zero on the wire."""
    assert ClasslessRoute.parse(text).destination == IPv4Network(destination)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.9.0.0/16",
        "10.9.0.0/16 10.0.0.1",
        "10.9.0.0/33 via 10.0.0.1",
        "x via y",
        "10.9.0.0/16 via 10.0.0.1 metric 5",
        "10.9.0.0/16 VIA 10.0.0.1",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    """dhcp 47: what is no route raises ValueError."""
    with pytest.raises(ValueError, match=r"not like|Expected|permit|not a valid"):
        ClasslessRoute.parse(text)


def test_duplicates_are_removed() -> None:
    """dhcp 47: each destination is sent once; the first wins."""
    routes = [
        ClasslessRoute.parse(text)
        for text in (
            "10.9.0.0/16 via 10.0.0.1",
            "10.8.0.0/16 via 10.0.0.1",
            "10.9.7.7/16 via 10.0.0.7",
        )
    ]
    assert decode_routes(encode_routes(routes)) == tuple(routes[:2])


@pytest.mark.parametrize(
    "octets", ["00", "000a0000", "210a0000000a000001", "200a0001", "000a00000118", "ff"]
)
def test_cut_or_wide_routes_are_malformed(octets: str) -> None:
    """dhcp 47: a width over 32 or a cut route is malformed."""
    with pytest.raises(MalformedMessage, match="option 121"):
        decode_routes(bytes.fromhex(octets))


networks = st.builds(
    lambda address, width: IPv4Network((address, width), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)
routes = st.builds(ClasslessRoute, networks, st.integers(0, 2**32 - 1).map(IPv4Address))


@given(st.lists(routes, max_size=60, unique_by=lambda route: route.destination))
def test_round_trip(chosen: list[ClasslessRoute]) -> None:
    """dhcp 47: every list of routes is read back as it was written."""
    assert decode_routes(encode_routes(chosen)) == tuple(chosen)


@given(st.binary(max_size=40))
def test_garbage_is_routes_or_malformed(octets: bytes) -> None:
    """dhcp 12: any octets are routes, or MalformedMessage."""
    try:
        decoded = decode_routes(octets)
    except MalformedMessage:
        return
    assert len(encode_routes(decoded)) <= len(octets)
