"""A host of ZStack's, for tests that cut it over."""

from collections.abc import Iterator

import pytest

from appliance.lab.machine import Machine

from .host import ZStackHost


@pytest.fixture
def host() -> Iterator[ZStackHost]:
    with Machine() as machine:
        yield ZStackHost(machine)
