"""A drive as vfat, made by mtools: a whole disk, or a partition on one.

All of it is in memory: documents hold secrets, and no other file system sees them.
"""

import os
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SettingsError
from .crawl import Drive
from .mbr import HEADS
from .mbr import PARTITION_AT
from .mbr import SECTOR
from .mbr import TRACK
from .mbr import make_mbr

SIZES = (4, 8, 16, 32, 64)  # MiB of a disk
MIB = 1 << 20
# sectors of a cluster, so that there are neither too few for FAT16 nor too many
CLUSTERS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 4}
ENTRY = 32  # octets of a directory's entry
ROOT_ENTRIES = 512
PART_OF_NAME = 13  # characters that an entry of a long name holds
TABLE_AT = 22  # where the first sector says how many a table has
EPOCH = 315532800  # 1980-01-01, before which FAT knows no date


def make_disk(drive: Drive) -> bytes | None:
    """Return the file system itself, None where the files have no room in 64 MiB.

    Raises SettingsError for mtools that is missing, or fails.
    """
    return _make(drive, 0)


def make_partitioned(drive: Drive) -> bytes | None:
    """Return a disk with a partition table and one partition; as `make_disk`."""
    return _make(drive, PARTITION_AT)


def _make(drive: Drive, before: int) -> bytes | None:
    size = next((each for each in SIZES if _fits(drive, each, before)), None)
    if size is None:
        return None
    sectors = size * MIB // SECTOR - before
    with _in_memory(b"") as image:
        os.ftruncate(image, size * MIB)
        if before:
            os.pwrite(image, make_mbr(sectors), 0)
        disk = f"{_path(image)}@@{before * SECTOR}"
        _run(
            "mformat",
            *("-i", disk, "-T", str(sectors), "-H", str(before)),
            *("-h", str(HEADS), "-s", str(TRACK), "-c", str(CLUSTERS[size])),
            *("-r", str(ROOT_ENTRIES * ENTRY // SECTOR)),
            *("-N", f"{zlib.crc32(drive.label.encode()):08x}"),
            *("-v", drive.label, "::"),
            descriptors=(image,),
        )
        _spell_label(image, before * SECTOR, drive.label)
        if drive.directories:
            names = [f"::{each}" for each in drive.directories]
            _run("mmd", "-i", disk, *names, descriptors=(image,))
        for path, octets in sorted(drive.files.items()):
            with _in_memory(octets) as file:
                words = ("-i", disk, _path(file), f"::{path}")
                _run("mcopy", *words, descriptors=(image, file))
        return _read(image, size * MIB)


def _spell_label(image: int, at: int, label: str) -> None:
    """Have the label as nova has it: mtools writes capitals, cirros knows none."""
    table = int.from_bytes(os.pread(image, 2, at + TABLE_AT), "little")
    # its entry is the first of the root, which follows one sector and the tables
    os.pwrite(image, label.encode(), at + (1 + 2 * table) * SECTOR)


def _fits(drive: Drive, size: int, before: int) -> bool:
    """Whether the files, and the directories that name them, have room."""
    sectors = size * MIB // SECTOR - before
    cluster = CLUSTERS[size] * SECTOR
    table = -(-(sectors // CLUSTERS[size] + 2) * 2 // SECTOR)
    overhead = 1 + 2 * table + ROOT_ENTRIES * ENTRY // SECTOR
    there = (sectors - overhead) // CLUSTERS[size]
    wanted = sum(-(-len(octets) // cluster) for octets in drive.files.values())
    for directory in drive.directories:
        inside = [
            path[len(directory) + 1 :]
            for path in (*drive.files, *drive.directories)
            if path.rpartition("/")[0] == directory
        ]
        entries = 2 + sum(1 + -(-len(name) // PART_OF_NAME) for name in inside)
        wanted += -(-entries * ENTRY // cluster)
    return wanted <= there


@contextmanager
def _in_memory(octets: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("config-drive")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(octets)
        yield descriptor
    finally:
        os.close(descriptor)


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _read(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(size)


def _run(program: str, *words: str, descriptors: tuple[int, ...]) -> None:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "MTOOLSRC": os.devnull,  # nobody's own settings
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "TZ": "UTC0",
    }
    try:
        done = subprocess.run(
            [program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=descriptors,
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise SettingsError(
            program,
            "is not installed: apt-get install mtools, or --format iso9660 without it",
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise SettingsError(program, f"{words[-1].removeprefix('::')}: {said}")
