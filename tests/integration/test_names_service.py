"""Names as an operator has them: bound, named by a file, switched off, in units."""

from functools import partial
from pathlib import Path

import pytest

from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.lab.installation import COMMAND
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .names import SECOND
from .names import UPSTREAM
from .names import Upstream
from .names import add_zone
from .names import bind
from .names import configure
from .names import dig
from .names import inside
from .names import metric
from .packets import OFFER
from .packets import Wire
from .packets import take_address

pytestmark = pytest.mark.machine

SERVES_WITHIN = 20.0  # seconds
METRICS = "http://127.0.0.1:9767/metrics"
ZONE = """\
$TTL 300
www     IN CNAME web-1
mail    IN A     10.0.0.200
        IN MX    10 mail
many    IN TXT   "{text}"
many    IN TXT   "2{text}"
_sip._tcp IN SRV 0 5 5060 mail
pinned.example.org. IN A 10.0.0.201
""".format(text="x" * 250)


def start(installation: Installation, guest: Guest, dns: str = "") -> Daemon:
    configure(installation, dns)
    daemon = installation.start("n1")
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    return daemon


def scrape(installation: Installation) -> str:
    """Return what `metalease exporter` says to Prometheus."""
    exporter = installation.machine.start([COMMAND, "exporter"])

    def said() -> str:
        return installation.machine.run(["curl", "-sS", METRICS]).stdout

    text = until(said, "the exporter", within=SERVES_WITHIN, log=exporter.output)
    exporter.kill()
    return text


def test_the_moment_a_put_returns(installation: Installation, guest: Guest) -> None:
    """A new name is there and the old one is gone when `put` returns, as is all of a
    binding when `rm` does, also what was just asked for (dns 1, 2, 16)."""
    start(installation, guest)
    before = "web-1"
    for number in range(5):
        now = f"name-{number}"
        assert dig(guest, f"{before}.n1.example").answers == ["A 10.0.0.11"]
        named = ("--mac", guest.mac, "--hostname", now)
        installation.succeed("put", "n1", "10.0.0.11", *named)
        assert dig(guest, f"{now}.n1.example").answers == ["A 10.0.0.11"]
        assert dig(guest, f"{before}.n1.example").status == "NXDOMAIN"
        assert dig(guest, "-x", "10.0.0.11").answers == [f"PTR {now}.n1.example."]
        before = now
    assert dig(guest, "db-1").answers == ["A 10.0.0.12"]
    installation.succeed("rm", "n1", "10.0.0.12")
    assert dig(guest, "db-1").status == "NXDOMAIN"
    assert dig(guest, "-x", "10.0.0.12").status == "NXDOMAIN"


def test_names_after_a_restart(installation: Installation, guest: Guest) -> None:
    """What was bound before the daemon started has its name (dns 1, 2)."""
    daemon = start(installation, guest)
    daemon.process.signal(15)
    assert daemon.process.wait(SERVES_WITHIN) == 0
    installation.start("n1")
    assert dig(guest, "db-1.n1.example").answers == ["A 10.0.0.12"]
    assert dig(guest, "-x", "10.0.0.12").answers == ["PTR db-1.n1.example."]


def test_switched_off(installation: Installation, guest: Guest) -> None:
    """With `enabled = false` nobody listens on port 53, and option 6 is not ours
    (dns 16)."""
    daemon = start(installation, guest, "[dns]\nenabled = false\n")
    for more in ([], ["+tcp"]):
        said = dig(guest, "web-1.n1.example", *more)
        assert (said.status, said.answers) == ("", []), said.text
        assert "refused" in said.text
    for table in ("udp", "tcp"):
        text = Path(f"/proc/{daemon.serving()[0]}/net/{table}").read_text()
        assert ":0035 " not in text
    with Wire(guest) as wire:
        offer = wire.ask(guest.mac)
    assert offer.kind == OFFER
    assert 6 not in offer.options


def test_a_zone_file(installation: Installation, guest: Guest) -> None:
    """The operator's file adds names to the guests', a CNAME to one of them too; what
    does not fit comes by TCP (issue 7, extra records; dns 10)."""
    add_zone(installation, ZONE)
    start(installation, guest)
    assert dig(guest, "www.n1.example").answers == [
        "A 10.0.0.11",
        "CNAME web-1.n1.example.",
    ]
    assert dig(guest, "mail.n1.example").answers == ["A 10.0.0.200"]
    assert dig(guest, "mail.n1.example", "MX").answers == ["MX 10 mail.n1.example."]
    srv = dig(guest, "_sip._tcp.n1.example", "SRV")
    assert srv.answers == ["SRV 0 5 5060 mail.n1.example."]
    assert dig(guest, "pinned.example.org").answers == ["A 10.0.0.201"]
    cut = dig(guest, "many.n1.example", "TXT", "+noedns", "+ignore")
    assert "tc" in cut.flags, cut.text
    assert cut.answers == []
    whole = dig(guest, "many.n1.example", "TXT", "+noedns")
    assert "(TCP)" in whole.text
    assert len(whole.answers) == 2


def test_a_broken_zone_file(installation: Installation, guest: Guest) -> None:
    """A zone file that cannot be read is told at the start, with its path, the line and
    what is wrong there (issue 7, extra records)."""
    configure(installation)
    add_zone(installation, "www IN A 10.0.0.5\nbad IN A 10.0.0.999\n")
    done = installation.metalease("run", "n1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("metalease: /run/lab/etc/metalease/networks/n1.zone: ")
    assert "n1.zone: line 2: an IPv4 address: " in line


def test_a_stranger(installation: Installation, guest: Guest) -> None:
    """Who asks from an address outside the ranges gets nothing, though there is a way
    back to it, and is counted (dns 13)."""
    daemon = start(installation, guest)
    guest.ip("address", "add", "192.168.7.7/32", "dev", "eth0")
    machine = installation.machine
    enter = inside(daemon)
    shown = machine.run([*enter, "ip", "-o", "route", "show", "10.0.0.0/24"]).stdout
    device = shown.split()[shown.split().index("dev") + 1]
    way = [*enter, "ip", "route", "add", "192.168.7.7", "dev", device]
    assert machine.run(way).returncode == 0
    for more in ([], ["+tcp"]):
        said = dig(guest, "web-1.n1.example", "-b", "192.168.7.7", *more, "+time=1")
        assert (said.status, said.answers) == ("", []), said.text
    text = scrape(installation)
    dropped = 'metalease_dns_dropped_total{network="n1",reason="foreign"}'
    assert metric(text, dropped) == 2, text


def test_explain(installation: Installation, guest: Guest) -> None:
    """`explain` says what a guest would be answered, and where it is from (issue 7)."""
    start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')

    def explain(*words: str) -> str:
        return installation.succeed("explain", "n1", "dns", *words)

    here = explain("10.0.0.11", "web-1")
    for text in ("NOERROR", "10.0.0.11", "local"):
        assert text in here, here
    assert "NXDOMAIN" in explain("10.0.0.11", "nobody.n1.example")
    assert f"asked of {UPSTREAM}" in explain("10.0.0.11", "www.example.org")
    assert "not in the network" in explain("192.0.2.1", "web-1")


def test_metrics(installation: Installation, machine: Machine, guest: Guest) -> None:
    """Answers by type, code and source, upstreams' times, what was truncated and what
    failed, for Prometheus (dns 17)."""
    add_zone(installation, ZONE)
    Upstream(machine, UPSTREAM, "198.51.100.1")
    start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    for name in ("web-1", "web-1", "nobody", "www.example.org", "www.example.org"):
        dig(guest, name)
    dig(guest, "many.n1.example", "TXT", "+noedns", "+ignore")
    text = scrape(installation)

    def queries(kind: str, rcode: str, source: str) -> float:
        labels = f'network="n1",rcode="{rcode}",source="{source}",type="{kind}"'
        return metric(text, f"metalease_dns_queries_total{{{labels}}}")

    assert queries("A", "NOERROR", "local") == 2, text
    assert queries("A", "NXDOMAIN", "local") == 1, text
    assert queries("A", "NOERROR", "upstream") == 1, text
    assert queries("A", "NOERROR", "cache") == 1, text
    assert metric(text, 'metalease_dns_truncated_total{network="n1"}') == 1
    assert metric(text, 'metalease_dns_failed_total{network="n1"}') == 0
    count = 'metalease_dns_upstream_seconds_count{network="n1"}'
    assert metric(text, count) == 1, text


AS_A_UNIT = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
SERVING = [
    "--inh-caps=-all,+net_raw,+net_bind_service",
    "--ambient-caps=-all,+net_raw,+net_bind_service",
    "--bounding-set=-all,+net_raw,+net_bind_service",
    "--no-new-privs",
]
FORWARDING = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def serve_by_units(installation: Installation) -> dict[str, Process]:
    """Start what packaging/systemd starts, in its users and namespaces."""
    machine = installation.machine
    for directory in ("run/metalease/n1", "run/metalease-forward"):
        made = ["install", "-d", "-o", "nobody", "-g", "nogroup", "-m", "0750"]
        place = f"/run/lab/{directory}"
        assert machine.run([*made, place]).returncode == 0
    running = {"host": machine.start([COMMAND, "host"])}
    running["forward"] = machine.start([*AS_A_UNIT, *FORWARDING, COMMAND, "forward"])
    netns = "/run/lab/run/metalease/netns/n1"
    until(
        lambda: machine.run(["nsenter", f"--net={netns}", "true"]).returncode == 0,
        "the namespace is there",
        within=SERVES_WITHIN,
        log=running["host"].output,
    )
    enter = ["nsenter", f"--net={netns}", *AS_A_UNIT, *SERVING]
    running["run"] = machine.start([*enter, COMMAND, "run", "n1"])
    until(
        lambda: installation.metalease("status", "n1").returncode == 0,
        "the daemon serves",
        within=SERVES_WITHIN,
        log=running["run"].output,
    )
    return running


def answered(guest: Guest, name: str) -> list[str]:
    return dig(guest, name).answers


def test_units(installation: Installation, machine: Machine, guest: Guest) -> None:
    """`forward` is a service of its own, for daemons that never were root; one that was
    lost is found again when it is back, and local names never miss it (design, on
    disk; dns 7)."""
    Upstream(machine, UPSTREAM, "198.51.100.1")
    Upstream(machine, SECOND, "198.51.100.2")
    configure(installation, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    running = serve_by_units(installation)
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    assert dig(guest, "web-1").answers == ["A 10.0.0.11"]
    for number in range(2):
        name = f"w{number}.example.org"
        found = until(
            partial(answered, guest, name),
            "the forwarder is found",
            within=SERVES_WITHIN,
            log=running["forward"].output,
        )
        assert found == ["A 198.51.100.1"]
        running["forward"].kill()
        assert dig(guest, "web-1").answers == ["A 10.0.0.11"]
        assert dig(guest, f"lost{number}.example.org").status == "SERVFAIL"
        again = [*AS_A_UNIT, *FORWARDING, COMMAND, "forward"]
        running["forward"] = machine.start(again)
    assert running["run"].poll() is None, running["run"].output()
