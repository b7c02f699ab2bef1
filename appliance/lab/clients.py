"""The DHCP clients that guests really run, as Debian ships them (clients.md).

Each is started as ifupdown or systemd would, with Debian's configuration and scripts.
A row is what a person would type in the guest; `boot` returns when the interface is
configured and leaves the client running. A reboot is `guest.power_cycle()`, `boot`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from .cell import Process
from .cell import require
from .guest import Guest

Command = tuple[str, ...]

DHCLIENT = "dhclient -4 -pf /run/dhclient.pid -lf /var/lib/dhcp/dhclient.leases"
NETWORKD = "/lib/systemd/systemd-networkd"
NETWORK_FILE = """\
[Match]
Name=eth0
[Network]
DHCP=ipv4
[DHCPv4]
UseMTU=yes
"""
# What its unit does: the directory is where it writes its state as an ordinary user,
# and wait-online reads it. The bus is for networkctl; networkd itself needs none.
START_NETWORKD = f"""
mkdir -p /run/dbus
dbus-daemon --system --nopidfile
install -d -o systemd-network -g systemd-network \\
    /run/systemd/netif /run/systemd/netif/links
{NETWORKD} &
echo $! >/run/systemd-networkd.pid
exec {NETWORKD}-wait-online --interface=eth0:routable --ipv4 --timeout=60
"""


def shell(script: str) -> Command:
    return ("sh", "-c", script)


@dataclass(frozen=True, slots=True)
class Client:
    """How one client is driven, and the two habits that a server must know."""

    name: str
    programs: tuple[str, ...]
    boot: Command
    release: Command
    """Ends it as a shutdown does, which for these sends RELEASE (C19)."""
    renew: Command | None
    """Makes it renew at once; None: only its timer does."""
    lease: str | None
    """The file that it remembers its lease in, and begins with INIT-REBOOT (C13)."""
    honours_121: bool
    """Takes its routes from option 121 and then none from 3 (C7); else only 3 (C8)."""
    files: Mapping[str, str] = field(default_factory=dict)
    """What the maker of its image has to write."""


CLIENTS = {
    client.name: client
    for client in (
        Client(
            name="dhclient",
            programs=("dhclient",),
            boot=shell(f"exec {DHCLIENT} -1 -v eth0"),
            release=shell(f"exec {DHCLIENT} -r eth0"),
            renew=None,
            lease="/var/lib/dhcp/dhclient.leases",
            honours_121=True,
        ),
        Client(
            name="udhcpc",
            programs=("udhcpc",),
            boot=("udhcpc", "-n", "-p", "/run/udhcpc.pid", "-i", "eth0"),
            release=shell("kill -USR2 $(cat /run/udhcpc.pid)"),
            renew=shell("kill -USR1 $(cat /run/udhcpc.pid)"),
            lease=None,
            honours_121=False,
        ),
        Client(
            name="dhcpcd",
            programs=("dhcpcd",),
            boot=("dhcpcd", "-4", "-w", "eth0"),
            release=("dhcpcd", "-4", "-k", "eth0"),
            renew=("dhcpcd", "-4", "-N", "eth0"),
            lease="/var/lib/dhcpcd/eth0.lease",
            honours_121=True,
        ),
        Client(
            name="networkd",
            programs=(NETWORKD, "networkctl", "dbus-daemon"),
            boot=shell(START_NETWORKD),
            release=shell("kill $(cat /run/systemd-networkd.pid)"),
            renew=("networkctl", "renew", "eth0"),
            lease=None,
            honours_121=True,
            files={"/etc/systemd/network/10-eth0.network": NETWORK_FILE},
        ),
    )
}


def boot(client: Client, guest: Guest) -> Process:
    """Start *client* in *guest*; the process ends when the interface is configured."""
    require(*client.programs)
    for name, text in client.files.items():
        file = guest.path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return guest.start(client.boot)
