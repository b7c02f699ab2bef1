"""`metalease spool`: what guests wrote back, listed, printed and cleared."""

import os
from pathlib import Path

import pytest

from tests.appliance.guests import get
from tests.appliance.guests import guests
from tests.appliance.guests import metadata
from tests.appliance.guests import post
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import mac

PASSWORD = "/openstack/2013-04-04/password"
TEXT = b"dGhlIHBhc3N3b3Jk"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = guests(tmp_path)
    house.files.spool.mkdir()
    return house


def test_the_command(house: House) -> None:
    """`metalease spool` lists, prints as it came, and clears; then a password can be
    set again."""
    said = house.metalease("spool", "n1")
    assert said.code == 0
    assert "no guest has written" in said.err
    found = metadata(house)
    post(found, PASSWORD, TEXT)
    post(found, "/phone-home", b"\x00\xff", 6)
    listing = house.metalease("spool", "n1").out
    assert f"{ip(5)}" in listing
    assert f"{mac(6)}" in listing
    assert "password" in house.metalease("spool", "n1", ip(5), "--json").out
    assert "phone-home" not in house.metalease("spool", "n1", ip(5)).out
    printed = house.metalease("spool", "n1", ip(6), "phone-home")
    assert printed.octets == b"\x00\xff"
    refused = house.metalease("spool", "n1", ip(6), "password")
    assert refused.code == 1
    assert f"{ip(6)} has stored no 'password'" in refused.err
    assert house.metalease("spool", "n1", ip(5), "--clear").code == 0
    assert get(found, PASSWORD) == b""
    assert post(found, PASSWORD, b"new").status == 200
    assert house.metalease("spool", "n1", "--clear").code == 0
    assert os.listdir(house.files.spool) == []
    assert house.metalease("spool", "n1", "10.9.9.9").code == 1


def test_what_goes_while_we_look(house: House) -> None:
    """issue 5.5: `metalease spool` lists the others where a directory goes, or is
    none."""
    found = metadata(house)
    post(found, PASSWORD, TEXT)
    (house.files.spool / "stray").write_bytes(b"")
    said = house.metalease("spool", "n1")
    assert (said.code, said.err) == (0, "")
    assert f"{ip(5)}" in said.out


def test_nothing_to_clear(tmp_path: Path) -> None:
    """Before its daemon was ever started there is no spool: nothing is made, or
    wrong."""
    house = House.build(tmp_path)
    assert house.metalease("spool", "n1", "--clear").code == 0
    said = house.metalease("spool", "n1", ip(5), "password", "--clear")
    assert (said.code, said.out) == (1, "")
    assert "has stored no 'password'" in said.err
    assert not house.files.spool.exists()


def test_a_link_in_the_spool_leads_root_nowhere(house: House) -> None:
    """issue 5.5: what the daemon's user could put there does not make root print or
    remove another file."""
    secret = house.layout.root / "secret"
    secret.write_bytes(b"root's")
    own = house.files.spool / str(ip(5))
    own.mkdir()
    (own / "password").symlink_to(secret)
    (own / ".owner").symlink_to(secret)
    os.mkfifo(own / "pipe")
    (own / "folder").mkdir()
    (house.files.spool / str(ip(6))).symlink_to(secret.parent)
    names = ((5, "password"), (5, "pipe"), (5, "folder"), (6, "secret"))
    for number, name in names:
        said = house.metalease("spool", "n1", ip(number), name)
        assert (said.code, said.out) == (1, "")
        assert f"{ip(number)} has stored no {name!r}" in said.err
    assert "t's" not in house.metalease("spool", "n1").out
    assert house.metalease("spool", "n1", ip(6), "secret", "--clear").code == 1
    assert house.metalease("spool", "n1", "--clear").code == 0
    assert secret.read_bytes() == b"root's"


def test_one_file_is_cleared(house: House) -> None:
    """issue 5.5: what is named goes, and the rest stays."""
    found = metadata(house)
    post(found, PASSWORD, TEXT)
    post(found, "/phone-home", b"x")
    assert house.metalease("spool", "n1", ip(5), "password", "--clear").code == 0
    left = os.listdir(house.files.spool / str(ip(5)))
    assert sorted(left) == [".owner", "phone-home"]
