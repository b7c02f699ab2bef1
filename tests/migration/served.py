"""An L3 of ZStack's on a machine of its own: served by real programs, then by us.

    with Machine() as machine:
        house = House(machine, l3, vms)
        with house.served_by_theirs(): ...  # dnsmasq and lighttpd, in their namespace
        with house.served_by_ours() as daemon: ...

The machine's own /var/lib is the host's: its files are where ZStack has them.
"""

import sys
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.installation import COMMAND
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from tests.migration import upstream

from .zstack_host import L3
from .zstack_host import PORT
from .zstack_host import PROXIED
from .zstack_host import UPSTREAM
from .zstack_host import Vm
from .zstack_host import write_dnsmasq
from .zstack_host import write_web

SERVES_WITHIN = 20.0  # seconds, of 10,000 VMs too
MIGRATES_WITHIN = 300.0  # seconds, of 10,000 VMs on a busy machine
CONNECTING = "br_conn_all_ns"
DNSMASQ = ("dnsmasq", "-k", "-K", "-u", "root")
LAST_READ = "/hosts.option\n"  # of what dnsmasq says that it has read
MTU = 65500  # octets, of all of ZStack's links


class House:
    """The host, its bridge, what its guests' agents report to, and who asks."""

    def __init__(
        self,
        machine: Machine,
        l3: L3,
        vms: Sequence[Vm],
        *,
        callers: Iterable[Vm] | None = None,
    ) -> None:
        require("dnsmasq", "lighttpd")
        self.machine, self.l3 = machine, l3
        for place in ("/var/lib", "/var/log"):
            self._succeed("mount", "-t", "tmpfs", "tmpfs", place)
        self._succeed("mkdir", "/var/log/lighttpd")
        root = machine.path("/")
        write_dnsmasq(root, l3, vms)
        write_web(root, l3, vms, callers=callers)
        machine.add_bridge(l3.bridge)
        machine.add_bridge(CONNECTING)
        machine.ip("address", "add", f"{UPSTREAM}/18", "dev", CONNECTING)
        program = [sys.executable, "-I", str(Path(upstream.__file__)), UPSTREAM]
        reported = machine.start([*program, *map(str, PROXIED.values())])
        _until(reported, "started", "upstreams serve")
        self.asking = machine.add_guest("asking", "02:00:00:00:00:aa", bridge=l3.bridge)
        self.installation = Installation(machine)

    @contextmanager
    def served_by_theirs(self) -> Iterator[None]:
        """Have dnsmasq and lighttpd serve; their namespace stays afterwards."""
        l3, machine = self.l3, self.machine
        self._make_namespace()
        inside = ["ip", "netns", "exec", l3.namespace]
        conf = ["-C", f"{l3.folder}/dnsmasq.conf"]
        dnsmasq = machine.start([*inside, *DNSMASQ, *conf])
        conf = ["-f", f"{l3.http}/lighttpd.conf"]
        lighttpd = machine.start([*inside, "lighttpd", "-D", *conf])
        log = machine.path(f"{l3.folder}/dnsmasq.log")
        errors = machine.path("/var/log/lighttpd/lighttpd_error.log")
        try:
            until(
                lambda: LAST_READ in log.read_text() or dnsmasq.poll() is not None,
                "dnsmasq serves",
                within=SERVES_WITHIN,
                log=lambda: dnsmasq.output() + log.read_text(),
            )
            until(
                lambda: self._listens() or lighttpd.poll() is not None,
                "lighttpd serves",
                within=SERVES_WITHIN,
                log=lambda: lighttpd.output() + errors.read_text(),
            )
            assert dnsmasq.poll() is None, dnsmasq.output() + log.read_text()
            # it goes on without a line that it does not know, and only says so
            assert " bad " not in log.read_text(), log.read_text()
            assert lighttpd.poll() is None, lighttpd.output() + errors.read_text()
            yield
        finally:
            self.said = log.read_text()
            self._end(lighttpd, dnsmasq)

    @contextmanager
    def served_by_ours(self) -> Iterator[Daemon]:
        """Migrate as an operator does, and serve."""
        name = self.l3.uuid
        words = [COMMAND, "migrate", "zstack", "/", "--write"]
        done = self.machine.run(words, within=MIGRATES_WITHIN)
        assert done.returncode == 0, done.stderr
        marker = self.installation.root / f"var/lib/metalease/{name}/not-in-service"
        assert marker.exists()  # the host's keeper leaves it to ZStack until then
        daemon = self.installation.start(name)
        assert not marker.exists()
        try:
            yield daemon
        finally:
            daemon.process.kill()

    def _make_namespace(self) -> None:
        """Make it as ZStack does (zstack 1.1, 1.2)."""
        l3, ip = self.l3, self.machine.ip
        name, outer, inner = l3.namespace, f"outer{l3.number}", f"inner{l3.number}"
        self._succeed("ip", "netns", "add", name)
        self._succeed("ip", "netns", "set", name, str(l3.number))
        guests = [f"{l3.server}/{l3.prefix}", "169.254.169.254/32"]
        reports = [f"169.254.64.{2 + l3.number}/18"]
        pairs = {
            outer: (inner, l3.bridge, guests),
            f"ud_{outer}": (f"ud_{inner}", CONNECTING, reports),
        }
        for near, (far, bridge, addresses) in pairs.items():
            size = ("mtu", str(MTU))
            ip("link", "add", near, *size, "type", "veth", "peer", "name", far, *size)
            ip("link", "set", near, "master", bridge, "up")
            self._succeed("ip", "link", "set", far, "netns", name)
            for each in addresses:
                self._inside("address", "add", each, "dev", far)
            self._inside("link", "set", far, "up")

    def _listens(self) -> bool:
        words = ["ip", "netns", "exec", self.l3.namespace, "cat", "/proc/net/tcp"]
        return f":{PORT:04X} " in self.machine.run(words).stdout

    def _inside(self, *words: str) -> None:
        self._succeed("ip", "-n", self.l3.namespace, *words)

    def _succeed(self, *words: str) -> None:
        done = self.machine.run(list(words))
        assert done.returncode == 0, f"{words}: {done.stderr}"

    @staticmethod
    def _end(*processes: Process) -> None:
        for each in processes:
            each.kill()


def _until(process: Process, said: str, what: str) -> None:
    until(
        lambda: said in process.output(),
        what,
        within=SERVES_WITHIN,
        log=process.output,
    )
