"""One installation below a temporary directory, for the tests of appliance/.

    house = House.build(tmp_path)      network n1, 10.0.0.0/24, with its file
    house.bind(5)                      fa:16:3e:00:00:05 has 10.0.0.5, by its file
    house.metalease("ls", "n1")        the command line, in this process
    with house.running(): ...          with a control socket that answers, as a daemon's

The running one is all of a daemon but its guests: state, follower and control on the
real doorbell.
"""

import io
import json
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from contextlib import redirect_stderr
from contextlib import redirect_stdout
from dataclasses import dataclass
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from typing import Self

import trio

from appliance import doorbell
from appliance.cli import main
from appliance.control import Control
from appliance.directory import StateDirectory
from appliance.follower import Follower
from appliance.journal import Journal
from appliance.layout import Layout
from appliance.layout import NetworkLayout
from appliance.metrics import Metrics
from appliance.observation import Observation
from appliance.settings import Settings
from appliance.settings import load_settings
from appliance.state import State
from dhcp.hardware import HardwareAddress

N1 = """\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"
dns = ["10.0.0.53"]
domain = "n1.example"

[attach]
device = "eth0"
"""


def mac(number: int) -> HardwareAddress:
    return HardwareAddress(bytes.fromhex("fa163e0000") + bytes([number]))


def ip(number: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{number}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    code: object
    out: str
    err: str
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class House:
    layout: Layout
    files: NetworkLayout

    @classmethod
    def build(cls, root: Path, text: str = N1) -> Self:
        layout = Layout(root)
        layout.networks.mkdir(parents=True)
        house = cls(layout, layout.network("n1"))
        house.files.settings.write_text(text)
        house.files.bindings.mkdir(parents=True)
        return house

    def settings(self) -> Settings:
        return load_settings(self.files)

    def state(self) -> State:
        return State(StateDirectory(self.files.bindings), self.settings())

    def file(self, number: int) -> Path:
        return self.files.bindings / f"{mac(number).digits}.json"

    def bind(self, number: int, **more: Any) -> Path:
        """Write a binding's file as rsync would: another name, then renamed."""
        values = {"mac": str(mac(number)), "ip": str(ip(number)), **more}
        path = self.file(number)
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(values))
        return temporary.replace(path)

    def drop(self, owner: object, path: str, octets: bytes) -> Path:
        """Write a document below metadata/<owner>."""
        found = self.files.metadata / str(owner) / path
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_bytes(octets)
        return found

    def metalease(self, *words: object, stdin: bytes = b"") -> Said:
        buffer, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(buffer, "utf-8")
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
        code: object
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(["--root", str(self.layout.root), *map(str, words)])
        except SystemExit as ended:
            code = ended.code
        finally:
            sys.stdin = before
        out.flush()
        octets = buffer.getvalue()
        return Said(code, octets.decode("utf-8", "replace"), err.getvalue(), octets)

    def control(self, state: State) -> Control:
        metrics = Metrics("1")
        metrics.gauges["metalease_http_connections"] = 0
        return Control(
            state,
            Follower(state, lambda change: None),
            Observation(Journal(), metrics, time.time),
            metrics,
            time.time(),
            lambda: None,
        )

    @contextmanager
    def running(
        self, leases: Callable[[], Mapping[str, Any]] | None = None
    ) -> Iterator[Control]:
        """Answer at the control socket, from a thread with an event loop of its own."""
        state = self.state()
        state.load()
        control = replace(self.control(state), leases=leases)
        ready = threading.Event()
        loop: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []

        async def serve() -> None:
            listener = doorbell.listen(self.files.control_socket)
            with trio.CancelScope() as scope:
                loop.append((trio.lowlevel.current_trio_token(), scope))
                ready.set()
                await doorbell.serve(listener, control.answer, report=print)
            doorbell.close(listener, self.files.control_socket)

        thread = threading.Thread(target=trio.run, args=(serve,))
        thread.start()
        assert ready.wait(10), "it does not come up"
        try:
            yield control
        finally:
            token, scope = loop[0]
            trio.from_thread.run_sync(scope.cancel, trio_token=token)
            thread.join()


def listed(text: str) -> Any:
    """Read what --json printed."""
    return json.loads(text)
