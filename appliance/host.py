"""`metalease host`, in its smallest form: root, and no socket that a guest reaches.

It keeps the links, addresses, steering and permanent neighbours of every network as
`up` made them: it looks when the kernel says that something changed, and now and then
anyway; it follows the bindings once a second, and at once when the bell rings. A
network that cannot be kept is reported and tried again, and hurts no other.
"""

import traceback
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from typing import Final

import trio

from dhcp.damping import Damping
from dhcp.hardware import HardwareAddress

from . import doorbell
from . import events
from . import kernel
from . import netlink
from . import steering
from .errors import SettingsError
from .events import Events
from .keeper import HostedNetwork
from .keeper import Keeper
from .kernel import Link

TICK_SECONDS: Final = 1.0
"""The bindings are followed this often; a network that changes again and again, after
REPAIRS_AT_ONCE, is healed no more often."""
REPAIRS_AT_ONCE: Final = 50
LOOK_SECONDS: Final = 30.0
"""Everything is looked at this often: a mount, a neighbour, a setting tells nobody.
A look is 6 ms, so 200 networks cost a twenty-fifth of one processor."""

Networks = Callable[[], Mapping[str, HostedNetwork]]
Report = Callable[[str, str], None]
"""Called with a network's name (or "") and a line for the journal."""


async def keep(
    networks: Networks,
    bell: Path,
    *,
    report: Report,
    task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep *networks*, and answer the doorbell at *bell*, until cancelled.

    *networks* is asked every second: one that comes is made, one that goes is left as
    it is. Started when each has been looked at once.

    Error handling: SettingsError when another one answers the bell already.
    """
    listener = doorbell.listen(bell)
    heard = Events()
    host = Host(networks, heard, report)
    try:
        heard.add(events.host_socket(), host.link_heard)
        heard.add(events.tables_socket(), host.table_heard)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heard.run)
            await host.tick()
            nursery.start_soon(host.run)
            nursery.start_soon(_answer_bell, listener, host)
            task_status.started()
    finally:
        heard.close()
        doorbell.close(listener, bell)


async def _answer_bell(listener: trio.SocketListener, host: "Host") -> None:
    await doorbell.serve(
        listener, host.answer, report=lambda text: host.report("", text)
    )


class Host:
    """Every network that is kept here."""

    def __init__(self, networks: Networks, heard: Events, report: Report) -> None:
        self.report = report
        self._networks = networks
        self._events = heard
        self._kept: dict[str, Keeper] = {}
        self._repairs = Damping(rate=1, burst=REPAIRS_AT_ONCE)
        self._trouble: dict[tuple[str, str], str] = {}
        self._wake = trio.Event()

    async def run(self) -> None:
        """Heal at once what is heard of; look at the rest every second."""
        tick = trio.current_time() + TICK_SECONDS
        while True:
            with trio.move_on_at(tick):
                await self._wake.wait()
            self._wake = trio.Event()
            if trio.current_time() < tick:
                await self._heal_touched()
            else:
                await self.tick()
                tick = trio.current_time() + TICK_SECONDS

    async def tick(self) -> None:
        self._relist()
        for name in tuple(self._kept):
            await trio.lowlevel.checkpoint()  # others may ring meanwhile
            if keeper := self._kept.get(name):
                self._attempt(name, "bindings", partial(keeper.network.refresh, None))
                self._attempt(name, "links", partial(self._follow, name, keeper))

    async def _heal_touched(self) -> None:
        for name in tuple(self._kept):
            await trio.lowlevel.checkpoint()
            keeper = self._kept.get(name)
            now = trio.current_time()
            # guests are plugged by the dozen; what is in trouble, or changed by
            # somebody who fights us, waits for the next tick
            if (
                keeper
                and keeper.dirty
                and keeper.was_well
                and self._repairs.admits(name, now)
            ):
                self._attempt(name, "links", partial(self._follow, name, keeper))

    async def answer(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Answer one ring of the bell. Raises SettingsError."""
        await trio.lowlevel.checkpoint()
        match request:
            case {"op": "ping"}:
                pass
            case {"op": "apply", "network": str(name), "macs": list(macs)}:
                self._apply(name, [_mac(each) for each in macs])
            case {"op": "apply", "network": str(name), **rest} if "macs" not in rest:
                self._apply(name, None)
            case {"op": "accept", "network": str(name)}:
                self._keeper(name).network.accept()
                self._apply(name, None)
            case {"op": "look", "network": str(name)}:
                self._look(name)
            case _:
                raise SettingsError("the request", "is none that this bell knows")
        return {"ok": True}

    def _apply(self, name: str, macs: Sequence[HardwareAddress] | None) -> None:
        """Have the neighbours in force when this returns. Raises SettingsError."""
        keeper = self._keeper(name)
        keeper.network.refresh(None if macs is None else [mac.digits for mac in macs])
        if not keeper.sound:
            self._heal(name, keeper)
        else:
            keeper.follow(macs)

    def _look(self, name: str) -> None:
        """See whether a network has come or gone, and what is wrong with it.

        One that has gone is let go when this returns. Raises SettingsError.
        """
        self._relist()
        if name in self._kept:
            self._follow(name, self._kept[name])

    def link_heard(self, datagram: bytes | None) -> None:
        """Touch the networks that a change of the host's links is about."""
        if datagram is None:
            self._touch_all()
            return
        for message in netlink.parse(datagram):
            if message.kind in (kernel.RTM_NEWLINK, kernel.RTM_DELLINK):
                link = Link.parse(message)
                for keeper in self._kept.values():
                    if keeper.concerns(link):
                        keeper.touch()

    def table_heard(self, datagram: bytes | None) -> None:
        """Touch the network whose nftables table was changed."""
        if datagram is None:
            self._touch_all()
            return
        for message in netlink.parse(datagram):
            if keeper := self._kept.get(steering.network_of(message) or ""):
                keeper.touch()

    def _touch_all(self) -> None:
        for keeper in self._kept.values():
            keeper.touch()

    def _wake_up(self) -> None:
        self._wake.set()

    def _keeper(self, name: str) -> Keeper:
        if name not in self._kept:
            self._relist()  # it was added a moment ago
        if name not in self._kept:
            raise SettingsError(f"network {name}", "is not kept here")
        return self._kept[name]

    def _relist(self) -> None:
        listed: Mapping[str, HostedNetwork] = {}

        def ask() -> None:
            nonlocal listed
            listed = self._networks()

        if not self._attempt("", "networks", ask):
            return
        for name in self._kept.keys() - listed.keys():
            self._kept.pop(name).close()
        for name, network in listed.items():
            if name not in self._kept:
                keeper = Keeper(network, self._events, touched=self._wake_up)
                self._kept[name] = keeper
            elif self._kept[name].network is not network:
                self._kept[name].network = network
                self._kept[name].dirty = True

    def _follow(self, name: str, keeper: Keeper) -> None:
        stale = trio.current_time() - keeper.looked >= LOOK_SECONDS
        if stale or not keeper.sound:
            self._heal(name, keeper)
        else:
            keeper.follow(None)
        if trouble := keeper.trouble():
            raise trouble

    def _heal(self, name: str, keeper: Keeper) -> None:
        for each in keeper.heal(trio.current_time()):
            self.report(name, f"repaired: {each}")

    def _attempt(self, name: str, subject: str, act: Callable[[], None]) -> bool:
        """Do something for one network: whatever happens there stays there.

        A trouble is reported once, and its end.
        """
        trouble = ""
        try:
            act()
        except (SettingsError, OSError) as problem:
            trouble = str(problem)
        except Exception:  # a fault of ours, or of one network's state: not of the rest
            trouble = traceback.format_exc()
        if trouble != self._trouble.get((name, subject), ""):
            self._trouble[name, subject] = trouble
            self.report(name, trouble or f"{subject}: as they should be again")
        return not trouble


def _mac(text: object) -> HardwareAddress:
    try:
        return HardwareAddress.parse(str(text))
    except ValueError as problem:
        raise SettingsError("the request", str(problem)) from None
