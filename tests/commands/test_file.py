"""`metalease file`: documents of a guest, of all, and shared ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import listed


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def put(house: House, owner: object, path: str, octets: bytes = b"x") -> Said:
    return house.metalease("file", "put", "n1", owner, path, stdin=octets)


@pytest.mark.parametrize("owner", ["10.0.0.5", "default", "shared"])
@pytest.mark.parametrize("path", ["user-data", "/meta-data/zone", "a/b/c/", "0=ops/k"])
def test_put_get_ls_rm(house: House, owner: str, path: str) -> None:
    """A document goes there and comes back byte for byte."""
    raw = bytes(range(256))
    with house.running():
        assert put(house, owner, path, raw) == Said(0, "", "")
    top = house.files.shared if owner == "shared" else house.files.metadata / owner
    assert (top / path.strip("/")).read_bytes() == raw
    assert house.metalease("file", "get", "n1", owner, path).octets == raw
    files = house.metalease("file", "ls", "n1", owner, "--json")
    assert listed(files.out) == [{"path": path.strip("/"), "octets": 256}]
    assert house.metalease("file", "rm", "n1", owner, path) == Said(0, "", "")
    assert os.listdir(top) == []


def test_put_from_a_file(house: House, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xff\0")
    said = house.metalease("file", "put", "n1", ip(5), "user-data", tmp_path / "f")
    assert said.code == 3
    document = house.files.metadata / "10.0.0.5/user-data"
    assert document.read_bytes() == b"\xff\0"
    assert said.err == (
        f"metalease: network n1: {document} is written; its daemon is not running and"
        " will find it: metalease run n1\n"
    )


def test_the_same_again_changes_nothing(house: House) -> None:
    put(house, ip(5), "user-data", b"1")
    document = house.files.metadata / "10.0.0.5/user-data"
    before = document.stat()
    put(house, ip(5), "user-data", b"1")
    assert document.stat() == before
    put(house, ip(5), "user-data", b"2")
    assert document.read_bytes() == b"2"


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../10.0.0.6/user-data",
        "a/../../10.0.0.6/user-data",
        "/../../../etc/passwd",
        ".",
        "a/./b",
        "",
        "/",
        "a//b",
        ".hidden",
        "a/.hidden/b",
        "draft~",
        "x.tmp",
        "a\nb",
        "a\\b",
        "\udcff",
        "a" * 256,
        "é" * 128,
    ],
)
@pytest.mark.parametrize("word", ["put", "get", "rm"])
def test_paths_that_are_no_documents(house: House, word: str, path: str) -> None:
    """No path leads out of the guest's directory, or to what is never served."""
    secret = house.drop(ip(6), "user-data", b"secret")
    said = house.metalease("file", word, "n1", ip(5), path, stdin=b"x")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("metalease: path")
    assert said.err.count("\n") == 1
    assert secret.read_bytes() == b"secret"
    assert os.listdir(house.files.metadata) == ["10.0.0.6"]


def test_names_at_their_limit(house: House) -> None:
    assert put(house, ip(5), "a" * 255).code == 3
    assert put(house, ip(5), "é" * 127).code == 3


@pytest.mark.parametrize("word", ["put", "get", "rm"])
def test_no_link_is_followed(house: House, word: str) -> None:
    """A linked directory leads to files that another owns."""
    secret = house.drop(ip(6), "d/user-data", b"secret")
    house.drop(ip(5), "x", b"")
    (house.files.metadata / "10.0.0.5/out").symlink_to(secret.parent)
    said = house.metalease("file", word, "n1", ip(5), "out/user-data", stdin=b"x")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith(": a link leads there: write to its target\n")
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize(
    ("owner", "what"),
    [
        ("nobody", "nobody: is neither an IP nor default nor shared"),
        ("../n2", "../n2: is neither an IP nor default nor shared"),
        ("10.1.0.5", "network n1: 10.1.0.5 is not in this network (10.0.0.0/24)"),
        ("10.0.0.2", "network n1: 10.0.0.2 is our DHCP address: choose another"),
    ],
)
def test_owners_that_are_none(house: House, owner: str, what: str) -> None:
    assert put(house, owner, "user-data") == Said(1, "", f"metalease: {what}\n")
    assert not house.files.metadata.exists()


def test_a_directory_is_no_document(house: House) -> None:
    document = house.drop(ip(5), "d/f", b"1")
    at = document.parent
    assert put(house, ip(5), "d") == Said(1, "", f"metalease: {at}: is a directory\n")
    said = house.metalease("file", "get", "n1", ip(5), "d")
    assert said.err == f"metalease: {at}: cannot be read: Is a directory\n"
    said = house.metalease("file", "rm", "n1", ip(5), "d")
    assert said.err == f"metalease: {at}: there is no such document\n"
    said = put(house, ip(5), "d/f/g")
    assert said.code == 1
    assert "Not a directory" in said.err
    assert document.read_bytes() == b"1"


def test_what_is_not_there(house: House) -> None:
    said = house.metalease("file", "get", "n1", ip(5), "f")
    assert said.code == 1
    assert said.err.endswith("cannot be read: No such file or directory\n")
    said = house.metalease("file", "rm", "n1", ip(5), "f")
    assert said.err.endswith("there is no such document\n")
    assert listed(house.metalease("file", "ls", "n1", ip(5), "--json").out) == []


def test_rm_takes_empty_directories_along(house: House) -> None:
    house.drop(ip(5), "a/b/c", b"")
    house.drop(ip(5), "a/d", b"")
    house.metalease("file", "rm", "n1", ip(5), "a/b/c")
    assert os.listdir(house.files.metadata / "10.0.0.5/a") == ["d"]


def test_ls_lists_what_is_served(house: House) -> None:
    """Sorted; no hidden or temporary names, no links to nothing."""
    for name in ("b", "a", "d/e", ".hidden", ".5.tmp", "x~", ".git/config"):
        house.drop(ip(5), name, b"12")
    (house.files.metadata / "10.0.0.5/dead").symlink_to("nothing")
    assert house.metalease("file", "ls", "n1", ip(5)).out == (
        "PATH  OCTETS\na     2\nb     2\nd/e   2\n"
    )


def test_who_reads_no_further(house: House) -> None:
    """`file get | head -c1` ends quietly, as by SIGPIPE."""
    house.drop(ip(5), "large", b"x" * 1_000_000)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "appliance.cli"),
            *("--root", str(house.layout.root)),
            *("file", "get", "n1", "10.0.0.5", "large"),
        ],
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
