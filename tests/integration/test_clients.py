"""Real DHCP clients boot from us: one rule of clients.md or dhcp.md a test.

The clients run as Debian ships them; what they did is read with `ip` in the guest,
what was said from the daemon's log.
"""

import socket
from pathlib import Path

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import Client
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

pytestmark = [pytest.mark.machine, pytest.mark.long]

MAC = "fa:16:3e:00:00:11"
BOOT_WITHIN = 30.0  # seconds; dhcpcd takes 5 by itself
PACKET_WITHIN = 10.0  # seconds for a packet that somebody was told to send
FULL_BOOT = [("DISCOVER", "OFFER"), ("REQUEST", "ACK")]

every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
REMEMBERING = [each for each in CLIENTS.values() if each.lease]
clients_that_remember = pytest.mark.parametrize(
    "client", REMEMBERING, ids=[each.name for each in REMEMBERING]
)


def put(installation: Installation, ip: str, *more: str, mac: str = MAC) -> None:
    installation.succeed("put", "n1", ip, "--mac", mac, *more)


def come_up(client: Client, guest: Guest, daemon: Daemon) -> None:
    """Boot *guest*, which must come up."""
    process = boot(client, guest)
    code = process.wait(BOOT_WITHIN)
    assert code == 0, f"{client.name}: {process.output()}\n{daemon.log()}"


def said(daemon: Daemon, mac: str = MAC) -> list[tuple[str, str]]:
    """What was asked by *mac*, and answered: [("DISCOVER", "OFFER"), ...]."""
    return [
        (each["type"], each["reply"])
        for each in daemon.events()
        if each.kind == "dhcp" and each["mac"] == mac
    ]


@every_client
def test_a_client_configures_itself(
    client: Client, installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """Address, prefix, routes, MTU are as bound (clients C5, C7, C8, C12; dhcp 48).

    With 121 a client takes all its routes from there; udhcpc takes the one of 3.
    dhcpcd sets the MTU of its routes and leaves the link's. Debian's udhcpc does not
    ask for it and obeys it all the same, which is why we always send it (dhcp 46).
    """
    put(installation, "10.0.0.11")
    come_up(client, guest, daemon)
    routes = guest.routes()
    assert guest.addresses() == ["10.0.0.11/24"]
    assert routes["default"] == "10.0.0.1"
    assert routes["10.0.0.0/24"] == ""
    by_121 = "10.0.0.2" if client.honours_121 else None
    assert routes.get("169.254.169.254") == by_121
    assert guest.mtu() == (1500 if client.name == "dhcpcd" else 1450)
    assert guest.route_mtu("default") == 1450
    assert said(daemon) == FULL_BOOT


@every_client
def test_a_guest_finds_its_metadata(
    client: Client, installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """Its identity and data are there by the client's own routes (clients C8, C70).

    udhcpc has no route but the gateway's; the host brings what it sends there to us
    (host H10, R3), so the gateway does not see it.
    """
    put(installation, "10.0.0.11", "--hostname", "web-1", "--instance-id", "i-0123")
    come_up(client, guest, daemon)
    here = "http://169.254.169.254"
    assert guest.get(f"{here}/latest/meta-data/instance-id").stdout == "i-0123"
    assert guest.get(f"{here}/latest/meta-data/local-hostname").stdout == "web-1"


def test_a_name_comes_by_dhcp(
    installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """A guest without a name of its own takes ours (clients C16, dhcp 57)."""
    put(installation, "10.0.0.11", "--hostname", "web-1")
    come_up(CLIENTS["dhclient"], guest, daemon)
    assert guest.current_hostname() == "web-1"


def test_what_a_client_writes_stays_in_its_guest(
    installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """Name, resolv.conf and lease change in the guest, and nowhere outside: the ground
    that all these tests stand on."""
    names = ("/etc/resolv.conf", "/var/lib/dhcp/dhclient.leases")
    before = [Path(name).exists() and Path(name).read_text() for name in names]
    outside = socket.gethostname()
    put(installation, "10.0.0.11", "--hostname", "web-1")
    come_up(CLIENTS["dhclient"], guest, daemon)
    inside = [guest.path(name).read_text() for name in names]
    assert "10.0.0.53" in inside[0]
    assert "fixed-address 10.0.0.11;" in inside[1]
    after = [Path(name).exists() and Path(name).read_text() for name in names]
    assert before == after
    assert guest.current_hostname() == "web-1"
    assert socket.gethostname() == outside


@clients_that_remember
def test_a_reboot_asks_for_the_same_address_and_gets_it(
    client: Client, installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """INIT-REBOOT for the bound address is ACKed at once (clients C13, dhcp 26)."""
    put(installation, "10.0.0.11")
    come_up(client, guest, daemon)
    guest.power_cycle()
    assert guest.addresses() == []
    come_up(client, guest, daemon)
    assert guest.addresses() == ["10.0.0.11/24"]
    assert said(daemon) == [*FULL_BOOT, ("REQUEST", "ACK")]


@clients_that_remember
def test_a_reboot_with_a_stale_address_starts_over(
    client: Client, installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """INIT-REBOOT for another address is NAKed: then DISCOVER (clients C13, dhcp 26).

    While the guest was off, the operator gave it another address.
    """
    put(installation, "10.0.0.11")
    come_up(client, guest, daemon)
    guest.power_cycle()
    put(installation, "10.0.0.12")
    come_up(client, guest, daemon)
    assert guest.addresses() == ["10.0.0.12/24"]
    assert said(daemon) == [*FULL_BOOT, ("REQUEST", "NAK"), *FULL_BOOT]


def test_an_address_of_another_subnet_is_refused(
    installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """A known MAC that asks for an address of elsewhere is NAKed too (dhcp 26)."""
    put(installation, "10.0.0.11")
    guest.path("/var/lib/dhcp/dhclient.leases").write_text(
        'lease {\n  interface "eth0";\n  fixed-address 192.168.7.7;\n'
        "  option subnet-mask 255.255.255.0;\n  option dhcp-lease-time 86400;\n"
        "  option dhcp-message-type 5;\n  option dhcp-server-identifier 192.168.7.1;\n"
        "  renew never;\n  rebind never;\n  expire never;\n}\n"
    )
    come_up(CLIENTS["dhclient"], guest, daemon)
    assert guest.addresses() == ["10.0.0.11/24"]
    assert said(daemon) == [("REQUEST", "NAK"), *FULL_BOOT]


def test_an_unknown_guest_gets_silence(
    installation: Installation, daemon: Daemon, guest: Guest, machine: Machine
) -> None:
    """An unbound MAC gets no answer of any kind, and a bound one is not hurt (dhcp 18).

    Neither DHCP nor HTTP: the guest takes an address by hand and asks.
    """
    put(installation, "10.0.0.12", mac="fa:16:3e:00:00:12")
    client = guest.run(["udhcpc", "-n", "-t", "2", "-T", "1", "-i", "eth0"])
    assert client.returncode == 1
    assert guest.addresses() == []
    assert {reply for _, reply in said(daemon)} <= {""}
    guest.ip("address", "add", "10.0.0.99/24", "dev", "eth0")
    guest.ip("route", "add", "169.254.169.254", "via", "10.0.0.2")
    asked = guest.get("http://169.254.169.254/latest/meta-data/instance-id", "-f")
    assert asked.returncode != 0
    other = machine.add_guest("g2", "fa:16:3e:00:00:12", bridge="br0")
    come_up(CLIENTS["dhclient"], other, daemon)
    assert other.addresses() == ["10.0.0.12/24"]


def test_a_release_leaves_the_binding(
    installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """networkd sends RELEASE at every shutdown, without option 54 but to our address;
    it is taken note of, and the next boot is the same (clients C19, dhcp 35)."""
    client = CLIENTS["networkd"]
    put(installation, "10.0.0.11")
    come_up(client, guest, daemon)
    guest.run(client.release)
    until(
        lambda: ("RELEASE", "") in said(daemon),
        "RELEASE arrives",
        within=PACKET_WITHIN,
        log=daemon.log,
    )
    guest.power_cycle()
    come_up(client, guest, daemon)
    assert guest.addresses() == ["10.0.0.11/24"]
    assert said(daemon) == [*FULL_BOOT, ("RELEASE", ""), *FULL_BOOT]


@every_client
def test_a_renewal_after_a_crash_is_acked(
    client: Client, installation: Installation, daemon: Daemon, guest: Guest
) -> None:
    """kill -9 between ACK and renewal, a restart, and no good client is NAKed
    (dhcp 29, clients C14).

    dhclient renews by its timer alone: here it takes T1 for 5 s, whatever we say.
    """
    put(installation, "10.0.0.11")
    with guest.path("/etc/dhcp/dhclient.conf").open("a") as configuration:
        configuration.write("supersede dhcp-renewal-time 5;\n")
    come_up(client, guest, daemon)
    daemon.process.kill()
    until(lambda: not daemon.serving(), "all of it is dead", within=PACKET_WITHIN)
    restarted = installation.start("n1")
    if client.renew is not None:
        renewal = guest.run(client.renew)
        assert renewal.returncode == 0, renewal
    until(
        lambda: said(restarted),
        "the client renews",
        within=2 * PACKET_WITHIN,
        log=restarted.log,
    )
    assert said(restarted) == [("REQUEST", "ACK")]
    assert guest.addresses() == ["10.0.0.11/24"]
