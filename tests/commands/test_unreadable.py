"""What was dropped and the daemon cannot read: `show --documents` says so."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.files import service_group
from tests.appliance.house import House
from tests.appliance.house import ip

PATH = "meta-data/rack/name"


def of_root(path: Path) -> None:
    path.chmod(0o600)


def below_a_directory_of_root(path: Path) -> None:
    path.parent.chmod(0o750)


def of_the_group(path: Path) -> None:
    path.parent.chmod(0o710)
    path.chmod(0o640)
    for each in (path, path.parent):
        os.chown(each, 0, service_group())


@pytest.mark.machine
@pytest.mark.parametrize(
    ("take", "told"),
    [
        (of_root, "unreadable"),
        (below_a_directory_of_root, "unreadable"),
        (of_the_group, None),
    ],
)
@pytest.mark.parametrize("whose", ["own", "default"])
def test_show_documents(
    tmp_path: Path, whose: str, take: Callable[[Path], None], told: str | None
) -> None:
    """issue 5.3: root reads more than the daemon does, and is told what guests miss."""
    house = House.build(tmp_path)
    house.bind(5)
    take(house.drop(ip(5) if whose == "own" else "default", PATH, b"7"))
    said = house.metalease("show", "n1", ip(5), "--documents")
    lines = {line.split()[0]: line.split()[1:] for line in said.out.splitlines()}
    assert lines[PATH] == [told or whose, "1"]
