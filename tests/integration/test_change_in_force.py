"""A change is in force when `metalease put` returns, and costs nobody a packet.

Three kinds of processes: the daemon, which must not notice; a stream of DISCOVERs and
GETs that shares nothing with who changes; and a thousand `metalease put`, one after
the other.  Nothing is timed: each packet is judged by what had returned when it left.
"""

import json
import subprocess
import sys
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import pytest

from appliance.lab.cell import ENVIRONMENT
from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.lab.installation import COMMAND
from appliance.lab.installation import PACKAGES
from appliance.lab.installation import ROOT
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.installation import descendants
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from . import stream
from .packets import OFFER
from .packets import Wire
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

PUTS = 1000
PER_SECOND = 500.0  # DISCOVERs, and GETs
ADDRESS = "10.0.0.11"
OTHERS = {f"10.0.0.{last}": f"fa:16:3e:00:00:{last}" for last in (12, 13, 14)}
NAME_PATH, DATA_PATH = "/latest/meta-data/local-hostname", "/latest/user-data"
BYTECODE = {"PYTHONPYCACHEPREFIX": "/run/pycache"}
PYTHON = {"PYTHONPATH": str(PACKAGES), **BYTECODE}
ANSWER_WITHIN = 10.0  # seconds, on a busy machine
END_WITHIN = 60.0  # seconds for the stream to see its last answers


def mtu(number: int) -> int:
    return 1000 + number % 400


def words(number: int) -> list[str]:
    """What the put with *number* changes: it is told by DHCP and by HTTP."""
    name = ("--hostname", f"web-{number}", "--mtu", str(mtu(number)))
    return ["put", "n1", ADDRESS, *name, "--user-data", "-"]


def number_in(name: str) -> int:
    return int(name.removeprefix("web-"))


@dataclass(slots=True)
class Changes:
    """When each put began, and when it had returned."""

    begun: list[float] = field(default_factory=list)
    returned: list[float] = field(default_factory=list)

    def judge(self, number: int, asked: float, answered: float) -> None:
        """Check that who asked and was answered then may have been told *number*."""
        in_force = bisect_left(self.returned, asked) - 1
        on_its_way = bisect_left(self.begun, answered) - 1
        assert in_force <= number <= on_its_way


class Operator:
    """Puts one after the other, each a process, and remembers when."""

    def __init__(self, machine: Machine) -> None:
        self.changes = Changes()
        self._enter = [*machine.entrance(), "--", COMMAND]

    def put(self, number: int) -> None:
        self.changes.begun.append(time.monotonic())
        done = subprocess.run(
            [*self._enter, *words(number)],
            input=str(number).encode(),
            capture_output=True,
            env={**ENVIRONMENT, **BYTECODE},
        )
        self.changes.returned.append(time.monotonic())
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


LIMITS = """
[limits]
requests_per_second_per_ip = 1000000
burst_per_ip = 1000000
"""


def lives(daemon: Daemon) -> dict[int, str]:
    """The daemon's processes, and when each was started."""
    family = [daemon.process.pid, *descendants(daemon.process.pid)]
    stats = {pid: Path(f"/proc/{pid}/stat").read_text() for pid in family}
    return {pid: stat.rpartition(")")[2].split()[19] for pid, stat in stats.items()}


def configure(machine: Machine, installation: Installation, guest: Guest) -> None:
    """Bind the guests, and have Python's bytecode compiled in the machine's memory."""
    for address, mac in OTHERS.items():
        installation.succeed("put", "n1", address, "--mac", mac)
    compiling = machine.run(
        [sys.executable, "-m", "appliance.cli", *words(0), "--mac", guest.mac],
        stdin=b"0",
        environment={"METALEASE_ROOT": ROOT, **PYTHON},
    )
    assert compiling.returncode == 0, compiling.stderr
    take_address(guest, ADDRESS, server="10.0.0.2")


def start_stream(guest: Guest) -> Process:
    plan = stream.Plan(
        interface=guest.interface,
        macs=[guest.mac, *OTHERS.values()],
        packets_per_second=PER_SECOND,
        paths=[NAME_PATH, DATA_PATH],
        requests_per_second=PER_SECOND,
    )
    program = [sys.executable, "-m", stream.__name__]
    started = guest.start([*program, json.dumps(asdict(plan))], environment=PYTHON)
    until(started.stderr, "the stream begins", within=ANSWER_WITHIN, log=started.output)
    return started


def end_stream(streaming: Process) -> stream.Report:
    streaming.signal(15)
    assert streaming.wait(END_WITHIN) == 0, streaming.stderr()
    return stream.Report.parse(streaming.stdout())


def test_a_put_is_in_force_when_it_returns(
    machine: Machine, installation: Installation, guest: Guest
) -> None:
    """From the return of put the very next packet and request see it; nothing restarts
    and no packet is lost (issue 3, change in force)."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(settings.read_text() + LIMITS)
    daemon = installation.start("n1")
    configure(machine, installation, guest)
    before = lives(daemon)
    operator = Operator(machine)
    operator.put(0)
    streaming = start_stream(guest)
    with Wire(guest) as wire:
        for number in range(1, PUTS + 1):
            operator.put(number)
            answer = wire.ask(guest.mac)
            told = (answer.kind, answer.address, answer.hostname, answer.mtu)
            assert told == (OFFER, ADDRESS, f"web-{number}", mtu(number))
            assert wire.get(NAME_PATH) == (200, f"web-{number}")
            assert wire.get(DATA_PATH) == (200, str(number))
    report = end_stream(streaming)

    check_packets(report, guest, operator.changes)
    check_requests(report, operator.changes)
    assert lives(daemon) == before
    status = json.loads(installation.succeed("status", "n1", "--json"))
    assert status["lost_frames"] == 0
    assert status["dhcp"] == {"DISCOVER OFFER": len(report.packets) + PUTS}
    requests = {code.split()[1]: n for code, n in status["http"].items()}
    assert requests == {"200": len(report.requests) + 2 * PUTS}
    print(
        f"{PUTS} puts in {report.seconds:.1f} s; {len(report.packets)} DISCOVERs and"
        f" {len(report.requests)} GETs beside them"
    )


def check_packets(report: stream.Report, guest: Guest, changes: Changes) -> None:
    """Each xid has exactly one OFFER, and it tells what was in force, whole."""
    assert len(report.packets) == int(report.seconds * PER_SECOND)
    answers = Counter(len(packet.offers) for packet in report.packets)
    assert answers == {1: len(report.packets)}
    for packet in report.packets:
        ((came, name, size),) = packet.offers
        if packet.mac == guest.mac:
            number = number_in(name)
            assert size == mtu(number)  # never half of one and half of another
            changes.judge(number, packet.sent, came)
        else:
            assert size == 1450  # who was not changed is told the same as ever
            assert name.startswith("ip-10-0-0-")


def check_requests(report: stream.Report, changes: Changes) -> None:
    """No GET failed, and each tells what was in force."""
    assert len(report.requests) == int(report.seconds * PER_SECOND)
    ends = Counter((asked.status, asked.problem) for asked in report.requests)
    assert ends == {(200, ""): len(report.requests)}
    for asked in report.requests:
        named = asked.path == NAME_PATH
        number = number_in(asked.body) if named else int(asked.body)
        changes.judge(number, asked.sent, asked.ended)
