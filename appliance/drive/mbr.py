"""A partition table with one entry, as firmware and kernels read it from sector 0."""

import struct

SECTOR = 512  # octets
PARTITION_AT = 2048  # sectors: where every tool of today aligns the first one
HEADS, TRACK = 16, 63  # of a geometry that nobody has any more
CYLINDERS_AT_MOST = 1023
FAT16 = 0x06
DISK = 0x6D6C7364  # a disk needs a signature, or Windows writes one


def make_mbr(sectors: int) -> bytes:
    """Return sector 0 of a disk whose only partition, of FAT16, has *sectors*."""
    entry = struct.pack(
        "<B3sB3sII",
        0,
        _place(PARTITION_AT),
        FAT16,
        _place(PARTITION_AT + sectors - 1),
        PARTITION_AT,
        sectors,
    )
    return bytes(440) + struct.pack("<IH", DISK, 0) + entry + bytes(48) + b"\x55\xaa"


def _place(sector: int) -> bytes:
    """Return cylinder, head and sector; the last there is for what lies beyond."""
    cylinder, rest = divmod(sector, HEADS * TRACK)
    head, within = divmod(rest, TRACK)
    if cylinder > CYLINDERS_AT_MOST:
        cylinder, head, within = CYLINDERS_AT_MOST, HEADS - 1, TRACK - 1
    return bytes([head, within + 1 | cylinder >> 2 & 0xC0, cylinder & 0xFF])
