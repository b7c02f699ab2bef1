"""Orders on their way: each network's commands in the order in which they came.

Commands of different networks are carried out side by side. A task is known by its
uuid as long as it runs; the same again meanwhile is none.
"""

import traceback
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from functools import partial
from typing import Any

import trio

from ..errors import SettingsError
from ..layout import NetworkLayout
from ..settings import load_settings
from ..veth import bridged
from .networks import Networks
from .orders import Order
from .work import Work

Step = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Result:
    """How an order went."""

    answer: dict[str, Any]
    """`success`, `error` and what was asked for."""
    fault: str = ""
    """A fault of ours; the header `error` says it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in the line of one network."""

    before: trio.Event | None
    own: trio.Event = field(default_factory=trio.Event)


class Line:
    """Who is at work in which namespace: first come, first served."""

    def __init__(self) -> None:
        self._last: dict[str, trio.Event] = {}

    def take(self, namespace: str) -> Turn:
        """Take a place behind all who are there; it never waits."""
        turn = Turn(self._last.get(namespace))
        self._last[namespace] = turn.own
        return turn

    def leave(self, namespace: str, turn: Turn) -> None:
        turn.own.set()
        if self._last.get(namespace) is turn.own:
            del self._last[namespace]


class Outcome:
    """What became of each command, gathered as they end."""

    def __init__(
        self, report: Callable[[str, str], None], refused: Iterable[str]
    ) -> None:
        self._report = report
        self._answer: dict[str, Any] = {}
        self._problems = list(refused)
        self._faults: list[str] = []

    async def of(self, step: Step) -> None:
        """Take *step*; whatever happens there, the others go on."""
        try:
            self._answer |= await step()
        except SettingsError as problem:
            self._problems.append(str(problem))
        except Exception as problem:  # ours: the server and the journal hear of it
            self._report("", traceback.format_exc())
            self._faults.append(f"{type(problem).__name__}: {problem}")

    def result(self) -> Result:
        problems = [*self._problems, *self._faults]
        answer: dict[str, Any] = {"success": not problems}
        if problems:
            answer["error"] = "; ".join(problems)
        return Result(answer | self._answer, "; ".join(self._faults))


class Tasks:
    """Carries orders out."""

    def __init__(
        self, work: Work, networks: Networks, report: Callable[[str, str], None]
    ) -> None:
        self._work = work
        self._networks = networks
        self._report = report
        self._line = Line()
        self.running: set[str] = set()

    def begin(self, uuid: str, order: Order) -> Callable[[], Awaitable[Result]]:
        """Take the places of *order*'s commands; what is returned carries it out."""
        self.running.add(uuid)
        outcome = Outcome(self._report, order.refused)
        steps: dict[str, list[Step]] = {}
        for command in order.commands:
            step = partial(self._work.do, command)
            steps.setdefault(command.place.namespace, []).append(step)
        turns = {namespace: self._line.take(namespace) for namespace in steps}

        async def carry_out() -> Result:
            try:
                async with trio.open_nursery() as nursery:
                    for namespace, turn in turns.items():
                        act = (namespace, turn, steps[namespace], outcome)
                        nursery.start_soon(self._in_turn, *act)
                    if order.heals:
                        await outcome.of(partial(self._heal, nursery, outcome))
            finally:
                self.running.discard(uuid)
            return outcome.result()

        return carry_out

    async def _in_turn(
        self, namespace: str, turn: Turn, steps: Sequence[Step], outcome: Outcome
    ) -> None:
        try:
            if turn.before is not None:
                await turn.before.wait()
            for step in steps:
                await outcome.of(step)
        finally:
            self._line.leave(namespace, turn)

    async def _heal(self, nursery: trio.Nursery, outcome: Outcome) -> dict[str, Any]:
        """Have every network that is ours as it should be, each in its turn."""
        for files in await trio.to_thread.run_sync(self._networks.ours):
            try:
                namespace = bridged(load_settings(files).attachment).namespace
            except SettingsError as problem:
                self._report(files.name, str(problem))
                continue
            turn = self._line.take(namespace)
            steps = [partial(self._heal_one, files)]
            nursery.start_soon(self._in_turn, namespace, turn, steps, outcome)
        return {}

    async def _heal_one(self, files: NetworkLayout) -> dict[str, Any]:
        """Have one as it should be; what is wrong is told to who asks for *it*.

        A host whose `connect` fails is lost to the management server with every
        network: one whose bridge is gone must not cost the others that.
        """
        try:
            await self._work.heal(files)
        except SettingsError as problem:
            self._report(files.name, str(problem))
        return {}
