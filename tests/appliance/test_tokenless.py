"""Who reads without a session token: counted by mode, remembered by address."""

from ipaddress import IPv4Address

import pytest

from appliance.journal import Journal
from appliance.metadata import UNKNOWN
from appliance.metrics import Metrics
from appliance.observation import TOKENLESS_AT_MOST
from appliance.observation import Observation
from httpd.contract import Served
from httpd.gate import TOKEN_NAMES
from httpd.listener import Peer
from httpd.messages import Request
from httpd.messages import Response
from tests.appliance.house import ip
from tests.appliance.house import mac

OPTIONAL, REQUIRED = ("optional",), ("required",)


class Seen:
    def __init__(self) -> None:
        self.metrics = Metrics("1")
        journal = Journal()  # nothing is written: it does not run
        self.now = 1000.0
        self.observation = Observation(journal, self.metrics, lambda: self.now)

    def serve(
        self,
        address: IPv4Address,
        status: int,
        *,
        method: str = "GET",
        header: str | None = None,
        origin: str = "",
    ) -> None:
        headers = {} if header is None else {header: "x"}
        request = Request(method, "/", "/", headers=headers)
        response = Response(status, origin=origin)
        peer = Peer(address, mac(5).octets)
        self.observation.http(Served(peer, request, response, 0.0))
        self.now += 1

    def counted(self) -> dict[tuple[str, ...], int]:
        counter = self.metrics.counters["metalease_http_tokenless"]
        return {labels: number for labels, number in counter.items() if number}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("status", "mode"), [(200, OPTIONAL), (404, OPTIONAL), (401, REQUIRED)]
)
def test_counted_by_mode(method: str, status: int, mode: tuple[str]) -> None:
    """metadata U1: what is absent counts too; 401 is what `required` says to it."""
    seen = Seen()
    for _ in range(2):
        seen.serve(ip(5), status, method=method)
    assert seen.counted() == {mode: 2}
    assert seen.observation.tokenless == {ip(5): (2, 1001.0)}


@pytest.mark.parametrize("header", TOKEN_NAMES)
def test_who_has_one_is_not_counted(header: str) -> None:
    """Nor whose token does not hold: it asks for another by itself."""
    seen = Seen()
    seen.serve(ip(5), 200, header=header)
    seen.serve(ip(5), 401, header=header)
    assert (seen.counted(), seen.observation.tokenless) == ({}, {})


def test_what_tells_nothing_is_not_counted() -> None:
    """No token is needed for a PUT, helps where the endpoint is off, or an address has
    no binding, or the token's own path is read."""
    seen = Seen()
    seen.serve(ip(5), 200, method="PUT")
    seen.serve(ip(5), 405, method="POST")
    seen.serve(ip(5), 405)
    seen.serve(ip(5), 403)
    seen.serve(ip(5), 404, origin=UNKNOWN)
    seen.observation.http(Served(Peer(ip(5), None), None, Response(400), 0.0))
    assert (seen.counted(), seen.observation.tokenless) == ({}, {})


def test_the_latest_are_remembered() -> None:
    """A bounded table: who was quiet for longest goes first."""
    seen = Seen()
    first = IPv4Address("10.0.0.0")
    for number in range(TOKENLESS_AT_MOST):
        seen.serve(first + number, 200)
    seen.serve(first, 200)
    seen.serve(first + TOKENLESS_AT_MOST, 200)
    known = seen.observation.tokenless
    assert len(known) == TOKENLESS_AT_MOST
    assert first in known
    assert first + 1 not in known
    assert first + 2 in known
