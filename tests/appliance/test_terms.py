"""What guests may hold, where the process may open few files (issue 5.7)."""

import pytest

from appliance.settings import LimitSettings
from appliance.terms import FILES
from appliance.terms import http_limits

SAID = LimitSettings(connections_total=100, connections_per_ip=32)


def test_as_many_places_as_was_said() -> None:
    """issue 5.7: where files are left for all that guests may take, it is as the
    settings say; with one less, a place less, and an eighth of them for one guest."""
    whole = http_limits(SAID, FILES * 100)
    assert (whole.connections_total, whole.connections_per_ip) == (100, 32)
    less = http_limits(SAID, FILES * 100 - 1)
    assert (less.connections_total, less.connections_per_ip) == (99, 12)


@pytest.mark.parametrize("files", [-5, 0, 1, 47])
def test_the_last_place(files: int) -> None:
    """issue 5.7: however few files are left, somebody is served."""
    few = http_limits(SAID, files)
    assert few.connections_total >= 1
    assert few.connections_per_ip == 1
