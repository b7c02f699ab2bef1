"""Names in a lab: a network that is a resolver, upstreams beside it, who asks."""

import re
from dataclasses import dataclass

from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

WEB, DB = "10.0.0.11", "10.0.0.12"
DB_MAC = "fa:16:3e:00:00:12"
SERVER = "10.0.0.2"
UPSTREAM, SECOND, SILENT = "192.0.2.53", "192.0.2.54", "192.0.2.52"
SERVES_WITHIN = 10.0  # seconds
LARGE = ",".join(["x" * 200] * 10)  # of a TXT record: more than UDP takes
NETWORK = """\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"
domain = "n1.example"

[attach]
bridge = "br0"

"""


def configure(
    installation: Installation, dns: str = "", *, domain: str = "n1.example"
) -> None:
    """Make n1 a network whose guests ask us, with *dns* for its table."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    settings.write_text(NETWORK.replace("n1.example", domain) + dns)


def add_zone(installation: Installation, text: str) -> None:
    (installation.root / "etc/metalease/networks/n1.zone").write_text(text)


def bind(installation: Installation, guest: Guest) -> None:
    """Bind two guests, of which *guest* is the first."""
    web, db = ("--mac", guest.mac), ("--mac", DB_MAC)
    installation.succeed("put", "n1", WEB, *web, "--hostname", "web-1")
    installation.succeed("put", "n1", DB, *db, "--hostname", "db-1")


@dataclass(frozen=True, slots=True)
class Said:
    """What dig shows of an answer."""

    status: str
    """NOERROR; "" where none came."""
    flags: frozenset[str]
    answers: list[str]
    """Each record's type and value: "A 10.0.0.11"."""
    text: str


def dig(guest: Guest, *words: str, server: str = SERVER) -> Said:
    """Ask with dig, once, in a guest."""
    argv = ["dig", f"@{server}", "+tries=1", "+time=5", *words]
    text = guest.run(argv).stdout
    status = re.search(r"status: (\w+)", text)
    flags = re.search(r"flags: ([a-z ]*);", text)
    section = re.search(r";; ANSWER SECTION:\n(.*?)\n\n", text, re.DOTALL)
    lines = [] if section is None else section[1].splitlines()
    return Said(
        "" if status is None else status[1],
        frozenset(() if flags is None else flags[1].split()),
        sorted(" ".join(line.split()[3:]) for line in lines),
        text,
    )


def give_address(machine: Machine, address: str) -> None:
    """Give the hypervisor *address*, that no guest can reach."""
    if "up0" not in machine.ip("link"):
        peer = ("type", "veth", "peer", "name", "up1")
        machine.ip("link", "add", "up0", *peer)
        machine.ip("link", "set", "up0", "up")
        machine.ip("link", "set", "up1", "up")
    machine.ip("address", "add", f"{address}/32", "dev", "up0")


class Upstream:
    """dnsmasq on the hypervisor's own address, that a guest cannot reach.

    It knows each name below example.org and corp.example.
    """

    def __init__(self, machine: Machine, address: str, value: str) -> None:
        give_address(machine, address)
        options = [
            "conf-file=/dev/null", "no-daemon", "no-resolv", "no-hosts", "user=root",
            "pid-file=", f"listen-address={address}", "bind-interfaces",
            "log-queries", "log-facility=-", "local-ttl=300",
            f"address=/example.org/{value}", f"address=/corp.example/{value}",
            f"txt-record=large.example.org,{LARGE}",
        ]  # fmt: skip
        self._process: Process = machine.start(
            ["dnsmasq", *(f"--{each}" for each in options)]
        )
        until(
            lambda: "started" in self._process.output(),
            f"the upstream {address} serves",
            within=SERVES_WITHIN,
            log=self._process.output,
        )

    def asked(self, name: str) -> int:
        """How often somebody asked for *name*, in whatever letters."""
        lines = self._process.output().lower().splitlines()
        return sum(f"] {name} from" in each for each in lines if "query[" in each)


def never_answers(machine: Machine) -> None:
    """Have SILENT be where packets go and nothing comes from; after an Upstream."""
    nobody = ("lladdr", "02:00:00:00:00:52", "nud", "permanent")
    machine.ip("route", "add", SILENT, "dev", "up0")
    machine.ip("neighbour", "add", SILENT, *nobody, "dev", "up0")


def metric(daemon_text: str, line: str) -> float:
    """Return the number of the series that begins with *line*; 0 where none is."""
    found = re.search(rf"^{re.escape(line)} ([\d.e+]+)$", daemon_text, re.MULTILINE)
    return 0.0 if found is None else float(found[1])


def inside(daemon: Daemon) -> list[str]:
    """The words to run something on the machine in the network of *daemon*."""
    (serving,) = daemon.serving()
    with open(f"/proc/{serving}/status") as status:
        numbers = next(x for x in status if x.startswith("NSpid:")).split()
    return ["nsenter", f"--net=/proc/{numbers[2]}/ns/net"]
