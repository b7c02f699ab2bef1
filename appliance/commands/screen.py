"""What the commands print: tables for people, JSON for programs."""

import argparse
import json
import sys
from collections.abc import Sequence

from ..errors import SettingsError


def add_outcome(parser: argparse.ArgumentParser) -> None:
    """Add --json to a command that changes something: it has an outcome to tell."""
    parser.add_argument(
        "--json",
        dest="outcome",
        action="store_true",
        help="say how it went: ok, error, exit_code",
    )


def print_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


def print_octets(octets: bytes) -> None:
    """Print *octets* as they are; to a terminal, without what would steer it: guests
    wrote them.  Raises SettingsError."""
    if sys.stdout is None:  # so Python has it where the descriptor is closed
        raise SettingsError("standard output", "is closed: give it a file or a pipe")
    if sys.stdout.isatty():
        text = octets.decode("utf-8", "backslashreplace")
        sys.stdout.write("".join(map(_shown, text)))
    else:
        sys.stdout.buffer.write(octets)
    sys.stdout.flush()


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode()


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print *rows* below *heads*, each column as wide as it has to be."""
    lines = [heads, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def warn(text: object) -> None:
    print(f"metalease: {text}", file=sys.stderr)


def plural(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
