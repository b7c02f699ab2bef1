"""Names of the outside: the host's side asks for a network that has no way out."""

import os
import signal
from pathlib import Path

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation
from appliance.lab.installation import descendants
from appliance.lab.installation import net_namespace
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .names import SECOND
from .names import SILENT
from .names import UPSTREAM
from .names import Upstream
from .names import bind
from .names import configure
from .names import dig
from .names import inside
from .names import never_answers
from .packets import take_address

pytestmark = pytest.mark.machine

FOUND = ["A 198.51.100.1"]
END_WITHIN = 10.0  # seconds


@pytest.fixture
def upstream(machine: Machine) -> Upstream:
    return Upstream(machine, UPSTREAM, "198.51.100.1")


@pytest.fixture
def second(machine: Machine) -> Upstream:
    return Upstream(machine, SECOND, "198.51.100.2")


def start(installation: Installation, guest: Guest, dns: str) -> Daemon:
    """Start n1 with *dns* for its table; the guest asks from web-1's address."""
    configure(installation, dns)
    daemon = installation.start("n1")
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    return daemon


def forwarder_of(daemon: Daemon) -> int:
    """The process that asks upstreams, as the outside numbers it."""
    parent, serving = daemon.process.pid, daemon.serving()
    (found,) = set(descendants(parent)) - set(serving)
    return found


def test_the_host_asks(
    installation: Installation, machine: Machine, guest: Guest, upstream: Upstream
) -> None:
    """An upstream that only the host reaches answers the guest: once, by UDP or TCP,
    and the next who asks is answered from here; the local domain is not asked there
    (dns 5, 7, 9, 11; host H16)."""
    daemon = start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    to_it = ["dig", f"@{UPSTREAM}", "+tries=1", "+time=1", "www.example.org"]
    assert "198.51.100.1" in machine.run(to_it).stdout
    from_ours = machine.run([*inside(daemon), *to_it])
    assert "unreachable" in from_ours.stdout, from_ours
    assert guest.run(to_it).returncode != 0
    assert upstream.asked("www.example.org") == 1  # by the machine itself
    for _ in range(3):
        said = dig(guest, "www.example.org")
        assert (said.status, said.answers) == ("NOERROR", FOUND), said.text
        assert "aa" not in said.flags
    assert upstream.asked("www.example.org") == 2
    assert dig(guest, "large.example.org", "TXT", "+ignore").flags >= {"tc"}
    for _ in range(2):
        said = dig(guest, "large.example.org", "TXT")
        assert len(said.answers[0]) > 2000, said.text
        assert "(TCP)" in said.text
    for name in ("nobody.n1.example", "nobody", "77.0.0.10.in-addr.arpa"):
        assert dig(guest, name).status == "NXDOMAIN"
        assert upstream.asked(name) == 0


def test_the_forwarder_may_do_nothing(
    installation: Installation, machine: Machine, guest: Guest, upstream: Upstream
) -> None:
    """It is on the host's side, is not root, and has no capability in any set (design,
    privilege)."""
    daemon = start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    forwarder = forwarder_of(daemon)
    assert net_namespace(forwarder) == net_namespace(machine.pid)
    lines = Path(f"/proc/{forwarder}/status").read_text().splitlines()
    facts = {name: rest.split() for name, _, rest in (x.partition(":") for x in lines)}
    assert "0" not in facts["Uid"] + facts["Gid"], facts
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
        assert int(facts[kind][0], 16) == 0, facts
    assert facts["NoNewPrivs"] == ["1"]
    assert dig(guest, "www.example.org").answers == FOUND


def test_the_second_upstream(
    installation: Installation, machine: Machine, guest: Guest, upstream: Upstream
) -> None:
    """Where the first is silent the second is asked while the client still waits; then
    nobody waits for the first any more (dns 7)."""
    never_answers(machine)
    daemon = start(
        installation, guest, f'[dns]\nupstream = ["{SILENT}", "{UPSTREAM}"]\n'
    )
    for number in range(4):
        said = dig(guest, f"name{number}.example.org", "+time=4")
        assert said.answers == FOUND, said.text + daemon.log()
    # the probe that found it dead, or the first question, has waited; the last has not
    assert took(said.text) < 1000, said.text


def took(text: str) -> int:
    """The milliseconds that dig says."""
    (line,) = (x for x in text.splitlines() if x.startswith(";; Query time: "))
    return int(line.split()[3])


def test_nobody_answers(
    installation: Installation, machine: Machine, guest: Guest, upstream: Upstream
) -> None:
    """Where no upstream answers it is SERVFAIL before a client gives up, and at once
    for the next few seconds (dns 7)."""
    never_answers(machine)
    start(installation, guest, f'[dns]\nupstream = ["{SILENT}"]\n')
    said = dig(guest, "www.example.org")
    assert said.status == "SERVFAIL", said.text
    again = dig(guest, "www.example.org")
    assert again.status == "SERVFAIL", again.text
    assert took(again.text) < 1000
    assert dig(guest, "db-1").answers == ["A 10.0.0.12"]


def test_a_domain_of_another_upstream(
    installation: Installation, guest: Guest, upstream: Upstream, second: Upstream
) -> None:
    """`[dns.domains]` says who knows one domain, and nobody else is asked for it; the
    others are asked of `upstream` (issue 7, split horizon)."""
    start(
        installation,
        guest,
        f'[dns]\nupstream = ["{UPSTREAM}"]\n'
        f'[dns.domains]\n"corp.example" = ["{SECOND}"]\n',
    )
    assert dig(guest, "www.corp.example").answers == ["A 198.51.100.2"]
    assert dig(guest, "www.example.org").answers == FOUND
    assert (upstream.asked("www.corp.example"), second.asked("www.corp.example")) == (
        0,
        1,
    )
    assert (upstream.asked("www.example.org"), second.asked("www.example.org")) == (
        1,
        0,
    )


def test_without_its_forwarder_a_daemon_ends(
    installation: Installation, guest: Guest, upstream: Upstream
) -> None:
    """After kill -9 of the forwarder `run` says so in a line and ends with 1, so that
    whoever started it starts all anew (issue 3, run)."""
    daemon = start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    family = [daemon.process.pid, *descendants(daemon.process.pid)]
    os.kill(forwarder_of(daemon), signal.SIGKILL)
    assert daemon.process.wait(END_WITHIN) == 1, daemon.log()
    assert "metalease: the forwarder ended" in daemon.process.stderr()
    assert not any(Path(f"/proc/{each}").exists() for each in family)
    installation.start("n1")
    assert dig(guest, "www.example.org").answers == FOUND


def test_a_daemon_with_a_forwarder_is_told_to_stop(
    installation: Installation, guest: Guest, upstream: Upstream
) -> None:
    """SIGTERM ends both, with 0 and without a complaint (issue 3, run)."""
    daemon = start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    forwarder = forwarder_of(daemon)
    assert dig(guest, "www.example.org").answers == FOUND
    daemon.process.signal(signal.SIGTERM)
    assert daemon.process.wait(END_WITHIN) == 0, daemon.log()
    assert daemon.process.stderr() == ""
    until(
        lambda: not Path(f"/proc/{forwarder}").exists(),
        "the forwarder ends",
        within=END_WITHIN,
    )


def test_each_ends_with_the_daemon(
    installation: Installation, guest: Guest, upstream: Upstream
) -> None:
    """After kill -9 of who serves, or of the parent, no forwarder is left (issue 3,
    run)."""
    daemon = start(installation, guest, f'[dns]\nupstream = ["{UPSTREAM}"]\n')
    forwarder = forwarder_of(daemon)
    os.kill(daemon.serving()[0], signal.SIGKILL)
    assert daemon.process.wait(END_WITHIN) == 1, daemon.log()
    until(
        lambda: not Path(f"/proc/{forwarder}").exists(),
        "the forwarder ends",
        within=END_WITHIN,
    )
    daemon = installation.start("n1")
    forwarder = forwarder_of(daemon)
    os.kill(daemon.process.pid, signal.SIGKILL)
    until(
        lambda: not Path(f"/proc/{forwarder}").exists(),
        "the forwarder ends",
        within=END_WITHIN,
    )
