"""Guests that take what they can get, and one beside them that boots (issue 5.7)."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import COMMAND
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.namespace import entered

from .imds import DOCUMENT
from .imds import METADATA
from .imds import bind
from .imds import configure
from .imds import plug
from .ipv6 import status_of
from .packets import METADATA as SERVICE
from .packets import take_address

pytestmark = [pytest.mark.machine, pytest.mark.long]

LIMITS = "[limits]\nconnections_per_ip = 4\nconnections_total = 32\n"
BEGUN = b"GET / HTTP/1.1\r\n"


@pytest.fixture
def modest(installation: Installation, machine: Machine) -> Guest:
    configure(installation, LIMITS)
    installation.start("n1")
    bind(installation, 11)
    return plug(machine, 11)


def begin(guest: Guest, stack: ExitStack, number: int) -> None:
    """Begin *number* requests that never end."""
    with entered(Path(f"/proc/{guest.pid}/ns/net")):
        opened = [stack.enter_context(socket.socket()) for _ in range(number)]
    for each in opened:
        each.settimeout(5.0)
        each.connect(SERVICE)
        each.send(BEGUN)


def test_a_stranger_with_many_macs(machine: Machine, modest: Guest) -> None:
    """issue 5.7: a guest that is nobody's and changes its MAC holds a quarter of the
    places, and the others are served."""
    stranger = machine.add_guest("g12", "02:aa:00:00:00:00", bridge="br0")
    with ExitStack() as stack:
        for number in range(20):
            mac = f"02:aa:00:00:00:{number:02x}"
            stranger.ip("address", "flush", "dev", "eth0")
            stranger.ip("link", "set", "eth0", "address", mac)
            take_address(stranger, "10.0.0.77", server="10.0.0.2")
            begin(stranger, stack, 3)
        for _ in range(3):
            assert status_of(modest, METADATA + DOCUMENT) == (0, "200")


def test_as_many_files_as_the_machine_gives(installation: Installation) -> None:
    """issue 5.7: a daemon that was started by hand, with a shell's soft limit on open
    files, takes the hard one: a connection is a file."""
    program = installation.machine.path(COMMAND)
    few = program.read_text().replace("exec ", "ulimit -S -n 64\nexec ", 1)
    program.write_text(few)
    daemon = installation.start("n1")
    (serving,) = daemon.serving()
    lines = Path(f"/proc/{serving}/limits").read_text().splitlines()
    (files,) = (line.split() for line in lines if line.startswith("Max open files"))
    soft, hard = files[3:5]
    assert soft == hard != "64"
