"""What every explanation needs: the state as it is on disk, and a way to show it."""

from typing import Any

from ..directory import StateDirectory
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
        elif isinstance(value, dict):
            for name, inner in value.items():
                print(f"{key:10} {name}: {inner}")
        elif isinstance(value, list):
            if value:
                print(f"{key:10} {', '.join(map(str, value))}")
        else:
            print(f"{key:10} {value}")
