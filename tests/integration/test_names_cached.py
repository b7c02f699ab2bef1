"""What an upstream said, kept by a real daemon behind its real forwarder."""

import re

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .names import SECOND
from .names import SERVES_WITHIN
from .names import UPSTREAM
from .names import Said
from .names import Upstream
from .names import bind
from .names import configure
from .names import dig
from .packets import take_address
from .world import World

pytestmark = [pytest.mark.machine, pytest.mark.long]

EXPIRES_WITHIN = 20.0  # seconds, of what holds for two
ASKS_UPSTREAM = f'[dns]\nupstream = ["{UPSTREAM}"]\n'
SHORT = "300 IN SOA ns. host. 1 3600 600 86400 2"  # nothing holds for two seconds
LONG = "172800 IN SOA ns. host. 1 3600 600 86400 172800"
ZONES = {
    "org.": f"""\
org. {SHORT}
www.org. 604800 IN A 198.51.100.8
soon.org. 2 IN A 198.51.100.9
never.org. 0 IN A 198.51.100.10
private.org. 300 IN A 10.9.9.9
public.org. 300 IN A 8.8.4.4
held.org. 300 IN A 198.51.100.11
""",
    "net.": f"net. {LONG}\nwww.net. 300 IN A 198.51.100.12\n",
    "bare.": "www.bare. 300 IN A 198.51.100.13\n",
    "corp.example.": "www.corp.example. 300 IN A 10.9.9.10\n",
}


@pytest.fixture
def world(machine: Machine) -> World:
    return World(machine, ZONES)


def start(installation: Installation, guest: Guest, dns: str = ASKS_UPSTREAM) -> None:
    configure(installation, dns)
    installation.start("n1")
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")


def lifetime(said: Said, kind: str) -> int:
    """Return the time to live of the one record of *kind* that dig shows."""
    (found,) = re.findall(rf"^[a-z0-9.-]+\s+(\d+)\s+IN\s+{kind}\s", said.text, re.M)
    return int(found)


NEGATIVE = {
    # name, type: code, the longest time to live of its SOA
    ("nobody.org", "A"): ("NXDOMAIN", 2),
    ("www.org", "AAAA"): ("NOERROR", 2),
    ("nobody.net", "A"): ("NXDOMAIN", 3600),
    ("www.net", "TXT"): ("NOERROR", 3600),
}


def test_what_is_not_there_is_asked_once(
    installation: Installation, guest: Guest, world: World
) -> None:
    """NXDOMAIN and NODATA hold for the SOA's minimum, an hour at most, and say so to
    who keeps them after us (dns 11; RFC 2308 sections 3 and 5)."""
    start(installation, guest)
    for (name, kind), (status, most) in NEGATIVE.items():
        for more in ([], ["+tcp"], []):
            said = dig(guest, name, kind, *more)
            assert (said.status, said.answers) == (status, []), said.text
            assert lifetime(said, "SOA") <= most, said.text
        if most > EXPIRES_WITHIN:
            assert world.asked(name, kind) == 1, name
    assert world.asked("www.org") == 0  # a type that is not there denies no other


def test_what_is_not_there_may_come(
    installation: Installation, guest: Guest, world: World
) -> None:
    """When its time is over it is asked again, and not before (dns 11)."""
    start(installation, guest)
    for name, kind in (("nobody.org", "A"), ("www.org", "AAAA"), ("soon.org", "A")):
        asked = 0

        def again(name: str = name, kind: str = kind) -> bool:
            nonlocal asked
            dig(guest, name, kind)
            asked += 1
            return world.asked(name, kind) > 1

        until(again, f"{name} is asked again", within=EXPIRES_WITHIN)
        assert asked > 2, f"{name} was not kept"
        assert world.asked(name, kind) == 2


def test_what_may_not_be_kept(
    installation: Installation, guest: Guest, world: World
) -> None:
    """A TTL of 0, and NXDOMAIN without a SOA, are asked each time (dns 11; RFC 2308
    section 5)."""
    start(installation, guest)
    for name in ("never.org", "nobody.bare"):
        for count in (1, 2, 3):
            dig(guest, name)
            assert world.asked(name) == count, name


def test_how_long_what_is_there_holds(
    installation: Installation, guest: Guest, world: World
) -> None:
    """A day at most, whatever the upstream says (dns 11)."""
    start(installation, guest)
    for _ in range(3):
        said = dig(guest, "www.org")
        assert said.answers == ["A 198.51.100.8"], said.text
        assert 86_000 < lifetime(said, "A") <= 86_400, said.text
    assert world.asked("www.org") == 1


def test_a_domain_of_its_own_may_be_private(
    installation: Installation, guest: Guest, world: World
) -> None:
    """With `rebind_protection` no name of the outside leads to a private address; one
    of `[dns.domains]` may, as the operator said who knows it (dns 12)."""
    domains = f'[dns.domains]\n"corp.example" = ["{UPSTREAM}"]\n'
    start(installation, guest, f"{ASKS_UPSTREAM}rebind_protection = true\n{domains}")
    said = dig(guest, "private.org")
    assert (said.status, said.answers) == ("NOERROR", []), said.text
    assert dig(guest, "www.corp.example").answers == ["A 10.9.9.10"]
    assert dig(guest, "public.org").answers == ["A 8.8.4.4"]


def test_a_change_of_names_loses_no_question(
    installation: Installation, guest: Guest, world: World
) -> None:
    """A question that is elsewhere while the bindings change is answered (dns 16)."""
    start(installation, guest)
    waiting = guest.start(["dig", "@10.0.0.2", "+tries=1", "+time=10", "held.org"])
    until(lambda: world.asked("held.org") > 0, "it is asked", within=SERVES_WITHIN)
    put = ("put", "n1", "10.0.0.13", "--mac", "fa:16:3e:00:00:13")
    installation.succeed(*put, "--hostname", "new-1")
    assert waiting.poll() is None, waiting.output()
    world.release()
    assert waiting.wait(SERVES_WITHIN) == 0
    assert "198.51.100.11" in waiting.stdout(), waiting.output()
    assert dig(guest, "new-1.n1.example").answers == ["A 10.0.0.13"]


def test_a_loop_is_not_entered(
    installation: Installation, machine: Machine, guest: Guest
) -> None:
    """An upstream that asks us what we ask it is found by a name that nobody else can
    know, and is asked nothing more; the next one is (dns 14)."""
    second = Upstream(machine, SECOND, "198.51.100.2")
    machine.ip("address", "add", "10.0.0.3/24", "dev", "br0")
    options = [
        "conf-file=/dev/null", "no-daemon", "no-resolv", "no-hosts", "user=root",
        "pid-file=", "listen-address=10.0.0.3", "bind-interfaces", "log-queries",
        "log-facility=-", "server=10.0.0.2", "cache-size=0",
    ]  # fmt: skip
    looping = machine.start(["dnsmasq", *(f"--{each}" for each in options)])
    until(
        lambda: "started" in looping.output(),
        "the looping upstream serves",
        within=SERVES_WITHIN,
        log=looping.output,
    )
    start(installation, guest, f'[dns]\nupstream = ["10.0.0.3", "{SECOND}"]\n')
    until(
        lambda: "loop of metalease" in looping.output(),
        "our own record comes back",
        within=SERVES_WITHIN,
        log=looping.output,
    )
    for number in range(3):
        said = dig(guest, f"name{number}.example.org")
        assert said.answers == ["A 198.51.100.2"], said.text
        assert second.asked(f"name{number}.example.org") == 1
    assert "example.org" not in looping.output().lower()  # letters are random
