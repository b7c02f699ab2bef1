"""vfat by mtools: what others read is what went in, and the same octets come out."""

import os
import time
from pathlib import Path

import pytest

from appliance.drive import vfat
from appliance.drive.crawl import Drive
from appliance.drive.mbr import PARTITION_AT
from appliance.drive.mbr import SECTOR
from appliance.drive.mbr import make_mbr
from appliance.drive.vfat import MIB
from appliance.drive.vfat import make_disk
from appliance.drive.vfat import make_partitioned
from appliance.errors import SettingsError

from .readers import FILES
from .readers import run
from .readers import unpack

pytestmark = pytest.mark.machine

DRIVE = Drive("config-2", FILES)
SPARE = 4096  # octets that may be left over: the tables' size is reckoned in sectors


def test_files_survive(tmp_path: Path) -> None:
    """issue 5.9: names and octets, by 7z; fsck finds nothing to say."""
    image = tmp_path / "image"
    octets = make_disk(DRIVE)
    assert octets is not None
    image.write_bytes(octets)
    assert unpack(image, tmp_path / "out") == FILES
    run("fsck.vfat", "-n", image)
    told = run("blkid", "-p", "-o", "export", image).splitlines()
    assert {"LABEL=config-2", "TYPE=vfat", "VERSION=FAT16"} <= set(told)
    assert "LABEL_FATBOOT=config-2" in told


def test_a_partition(tmp_path: Path) -> None:
    """issue 5.9: one in an MBR, at 1 MiB, to the end of the disk."""
    image, inside = tmp_path / "image", tmp_path / "inside"
    octets = make_partitioned(DRIVE)
    assert octets is not None
    image.write_bytes(octets)
    [line] = [x for x in run("sfdisk", "-d", image).splitlines() if "start=" in x]
    sectors = len(octets) // SECTOR - PARTITION_AT
    assert line.split(" : ")[1].replace(" ", "") == f"start=2048,size={sectors},type=6"
    inside.write_bytes(octets[PARTITION_AT * SECTOR :])
    assert unpack(inside, tmp_path / "out") == FILES
    run("fsck.vfat", "-n", inside)
    assert "LABEL=config-2" in run("blkid", "-p", "-o", "export", inside).splitlines()
    # hidden sectors, by which Windows finds it
    assert int.from_bytes(inside.read_bytes()[28:32], "little") == PARTITION_AT


def test_places_in_the_table() -> None:
    """issue 5.9: cylinder 2, head 0, sector 33 is where 2,048 is; what lies beyond
    cylinder 1023 has the last place that there is."""
    entry = make_mbr(64 * MIB // SECTOR)[446:462]
    assert entry[1:4] == bytes([0, 33, 2])
    assert make_mbr(1 << 21)[446:462][5:8] == bytes([15, 63 | 0xC0, 0xFF])


def test_the_dates(tmp_path: Path) -> None:
    """issue 5.9: every file and directory has the one date that no clock tells."""
    image = tmp_path / "image"
    octets = make_disk(DRIVE)
    assert octets is not None
    image.write_bytes(octets)
    kinds = ("Modified", "Created", "Accessed")
    told = [
        line.partition(" = ") for line in run("7z", "l", "-slt", image).splitlines()
    ]
    dates = [date.partition(".")[0] for kind, _, date in told if kind in kinds]
    assert set(dates) == {"1980-01-01 00:00:00"}
    # and the label's
    assert len(dates) == 1 + 3 * (len(FILES) + len(DRIVE.directories))


@pytest.mark.parametrize("make", [make_disk, make_partitioned])
def test_the_same_octets(
    make: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """issue 5.9: whatever the clock, the zone and the operator's mtools.conf say."""
    assert callable(make)
    first = make(DRIVE)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(time.time())))
    (tmp_path / "rc").write_text("MTOOLS_NO_VFAT=1\n")
    monkeypatch.setenv("MTOOLSRC", str(tmp_path / "rc"))
    assert make(Drive("config-2", dict(reversed(FILES.items())))) == first


@pytest.mark.parametrize("make", [make_disk, make_partitioned])
@pytest.mark.parametrize("size", vfat.SIZES)
def test_sizes(make: object, size: int, tmp_path: Path) -> None:
    """issue 5.9: a drive is as small as its files let it be, of FAT16, and 64 MiB at
    most: what is found to fit does fit, and nearly fills it."""
    assert callable(make)
    least, most = 0, size * MIB
    before = PARTITION_AT if make is make_partitioned else 0

    def fits(octets: int) -> bool:
        return vfat._fits(Drive("config-2", {"a/b": bytes(octets)}), size, before)

    while least < most:  # by halves, to the last octet that fits
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    full = Drive("config-2", {"a/b": os.urandom(1) * least})
    octets = make(full)
    assert len(octets) == size * MIB
    inside = tmp_path / "inside"
    inside.write_bytes(octets[before * SECTOR :])
    free = run("mdir", "-i", inside, "::").splitlines()[-2]
    assert int("".join(free.split()[:-2])) <= SPARE
    told = run("blkid", "-p", "-o", "export", inside).splitlines()
    assert "VERSION=FAT16" in told
    run("fsck.vfat", "-n", inside)
    over = Drive("config-2", {"a/b": bytes(least + 1)})
    if size < vfat.SIZES[-1]:
        assert len(make(over)) > size * MIB
    else:
        assert make(over) is None


def test_without_mtools(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 5.9: the error names the package, and what works without it."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SettingsError, match=r"apt-get install mtools, or --format iso"):
        make_disk(DRIVE)


def test_what_mtools_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What fails is told with the file that it failed for."""
    (tmp_path / "mcopy").write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    (tmp_path / "mcopy").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SettingsError, match=r"mcopy: ec2/.*meta-data.json: no room"):
        make_disk(DRIVE)
