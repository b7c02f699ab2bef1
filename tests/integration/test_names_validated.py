"""Guests that validate: systemd-resolved with DNSSEC on, where the root is signed.

dnsmasq stands beside us with the same names, domain and upstream, and is asked by the
same resolver: docs/differences.md says why it is not believed.
"""

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .names import SERVES_WITHIN
from .names import UPSTREAM
from .names import bind
from .names import configure
from .names import dig
from .packets import take_address
from .resolved import STUB
from .resolved import start_resolved
from .world import World
from .world import signed_world

pytestmark = [pytest.mark.machine, pytest.mark.long]

DNSMASQ = "10.0.0.3"
ASKS_UPSTREAM = f'[dns]\nupstream = ["{UPSTREAM}"]\n'
MODES = ("allow-downgrade", "yes")
# what a domain is to the world: whether dnsmasq's names are believed
DOMAINS = {
    "n1.example": True,  # the root proves that there is no `example`
    "n1.plain.com": True,  # below one that is proven not to be signed
    "n1.com": False,  # a signed parent proves that it is no zone
    "lab": False,  # and so does the root
}


def start_dnsmasq(machine: Machine, domain: str, *more: str) -> None:
    """Start dnsmasq on the bridge, with db-1 in *domain*, which it keeps to itself."""
    machine.ip("address", "add", f"{DNSMASQ}/24", "dev", "br0")
    options = [
        "conf-file=/dev/null", "no-daemon", "no-resolv", "no-hosts", "user=root",
        "pid-file=", f"listen-address={DNSMASQ}", "bind-interfaces",
        f"domain={domain}", f"local=/{domain}/", "domain-needed", "bogus-priv",
        f"host-record=db-1.{domain},10.0.0.12", "log-facility=-", *more,
    ]  # fmt: skip
    process = machine.start(["dnsmasq", *(f"--{each}" for each in options)])
    until(
        lambda: "started" in process.output(),
        "dnsmasq serves",
        within=SERVES_WITHIN,
        log=process.output,
    )


def status(guest: Guest, *words: str) -> str:
    return dig(guest, *words, server=STUB).status


@pytest.mark.parametrize("domain", DOMAINS)
def test_local_names_are_believed(
    installation: Installation, machine: Machine, guest: Guest, domain: str
) -> None:
    """Whoever validates finds our names, and no names, also with DNSSEC=yes: a DS of
    our domain is asked of its parent, whose proof comes through with DO, signatures
    and NSEC; names of the outside are proven (dns 4, 5, 10)."""
    zones, trust = signed_world()
    world = World(machine, zones)
    configure(installation, ASKS_UPSTREAM, domain=domain)
    installation.start("n1")
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    start_dnsmasq(machine, domain, f"server={UPSTREAM}")
    for mode in MODES:
        stub = start_resolved(guest, dnssec=mode, domain=domain, trust=trust)
        found = dig(guest, f"db-1.{domain}", server=STUB)
        assert found.answers == ["A 10.0.0.12"], stub.output()
        assert found.status == "NOERROR", stub.output()
        assert status(guest, f"db-1.{domain}", "AAAA") == "NOERROR", stub.output()
        assert status(guest, f"nobody.{domain}") == "NXDOMAIN", stub.output()
        assert status(guest, "-x", "10.0.0.12") == "NOERROR", stub.output()
        proven = dig(guest, "www.com", server=STUB)
        assert (proven.answers, "ad" in proven.flags) == (["A 198.51.100.9"], True)
        assert dig(guest, "www.org", server=STUB).answers == ["A 198.51.100.8"]
        for name in ("x.test", "use-application-dns.net", "nobody.home.arpa"):
            status(guest, name)
        # no SOA of ours is the root's: those names have not ended validation
        denied = dig(guest, "nobody.com", server=STUB)
        assert (denied.status, "ad" in denied.flags) == ("NXDOMAIN", True)
        stub.kill()
        theirs = start_resolved(
            guest, dnssec=mode, domain=domain, server=DNSMASQ, trust=trust
        )
        said = status(guest, f"db-1.{domain}")
        assert (said == "NOERROR") is DOMAINS[domain], theirs.output()
        theirs.kill()
    assert world.asked(f"db-1.{domain}", "DS") == 0


def test_without_upstreams_a_validator_finds_that_nothing_is_signed(
    installation: Installation, machine: Machine, guest: Guest
) -> None:
    """With nobody to ask, the root's SOA without a signature is what makes
    allow-downgrade downgrade, from the second name on; with dnsmasq it never does
    (dns 5)."""
    configure(installation)
    installation.start("n1")
    bind(installation, guest)
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    start_dnsmasq(machine, "n1.example")
    theirs = start_resolved(guest, dnssec="allow-downgrade", server=DNSMASQ)
    for _ in range(4):
        assert status(guest, "db-1.n1.example") == "SERVFAIL", theirs.output()
    theirs.kill()
    stub = start_resolved(guest, dnssec="allow-downgrade")
    status(guest, "db-1.n1.example")
    for _ in range(4):
        assert status(guest, "db-1.n1.example") == "NOERROR", stub.output()
    assert status(guest, "nobody.n1.example") == "NXDOMAIN"
    assert guest.run(["getent", "hosts", "db-1"]).stdout.split()[0] == "10.0.0.12"
