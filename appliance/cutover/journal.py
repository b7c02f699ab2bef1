"""The journal: what was found, on disk before the first change, until all is done.

In /run, as what it tells of is in the kernel: a reboot ends both. Beside the networks'
own directories, because whoever can write it chooses what root starts.
"""

from contextlib import suppress
from pathlib import Path

from ..files import read_octets
from ..files import remove_file
from ..files import write_private_file
from ..layout import NetworkLayout
from .found import Found

JOURNAL_AT_MOST = 16 << 20  # octets


def path(files: NetworkLayout) -> Path:
    return files.layout.runtime / f"{files.name}.cutover.json"


def read(files: NetworkLayout) -> Found | None:
    """Return what a cut-over found that has not ended; raises SettingsError."""
    with suppress(FileNotFoundError):
        return Found.parse(read_octets(path(files), JOURNAL_AT_MOST), path(files))
    return None


def write(files: NetworkLayout, found: Found) -> None:
    """Raises SettingsError."""
    files.layout.runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_private_file(path(files), found.pack())


def close(files: NetworkLayout) -> None:
    """All is done, or as it was: forget what was found. Raises SettingsError."""
    remove_file(path(files))
