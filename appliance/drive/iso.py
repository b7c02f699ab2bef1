"""A drive as ISO 9660, with Joliet and Rock Ridge: names survive for every reader."""

import io
import re

from .crawl import Drive
from .dates import fix_dates

LEVEL = 3  # of interchange: names of 31 characters
APPLICATION = "METALEASE"  # else pycdlib's version would be in the octets
_OTHER = re.compile(r"[^A-Z0-9_]")


def make_iso(drive: Drive) -> bytes:
    """Return the image: the same octets for the same files."""
    import pycdlib  # slow to import, and only a drive has a use for it

    iso = pycdlib.PyCdlib()
    iso.new(
        interchange_level=LEVEL,
        vol_ident=drive.label,
        app_ident_str=APPLICATION,
        joliet=3,
        rock_ridge="1.09",
    )
    for path in drive.directories:
        iso.add_directory(_plain(path), rr_name=_name(path), joliet_path=f"/{path}")
    for path, octets in sorted(drive.files.items()):
        iso.add_fp(
            io.BytesIO(octets),
            len(octets),
            _plain_file(path),
            rr_name=_name(path),
            joliet_path=f"/{path}",
        )
    image = io.BytesIO()
    iso.write_fp(image)
    iso.close()
    return fix_dates(image.getvalue())


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _plain(path: str) -> str:
    """Return a directory's path as who knows neither extension reads it."""
    return "".join(f"/{_OTHER.sub('_', each.upper())}" for each in path.split("/"))


def _plain_file(path: str) -> str:
    folder, _, name = path.rpartition("/")
    stem, _, suffix = name.rpartition(".")
    if not stem:
        stem, suffix = name, ""
    above = _plain(folder) if folder else ""
    return f"{above}{_plain(stem)}.{_OTHER.sub('_', suffix.upper())};1"
