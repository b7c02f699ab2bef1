"""A network as `metalease host` sees it: where it is attached, who is bound."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from ipaddress import IPv4Address
from time import monotonic

from dhcp.hardware import HardwareAddress

from .attachment import Attachment
from .directory import SUFFIX
from .directory import StateDirectory
from .errors import SettingsError
from .follower import Look
from .follower import Pace
from .follower import find_changes
from .keeper import HostedNetwork
from .layout import Layout
from .layout import NetworkLayout
from .settings import Settings
from .settings import load_settings
from .state import Change
from .state import State


class Hosted(HostedNetwork):
    """Reads the same files as the daemon, for addresses and MACs alone."""

    def __init__(self, settings: Settings, files: NetworkLayout) -> None:
        self._settings = settings
        self.state = State(StateDirectory(files.bindings), settings)
        """A daemon that is forked from here goes on with it."""
        self._pace = Pace()
        self._bound: dict[IPv4Address, HardwareAddress] = {}
        self._follow(self.state.load())

    @property
    def attachment(self) -> Attachment:
        return self._settings.attachment

    def bound(self) -> Mapping[IPv4Address, HardwareAddress]:
        return self._bound

    def refresh(self, macs: Sequence[str] | None) -> None:
        directory = self.state.directory
        if macs is not None:
            names = [mac + SUFFIX for mac in macs]
            stamps = directory.stamps_of(names)
            contents = directory.read_all(names)
            self._follow(self.state.update(contents, stamps, commanded=True))
            return
        started = monotonic()
        look = self._pace.choose(directory.modified(), started)
        if look is not Look.NOT:
            self._rescan(look)
        if look is Look.TIMES:
            self._pace.looked(started, monotonic())

    def accept(self) -> None:
        self._rescan(Look.TIMES)  # what is back by now is not let go
        self._follow(self.state.accept())

    def _rescan(self, look: Look) -> None:
        names, stamps = find_changes(self.state, look)
        contents = self.state.directory.read_all(names)
        self._follow(self.state.update(contents, stamps))

    def _follow(self, change: Change) -> None:
        for record in change.gone:
            if self._bound.get(record.ip) == record.mac:
                del self._bound[record.ip]
        for record in change.put:
            self._bound[record.ip] = record.mac


class HostedNetworks:
    """Every network of the machine that has a usable file, as it comes and goes."""

    def __init__(
        self, layout: Layout, report: Callable[[str, str], None] | None = None
    ) -> None:
        self._layout = layout
        self._known: dict[str, tuple[tuple[int, int], Hosted]] = {}
        self._report = report
        self._refused: dict[str, str] = {}

    def __call__(self) -> Mapping[str, HostedNetwork]:
        """Return the networks; raises SettingsError only when none can be listed.

        A file that is bad leaves its network as it was, and is reported once: without
        its namespace the daemon's unit does not come so far as to say why.
        """
        found: dict[str, tuple[tuple[int, int], Hosted]] = {}
        refused: dict[str, str] = {}
        for name in self._layout.network_names():
            files = self._layout.network(name)
            if files.not_in_service.exists():
                continue
            try:
                facts = files.settings.stat()
            except FileNotFoundError:
                continue
            stamp = (facts.st_ino, facts.st_mtime_ns)
            known = self._known.get(name)
            if known is not None and known[0] == stamp:
                found[name] = known
                continue
            try:
                found[name] = (stamp, Hosted(load_settings(files), files))
            except SettingsError as problem:
                refused[name] = str(problem)
                if self._report and self._refused.get(name) != refused[name]:
                    self._report(name, refused[name])
                if known is not None:
                    found[name] = known
        self._known, self._refused = found, refused
        return {name: hosted for name, (_, hosted) in found.items()}


class Surroundings:
    """Who else lives on the bridge of *settings*' network."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self._settings = settings
        self._layout = layout
        self._modified = -1
        self._others: dict[str, Settings] = {}
        self._shared = False
        self.server_ids: frozenset[IPv4Address] = frozenset()
        """Of the others on the bridge, when `shared` was asked last."""

    def shared(self) -> bool:
        """Whether another network of this machine has the same bridge.

        Their files are read again only when one has come, gone or been replaced; one
        that is bad leaves its network as it was.
        """
        bridge = self._settings.bridge
        if bridge is None:
            return False
        try:
            modified = self._layout.networks.stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if modified != self._modified:
            self._modified = modified
            self._others = dict(self._read())
            others = [each for each in self._others.values() if each.bridge == bridge]
            self._shared = bool(others)
            self.server_ids = frozenset(
                server_id
                for each in others
                if each.dhcp
                for server_id in each.network.server_ids
            )
        return self._shared

    def _read(self) -> Iterator[tuple[str, Settings]]:
        for name in self._layout.network_names():
            if name != self._settings.name:
                try:
                    yield name, load_settings(self._layout.network(name))
                except SettingsError:  # its own daemon says so, and serves as before
                    if name in self._others:
                        yield name, self._others[name]
