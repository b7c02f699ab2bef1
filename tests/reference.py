"""Make docs/reference anew from the program itself: `make reference`."""

import argparse
import os
from pathlib import Path

from appliance.cli import COMMANDS
from appliance.cli import parser_for
from appliance.metrics import COUNTERS
from appliance.metrics import GAUGES
from appliance.metrics import HISTOGRAMS
from appliance.rules import known_presets

FOLDER = Path(__file__).parent.parent / "docs/reference"
WIDTH = "80"  # columns


def command_line() -> str:
    """Return the help of every command."""
    os.environ["COLUMNS"] = WIDTH
    parts = ["# Command line\n", _block("metalease", parser_for([]))]
    for word in COMMANDS:
        command = _command(parser_for([word]), word)
        parts.append(_block(f"metalease {word}", command))
        for inner, parser in _inner(command).items():
            parts.append(_block(f"metalease {word} {inner}", parser))
    return "\n".join(parts)


def _command(parser: argparse.ArgumentParser, word: str) -> argparse.ArgumentParser:
    return _inner(parser)[word]


def _inner(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _block(title: str, parser: argparse.ArgumentParser) -> str:
    lines = [line.rstrip() for line in parser.format_help().splitlines()]
    return f"## {title}\n\n```\n" + "\n".join(lines) + "\n```\n"


def metrics() -> str:
    """Return a table of every metric."""
    rows = ["# Metrics\n", "Every series has its `network`.\n"]
    rows += ["| name | labels | what |", "|---|---|---|"]
    rows.append("| metalease_up | | Whether the network's daemon answers |")
    rows.append("| metalease_build_info | version | The version that runs |")
    for name, (text, labels) in COUNTERS.items():
        rows.append(f"| {name}_total | {', '.join(labels)} | {text} |")
    rows += [f"| {name} | le | {text} |" for name, text in HISTOGRAMS.items()]
    rows += [f"| {name} | | {text} |" for name, text in GAUGES.items()]
    return "\n".join(rows) + "\n"


def presets() -> str:
    """Return the rules of every preset."""
    parts = ["# Presets\n"]
    for name, text in known_presets().items():
        parts.append(f"## {name}\n\n```\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


PAGES = {
    "command-line.md": command_line,
    "metrics.md": metrics,
    "presets.md": presets,
}


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make())


if __name__ == "__main__":
    write()
