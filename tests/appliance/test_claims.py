"""One guest, two networks: which of them is asked for its metadata."""

from typing import Any

import pytest

from appliance.claims import Nic
from appliance.claims import advice
from appliance.claims import contested

from .told import record

FIRST = {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"}
SECOND = {"mac": "fa:16:3e:00:00:06", "ip": "10.0.0.6"}
LINKS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"instance_id": "i-1"}, {"instance_id": "i-1"}),
    ({"interfaces": [{"mac": SECOND["mac"]}]}, {}),
    ({}, {"interfaces": [{"mac": FIRST["mac"]}]}),
    ({}, {"mac": FIRST["mac"]}),
]


def pairs(first: dict[str, Any], second: dict[str, Any], network: str = "n2") -> int:
    nics = [
        Nic("n1", record(**{**FIRST, **first})),
        Nic(network, record(**{**SECOND, **second})),
    ]
    return len(contested(nics))


@pytest.mark.parametrize(("first", "second"), LINKS)
def test_two_networks_claim_one_guest(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """issue 5.3: never both unless told to; NICs are one guest's by id or by MAC."""
    assert pairs(first, second) == 1
    for told in (
        {"default_network": False},
        {"metadata_route": False},
        {"metadata_route": True},
    ):
        assert pairs({**first, **told}, second) == 0
        assert pairs(first, {**second, **told}) == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [({}, {}), ({"instance_id": "i-1"}, {"instance_id": "i-2"})],
)
def test_two_guests_are_no_contest(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """issue 5.3: each has its own way."""
    assert pairs(first, second) == 0


def test_one_network_has_one_way() -> None:
    """Two NICs of one network ask the same server, whichever has the route."""
    same = {"instance_id": "i-1"}
    assert pairs(same, same, network="n1") == 0


def test_a_pair_is_told_once() -> None:
    """By id and by MAC at once it is one contest, with a way out."""
    nics = [
        Nic("n1", record(**FIRST, instance_id="i-1")),
        Nic(
            "n2",
            record(**SECOND, instance_id="i-1", interfaces=[{"mac": FIRST["mac"]}]),
        ),
    ]
    ((one, other),) = contested(nics)
    assert "put n2 10.0.0.6 --metadata-route no" in advice(one, other)
