"""A signal while a step waits: it is heard, and everything is put back."""

import os
import signal
from pathlib import Path

import pytest

from appliance.lab.patience import until

from .afterwards import is_as_it_was
from .afterwards import pids
from .host import PROGRAM
from .host import WITHIN
from .host import ZStackHost
from .stand_in import WAIT
from .stand_in import StandIn

pytestmark = [pytest.mark.machine, pytest.mark.long]


def test_while_ebtables_waits(host: ZStackHost) -> None:
    """issue 6.7: Ctrl-C ends the step that waits; theirs are never stopped."""
    ebtables = StandIn(host, "ebtables", "-D", WAIT)
    before, numbers = host.as_it_is(), pids(host)
    process = host.start(environment=ebtables.environment)
    ebtables.until_reached()
    process.signal(signal.SIGINT)  # and nobody opens its door
    assert process.wait(WITHIN) == 1
    assert "failed: the cut-over: ended by SIGINT" in process.output()
    is_as_it_was(host, before, process.output())
    assert pids(host) == numbers


def test_while_up_waits(host: ZStackHost) -> None:
    """issue 6.7: what cannot be ended is the last step: theirs are never stopped."""
    nft = StandIn(host, "nft", "-f", WAIT)
    before, numbers = host.as_it_is(), pids(host)
    process = host.start(environment=nft.environment)
    nft.until_reached()
    process.signal(signal.SIGINT)
    nft.open()
    assert process.wait(WITHIN) == 1
    assert "failed: the cut-over: ended by SIGINT" in process.output()
    is_as_it_was(host, before, process.output())
    assert pids(host) == numbers


def test_while_theirs_end(host: ZStackHost) -> None:
    """issue 6.7: one that SIGTERM has not ended yet is ended, and is started again."""
    before = host.as_it_is()
    host.sh("kill -STOP $(ps -C lighttpd -o pid=)")
    process = host.start()
    until(lambda: len(host.programs()) == 1, "dnsmasq has ended", within=WITHIN)
    process.signal(signal.SIGINT)
    assert process.wait(WITHIN) == 1
    assert "failed: the cut-over: ended by SIGINT" in process.output()
    host.sh("kill -CONT $(ps -C lighttpd -o pid=)")  # what SIGTERM waits for
    is_as_it_was(host, before, process.output())


def test_while_it_waits_for_a_lock(host: ZStackHost) -> None:
    """issue 6.7: Ctrl-C before all is done is no success, whatever has been reached."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    lock = f"{host.root}/var/lib/metalease/n1/write.lock"
    holder = host.machine.start(
        ["flock", "-o", lock, "sh", "-c", "echo held; sleep 99"]
    )
    host.until_said(holder, "held")
    host.release_the_probe()
    until(lambda: _is_waited_for(host, lock), "it waits for the lock", within=WITHIN)
    process.signal(signal.SIGINT)
    holder.kill()
    assert process.wait(WITHIN) == 1
    assert "failed: the cut-over: ended by SIGINT" in process.output()
    is_as_it_was(host, before, process.output())


def _is_waited_for(host: ZStackHost, lock: str) -> bool:
    inode = host.machine.path(lock).stat().st_ino
    lines = Path("/proc/locks").read_text().splitlines()
    return any("-> FLOCK" in line and f":{inode} " in line for line in lines)


def test_of_a_terminal(host: ZStackHost) -> None:
    """issue 6.7: Ctrl-C, which all in the foreground get, breaks no way back."""
    ebtables = StandIn(host, "ebtables", "-I", WAIT)
    folder = f"{host.root}/run/metalease"
    host.sh(f"mkdir -p {folder}", f"ln -s /run/elsewhere {folder}/n1.log")
    before = host.as_it_is()
    words = ["setsid", PROGRAM]  # the first of a process group, as in a shell
    process = host.machine.start(words, environment=ebtables.environment)
    ebtables.until_reached()
    os.killpg(process.pid, signal.SIGINT)
    ebtables.open()
    assert process.wait(WITHIN) == 1
    assert "n1.log" in process.output()
    is_as_it_was(host, before, process.output())


def test_while_it_looks(host: ZStackHost) -> None:
    """issue 6.7: Ctrl-C before the first change ends it: nothing is put back."""
    ebtables = StandIn(host, "ebtables", "-L", WAIT)
    before, numbers = host.as_it_is(), pids(host)
    process = host.start(environment=ebtables.environment)
    ebtables.until_reached()
    process.signal(signal.SIGINT)
    assert process.wait(WITHIN) == 1
    assert process.output() == "metalease: the cut-over: ended by SIGINT\n"
    assert host.as_it_is() == before
    assert pids(host) == numbers
