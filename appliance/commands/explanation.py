"""What every explanation needs: the state as it is on disk, and a way to show it."""

from typing import Any

from ..directory import StateDirectory
from ..errors import printable
from ..layout import NetworkLayout
from ..settings import Settings
from ..settings import load_settings
from ..state import State
from .screen import print_json


def read_state(files: NetworkLayout) -> tuple[Settings, State]:
    settings = load_settings(files)
    state = State(StateDirectory(files.bindings), settings)
    state.load()
    return settings, state


def print_explanation(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        if key == "options":
            for each in value:
                print(
                    f"{'option':10} {each['code']:>3} {each['name']:34}"
                    f" {each['value']}  [{each['from']}]"
                )
        elif key == "tried":
            for each in value:
                print_tried(each)
        elif isinstance(value, dict):
            for name, inner in value.items():
                print(f"{key:10} {name}: {inner}")
        elif isinstance(value, list):
            if value:
                print(f"{key:10} {', '.join(map(str, value))}")
        else:
            print(f"{key:10} {value}")


def print_tried(row: dict[str, Any]) -> None:
    """Print a condition or a rule that was tried, and what it made."""
    sign = "yes" if row["matched"] else "no"
    line = f"{'tried':10} {sign:3} {row['at']}  {row['what']}"
    captures = ", ".join(
        f"{number}={printable(text)!r}"
        for number, text in enumerate(row.get("captures", []))
    )
    if captures:
        line += f"  ({captures})"
    if "target" in row:
        line += f" -> {printable(row['target'])}"
    print(line)
