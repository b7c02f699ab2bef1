"""Where everything is on disk (docs/design.md, "On disk").

One value, made from --root or METALEASE_ROOT, answers every question of the form
"which file is that"; nothing else in the project joins these paths.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import SettingsError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def check_name(name: str) -> str:
    """Return *name* if it can be a network's name, else raise SettingsError."""
    if not NAME.fullmatch(name):
        raise SettingsError(
            f"network {name!r}",
            "a network's name is 1 to 32 of a-z, 0-9, _ and -,"
            " and begins with a letter or a digit",
        )
    return name


@dataclass(frozen=True, slots=True)
class Layout:
    """Every path of the installation below *root*."""

    root: Path = Path("/")

    @property
    def networks(self) -> Path:
        return self.root / "etc/metalease/networks"

    @property
    def runtime(self) -> Path:
        return self.root / "run/metalease"

    @property
    def host_socket(self) -> Path:
        """The doorbell of `metalease host`, for every network of the machine."""
        return self.runtime / "host.sock"

    @property
    def forward_socket(self) -> Path:
        """Where `metalease forward` hears the daemons of this machine.

        In a directory of its own, which is its user's: /run/metalease is root's.
        """
        return self.root / "run/metalease-forward/line.sock"

    def network_names(self) -> list[str]:
        """Return the names of all networks that have a file, sorted."""
        names = (path.stem for path in self.networks.glob("*.toml"))
        return sorted(name for name in names if NAME.fullmatch(name))

    def network(self, name: str) -> "NetworkLayout":
        return NetworkLayout(self, check_name(name))


@dataclass(frozen=True, slots=True)
class NetworkLayout:
    """The paths of one network."""

    layout: Layout
    name: str

    @property
    def settings(self) -> Path:
        return self.layout.networks / f"{self.name}.toml"

    @property
    def rules(self) -> Path:
        return self.layout.networks / f"{self.name}.rules"

    @property
    def zone(self) -> Path:
        """Further names of the network, as a zone file (RFC 1035 section 5)."""
        return self.layout.networks / f"{self.name}.zone"

    @property
    def state(self) -> Path:
        return self.layout.root / "var/lib/metalease" / self.name

    @property
    def bindings(self) -> Path:
        return self.state / "bindings"

    @property
    def metadata(self) -> Path:
        return self.state / "metadata"

    @property
    def default(self) -> Path:
        return self.metadata / "default"

    @property
    def shared(self) -> Path:
        return self.state / "shared"

    @property
    def spool(self) -> Path:
        """What guests wrote back, by their addresses: the daemon's to write."""
        return self.state / "spool"

    @property
    def own(self) -> Path:
        """What the daemon keeps for itself."""
        return self.state / "own"

    @property
    def activity(self) -> Path:
        return self.own / "activity.jsonl"

    @property
    def token_key(self) -> Path:
        return self.own / "token.key"

    @property
    def leases(self) -> Path:
        """What the pool has given away."""
        return self.own / "leases.journal"

    @property
    def not_in_service(self) -> Path:
        """While it is there another program serves the network.

        `metalease host` leaves it alone.
        """
        return self.state / "not-in-service"

    @property
    def lock(self) -> Path:
        """Held by whoever writes this network's state: one at a time."""
        return self.state / "write.lock"

    @property
    def runtime(self) -> Path:
        return self.layout.runtime / self.name

    @property
    def control_socket(self) -> Path:
        return self.runtime / "control.sock"

    @property
    def parent_socket(self) -> Path:
        """The doorbell of the root parent of a daemon that was started by hand."""
        return self.runtime / "host.sock"

    @property
    def daemon_lock(self) -> Path:
        """Held by the daemon as long as it lives."""
        return self.runtime / "daemon.lock"

    @property
    def netns(self) -> Path:
        """The namespace under a name that a systemd unit can know."""
        return self.layout.runtime / "netns" / self.name
