"""A plan: the network that another program's files describe, as we would say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

MAPS = "maps"
CHANGES = "changes"
LOST = "lost"

DEFAULT = "default"
"""The owner of documents that are for addresses without a binding."""
SHARED = "shared"
"""The owner of documents that are for every guest."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that the operator is told of a line of theirs."""

    kind: str
    """MAPS, CHANGES (guests see it) or LOST."""
    where: str
    """file:line"""
    what: str
    """One plain sentence."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A binding's JSON values, as appliance/records.py reads them."""

    mac: str
    ip: str
    values: Mapping[str, Any] = field(default_factory=dict)
    """Further keys than mac and ip."""


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network as `metalease migrate` would write it."""

    name: str
    settings: Mapping[str, Any]
    """The tables of its .toml."""
    rules: str = ""
    """The text of its .rules, "" for none."""
    guests: tuple[Guest, ...] = ()
    documents: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    """(IP, DEFAULT or SHARED; path) to octets."""
    notes: tuple[Note, ...] = ()
    zone: str = ""
    """The text of its .zone, "" for none."""
    origin: str = "migrate"
    """The file that it is from: where a mistake is said to be."""
    head: str = ""
    """What stands before the tables of a new .toml: lines of comment."""
