"""What a guest reaches of us: DHCP and metadata, and nothing beside or behind."""

import json
import struct
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.machine import Gateway
from appliance.lab.machine import Machine
from appliance.lab.patience import until

pytestmark = [pytest.mark.machine, pytest.mark.long]

BOOT_WITHIN = 30.0  # seconds
SCAN_WITHIN = 60.0  # seconds for all ports of one address
OURS = ("10.0.0.2", "169.254.169.254")
HTTP_PORTS = (80, 1180)
DNS_PORT = 53
LISTENING = "0A"  # in /proc/net/tcp
SCAN = """
import json, socket, sys
open_ports = []
for port in range(1, 65536):
    with socket.socket() as asking:
        asking.settimeout(0.2)
        if asking.connect_ex((sys.argv[1], port)) == 0:
            open_ports.append(port)
print(json.dumps(open_ports))
"""
LISTEN = """
import socket, sys
with socket.create_server((sys.argv[1], int(sys.argv[2]))) as listening:
    print("listening", flush=True)
    while True:
        listening.accept()[0].sendall(b"SECRET")
"""


def script(text: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", text, *arguments]


@pytest.fixture
def bound(installation: Installation, daemon: Daemon, guest: Guest) -> Guest:
    """A guest that is up, so everything that it may do, it can."""
    installation.succeed("put", "n1", "10.0.0.11", "--mac", guest.mac)
    assert boot(CLIENTS["dhclient"], guest).wait(BOOT_WITHIN) == 0
    return guest


def sockets(daemon: Daemon, table: str) -> list[tuple[str, int, str]]:
    """Address, port and state of each socket in the daemon's namespace."""
    text = Path(f"/proc/{daemon.serving()[0]}/net/{table}").read_text()
    rows = [line.split() for line in text.splitlines()[1:]]
    found = []
    for row in rows:
        address, port = row[1].split(":")
        # The kernel prints the octets of an address as one number of the CPU's order.
        shown = str(IPv4Address(struct.pack("=I", int(address, 16))))
        found.append((shown, int(port, 16), row[3]))
    return found


def counters(process: int, protocol: str) -> dict[str, int]:
    """The kernel's counters of the network namespace of *process*."""
    text = Path(f"/proc/{process}/net/snmp").read_text()
    lines = [x.split()[1:] for x in text.splitlines() if x.startswith(protocol + ":")]
    return dict(zip(lines[0], map(int, lines[1]), strict=True))


def test_sockets_have_exact_addresses(daemon: Daemon) -> None:
    """Nothing listens on every address, and nothing but DHCP, DNS and HTTP
    (design, privilege)."""
    listening = [
        (address, port)
        for address, port, state in sockets(daemon, "tcp")
        if state == LISTENING
    ]
    assert {port for _, port in listening} == {*HTTP_PORTS, DNS_PORT}
    assert {address for address, _ in listening} <= set(OURS)
    assert ("169.254.169.254", 80) in listening
    bound = {(ip, port) for ip, port, _ in sockets(daemon, "udp")}
    assert bound == {("10.0.0.2", 67), *((each, DNS_PORT) for each in OURS)}
    for table in ("udp6", "raw", "raw6"):  # tcp6: test_ipv6.py
        text = Path(f"/proc/{daemon.serving()[0]}/net/{table}").read_text()
        assert text.count("\n") == 1, text


@pytest.mark.parametrize("address", OURS)
def test_no_other_port_answers(address: str, bound: Guest) -> None:
    """Of all 65,535 TCP ports only metadata's and DNS's accept (design, privilege)."""
    scan = bound.run(script(SCAN, address), within=SCAN_WITHIN)
    assert set(json.loads(scan.stdout)) <= {*HTTP_PORTS, DNS_PORT}, scan


def test_loopback_is_not_reached(
    bound: Guest, machine: Machine, daemon: Daemon
) -> None:
    """What listens on 127.0.0.1 in our namespace is no guest's, whatever it does to
    send packets for that address to us."""
    enter = ["nsenter", f"--net=/proc/{namespaced(machine, daemon)}/ns/net"]
    assert machine.run([*enter, "ip", "link", "set", "lo", "up"]).returncode == 0
    listening = machine.start([*enter, *script(LISTEN, "127.0.0.1", "9999")])
    until(listening.stdout, "it listens", within=10.0, log=listening.output)
    for switch in ("all", "eth0"):
        file = f"/proc/sys/net/ipv4/conf/{switch}/route_localnet"
        assert bound.run(["sh", "-c", f"echo 1 >{file}"]).returncode == 0
    bound.ip("address", "delete", "127.0.0.1/8", "dev", "lo")
    bound.ip("route", "add", "127.0.0.0/8", "via", "10.0.0.2", "src", "10.0.0.11")
    asked = bound.get("http://127.0.0.1:9999/", "--http0.9")
    assert asked.returncode != 0
    assert "SECRET" not in asked.stdout


def namespaced(machine: Machine, daemon: Daemon) -> int:
    """The PID of the serving process as the machine numbers it."""
    status = Path(f"/proc/{daemon.serving()[0]}/status").read_text()
    numbers = next(x for x in status.splitlines() if x.startswith("NSpid:")).split()
    return int(numbers[2])


def test_nothing_is_forwarded(bound: Guest, gateway: Gateway, daemon: Daemon) -> None:
    """With the DHCP address as its gateway a guest gets nowhere: not to another subnet,
    not to a neighbour; we send no redirect either (host H8)."""
    serving = daemon.serving()[0]
    ping = ["busybox", "ping", "-c", "2", "-W", "1"]
    assert bound.run([*ping, "10.0.0.1"]).returncode == 0
    received = counters(gateway.pid, "Ip")["InReceives"]
    for place in ("198.51.100.0/24", "10.0.0.1/32"):
        bound.ip("route", "replace", place, "via", "10.0.0.2")
    assert bound.run([*ping, "198.51.100.7"]).returncode != 0
    assert bound.run([*ping, "10.0.0.1"]).returncode != 0
    assert counters(gateway.pid, "Ip")["InReceives"] == received
    assert gateway.strays() == 0
    assert counters(serving, "Ip")["ForwDatagrams"] == 0
    assert counters(serving, "Icmp")["OutRedirects"] == 0


def test_there_is_no_way_out(daemon: Daemon) -> None:
    """The namespace has its own subnet and no other route (host H16)."""
    text = Path(f"/proc/{daemon.serving()[0]}/net/route").read_text()
    routes = [line.split() for line in text.splitlines()[1:]]
    gateways = {row[2] for row in routes}
    assert gateways <= {"00000000"}
    assert "00000000" not in {row[1] for row in routes}
