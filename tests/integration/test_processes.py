"""The daemon's two processes: one daemon a network, each ends with the other, and who
was being served is served to the end."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import ROOT
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.installation import descendants
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .packets import OFFER
from .packets import Wire
from .packets import read_answer
from .packets import receive_all
from .packets import take_address

pytestmark = pytest.mark.machine

ADDRESS = "10.0.0.11"
END_WITHIN = 20.0  # seconds, on a busy machine
LARGE = 16 << 20  # octets: more than the kernel takes in at once
REQUEST = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def bound(installation: Installation, daemon: Daemon, guest: Guest) -> Daemon:
    named = ("--mac", guest.mac, "--instance-id", "i-1")
    installation.succeed("put", "n1", ADDRESS, *named)
    take_address(guest, ADDRESS, server="10.0.0.2")
    return daemon


def family(daemon: Daemon) -> list[int]:
    return [daemon.process.pid, *descendants(daemon.process.pid)]


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_a_second_daemon_is_refused(
    installation: Installation, bound: Daemon, guest: Guest
) -> None:
    """One daemon a network: another is told why and ends, and the first does not notice
    (issue 3, a second daemon)."""
    before = family(bound)
    second = installation.metalease("run", "n1")
    assert (second.returncode, second.stdout) == (1, "")
    (said,) = second.stderr.splitlines()
    assert said.startswith("metalease: network n1: a daemon runs already")
    assert "stop it first" in said
    assert family(bound) == before
    with Wire(guest) as wire:
        assert wire.ask(guest.mac).kind == OFFER
        assert wire.get("/latest/meta-data/instance-id") == (200, "i-1")
    installation.succeed("put", "n1", ADDRESS, "--hostname", "still-here")


@pytest.mark.parametrize("half", ["parent", "child"])
def test_each_half_ends_with_the_other(
    half: str, installation: Installation, bound: Daemon, guest: Guest
) -> None:
    """After kill -9 of either process nothing is left of the daemon, and the next one
    serves (issue 3, run)."""
    (child,) = bound.serving()
    os.kill(bound.process.pid if half == "parent" else child, signal.SIGKILL)
    code = bound.process.wait(END_WITHIN)
    until(lambda: gone(child), "the child has ended", within=END_WITHIN, log=bound.log)
    if half == "child":
        assert code == 1
        assert "serving ended by signal 9" in bound.log()
    assert installation.metalease("status", "n1").returncode == 3
    installation.start("n1")
    with Wire(guest) as wire:
        assert wire.ask(guest.mac).address == ADDRESS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_well(number: signal.Signals, bound: Daemon) -> None:
    """Ctrl-C, which a terminal sends to a whole process group, is the parent's alone;
    and who tells both halves to stop has them stop once (issue 3, run)."""
    (child,) = bound.serving()
    parent = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    assert os.getpgid(child) != os.getpgid(parent)
    os.kill(parent, number)
    if number == signal.SIGTERM:
        os.kill(child, number)
    assert bound.process.wait(END_WITHIN) == 0, bound.log()
    assert "Traceback" not in bound.log()


def test_ports_that_are_taken(installation: Installation, daemon: Daemon) -> None:
    """What serves there already is named as the trouble, in a line (issue 3, bad
    input): the lock is gone with the runtime directory, the ports are not."""
    runtime = installation.root / "run/metalease/n1"
    shutil.rmtree(runtime)
    second = installation.metalease("run", "n1")
    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert "another program serves these ports here" in second.stderr


def test_another_networks_broken_file(
    installation: Installation, bound: Daemon, guest: Guest
) -> None:
    """One network's bad file hurts no other, whatever the TOML library makes of it."""
    other = installation.root / "etc/metalease/networks/n2.toml"
    other.write_text("[network]\n[[network]]\n")
    assert installation.metalease("net", "check").returncode == 1
    until(
        lambda: installation.metalease("status", "n1").returncode == 0,
        "the daemon answers after it has seen the file",
        within=END_WITHIN,
    )
    with Wire(guest) as wire:
        assert wire.ask(guest.mac).kind == OFFER
    assert bound.process.poll() is None
    assert "Traceback" not in installation.metalease("net", "ls").stderr


def test_a_refused_put_leaves_nothing(
    installation: Installation, bound: Daemon, guest: Guest
) -> None:
    """A file that was dropped by hand a moment ago holds its address already."""
    by_hand = installation.root / "var/lib/metalease/n1/bindings/fa163e0000c1.json"
    by_hand.write_text('{"mac": "fa:16:3e:00:00:c1", "ip": "10.0.0.200"}')
    done = installation.metalease("put", "n1", "10.0.0.200", "--mac", "fa:16:3e:0:0:c2")
    assert done.returncode == 1
    done = installation.metalease(
        "put", "n1", "10.0.0.200", "--mac", "fa:16:3e:00:00:c2"
    )
    assert done.returncode == 1
    assert "fa:16:3e:00:00:c1" in done.stderr
    names = sorted(path.name for path in by_hand.parent.iterdir())
    assert names == ["fa163e000011.json", "fa163e0000c1.json"]


def test_documents_that_cannot_be_taken_away(
    installation: Installation, machine: Machine, bound: Daemon, guest: Guest
) -> None:
    """An `rm` that cannot take the documents away leaves the binding too: nobody else
    is bound to an address that still holds a guest's secrets."""
    installation.succeed("put", "n1", ADDRESS, "--user-data", "-", stdin=b"secret")
    documents = f"{ROOT}/var/lib/metalease/n1/metadata/{ADDRESS}"
    assert machine.run(["mount", "--bind", documents, documents]).returncode == 0
    done = installation.metalease("rm", "n1", ADDRESS)
    assert done.returncode == 1
    assert documents in done.stderr
    with Wire(guest) as wire:
        assert wire.ask(guest.mac).kind == OFFER
        assert wire.get("/latest/user-data") == (200, "secret")
        assert machine.run(["umount", documents]).returncode == 0
        installation.succeed("rm", "n1", ADDRESS)
    assert not machine.path(documents).exists()


def test_it_drains(installation: Installation, bound: Daemon, guest: Guest) -> None:
    """Told to stop, it takes no more guests, and those it has get their answer: one
    that is in the middle of its request, one that reads slowly (issue 3, SIGTERM)."""
    large = "x" * LARGE
    installation.succeed("put", "n1", ADDRESS, "--user-data", "-", stdin=large.encode())
    with Wire(guest) as wire, wire.connected() as asking, wire.connected() as reading:
        asking.sendall(REQUEST[:20])
        reading.sendall(b"GET /latest/user-data HTTP/1.0\r\n\r\n")
        begun = reading.recv(100)
        bound.process.signal(signal.SIGTERM)
        until(
            lambda: any(each.kind == "stopping" for each in bound.events()),
            "the daemon drains",
            within=END_WITHIN,
            log=bound.log,
        )
        with pytest.raises(ConnectionRefusedError):
            wire.get("/latest/meta-data/instance-id")
        asking.sendall(REQUEST[20:])
        assert read_answer(receive_all(asking)) == (200, "i-1", "")
        assert read_answer(begun + receive_all(reading)) == (200, large, "")
    assert bound.process.wait(END_WITHIN) == 0, bound.log()
    assert bound.serving() == []


def test_it_does_not_wait_for_ever(bound: Daemon, guest: Guest) -> None:
    """A guest that says no more does not keep it: it ends by its own deadline
    (issue 3, SIGTERM)."""
    with Wire(guest) as wire, wire.connected() as asking:
        asking.sendall(REQUEST[:20])
        until(lambda: wire.ask(guest.mac), "it is served", within=END_WITHIN)
        bound.process.signal(signal.SIGTERM)
        assert bound.process.wait(END_WITHIN) == 0, bound.log()
        assert receive_all(asking) == b""
