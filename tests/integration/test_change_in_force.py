"""A change is in force when `metalease put` returns, and costs nobody a packet.

Three kinds of processes: the daemon, which must not notice; a stream of DISCOVERs and
GETs that shares nothing with who changes; and a thousand `metalease put`, one after
the other.  Nothing is timed: each packet is judged by what had returned when it left.
"""

import json
import os
import socket
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
from appliance.namespace import entered

from . import stream

pytestmark = pytest.mark.machine

PUTS = 50
PER_SECOND = 500.0  # DISCOVERs, and GETs
FIRST_XID = 0xD1000000  # of the packets that are sent after each return
ADDRESS = "10.0.0.11"
OTHERS = {f"10.0.0.{last}": f"fa:16:3e:00:00:{last}" for last in (12, 13, 14)}
SERVER = ("169.254.169.254", 80)
NAME_PATH, DATA_PATH = "/latest/meta-data/local-hostname", "/latest/user-data"
BYTECODE = {"PYTHONPYCACHEPREFIX": "/run/pycache"}
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
    """Puts, and asks as the guest does; in this process, with sockets in the guest."""

    def __init__(self, machine: Machine, guest: Guest) -> None:
        self.changes = Changes()
        self._enter = [*machine.entrance(), "--", COMMAND]
        self._guest = guest
        self._namespace = Path(f"/proc/{guest.pid}/ns/net")
        with entered(self._namespace):
            self._raw = stream.packet_socket(guest.interface)
        self._raw.settimeout(ANSWER_WITHIN)

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

    def discover(self, number: int) -> stream.Answer:
        """Send one DISCOVER and return its answer."""
        xid = FIRST_XID + number
        self._raw.send(stream.discover(self._guest.mac, xid))
        while True:
            answer = stream.Answer.parse(self._raw.recv(4096))
            if answer is not None and answer.xid == xid:
                return answer

    def get(self, path: str) -> str:
        with entered(self._namespace):
            opened = socket.create_connection(SERVER, ANSWER_WITHIN)
        with opened:
            opened.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            octets = b""
            while more := opened.recv(65536):
                octets += more
        status, body, problem = stream.read_answer(octets)
        assert (status, problem) == (200, "")
        return body

    def close(self) -> None:
        self._raw.close()


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
        environment={
            "METALEASE_ROOT": ROOT,
            "PYTHONPATH": str(PACKAGES),
            **BYTECODE,
        },
    )
    assert compiling.returncode == 0, compiling.stderr
    guest.ip("address", "add", f"{ADDRESS}/24", "dev", guest.interface)
    guest.ip("route", "add", SERVER[0], "via", "10.0.0.2")


def start_stream(guest: Guest) -> Process:
    plan = stream.Plan(
        interface=guest.interface,
        macs=[guest.mac, *OTHERS.values()],
        packets_per_second=PER_SECOND,
        paths=[NAME_PATH, DATA_PATH],
        requests_per_second=PER_SECOND,
    )
    program = [sys.executable, "-I", "-S", os.path.abspath(stream.__file__)]
    started = guest.start([*program, json.dumps(asdict(plan))])
    until(started.stderr, "the stream begins", within=ANSWER_WITHIN, log=started.output)
    return started


def end_stream(streaming: Process) -> stream.Report:
    streaming.signal(15)
    assert streaming.wait(END_WITHIN) == 0, streaming.stderr()
    return stream.Report.parse(streaming.stdout())


def test_a_put_is_in_force_when_it_returns(
    machine: Machine, installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """From the return of put the very next packet and request see it; nothing restarts
    and no packet is lost (issue 3, change in force)."""
    configure(machine, installation, guest)
    before = lives(daemon)
    operator = Operator(machine, guest)
    operator.put(0)
    streaming = start_stream(guest)
    for number in range(1, PUTS + 1):
        operator.put(number)
        answer = operator.discover(number)
        told = (answer.kind, answer.address, answer.hostname, answer.mtu)
        assert told == (stream.OFFER, ADDRESS, f"web-{number}", mtu(number))
        assert operator.get(NAME_PATH) == f"web-{number}"
        assert operator.get(DATA_PATH) == str(number)
    report = end_stream(streaming)
    operator.close()

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
