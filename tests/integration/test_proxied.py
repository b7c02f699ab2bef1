"""Metrics and reports of guests, passed on to what only the host's side reaches."""

import json
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.cell import Process
from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import COMMAND
from appliance.lab.installation import ROOT
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.installation import net_namespace
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.proxy.errand import Brought
from appliance.proxy.errand import Errand
from appliance.proxy.errand import Result
from appliance.resolver.channel import ANSWERED
from appliance.resolver.channel import ASKED
from appliance.resolver.channel import ERRAND
from appliance.resolver.channel import HELLO

from .imds import TOKEN
from .imds import ask
from .imds import bearing
from .imds import token_for
from .names import configure
from .names import give_address
from .names import inside
from .packets import take_address
from .test_names_elsewhere import forwarder_of
from .test_names_service import AS_A_UNIT
from .test_names_service import FORWARDING
from .test_names_service import serve_by_units

pytestmark = pytest.mark.machine

GATEWAY, KVMAGENT, OTHER = 9092, 7070, 9093
HOST = "169.254.64.1"
SERVES_WITHIN = 10.0  # seconds
BOOT_WITHIN = 30.0
METADATA = "http://169.254.169.254"
# as ZStack writes them, the second for a port where nobody listens
RULES = f"""\
$HTTP["url"] =~ "^/metrics/job" {{
    proxy.server = ( "" => ( ( "host" => "{HOST}", "port" => {GATEWAY} ) ) )
}} else $HTTP["url"] =~ "^/host" {{
    proxy.server = ( "" => ( ( "host" => "{HOST}", "port" => {KVMAGENT} ) ) )
}}
"""
UPSTREAM = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

telling = Lock()

class Handler(BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        with telling:
            print(json.dumps({"method": self.command, "path": self.path, "body": body,
                              "headers": dict(self.headers)}), flush=True)
        if "slow" in self.path:
            time.sleep(3600)
        said = b"x" * 70_000 if "large" in self.path else b"taken\\n"
        self.send_response(202)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)
    do_GET = do_HEAD = do_POST = do_PUT = answer
    def log_message(self, *args):
        pass

ThreadingHTTPServer.request_queue_size = 100
ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
SLOW = f"while :; do curl -s --max-time 9 {METADATA}/metrics/job/slow; done"


@dataclass(frozen=True, slots=True)
class Upstream:
    """An HTTP server on the hypervisor's own address, that a guest cannot reach."""

    process: Process

    def asked(self) -> list[dict[str, Any]]:
        whole = self.process.stdout().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


def serve(machine: Machine, port: int) -> Upstream:
    process = machine.start([sys.executable, "-I", "-c", UPSTREAM, HOST, str(port)])
    url = f"http://{HOST}:{port}/"
    until(
        lambda: machine.run(["curl", "-s", "--max-time", "5", url]).returncode == 0,
        f"{url} answers",
        within=SERVES_WITHIN,
        log=process.output,
    )
    return Upstream(process)


@pytest.fixture
def upstream(machine: Machine) -> Upstream:
    give_address(machine, HOST)
    return serve(machine, GATEWAY)


def rules(installation: Installation) -> None:
    (installation.root / "etc/metalease/networks/n1.rules").write_text(RULES)


@pytest.fixture
def passing(installation: Installation, upstream: Upstream, guest: Guest) -> Daemon:
    """n1 with ZStack's proxies, and a guest that is bound and has its address."""
    rules(installation)
    daemon = installation.start("n1")
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    return daemon


def test_metrics_are_pushed(
    passing: Daemon, upstream: Upstream, guest: Guest, machine: Machine
) -> None:
    """issue 6.1, host H16: 10 KB of metrics reach what is on the host's own address
    alone; it is told who pushes by us, and what it says comes back."""
    metrics = "".join(f'up{{cpu="{number}"}} 1\n' for number in range(700))
    guest.path("/tmp/metrics").write_text(metrics)
    done = guest.get(
        f"{METADATA}/metrics/job/vm-1?x=1",
        *("--data-binary", "@/tmp/metrics", "-D", "/tmp/head"),
        *("-H", "Content-Type: text/plain", "-H", "X-Forwarded-For: 10.0.0.12"),
        *("-H", "Cookie: a=b", "-A", "agent/1"),
    )
    assert done.stdout == "taken\n", done
    head = guest.path("/tmp/head").read_text()
    assert head.startswith("HTTP/1.1 202 ")
    assert "Set-Cookie" not in head
    asked = upstream.asked()[-1]
    assert (asked["method"], asked["path"]) == ("POST", "/metrics/job/vm-1?x=1")
    assert asked["body"] == metrics
    assert asked["headers"] == {
        "Host": f"{HOST}:{GATEWAY}",
        "X-Forwarded-For": "10.0.0.11",
        "Connection": "close",
        "Accept": "*/*",
        "Content-Type": "text/plain",
        "User-Agent": "agent/1",
        "Content-Length": str(len(metrics)),
    }
    (event,) = until(
        lambda: [each for each in passing.events() if each["from"] == "proxy"],
        "it is logged",
        within=SERVES_WITHIN,
        log=passing.log,
    )
    assert (event["ip"], event["status"]) == ("10.0.0.11", "202")
    # neither the guest nor the daemon's own namespace has another way there
    for port in (GATEWAY, KVMAGENT, OTHER):
        for place in (HOST, "10.0.0.2", "169.254.169.254"):
            assert guest.get(f"http://{place}:{port}/").returncode != 0
    straight = [*inside(passing), "curl", "-sS", f"http://{HOST}:{GATEWAY}/"]
    assert "connect" in machine.run(straight).stderr
    forwarder = forwarder_of(passing)
    assert net_namespace(forwarder) == net_namespace(machine.pid)


def test_what_goes_wrong_is_a_status(
    passing: Daemon, upstream: Upstream, guest: Guest, installation: Installation
) -> None:
    """issue 6.1: a dead upstream is 502, a large answer 502, a slow one 504; a path
    that no rule names is no upstream's. `net check` says who is dead."""
    number = len(upstream.asked())
    assert ask(guest, "GET", "/host/report").status == 502
    assert ask(guest, "GET", "/metrics/job/large").status == 502
    assert ask(guest, "GET", "/metrics/job/slow").status == 504
    assert ask(guest, "POST", "/metrics/other").status == 405
    assert ask(guest, "DELETE", "/metrics/job/x").status == 405
    assert len(upstream.asked()) == number + 2
    notes = installation.succeed("net", "check", "n1")
    assert f"proxy.server {HOST}:{KVMAGENT}: Connection refused" in notes
    assert f"{HOST}:{GATEWAY}" not in notes


def test_tokens_gate_it(
    passing: Daemon, upstream: Upstream, guest: Guest, installation: Installation
) -> None:
    """issue 6.1, metadata T: where tokens are required they are for proxied paths too,
    and no token goes on."""
    number = len(upstream.asked())
    put = ("put", "n1", "10.0.0.11", "--mac", guest.mac)
    installation.succeed(*put, "--tokens", "required")
    assert ask(guest, "POST", "/metrics/job/x").status == 401
    assert len(upstream.asked()) == number
    bearer = bearing(token_for(guest))
    assert ask(guest, "POST", "/metrics/job/x", bearer).status == 202
    assert TOKEN.lower() not in map(str.lower, upstream.asked()[-1]["headers"])


def test_a_slow_upstream_holds_up_nobody(
    passing: Daemon,
    upstream: Upstream,
    guest: Guest,
    machine: Machine,
    installation: Installation,
) -> None:
    """issue 6.1, design (HTTP): while one guest keeps a slow upstream busy another one
    boots by DHCP, reads its documents and pushes its metrics."""
    looping = [guest.start(["sh", "-c", SLOW]) for _ in range(6)]
    until(
        lambda: sum("slow" in each["path"] for each in upstream.asked()) >= 4,
        "the slow upstream is asked",
        within=SERVES_WITHIN,
        log=upstream.process.output,
    )
    other = machine.add_guest("g2", "fa:16:3e:00:00:12", bridge="br0")
    installation.succeed("put", "n1", "10.0.0.12", "--mac", other.mac)
    assert boot(CLIENTS["dhclient"], other).wait(BOOT_WITHIN) == 0
    other.path("/tmp/metrics").write_text("up 1\n")
    for _ in range(20):  # of which none takes the 5 s after which curl gives up
        assert other.get(f"{METADATA}/latest/meta-data/mac").stdout == other.mac
        pushed = other.get(f"{METADATA}/metrics/job/x", "-d", "@/tmp/metrics")
        assert pushed.stdout == "taken\n", pushed
    for each in looping:
        assert each.poll() is None
        each.kill()


def receive(line: socket.socket, ticket: int) -> Brought:
    while True:
        message = line.recv(100_000)
        assert message, "the forwarder hung up"
        if ANSWERED.unpack_from(message)[0] == ticket:
            return Brought.parse(message[ANSWERED.size :])


def test_a_broken_daemon_reaches_no_other_port(
    installation: Installation, upstream: Upstream, machine: Machine
) -> None:
    """issue 6.1, host H16: whoever holds a daemon's line asks only upstreams that the
    network's own file names: the forwarder reads it itself."""
    other = serve(machine, OTHER)
    number = len(other.asked())
    rules(installation)
    forwarding = machine.start([COMMAND, "forward"])
    path = machine.path(f"{ROOT}/run/metalease-forward/line.sock")
    until(path.exists, "it listens", within=SERVES_WITHIN, log=forwarding.output)
    get = b"GET /%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.settimeout(SERVES_WITHIN)
        connect(line, path)
        line.send(ASKED.pack(HELLO, 0) + b"token n1")
        for ticket, (host, port, result) in enumerate(
            (
                (HOST, OTHER, Result.UNLISTED),
                ("127.0.0.1", GATEWAY, Result.UNLISTED),
                (HOST, GATEWAY, Result.ANSWERED),
            ),
            1,
        ):
            errand = Errand(f"{host}:{port}", get % ticket)
            line.send(ASKED.pack(ticket, ERRAND) + errand.encode())
            assert receive(line, ticket).result is result, forwarding.output()
    assert len(other.asked()) == number
    assert upstream.asked()[-1]["path"] == "/3"
    forwarding.signal(signal.SIGTERM)
    assert forwarding.wait(SERVES_WITHIN) == 0


def connect(line: socket.socket, path: Path) -> None:
    def connected() -> bool:
        try:
            line.connect(str(path))
        except ConnectionRefusedError:
            return False
        return True

    until(connected, "it accepts", within=SERVES_WITHIN)


def test_units(
    installation: Installation, upstream: Upstream, machine: Machine, guest: Guest
) -> None:
    """issue 6.1, design (privilege): a daemon that never was root passes on by the
    host's forwarder, without [dns] too; while that is gone it is 502, and nothing else
    fails; when it is back, so are the upstreams."""
    configure(installation, "[dns]\nenabled = false\n")
    rules(installation)
    running = serve_by_units(installation)
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    take_address(guest, "10.0.0.11", server="10.0.0.2")

    def pushed() -> bool:
        return ask(guest, "POST", "/metrics/job/x").status == 202

    for _ in range(2):
        until(
            pushed,
            "the forwarder is found",
            within=SERVES_WITHIN,
            log=running["forward"].output,
        )
        running["forward"].kill()
        assert ask(guest, "POST", "/metrics/job/x").status == 502
        assert ask(guest, "GET", "/latest/meta-data/mac").body == guest.mac
        again = [*AS_A_UNIT, *FORWARDING, COMMAND, "forward"]
        running["forward"] = machine.start(again)
    assert running["run"].poll() is None, running["run"].output()


def test_without_a_rule_there_is_no_forwarder(
    installation: Installation, guest: Guest
) -> None:
    """issue 6.1: off unless the file says so: no process, no path."""
    daemon = installation.start("n1")
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    with pytest.raises(ValueError, match="not enough values"):
        forwarder_of(daemon)
    assert ask(guest, "GET", "/metrics/job/x").status == 404
    assert ask(guest, "POST", "/metrics/job/x").status == 405
