"""The agent's networks: found by their namespaces, written as by `net add`."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

import toml

from .. import kernel
from ..attachment import Bridged
from ..errors import SettingsError
from ..files import read_text
from ..files import write_public_file
from ..layout import Layout
from ..layout import NetworkLayout
from ..networks import check_others
from ..reader import parse_toml
from ..settings import Settings
from ..settings import load_settings
from ..settings import parse_settings
from ..zstack import MARK
from ..zstack import network_name
from ..zstack import wire_port
from . import network_file
from .orders import Place
from .orders import Prepare

Edit = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """A network's file as it is now."""

    settings: Settings
    before: Settings | None
    """As it was; None where there was none."""
    changed: bool


class Networks:
    """The networks of the host that the management server speaks of."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._lock = Lock()  # each is checked beside the others

    def find(self, place: Place) -> NetworkLayout | None:
        """Return the network whose namespace is *place*'s, whoever made it.

        Raises SettingsError where the file of the one that it has to be is bad.
        """
        likely = network_name(place.namespace, place.bridge)
        if likely is not None:
            files = self.layout.network(likely)
            if files.settings.exists() and _is_at(load_settings(files), place):
                return files
        for name in self.layout.network_names():
            files = self.layout.network(name)
            with suppress(SettingsError):  # its daemon says what is wrong with it
                if _is_at(load_settings(files), place):
                    return files
        return None

    def demand(self, place: Place) -> NetworkLayout:
        """Return the network of *place*; raises SettingsError."""
        found = self.find(place)
        if found is None:
            raise SettingsError(
                f"namespaceName {place.namespace!r}",
                "no network has this namespace: dhcp/prepare makes it",
            )
        return found

    def ours(self) -> list[NetworkLayout]:
        """Return every network whose file the agent keeps."""
        names = self.layout.network_names()
        return [files for files in map(self.layout.network, names) if self.keeps(files)]

    def keeps(self, files: NetworkLayout) -> bool:
        """Whether the network's file is the agent's."""
        try:
            return network_file.is_ours(read_text(files.settings))
        except (FileNotFoundError, SettingsError):
            return False

    def prepare(self, wanted: Prepare) -> tuple[NetworkLayout, Written]:
        """Have a file for what is *wanted*; raises SettingsError.

        An operator's file that says the same is used as it is.
        """
        files = self.find(wanted.place)
        if files is None:
            files = self._new(wanted.place)
        elif not self.keeps(files):
            settings = load_settings(files)
            _check_agrees(settings, wanted)
            return files, Written(settings, settings, changed=False)
        bridge = wanted.place.bridge
        uplink = wire_port(bridge or "", _ports(bridge), wanted.vlan)
        return files, self.edit(
            files, lambda known: network_file.prepared(known, wanted, uplink)
        )

    def _new(self, place: Place) -> NetworkLayout:
        name = network_name(place.namespace, place.bridge)
        if name is None:
            raise SettingsError(
                f"namespaceName {place.namespace!r}",
                "is not <bridgeName>_<l3Uuid>: no network can be named after it",
            )
        files = self.layout.network(name)
        if files.settings.exists():
            raise SettingsError(
                f"{files.settings}: attach.namespace",
                f"is another than {place.namespace!r}: a network of this name is there",
            )
        return files

    def edit(self, files: NetworkLayout, edit: Edit) -> Written:
        """Write the network's file as *edit* has it; raises SettingsError."""
        with self._lock:
            try:
                text = read_text(files.settings)
            except FileNotFoundError:
                text = None
            known = {} if text is None else parse_toml(text, files.settings)
            before = None if text is None else parse_settings(files, known)
            values = edit(known)
            settings = parse_settings(files, values)
            if values == known and before is not None:
                return Written(settings, before, changed=False)
            if text is not None and not network_file.is_ours(text):
                raise SettingsError(
                    files.settings,
                    "is yours, and ZStack wants it changed to"
                    f" {_difference(known, values)}: edit it, then restart the daemon",
                )
            # a file that is bad is its daemon's to tell of
            check_others(settings, self.layout, report=lambda problem: None)
            whole = MARK + "\n" + toml.dumps(values)
            write_public_file(files.settings, whole.encode())
            return Written(settings, before, changed=True)


def _is_at(settings: Settings, place: Place) -> bool:
    where = settings.attachment.where
    return isinstance(where, Bridged) and where.namespace == place.namespace


def _check_agrees(settings: Settings, wanted: Prepare) -> None:
    for each in settings.network.ranges:
        if (each.server_id, each.subnet) == (wanted.server, wanted.subnet):
            return
    raise SettingsError(
        f"{settings.file}: network.dhcp_address",
        f"is yours, and ZStack wants {wanted.server} in {wanted.subnet}:"
        " edit it, then restart the daemon",
    )


def _difference(known: dict[str, Any], values: dict[str, Any]) -> str:
    """Name the keys that would change, with their values."""
    return ", ".join(
        f"{table}.{key} = {value}"
        for table, keys in values.items()
        for key, value in keys.items()
        if known.get(table, {}).get(key) != value
    )


def _ports(bridge: str | None) -> list[str]:
    found = None if bridge is None else kernel.link(bridge)
    return [] if found is None else [port.name for port in kernel.ports(found)]
