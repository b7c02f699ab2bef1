"""`metalease put` with what cannot be: one line says why, and nothing is written."""

import os
from pathlib import Path

import pytest

from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import mac
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import sh

M5 = ("--mac", str(mac(5)))
DOWN = "its daemon is not running and will find it: metalease run n1\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def put(house: House, *words: object) -> Said:
    return house.metalease("put", "n1", *words)


def refused(said: Said) -> str:
    """Return the one line that says why."""
    assert said.code == 1
    assert said.err.count("\n") == 1
    return said.err.removeprefix("metalease: ").rstrip("\n")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("10.0.0.5",), "--mac: 10.0.0.5 is not bound yet: give its MAC"),
        (("nonsense", *M5), "IP: 'nonsense' is not an IPv4 address"),
        (
            ("10.0.0.5", "--mac", "x"),
            "--mac: 'x' is not a MAC like fa:16:3e:00:00:05",
        ),
        (
            ("10.0.0.2", *M5),
            "put n1 10.0.0.2: ip: 10.0.0.2 is our DHCP address: choose another",
        ),
        (
            ("10.0.0.5", *M5, "--mtu", "9000"),
            "put n1 10.0.0.5: mtu: 9000 is over the network's 1500",
        ),
        (("10.0.0.5", *M5, "--meta", "x"), "--meta: 'x' is not like KEY=VALUE"),
        (("10.0.0.5", *M5, "--option", "=x"), "--option: '=x' is not like KEY=VALUE"),
        (
            ("10.0.0.5", *M5, "--user-data", "/nowhere/f"),
            "/nowhere/f: cannot be read: No such file or directory",
        ),
        (
            ("10.0.0.5", *M5, "--user-data", "-", "--vendor-data", "-"),
            "-: standard input can be read only once",
        ),
        (
            ("10.0.0.5", *M5, "--ssh-key", "a=b=/nowhere/k"),
            "b=/nowhere/k: cannot be read: No such file or directory",
        ),
    ],
)
def test_refusals(house: House, words: tuple[str, ...], what: str) -> None:
    """Exit code 1, one line that says why, and nothing written."""
    assert refused(put(house, *words)) == what
    assert os.listdir(house.files.bindings) == []
    assert not house.files.metadata.exists()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("n1",),
        ("n1", "10.0.0.5", "--mtu", "x"),
        ("n1", "10.0.0.5", "--default", "--no-default"),
        ("n1", "10.0.0.5", "--nonsense"),
    ],
)
def test_wrong_usage(house: House, words: tuple[str, ...]) -> None:
    """Exit code 2."""
    said = house.metalease("put", *words)
    assert said.code == 2
    assert said.err.startswith("usage: metalease ")


def test_a_private_key_is_not_repeated(house: House, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN KEY-----\nSECRET\n-----END KEY-----\n")
    said = put(house, ip(5), *M5, "--ssh-key", f"ops={tmp_path / 'key'}")
    assert refused(said) == (
        "put n1 10.0.0.5: public_keys.ops: has to be one line of text"
    )


@in_machine
def test_a_full_disk() -> None:
    """Exit code 1, the old files intact, and no temporary one is left."""
    root = Path("/run/full")
    root.mkdir()
    sh(f"mount -t tmpfs -o size=1m none {root}")
    house = House.build(root)
    house.drop(ip(5), "user-data", b"old")
    house.metalease("put", "n1", ip(5), *M5)
    before = house.file(5).read_bytes()
    words = ("put", "n1", ip(5), "--mtu", 1400, "--user-data", "-")
    said = house.metalease(*words, stdin=b"x" * (2 << 20))
    document = house.files.metadata / "10.0.0.5/user-data"
    assert refused(said) == (
        f"{document}: cannot be written (No space left on device):"
        " what was there is unchanged"
    )
    assert document.read_bytes() == b"old"
    assert house.file(5).read_bytes() == before
    for folder in (document.parent, house.files.bindings):
        assert len(os.listdir(folder)) == 1
