"""Guests ask for names, with the resolvers that guests really have."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.guest import Guest
from appliance.lab.installation import Daemon
from appliance.lab.installation import Installation

from .names import bind
from .names import configure
from .names import dig
from .packets import take_address
from .resolved import STUB
from .resolved import start_resolved

pytestmark = pytest.mark.machine

BOOT_WITHIN = 30.0  # seconds


@pytest.fixture
def network(installation: Installation, guest: Guest) -> Daemon:
    """A network whose guests web-1 and db-1 are bound."""
    configure(installation)
    daemon = installation.start("n1")
    bind(installation, guest)
    return daemon


@dataclass(frozen=True, slots=True)
class Row:
    """A question as one types it, and what dig shows."""

    words: str
    status: str = "NOERROR"
    answers: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    """Texts that dig prints too."""


WEB_1 = ("A 10.0.0.11",)
ROWS = (
    Row("web-1.n1.example", answers=WEB_1, shown=("flags: qr aa rd ra;",)),
    Row("web-1", answers=WEB_1),
    Row("web-1.n1.example +tcp", answers=WEB_1, shown=("(TCP)",)),
    Row("web-1.n1.example +noedns", answers=WEB_1, shown=("ADDITIONAL: 0",)),
    Row("web-1.n1.example +edns=0 +bufsize=4096", answers=WEB_1, shown=("udp: 1232",)),
    Row("web-1.n1.example +bufsize=512 +dnssec", answers=WEB_1, shown=("flags: do;",)),
    Row("web-1.n1.example +edns=1 +noednsneg", status="BADVERS"),
    Row("wEb-1.N1.eXample", answers=WEB_1, shown=("\nwEb-1.N1.eXample.",)),
    Row("web-1.n1.example AAAA", shown=("IN\tSOA",)),
    Row("nobody.n1.example", status="NXDOMAIN", shown=("IN\tSOA",)),
    Row("-x 10.0.0.12", answers=("PTR db-1.n1.example.",)),
    Row("-x 10.0.0.77", status="NXDOMAIN", shown=("IN\tSOA",)),
    Row("web-1.n1.example ANY", answers=('HINFO "RFC8482" ""',)),
    Row("n1.example AXFR +tcp +yaml", status="REFUSED", shown=("Transfer failed",)),
    Row("n1.example IXFR=1 +tcp +yaml", status="REFUSED", shown=("Transfer failed",)),
    Row("n1.example IXFR=1 +notcp +yaml", status="REFUSED"),
    Row("version.bind CH TXT", status="REFUSED"),
    Row("web-1.n1.example +opcode=NOTIFY", status="NOTIMP"),
    Row("metadata.n1.example", answers=("A 169.254.169.254",)),
    Row("data-server", answers=("A 10.0.0.2",)),
    Row("www.example.org", status="REFUSED"),
)


def test_dig(network: Daemon, guest: Guest) -> None:
    """Names, addresses, types that are not there, transfers, EDNS, letters, TCP: as
    BIND's client sees them, on both of our addresses (dns 1, 2, 4, 6, 9, 10)."""
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    for row in ROWS:
        for server in ("10.0.0.2", "169.254.169.254"):
            said = dig(guest, *row.words.split(), server=server)
            assert said.status == row.status, said.text
            assert tuple(said.answers) == row.answers, said.text
            for text in row.shown:
                assert text in said.text, said.text


def test_drill(network: Daemon, guest: Guest) -> None:
    """The same, as ldns sees it (dns 1, 2, 4)."""
    take_address(guest, "10.0.0.11", server="10.0.0.2")
    drill = ["drill", "db-1.n1.example", "@10.0.0.2"]
    for more in ([], ["-t"], ["-b", "4096"]):
        said = guest.run([*drill, *more]).stdout
        assert "rcode: NOERROR" in said, said
        assert "\nDB-1.n1.example.".lower() in said.lower(), said
        assert "IN\tA\t10.0.0.12" in said, said
    reverse = guest.run(["drill", "-x", "10.0.0.12", "@10.0.0.2"]).stdout
    assert "PTR\tdb-1.n1.example." in reverse, reverse
    absent = guest.run(["drill", "no.n1.example", "@10.0.0.2"]).stdout
    assert "rcode: NXDOMAIN" in absent, absent


@pytest.fixture
def booted(network: Daemon, guest: Guest) -> Guest:
    """web-1, as its DHCP client has configured it."""
    process = boot(CLIENTS["dhclient"], guest)
    assert process.wait(BOOT_WITHIN) == 0, process.output() + network.log()
    return guest


def test_what_dhcp_hands_out(booted: Guest) -> None:
    """Options 6, 15 and 119 are those of the zone that we serve (dns 16)."""
    lease = booted.path("/var/lib/dhcp/dhclient.leases").read_text()
    assert "option domain-name-servers 10.0.0.2;" in lease
    assert 'option domain-name "n1.example";' in lease
    assert 'option domain-search "n1.example.";' in lease
    written = booted.path("/etc/resolv.conf").read_text().splitlines()
    assert "nameserver 10.0.0.2" in written
    assert "search n1.example." in written


def test_glibc(booted: Guest) -> None:
    """A guest that booted by DHCP finds its neighbour by bare name, by its whole name
    and by address; who is not there is not found (dns 1, 2, 4, 16)."""
    for name in ("db-1", "db-1.n1.example", "DB-1.N1.Example."):
        found = booted.run(["getent", "hosts", name])
        assert found.stdout.split()[0] == "10.0.0.12", (name, found)
        found = booted.run(["getent", "ahosts", name])
        streams = [line.split() for line in found.stdout.splitlines() if line]
        assert {line[0] for line in streams} == {"10.0.0.12"}, (name, found)
    assert "db-1.n1.example" in booted.run(["getent", "hosts", "10.0.0.12"]).stdout
    for name in ("nobody", "nobody.n1.example", "10.0.0.77"):
        found = booted.run(["getent", "hosts", name])
        assert (found.returncode, found.stdout) == (2, ""), (name, found)


LOOK = r"""
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv) {
    struct addrinfo *found, *at, hints = {.ai_socktype = SOCK_STREAM};
    char text[64];
    int error = getaddrinfo(argv[1], NULL, &hints, &found);
    if (error) return printf("error %s\n", gai_strerror(error)), 1;
    for (at = found; at; at = at->ai_next) puts(inet_ntop(AF_INET,
        &((struct sockaddr_in *)at->ai_addr)->sin_addr, text, sizeof text));
}
"""


def test_musl(booted: Guest, tmp_path: Path) -> None:
    """musl asks for A and AAAA at once, and takes one NXDOMAIN for both: a name with
    an address of one kind is found, with one of none is not (dns 4)."""
    source, program = tmp_path / "look.c", tmp_path / "look"
    source.write_text(LOOK)
    build = ["musl-gcc", "-static", "-O1", "-o", str(program), str(source)]
    subprocess.run(build, check=True)
    inside = booted.path("/root/look")
    inside.write_bytes(program.read_bytes())
    inside.chmod(0o755)
    for name in ("db-1", "db-1.n1.example", "metadata"):
        address = "169.254.169.254" if name == "metadata" else "10.0.0.12"
        assert booted.run(["/root/look", name]).stdout == f"{address}\n"
    for name in ("nobody", "nobody.n1.example"):
        said = booted.run(["/root/look", name])
        assert (said.returncode, said.stdout) == (1, "error Name does not resolve\n")


DNSPYTHON = """
import dns.resolver
for words in (("db-1", "A"), ("db-1.n1.example", "A"), ("db-1", "AAAA"), ("no", "A")):
    try:
        print(*dns.resolver.resolve(*words, search=True))
    except dns.resolver.NoAnswer:
        print("NODATA")
    except dns.resolver.NXDOMAIN:
        print("NXDOMAIN")
print(*dns.resolver.resolve_address("10.0.0.12"))
"""


def test_dnspython(booted: Guest) -> None:
    """dnspython, which reads resolv.conf and follows the search list (dns 1, 2, 4)."""
    said = booted.run([sys.executable, "-I", "-c", DNSPYTHON])
    assert said.stdout.splitlines() == [
        "10.0.0.12",
        "10.0.0.12",
        "NODATA",
        "NXDOMAIN",
        "db-1.n1.example.",
    ], said


def test_systemd_resolved(booted: Guest) -> None:
    """The stub of systemd-resolved stands between: what it makes of our answers is what
    we said (dns 1, 2, 4, 10). DNSSEC is off, as Debian's is; test_names_validated.py
    has it on."""
    stub = start_resolved(booted, dnssec="no")
    for name in ("db-1", "db-1.n1.example"):
        found = booted.run(["getent", "ahosts", name])
        assert {line.split()[0] for line in found.stdout.splitlines()} == {
            "10.0.0.12"
        }, (found, stub.output())
    here = {"server": STUB}
    assert dig(booted, "db-1.n1.example", **here).answers == ["A 10.0.0.12"]
    said = dig(booted, "db-1.n1.example", "AAAA", **here)
    assert (said.status, said.answers) == ("NOERROR", []), said.text
    assert dig(booted, "nobody.n1.example", **here).status == "NXDOMAIN"
    reverse = dig(booted, "-x", "10.0.0.12", **here)
    assert reverse.answers == ["PTR db-1.n1.example."], reverse.text
