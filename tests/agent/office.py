"""An agent's HTTP side on loopback, with work that a test can hold up.

with Office() as office:
    task = office.server.begin("dhcp/flush", {...})
    office.hold("ns1")             what is done there waits, until `release`
"""

import socket
import threading
import traceback
from contextlib import suppress
from types import TracebackType
from typing import Any
from typing import Self

import trio

from appliance.agent.networks import Networks
from appliance.agent.orders import Command
from appliance.agent.server import Server
from appliance.agent.tasks import Tasks
from appliance.agent.work import Work
from appliance.errors import SettingsError
from appliance.layout import Layout
from tests.agent.management import Management

PATIENCE = 30.0  # seconds


class Held(Work):
    """Writes down what it is asked to do; a namespace's name says how it goes."""

    def __init__(self) -> None:
        self.done: list[Command] = []
        self.gates: dict[str, threading.Event] = {}
        self.begun: dict[str, threading.Event] = {}

    async def do(self, command: Command) -> dict[str, Any]:
        name = command.place.namespace
        self.begun.setdefault(name, threading.Event()).set()
        if name in self.gates:
            await trio.to_thread.run_sync(self.gates[name].wait, PATIENCE)
        self.done.append(command)
        if name == "refused":
            raise SettingsError("here", "it cannot be")
        if name == "broken":
            raise ValueError("a fault\r\nof ours")
        return {}


class Office:
    """A server that runs in a thread."""

    def __init__(self, token: str | None = None) -> None:
        self.work = Held()
        self.reports: list[str] = []
        self._news = threading.Condition()
        self._token = token
        self._ready = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self.address = ("", 0)
        self.server = Management(
            lambda: socket.create_connection(self.address),
            socket.create_server(("127.0.0.1", 0)),
        )

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except Exception:
            self._ended = True
            self._report("", f"the agent has ended: {traceback.format_exc()}")

    async def _serve(self) -> None:
        networks = Networks(Layout())
        async with trio.open_nursery() as nursery:
            tasks = Tasks(self.work, networks, self._report)
            server = Server(tasks, nursery, self._token, self._report)
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            self.address = listeners[0].socket.getsockname()
            self._scope = nursery.cancel_scope
            self._trio = trio.lowlevel.current_trio_token()
            self._ready.set()
            await trio.serve_listeners(server.attend, listeners)

    def _report(self, network: str, text: str) -> None:
        with self._news:
            self.reports.append(text)
            self._news.notify_all()

    def until_reported(self, end: str, times: int) -> None:
        """Wait until so many lines with this end are in the journal."""
        with self._news:
            self._news.wait_for(
                lambda: self._ended or self._said(end) >= times, PATIENCE
            )
            assert not self._ended, self.reports[-1]
            assert self._said(end) >= times, f"not {times} of {end!r}: {self.reports}"

    def _said(self, end: str) -> int:
        return sum(each.endswith(end) for each in self.reports)

    def hold(self, namespace: str) -> None:
        self.work.gates[namespace] = threading.Event()
        self.work.begun[namespace] = threading.Event()

    def until_begun(self, namespace: str) -> None:
        assert self.work.begun[namespace].wait(PATIENCE), f"{namespace} is not begun"

    def release(self, namespace: str) -> None:
        self.work.gates[namespace].set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "it does not come up"
        self.server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for gate in self.work.gates.values():
            gate.set()
        with suppress(trio.RunFinishedError):  # a fault ended it: the test says so
            trio.from_thread.run_sync(self._scope.cancel, trio_token=self._trio)
        self._thread.join()
        self.server.__exit__(kind, problem, trace)
