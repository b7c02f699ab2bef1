"""What `put` and `net check` say of guests that two networks want to serve."""

import json
from collections.abc import Iterator

from ..claims import Nic
from ..claims import advice
from ..claims import contested
from ..directory import SUFFIX
from ..directory import StateDirectory
from ..errors import SettingsError
from ..files import TEXT_AT_MOST
from ..files import read_octets
from ..layout import Layout
from ..layout import NetworkLayout
from ..records import Record
from ..records import parse_record
from ..settings import load_settings
from ..state import State


def all_contests(layout: Layout) -> dict[str, list[str]]:
    """Return, by network, a line for every guest that another claims too."""
    nics = [
        Nic(name, record)
        for name in layout.network_names()
        for record in _records(layout.network(name))
    ]
    notes: dict[str, list[str]] = {}
    for one, other in contested(nics):
        notes.setdefault(one.network, []).append(advice(one, other))
        notes.setdefault(other.network, []).append(advice(other, one))
    return notes


def _records(files: NetworkLayout) -> list[Record]:
    try:
        state = State(StateDirectory(files.bindings), load_settings(files))
    except SettingsError:
        return []  # it is told where that network is looked at
    state.load()
    return list(state.records.values())


def rivals_of(files: NetworkLayout, record: Record) -> list[Nic]:
    """Return the NICs of other networks that claim the route for *record*'s guest."""
    own = Nic(files.name, record)
    if not own.claims:
        return []
    layout = files.layout
    others = [
        Nic(name, each)
        for name in layout.network_names()
        if name != files.name
        for each in _mentioning(layout.network(name), own)
    ]
    return [other for other, _ in contested([*others, own])]


def _mentioning(files: NetworkLayout, nic: Nic) -> Iterator[Record]:
    """Yield bindings that could be of the same guest, without parsing all of them."""
    try:
        settings = load_settings(files)
    except SettingsError:
        return  # it is told where that network is looked at
    words = [json.dumps(name).strip('"').lower().encode() for name in nic.names]
    if nic.record.instance_id is None and not nic.record.interfaces:
        names = [nic.record.mac.digits + SUFFIX]
    else:
        names = list(StateDirectory(files.bindings).stamps())
    for name in names:
        path = files.bindings / name
        try:
            octets = read_octets(path, TEXT_AT_MOST)
            if any(word in octets.lower() for word in words):
                yield parse_record(octets.decode(), path, settings)
        except (OSError, SettingsError, UnicodeDecodeError):
            continue  # gone, or bad: as above
