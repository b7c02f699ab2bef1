"""dnsmasq is asked what we are asked: equal, or a difference that is listed here.

The list, with its reasons, is docs/differences.md.
"""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rdataclass
import dns.rdatatype
import pytest

from appliance.resolver.policy import Answer
from appliance.resolver.policy import Forward
from tests.resolver.room import GUESTS
from tests.resolver.room import read
from tests.resolver.room import resolver
from tests.resolver.room import texts

from .dnsmasq import ELSEWHERE
from .dnsmasq import free_port
from .dnsmasq import upstream

pytestmark = pytest.mark.machine


@dataclass(frozen=True, slots=True)
class Said:
    """What matters of an answer."""

    rcode: str
    answers: tuple[str, ...] = ()
    authoritative: bool = False
    negative: bool = False
    """A SOA says for how long there is nothing."""


def said(message: dns.message.Message) -> Said:
    found = tuple(text.lower() for text in texts(message.answer))
    if ELSEWHERE in "".join(found):
        return Said(ELSEWHERE)
    return Said(
        str(message.rcode().to_text(message.rcode())),
        found,
        bool(message.flags & dns.flags.AA),
        any(each.rdtype == dns.rdatatype.SOA for each in message.authority),
    )


def ours(name: str, kind: str) -> Said:
    query = dns.message.make_query(name, kind, use_edns=0)
    decision = AT.decide(query.to_wire(), 0.0)
    if isinstance(decision, Forward):
        return Said(ELSEWHERE)
    assert isinstance(decision, Answer)
    return said(read(decision.octets))


AT = resolver()


@pytest.fixture(scope="module")
def dnsmasq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Yield the port of a dnsmasq that knows the names of tests/resolver/room.py."""
    hosts = tmp_path_factory.mktemp("dnsmasq") / "hosts"
    hosts.write_text(
        "".join(f"{guest.ip} {guest.hostname}\n" for guest in GUESTS)
        + "10.0.0.9 host.lab.net1.example\n::5 six.net1.example\n"
        + "169.254.169.254 metadata\n10.0.0.2 data-server\n"
        + "127.0.0.1 localhost\n::1 localhost\n10.0.0.8 pinned.outside.example\n"
    )
    port = free_port()
    with upstream() as above:
        options = [
            "keep-in-foreground", f"port={port}", "listen-address=127.0.0.1",
            "bind-interfaces", "conf-file=/dev/null", "no-resolv", "no-hosts",
            "user=root", "pid-file=", f"addn-hosts={hosts}",
            "domain=net1.example", "local=/net1.example/", "domain-needed",
            "bogus-priv", "expand-hosts", f"server=127.0.0.1#{above}",
            "cname=www.net1.example,web.net1.example",
            "cname=first.net1.example,www.net1.example",
            "cname=gone.net1.example,nobody.net1.example",
            "cname=cdn.net1.example,edge.cdn.invalid-not.example",
            "mx-host=net1.example,web.net1.example,10",
            "srv-host=_sip._tcp.net1.example,web.net1.example,0,0,0",
            "txt-record=text.net1.example,hello", "log-facility=-",
        ]  # fmt: skip
        with subprocess.Popen(
            ["/usr/sbin/dnsmasq", *(f"--{option}" for option in options)],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            try:
                for line in process.stderr:
                    if "started" in line:
                        break
                else:
                    pytest.fail("dnsmasq did not start")
                threading.Thread(target=process.stderr.read, daemon=True).start()
                yield port
            finally:
                process.terminate()


KINDS = (
    "A", "AAAA", "TXT", "MX", "SRV", "PTR", "CNAME", "NS", "SOA", "DS", "DNSKEY",
    "TYPE65", "ANY",
)  # fmt: skip
NAMES = (
    "web.net1.example",
    "WEB.Net1.Example",
    "web",
    "db",
    "db.net1.example",
    "metadata",
    "metadata.net1.example",
    "data-server",
    "localhost",
    "below.localhost",
    "six.net1.example",
    "text.net1.example",
    "net1.example",
    "_sip._tcp.net1.example",
    "_tcp.net1.example",
    "host.lab.net1.example",
    "lab.net1.example",
    "www.net1.example",
    "first.net1.example",
    "gone.net1.example",
    "cdn.net1.example",
    "nobody.net1.example",
    "below.web.net1.example",
    "nobody",
    "pinned.outside.example",
    "outside.example",
    "www.example.org",
    "5.0.0.10.in-addr.arpa",
    "6.0.0.10.in-addr.arpa",
    "99.0.0.10.in-addr.arpa",
    "2.0.0.10.in-addr.arpa",
    "254.169.254.169.in-addr.arpa",
    "1.1.168.192.in-addr.arpa",
    "1.0.31.172.in-addr.arpa",
    "1.0.32.172.in-addr.arpa",
    "8.8.8.8.in-addr.arpa",
    "x.local",
    "x.test",
    "x.invalid",
    "x.onion",
    "use-application-dns.net",
)


GIVEN = (
    ".10.in-addr.arpa",
    ".254.169.in-addr.arpa",
    ".168.192.in-addr.arpa",
    ".31.172.in-addr.arpa",
    ".localhost",
    ".local",
    ".test",
    ".invalid",
    ".onion",
)


def is_given(name: str) -> bool:
    """Whether we say that nobody elsewhere knows better (dns 2, 5)."""
    return (
        "." not in name
        or name.endswith(GIVEN)
        or name in ("use-application-dns.net", "pinned.outside.example")
    )


def difference(name: str, kind: str, us: Said, them: Said) -> str:
    """Return the reason for a difference, as docs/differences.md has it."""
    if kind == "ANY" and us.answers == (f'{name.lower()}. hinfo "rfc8482" ""',):
        return "ANY is a HINFO"
    if (name, kind, us.rcode) == ("net1.example", "DS", ELSEWHERE):
        return "the domain's DS is its parent's"
    if kind == "SOA" and name == "net1.example" and not them.answers:
        return "the domain has a SOA"
    if name == "gone.net1.example" and (us.rcode, them.rcode) == (
        "NXDOMAIN",
        "NOERROR",
    ):
        return "the code is the last name's"
    if name == "cdn.net1.example" and us.rcode == ELSEWHERE:
        return "a CNAME to the outside is followed"
    if them.rcode == ELSEWHERE and is_given(name):
        return "what is ours is asked nowhere else"
    if us.negative and (us.rcode, us.answers) == (them.rcode, them.answers):
        return "negative answers have a SOA"
    return ""


REASONS = {
    "ANY is a HINFO",
    "the domain has a SOA",
    "the domain's DS is its parent's",
    "the code is the last name's",
    "a CNAME to the outside is followed",
    "what is ours is asked nowhere else",
    "negative answers have a SOA",
}


def test_dnsmasq_says_the_same(dnsmasq: int) -> None:
    """dns 1 to 6: every name by every type: equal, or different for a listed reason."""
    found: set[str] = set()
    for name in NAMES:
        for kind in KINDS:
            query = dns.message.make_query(name, kind, use_edns=0)
            them = said(dns.query.udp(query, "127.0.0.1", port=dnsmasq, timeout=5))
            us = ours(name, kind)
            if us != them:
                reason = difference(name, kind, us, them)
                assert reason, (name, kind, us, them)
                found.add(reason)
    assert found == REASONS


def test_every_reason_is_in_the_document() -> None:
    """docs: the list of differences has each reason as a heading."""
    text = (Path(__file__).parents[2] / "docs/differences.md").read_text()
    assert all(f"**{reason[0].upper()}{reason[1:]}.**" in text for reason in REASONS)


ODD = {
    "CHAOS": ("version.bind", "TXT", dns.rdataclass.CH),
    "AXFR": ("net1.example", "AXFR", dns.rdataclass.IN),
    "HESIOD": ("web.net1.example", "A", dns.rdataclass.HS),
}


@pytest.mark.parametrize("case", ODD)
def test_what_both_refuse_or_not(dnsmasq: int, case: str) -> None:
    """dns 6: other classes and transfers: we refuse; what dnsmasq does is noted."""
    name, kind, number = ODD[case]
    query = dns.message.make_query(name, kind, number)
    decision = AT.decide(query.to_wire(), 0.0)
    assert isinstance(decision, Answer)
    assert decision.rcode == 5
    them = dns.query.udp(query, "127.0.0.1", port=dnsmasq, timeout=5)
    assert them.rcode().to_text(them.rcode()) == THEIRS[case]


THEIRS = {"CHAOS": "NOERROR", "AXFR": "NOERROR", "HESIOD": "NOERROR"}


@pytest.mark.parametrize("payload", [None, 512, 1232, 4096])
def test_the_same_room(dnsmasq: int, payload: int | None) -> None:
    """dns 10: OPT where the query had one, DO as it was, letters as they were."""
    for dnssec in (False, True) if payload else (False,):
        query = dns.message.make_query(
            "WeB.net1.eXample",
            "A",
            use_edns=False if payload is None else 0,
            payload=payload,
            want_dnssec=dnssec,
        )
        them = dns.query.udp(query, "127.0.0.1", port=dnsmasq, timeout=5)
        decision = AT.decide(query.to_wire(), 0.0)
        assert isinstance(decision, Answer)
        us = read(decision.octets)
        assert (us.edns, us.ednsflags, us.payload) == (
            them.edns,
            them.ednsflags,
            them.payload,
        )
        assert us.flags == them.flags
        assert str(us.question[0].name) == str(them.question[0].name)
        assert us.answer == them.answer
