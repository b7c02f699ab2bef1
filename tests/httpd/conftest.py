"""Every test here gives back each descriptor that it took."""

import gc
import os
from collections.abc import Iterator

import pytest


def descriptors() -> set[tuple[str, str]]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add((name, os.readlink(f"/proc/self/fd/{name}")))
        except FileNotFoundError:
            pass  # the directory's own, closed meanwhile
    return {(name, link) for name, link in found if not link.startswith("/proc/")}


@pytest.fixture(autouse=True)
def _descriptors_come_back() -> Iterator[None]:
    before = descriptors()
    yield
    if descriptors() - before:
        gc.collect()  # what pytest and hypothesis hold is theirs
    assert descriptors() - before == set()
