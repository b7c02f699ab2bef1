"""What a command does: the same as the command line, then the daemon hears of it.

What waits for a disk or the kernel is done in a thread; the caller sees to it that the
commands of one network come one after the other.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from typing import TypeVar

import trio

from .. import links
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..layout import NetworkLayout
from ..networks import take_away
from ..settings import load_settings
from . import asking
from . import bindings
from . import changes
from . import network_file
from .daemons import Daemons
from .networks import Edit
from .networks import Networks
from .networks import Written
from .orders import Bind
from .orders import Command
from .orders import Delete
from .orders import Describe
from .orders import Flush
from .orders import Forget
from .orders import ForgetAll
from .orders import GainGateway
from .orders import LoseGateway
from .orders import Place
from .orders import Prepare
from .orders import Probe
from .orders import Unbind

T = TypeVar("T")

THREADS_AT_MOST = 32


class Work:
    """Carries commands out."""

    def __init__(self, networks: Networks, daemons: Daemons) -> None:
        self._networks = networks
        self._daemons = daemons
        self._threads = trio.CapacityLimiter(THREADS_AT_MOST)

    async def do(self, command: Command) -> dict[str, Any]:
        """Carry *command* out; return what its answer says. Raises SettingsError."""
        match command:
            case Prepare():
                files, written = await self._in_thread(
                    partial(self._networks.prepare, command)
                )
                await self._follow(files, written)
                await self.heal(files)
            case Bind(place, guests, rebuild):
                files = await self._demand(place)
                mtu = max((guest.mtu or 0 for guest in guests), default=0)
                await self._edit(files, partial(network_file.widened, mtu=mtu))
                act = partial(changes.bind, files, guests, rebuild=rebuild)
                await self._tell(files, act)
            case Unbind(place, macs):
                await self._if_there(place, lambda found: changes.unbind(found, macs))
            case LoseGateway(place, mac):
                lose = bindings.without_gateway
                await self._if_there(
                    place, lambda found: changes.alter(found, mac, lose)
                )
            case GainGateway(place, mac, gateway):
                files = await self._demand(place)
                gain = partial(bindings.with_gateway, gateway=gateway)
                if not await self._tell(
                    files, partial(changes.alter, files, mac, gain)
                ):
                    what = f"nothing is bound to {mac}: dhcp/apply comes first"
                    raise SettingsError(f"network {files.name}", what)
            case Delete(place):
                await self._delete(place)
            case Flush(place):
                found = await self._find(place)
                if found is not None:
                    await self._edit(found, network_file.flushed)
            case Probe(place, target):
                found = await self._find(place)
                heard = await asking.ask(found, place.bridge, target)
                return {"result": {str(target): [str(mac) for mac in heard]}}
            case Describe(place, guests, rebuild):
                files = await self._demand(place)
                if (port := guests[0].port) is not None:
                    await self._edit(files, partial(network_file.listening, port=port))
                act = partial(changes.describe, files, guests, rebuild=rebuild)
                await self._tell(files, act)
            case Forget(place, ip):
                await self._if_there(place, lambda found: changes.forget(found, ip))
            case ForgetAll(place):
                await self._if_there(place, changes.forget_all)
        return {}

    async def heal(self, files: NetworkLayout) -> dict[str, Any]:
        """Have a network as `up` makes it, and served; raises SettingsError."""
        await self._in_thread(lambda: links.up(load_settings(files).attachment))
        await self._daemons.start(files)
        return {}

    async def _delete(self, place: Place) -> None:
        files = await self._find(place)
        if files is None:
            return
        if not self._networks.keeps(files):
            what = f"is yours: metalease net rm {files.name} --force"
            raise SettingsError(files.settings, what)
        await self._daemons.stop(files)
        await self._in_thread(partial(take_away, files))

    async def _edit(self, files: NetworkLayout, edit: Edit) -> None:
        written = await self._in_thread(lambda: self._networks.edit(files, edit))
        if written.changed:
            await self._follow(files, written)
            await self.heal(files)

    async def _follow(self, files: NetworkLayout, written: Written) -> None:
        """End the daemon of a file that was changed: it would heal what was before."""
        before = written.before
        if not written.changed or before is None:
            return
        await self._daemons.stop(files)
        if before.bridge != written.settings.bridge:
            await self._in_thread(lambda: links.down(before.attachment))

    async def _tell(self, files: NetworkLayout, change: Callable[[], T]) -> T | bool:
        """Make a change; a daemon that does not run is started, and finds it.

        Returns what *change* does, or True where nobody was there to be told.
        """
        try:
            return await self._in_thread(change)
        except SettingsError as problem:
            if problem.exit_code != NOT_RUNNING:
                raise
        await self.heal(files)
        return True

    async def _if_there(
        self, place: Place, change: Callable[[NetworkLayout], object]
    ) -> None:
        """Make a change that is made already where there is no such network."""
        files = await self._find(place)
        if files is not None:
            await self._tell(files, partial(change, files))

    async def _find(self, place: Place) -> NetworkLayout | None:
        return await self._in_thread(lambda: self._networks.find(place))

    async def _demand(self, place: Place) -> NetworkLayout:
        return await self._in_thread(lambda: self._networks.demand(place))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(act, limiter=self._threads)
