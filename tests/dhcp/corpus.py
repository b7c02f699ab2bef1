"""The packets of tests/corpus/dhcp, by file and by name.

Those of real clients are beside each other; `crafted` holds what no client of ours
sends but a relay, a firmware or an enemy may.  A line is a name and octets in hex.
"""

from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpus" / "dhcp"
CRAFTED_FOLDER = FOLDER / "crafted"
MALFORMED_FILE = "malformed"

Packets = dict[str, bytes]


def read(file: Path) -> Packets:
    """Return the packets of a file by their names."""
    lines = map(str.split, file.read_text().splitlines())
    return {words[0]: bytes.fromhex(words[1]) for words in lines if words[0] != "#"}


def _folder(folder: Path) -> dict[str, Packets]:
    return {path.stem: read(path) for path in sorted(folder.glob("*.hex"))}


def _named(files: dict[str, Packets]) -> Iterator[tuple[str, bytes]]:
    for file, packets in files.items():
        for name, octets in packets.items():
            yield f"{file} {name}", octets


CLIENTS = _folder(FOLDER)
CRAFTED = _folder(CRAFTED_FOLDER)
MALFORMED = dict(_named({MALFORMED_FILE: CRAFTED.pop(MALFORMED_FILE)}))
VALID = dict(_named(CLIENTS | CRAFTED))
