"""One network of `metalease host`: as `up` made it, with its neighbours, and healed."""

import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from socket import socket
from typing import Protocol

from dhcp.hardware import HardwareAddress

from . import events
from . import inside
from . import kernel
from . import link_neighbours
from . import links
from . import namespace
from . import neighbours
from . import veth
from .attachment import Attachment
from .attachment import Bridged
from .errors import SettingsError
from .events import Events
from .kernel import Link
from .neighbours import Change


class HostedNetwork(Protocol):
    """What `host` must know of a network; the rest of it is the daemon's."""

    @property
    def attachment(self) -> Attachment: ...

    def bound(self) -> Mapping[IPv4Address, HardwareAddress]:
        """Say which address is whose now. Cheap: it is asked once a second."""

    def refresh(self, macs: Sequence[str] | None) -> None:
        """Read the bindings of *macs* again, or whatever changed. Cheap."""

    def accept(self) -> None:
        """Let the mass removal that is held back come into force."""


class Keeper:
    """What is kept of one network, and when it was last looked at.

    Resource handling: `close` takes its socket from the events; what `up` made stays.
    """

    def __init__(
        self, network: HostedNetwork, heard: Events, *, touched: Callable[[], None]
    ) -> None:
        self.network = network
        self.dirty = True
        """Something was heard: what is there must be looked at."""
        self.left: list[str] = []
        self.looked = float("-inf")
        self._events = heard
        self._touched = touched
        self._source: socket | None = None
        self._namespace: tuple[int, int] | None = None
        self._bridge: int | None = None
        self._held: dict[IPv4Address, HardwareAddress] | None = None
        self._ipv6 = False
        """Whether metadata are served by it, and so neighbours kept."""

    def heal(self, now: float) -> list[str]:
        """Make it all as it should be, and return what was repaired.

        What could not be is in `left`. Raises SettingsError when there is nothing to
        keep neighbours of.
        """
        self.dirty, self.looked, self._held = False, now, None
        missing = links.check(self.network.attachment)
        self.left = self._up() if missing else []
        try:
            self._listen()
            changed = self._keep_all()
        except (SettingsError, OSError) as problem:
            raise self.trouble() or problem from None
        if changed and not missing:
            missing = [f"{changed} neighbour entries"]
        return [each for each in missing if each not in self.left]

    def _up(self) -> list[str]:
        """Repair what can be: what cannot must not keep the neighbours from theirs."""
        attachment = self.network.attachment
        try:
            links.up(attachment)
        except SettingsError as problem:
            return [str(problem).removeprefix(f"network {attachment.network}: ")]
        return links.check(attachment)

    def trouble(self) -> SettingsError | None:
        """Say what is not as it should be."""
        if not self.left:
            return None
        name = self.network.attachment.network
        return SettingsError(f"network {name}", "; ".join(self.left))

    @property
    def was_well(self) -> bool:
        """Whether all was well when we looked."""
        return not self.left and self._held is not None

    @property
    def sound(self) -> bool:
        """Whether all was well when we looked, and nothing was heard since."""
        return not self.dirty and self._held is not None

    def follow(self, macs: Sequence[HardwareAddress] | None) -> None:
        """Have the neighbours follow the bindings of *macs*, or all.

        For a network that is sound. Raises SettingsError, and it is so no more.
        """
        bound, held = self.network.bound(), self._held or {}
        # two dicts of the same objects compare without a look at either's keys
        if bound == held:
            return
        if macs is None:
            needed = neighbours.difference(held, bound)
        else:
            needed = _difference_of({mac.octets for mac in macs}, held, bound)
        self._change(held, needed)

    def concerns(self, link: Link) -> bool:
        """Whether a link of the host's side is this network's affair."""
        where = self.network.attachment.where
        if not isinstance(where, Bridged):
            return False
        ours = link.alias == veth.alias(self.network.attachment.network)
        port = self._bridge is not None and link.master == self._bridge
        return ours or port or link.name == where.bridge or self._bridge == link.index

    def touch(self) -> None:
        self.dirty = True
        self._touched()

    def close(self) -> None:
        if self._source is not None:
            self._events.discard(self._source)
            self._source = None

    def _keep_all(self) -> int:
        """Return how many entries had to change."""
        bound = dict(self.network.bound())
        with self._inside() as device:
            wanted = bool(self.network.attachment.ipv6)
            self._ipv6 = wanted and inside.has_ipv6(device.name)
            changed = neighbours.keep(device.index, bound)
            count = len(changed.put) + len(changed.removed)
            if self._ipv6:
                macs = [mac.octets for mac in bound.values()]
                count += link_neighbours.keep(device.index, macs)
        self._held = bound
        return count

    def _change(self, held: dict[IPv4Address, HardwareAddress], needed: Change) -> None:
        if not needed:
            return
        self._held = None  # until the kernel has taken it all
        with self._inside() as device:
            neighbours.change(device.index, needed)
            if self._ipv6:
                left = [held[ip] for ip in (*needed.removed, *needed.put) if ip in held]
                link_neighbours.change(
                    device.index,
                    [mac.octets for mac in needed.put.values()],
                    [mac.octets for mac in left],
                )
        held.update(needed.put)
        for address in needed.removed:
            del held[address]
        self._held = held

    @contextmanager
    def _inside(self) -> Iterator[Link]:
        """Be where guests are served, with the device there."""
        name = links.device(self.network.attachment)
        with self._entered():
            device = kernel.link(name)
            if device is None:
                raise SettingsError(f"device {name}", "is not there")
            yield device

    @contextmanager
    def _entered(self) -> Iterator[None]:
        path = self._path()
        if path is None:
            yield
            return
        with namespace.entered(path):
            yield

    def _path(self) -> Path | None:
        where = self.network.attachment.where
        if isinstance(where, Bridged):
            return namespace.path(where.namespace)
        return None

    def _listen(self) -> None:
        """Listen inside the namespace, anew when it is another one than before."""
        where = self.network.attachment.where
        path = self._path()
        if isinstance(where, Bridged):
            bridge = kernel.link(where.bridge)
            self._bridge = bridge.index if bridge else None
        status = os.stat(path or "/proc/thread-self/ns/net")
        there = (status.st_dev, status.st_ino)
        if there == self._namespace and self._source is not None:
            return
        self.close()
        with self._entered():
            self._source = events.inside_socket()
        self._events.add(self._source, lambda _: self.touch())
        self._namespace = there
        self.dirty = True  # what changed since the look was not heard yet


def _difference_of(
    macs: set[bytes],
    held: Mapping[IPv4Address, HardwareAddress],
    bound: Mapping[IPv4Address, HardwareAddress],
) -> Change:
    """Find what changes for *macs* alone: the hash of an address is what costs."""
    put = {ip: mac for ip, mac in bound.items() if mac.octets in macs}
    left = {ip for ip, mac in held.items() if mac.octets in macs} - put.keys()
    put |= {ip: bound[ip] for ip in left if ip in bound}  # another's by now
    changed = {ip: mac for ip, mac in put.items() if held.get(ip) != mac}
    return Change(changed, frozenset(left - put.keys()))
