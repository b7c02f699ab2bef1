"""`metalease explain dns`: what a name is answered, offline, and why."""

from pathlib import Path

import pytest

from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import listed
from tests.appliance.house import mac

DNS = """
[dns]
upstream = ["192.0.2.53"]
[dns.domains]
"corp.example" = ["192.0.2.54"]
"""
ZONE = """\
printer A 10.0.0.9
www CNAME web
cdn CNAME edge.example.org.
docs CNAME wiki.corp.example.
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path, N1 + DNS)
    house.bind(5, hostname="web")
    house.bind(6, hostname="web")
    house.files.zone.write_text(ZONE)
    return house


def explain(house: House, *words: str) -> dict[str, object]:
    said = house.metalease("explain", "n1", "dns", ip(5), *words, "--json")
    assert (said.code, said.err) == (0, "")
    found = listed(said.out)
    assert isinstance(found, dict)
    return found


BINDINGS = f"binding {mac(5)}, binding {mac(6)}"
ROWS = {
    # what is typed: what is asked, the answer, why
    "web": ("web A", "NOERROR", BINDINGS),
    "web aaaa": ("web AAAA", "NOERROR", BINDINGS),
    "WEB.n1.example": ("WEB.n1.example A", "NOERROR", BINDINGS),
    "10.0.0.5": ("5.0.0.10.in-addr.arpa PTR", "NOERROR", f"binding {mac(5)}"),
    "printer.n1.example": ("printer.n1.example A", "NOERROR", "n1.zone"),
    "www.n1.example": ("www.n1.example A", "NOERROR", "n1.zone"),
    "metadata": ("metadata A", "NOERROR", "metalease"),
    "nobody.n1.example": (
        "nobody.n1.example A",
        "NXDOMAIN",
        "n1.example is ours, and has nothing there",
    ),
    "10.0.0.77": (
        "77.0.0.10.in-addr.arpa PTR",
        "NXDOMAIN",
        "0.0.10.in-addr.arpa is ours, and has nothing there",
    ),
    "nobody": ("nobody A", "NXDOMAIN", "one label alone is asked nowhere else"),
    "x.local": ("x.local A", "NXDOMAIN", "local is ours, and has nothing there"),
    "n1.example axfr": ("n1.example AXFR", "REFUSED", "this type is not served"),
    "www.example.org": (
        "www.example.org A",
        "asked of 192.0.2.53",
        "[dns] upstream",
    ),
    "a.corp.example": (
        "a.corp.example A",
        "asked of 192.0.2.54",
        '[dns.domains] "corp.example"',
    ),
    "cdn.n1.example": (
        "cdn.n1.example A",
        "asked of 192.0.2.53",
        "[dns] upstream, of edge.example.org",
    ),
    ". NS": (". NS", "asked of 192.0.2.53", "[dns] upstream"),
    "n1.example SOA": ("n1.example SOA", "NOERROR", "n1.example is ours"),
    "fd00::5": (
        f"5.{'0.' * 29}d.f.ip6.arpa PTR",
        "NXDOMAIN",
        "d.f.ip6.arpa is ours, and has nothing there",
    ),
    "docs.n1.example TYPE65": (
        "docs.n1.example TYPE65",
        "asked of 192.0.2.54",
        '[dns.domains] "corp.example", of wiki.corp.example',
    ),
}


@pytest.mark.parametrize("typed", ROWS)
def test_what_is_answered_and_why(house: House, typed: str) -> None:
    """issue 7: the answer, who brought the name, or why nobody else is asked."""
    found = explain(house, *typed.split())
    asks, answer, because = ROWS[typed]
    assert (found["asks"], found["answer"]) == (asks, answer)
    assert str(found["because"]).rpartition("/")[2] == because


def test_silence_and_refusals(house: House) -> None:
    """dns 7, 13, 16: who is not of the network, or has nobody to ask."""
    house.files.settings.write_text(N1)
    found = explain(house, "www.example.org")
    assert (found["answer"], found["because"]) == ("REFUSED", "no upstream knows it")
    said = house.metalease("explain", "n1", "dns", "192.0.2.1", "web")
    assert "silence: this address is not in the network" in said.out
    house.files.settings.write_text(N1 + "[dns]\nenabled = false\n")
    assert explain(house, "web")["answer"] == "silence: [dns] enabled = false"


BAD = {
    "web NONESUCH": "'NONESUCH' is no type: write A, PTR, SRV .. or TYPE65",
    "web 1": "'1' is no type: write A, PTR, SRV .. or TYPE65",
    "a..b": "'a..b' is not a domain name",
    "x" * 64: f"{'x' * 64!r} is not a domain name",
    "bücher": "'bücher' is not a domain name",
}


@pytest.mark.parametrize("typed", BAD)
def test_what_cannot_be_asked(house: House, typed: str) -> None:
    """issue 7: one line says what is wrong with it."""
    said = house.metalease("explain", "n1", "dns", ip(5), *typed.split())
    assert (said.code, said.out) == (1, "")
    assert said.err == f"metalease: explain dns: {BAD[typed]}\n"
