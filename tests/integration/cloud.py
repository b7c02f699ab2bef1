"""A machine with a daemon, and guests with cloud-init that are bound as they are made.

It serves a whole file of tests: guests cost seconds, and each has an address, an id and
a name of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.layout import Layout

from .cloud_init import Instance
from .cloud_init import Platform
from .conftest import WatchedInstallation
from .conftest import outside
from .conftest import prove_unprivileged

# The gateway is no name server and says so at once; a silent one costs cloud-init 18 s
# (C32).
NETWORK = b"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"
mtu = 1450
dns = ["10.0.0.1"]

[attach]
bridge = "br0"
"""
BOOT_WITHIN = 90.0  # seconds, for six guests on two busy cores; 10 on idle ones
LOGGED_WITHIN = 5.0  # seconds for the daemon to write down what it did
KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIebzyTQyGXJ9PFN3qPAwaETSDRKzG2hUk2vmmx1mYJ0"
    " ops@example"
)


class Cloud:
    """A machine with a daemon, and guests that are bound as they are made."""

    def __init__(self, machine: Machine, installation: Installation) -> None:
        self.machine = machine
        self.installation = installation
        self.daemon = installation.start("n1")
        machine.path("/run/key").write_text(KEY + "\n")
        self.files = Layout(installation.root).network("n1")
        self._guests = 10

    def plug(self, platform: Platform) -> Instance:
        """Make a guest that nobody knows yet."""
        self._guests += 1
        return Instance(self.machine, platform, self._guests)

    def launch(
        self, platform: Platform, octets: bytes | None, *options: str
    ) -> Instance:
        """Make a guest and bind it, with *octets* as its user-data; do not boot it."""
        instance = self.plug(platform)
        named = ("--instance-id", instance.id, "--hostname", instance.hostname)
        given = (*named, "--ssh-key", "ops=/run/key", *options)
        if octets is not None:
            given = (*given, "--user-data", "-")
        self.bind(instance, *given, octets=octets)
        return instance

    def bind(
        self, instance: Instance, *options: str, octets: bytes | None = None
    ) -> None:
        words = ("put", "n1", instance.ip, "--mac", instance.mac)
        self.installation.succeed(*words, *options, stdin=octets)

    def boot(self, *instances: Instance) -> None:
        """Boot guests at once, and wait for them."""
        booting = [(each, each.boot()) for each in instances]
        for instance, process in booting:
            code = process.wait(BOOT_WITHIN)
            told = f"{process.output()}\n{self.daemon.log()}"
            assert code == 0, f"{instance.platform.name} {instance.ip}: {told}"

    def asked(self, instance: Instance, number: int) -> list[tuple[str, str]]:
        """Its requests in order, each with its status; *number* or more."""
        return until(
            lambda: self._asked(instance, number),
            f"{number} requests of {instance.ip} are in the log",
            within=LOGGED_WITHIN,
            log=self.daemon.log,
        )

    def _asked(self, instance: Instance, number: int) -> list[tuple[str, str]]:
        seen = [
            (each["target"], each["status"])
            for each in self.daemon.events()
            if each.kind == "http" and each["ip"] == instance.ip
        ]
        return seen if len(seen) >= number else []

    def leased(self, instance: Instance) -> list[tuple[str, str, str]]:
        """What its DHCP clients asked for, and were answered."""
        return [
            (each["type"], each["reply"], each["ip"])
            for each in self.daemon.events()
            if each.kind == "dhcp" and each["mac"] == instance.mac
        ]


@contextmanager
def open_cloud() -> Iterator[Cloud]:
    """Proves at its end that nobody was root and that the outside is as it was."""
    before = outside()
    with Machine() as machine:
        machine.add_bridge("br0")
        machine.add_gateway("10.0.0.1/24", bridge="br0")
        installation = WatchedInstallation(machine)
        installation.succeed("net", "add", "n1", "-", stdin=NETWORK)
        cloud = Cloud(machine, installation)
        yield cloud
        for daemon in installation.daemons:
            prove_unprivileged(daemon)
    assert before == outside()
