"""A hypervisor with systemd, a bridge, and metalease as a package leaves it."""

from collections.abc import Iterator

import pytest

from .hypervisor import Hypervisor
from .hypervisor import Package


@pytest.fixture
def hypervisor() -> Iterator[Hypervisor]:
    with Hypervisor() as machine:
        machine.add_bridge("br0")
        yield machine


@pytest.fixture
def package(hypervisor: Hypervisor) -> Package:
    return Package(hypervisor)
