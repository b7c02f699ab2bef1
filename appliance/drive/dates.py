"""The dates in an ISO 9660 image, all set to one: the same files, the same octets.

ECMA-119: volume descriptors from sector 16 on (8.4), directory records (9.1), and the
fields of Rock Ridge in them (SUSP 5.1 for CE, RRIP 4.1.6 for TF).
"""

import struct

SECTOR = 2048  # octets
FIRST = 16  # sector of the first volume descriptor
PRIMARY, SUPPLEMENTARY, LAST = 1, 2, 255
RECORD = bytes([80, 1, 1, 0, 0, 0, 0])  # 1980-01-01 00:00:00 UTC
VOLUME = b"1980010100000000\0"
NEVER = b"0000000000000000\0"
DATES = (
    VOLUME + VOLUME + NEVER + VOLUME
)  # made, changed, no longer and from when in use
DATES_AT = 813  # of a volume descriptor
ROOT_AT = 156
DIRECTORY = 0x02  # flag of a record
LONG_FORM = 0x80  # flag of a TF field


def fix_dates(image: bytes) -> bytes:
    """Return *image* with every date that it states set to 1980-01-01."""
    octets = bytearray(image)
    for sector in range(FIRST, len(octets) // SECTOR):
        at = sector * SECTOR
        if octets[at] in (PRIMARY, SUPPLEMENTARY):
            octets[at + DATES_AT : at + DATES_AT + len(DATES)] = DATES
            _fix_record(octets, at + ROOT_AT)
            _fix_directory(octets, *_extent(octets, at + ROOT_AT))
        elif octets[at] == LAST:
            break
    return bytes(octets)


def _extent(octets: bytearray, record: int) -> tuple[int, int]:
    """Return where the directory of *record* begins, and where it ends."""
    sector, length = struct.unpack_from("<I4xI", octets, record + 2)
    return sector * SECTOR, sector * SECTOR + length


def _fix_directory(octets: bytearray, at: int, end: int) -> None:
    number = 0
    while at < end:
        length = octets[at]
        if length == 0:  # no record crosses a sector's end
            at += SECTOR - at % SECTOR
            continue
        _fix_record(octets, at)
        # the first two are the directory itself and the one around it
        if number >= 2 and octets[at + 25] & DIRECTORY:
            _fix_directory(octets, *_extent(octets, at))
        at += length
        number += 1


def _fix_record(octets: bytearray, at: int) -> None:
    octets[at + 18 : at + 18 + len(RECORD)] = RECORD
    name = octets[at + 32]
    _fix_fields(octets, at + 33 + name + (name + 1) % 2, at + octets[at])


def _fix_fields(octets: bytearray, at: int, end: int) -> None:
    """Set the dates in the fields of a system use area, and in what it continues in."""
    while at + 4 <= end and octets[at + 2] >= 4:
        kind, length = bytes(octets[at : at + 2]), octets[at + 2]
        if kind == b"TF" and not octets[at + 4] & LONG_FORM:
            octets[at + 5 : at + length] = RECORD * ((length - 5) // len(RECORD))
        elif kind == b"CE":
            sector, offset, size = struct.unpack_from("<I4xI4xI", octets, at + 4)
            there = sector * SECTOR + offset
            _fix_fields(octets, there, there + size)
        at += length
