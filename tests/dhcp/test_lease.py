"""How long an address is the guest's, and when it asks again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.assembly import times
from dhcp.codes import INFINITE
from dhcp.hardware import HardwareAddress

from .guest import BINDING
from .guest import NETWORK
from .guest import Guest
from .guest import answer
from .guest import codes
from .guest import read
from .guest import responder

# binding's, network's, asked for -> granted
GRANTS: list[tuple[int | None, int, int | None, int]] = [
    (None, 86400, None, 86400),
    (None, 7200, None, 7200),
    (3600, 86400, None, 3600),
    (172800, 86400, None, 172800),
    (None, 86400, 3600, 3600),
    (None, 86400, 86401, 86400),
    (None, 86400, INFINITE, 86400),
    (None, 86400, 60, 60),
    (None, 86400, 59, 60),
    (None, 86400, 0, 60),
    (None, 30, 10, 30),
    (None, 30, None, 30),
    (INFINITE, 86400, None, INFINITE),
    (None, INFINITE, None, INFINITE),
    (None, INFINITE, 3600, 3600),
    (3600, INFINITE, None, 3600),
]


@pytest.mark.parametrize(("bound", "default", "wanted", "granted"), GRANTS)
def test_the_lease(
    bound: int | None, default: int, wanted: int | None, granted: int
) -> None:
    """dhcp 58: binding > network > a day; a shorter wish is met, down to 60 s."""
    server = responder(
        replace(NETWORK, lease_time=default), replace(BINDING, lease_time=bound)
    )
    guest = Guest()
    if wanted is not None:
        guest = guest.with_options({51: wanted.to_bytes(4, "big")})
    for request in (guest.discover(), guest.select(), guest.renew()):
        reply = answer(server, request)
        assert read(server, request).options.number(51) == granted
        assert ({58, 59} <= set(codes(reply.payload))) is (granted != INFINITE)
        assert ({58, 59} & set(codes(reply.payload)) == set()) is (granted == INFINITE)


def test_the_default_is_a_day() -> None:
    """dhcp 58: infinite only if configured; else a day."""
    assert NETWORK.lease_time == 86400


@given(st.integers(60, INFINITE - 1), st.binary(min_size=6, max_size=6))
def test_t1_before_t2_before_the_end(seconds: int, hardware: bytes) -> None:
    """dhcp 21, 58: T1 is a half give or take 5 %, T2 7/8: T1 < T2 < lease."""
    values = {
        code: int.from_bytes(value, "big") for code, value in times(seconds, hardware)
    }
    assert list(values) == [51, 58, 59]
    assert values[51] == seconds
    assert values[58] < values[59] < seconds
    assert 0.475 * seconds - 1 <= values[58] <= 0.525 * seconds
    assert values[59] == int(seconds * 0.875)


def test_t1_differs_from_guest_to_guest() -> None:
    """dhcp 58: T1 is the same for a MAC each time, and spread over a fleet."""
    fleet = [(0xFA163E000000 + n).to_bytes(6, "big") for n in range(1000)]
    first = [int.from_bytes(dict(times(86400, each))[58], "big") for each in fleet]
    assert first == [
        int.from_bytes(dict(times(86400, each))[58], "big") for each in fleet
    ]
    tenths = {(each - 41040) * 10 // 4321 for each in first}
    assert tenths == set(range(10))
    server = responder(NETWORK, replace(BINDING, hardware=HardwareAddress(fleet[7])))
    offer = read(server, Guest(HardwareAddress(fleet[7])).discover())
    assert offer.options.number(58) == first[7]
