"""ISO 9660: what others read is what went in, and the same octets come out."""

import time
from pathlib import Path

import pytest

from appliance.drive.crawl import Drive
from appliance.drive.dates import RECORD
from appliance.drive.dates import VOLUME
from appliance.drive.iso import make_iso

from .readers import FILES
from .readers import run
from .readers import unpack

DRIVE = Drive("config-2", FILES)


@pytest.mark.machine
def test_files_survive(tmp_path: Path) -> None:
    """issue 5.9: names and octets, by 7z (Joliet) and isoinfo (Rock Ridge, Joliet)."""
    image = tmp_path / "image"
    image.write_bytes(make_iso(DRIVE))
    assert unpack(image, tmp_path / "out") == FILES
    paths = {f"/{path}" for path in (*FILES, *DRIVE.directories)}
    for extension in ("-R", "-J"):
        listed = run("isoinfo", extension, "-f", "-i", image).splitlines()
        assert set(listed) == paths


@pytest.mark.machine
def test_plain_names_are_legal(tmp_path: Path) -> None:
    """issue 5.9: who knows neither extension sees ISO 9660's own characters."""
    image = tmp_path / "image"
    image.write_bytes(make_iso(DRIVE))
    listed = run("isoinfo", "-f", "-i", image).splitlines()
    assert "/OPENSTACK/2018_08_27/META_DATA.JSON;1" in listed
    assert "/OPENSTACK/LATEST/USER_DATA.;1" in listed
    assert len(listed) == len(FILES) + len(DRIVE.directories)


@pytest.mark.machine
def test_the_label(tmp_path: Path) -> None:
    """issue 5.9: as blkid tells it to cloud-init."""
    image = tmp_path / "image"
    for label in ("config-2", "cidata"):
        image.write_bytes(make_iso(Drive(label, FILES)))
        told = run("blkid", "-p", "-o", "export", image).splitlines()
        assert f"LABEL={label}" in told
        assert "TYPE=iso9660" in told


def test_the_same_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 5.9: whatever the clock says, and in whatever order files come."""
    first = make_iso(DRIVE)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.5)
    assert make_iso(Drive("config-2", dict(reversed(FILES.items())))) == first


def test_no_other_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 5.9: every field has the one date, in each hierarchy."""
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.5)
    image = make_iso(DRIVE)
    there = time.gmtime(2_000_000_000)
    clock = bytes([there.tm_year - 1900, there.tm_mon, there.tm_mday])
    assert clock not in image
    assert b"20330518" not in image
    assert image.count(VOLUME) == 2 * 3  # descriptors, and the dates of each
    assert image.count(RECORD) > 3 * (len(FILES) + len(DRIVE.directories))


@pytest.mark.machine
def test_many_files(tmp_path: Path) -> None:
    """Directories of more than a sector, and names as long as there are any."""
    many = {f"openstack/content/{number:016}": b"." for number in range(200)}
    image = tmp_path / "image"
    image.write_bytes(make_iso(Drive("config-2", many)))
    assert unpack(image, tmp_path / "out") == many


def test_no_other_date_in_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 5.9: in directories of more than a sector too."""
    many = {f"openstack/content/{number:016}": b"." for number in range(200)}
    first = make_iso(Drive("config-2", many))
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.5)
    assert make_iso(Drive("config-2", many)) == first
