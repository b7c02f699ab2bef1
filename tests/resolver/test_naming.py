"""From files to names: bindings, the zone file, what is fixed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.layout import NetworkLayout
from appliance.naming import Naming
from appliance.records import Record
from appliance.records import read_record
from appliance.settings import Settings
from appliance.settings import parse_settings
from appliance.state import Change

from .room import answer
from .room import query
from .room import texts

Network = tuple[Settings, NetworkLayout]
Make = Callable[..., Network]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a maker of networks, with or without a zone file."""

    def network(
        zone: str | None = None, domain: str | None = "net1.example"
    ) -> Network:
        files = Layout(tmp_path).network("net1")
        files.settings.parent.mkdir(parents=True, exist_ok=True)
        if zone is not None:
            files.zone.write_text(zone)
        values = {
            "network": {
                "subnet": "10.0.0.0/24",
                "gateway": "10.0.0.1",
                "dhcp_address": "10.0.0.2",
            },
            "attach": {"device": "eth0"},
        }
        if domain is not None:
            values["network"]["domain"] = domain
        return parse_settings(files, values), files

    return network


def guest(settings: Settings, octet: int, **more: object) -> Record:
    values = {"mac": f"fa:16:3e:00:00:{octet:02x}", "ip": f"10.0.0.{octet}", **more}
    return read_record(values, "a test", settings)


def found(naming: Naming, name: str, kind: str = "A") -> list[str] | int:
    """Return the values of a name, or what else is said of it."""
    said = answer(naming.resolver.decide(query(name, kind), 0.0))
    if said.rcode():
        return int(said.rcode())
    return [text.split(" ", 2)[2] for text in texts(said.answer)]


def test_names_follow_bindings(make: Make) -> None:
    """dns 1, 2, 3, 16: put, moved, renamed, gone: as the next query sees it."""
    settings, files = make()
    naming = Naming(settings, files)
    naming.follow(Change(put=(guest(settings, 5, hostname="web"),)))
    assert found(naming, "web.net1.example") == ["10.0.0.5"]
    assert found(naming, "web") == ["10.0.0.5"]
    assert found(naming, "5.0.0.10.in-addr.arpa", "PTR") == ["web.net1.example."]
    moved = read_record(
        {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.50", "hostname": "shop"},
        "a test",
        settings,
    )
    naming.follow(Change(put=(moved,)))
    assert found(naming, "web") == 3
    assert found(naming, "5.0.0.10.in-addr.arpa", "PTR") == 3
    assert found(naming, "shop") == ["10.0.0.50"]
    naming.follow(Change(gone=(moved,)))
    assert found(naming, "shop.net1.example") == 3
    naming.follow(Change(gone=(moved,)))


def test_a_guest_without_a_name_has_one(make: Make) -> None:
    """dns 3: the name that its documents give it."""
    settings, files = make()
    naming = Naming(settings, files)
    naming.follow(Change(put=(guest(settings, 5),)))
    assert found(naming, "ip-10-0-0-5.net1.example") == ["10.0.0.5"]


def test_an_address_goes_from_one_to_another(make: Make) -> None:
    """dns 3, 16: the new owner's names stay when the old one's go, in any order."""
    settings, files = make()
    naming = Naming(settings, files)
    old = guest(settings, 5, hostname="web")
    values = {"mac": "fa:16:3e:00:00:06", "ip": "10.0.0.5", "hostname": "web"}
    new = read_record(values, "a test", settings)
    naming.follow(Change(put=(old,)))
    naming.follow(Change(put=(new,)))
    naming.follow(Change(gone=(old,)))
    assert found(naming, "web") == ["10.0.0.5"]


def test_a_domain_of_its_own(make: Make) -> None:
    """dns 1: a binding's domain is its name's."""
    settings, files = make()
    naming = Naming(settings, files)
    naming.follow(Change(put=(guest(settings, 5, hostname="a", domain="b.org"),)))
    assert found(naming, "a.b.org") == ["10.0.0.5"]
    assert found(naming, "a.b.org", "AAAA") == []
    assert found(naming, "a.net1.example") == 3
    assert found(naming, "5.0.0.10.in-addr.arpa", "PTR") == ["a.b.org."]


def test_without_a_domain_names_are_bare(make: Make) -> None:
    """dns 1: no domain: one label."""
    settings, files = make(domain=None)
    naming = Naming(settings, files)
    naming.follow(Change(put=(guest(settings, 5, hostname="web"),)))
    assert found(naming, "web") == ["10.0.0.5"]
    assert found(naming, "5.0.0.10.in-addr.arpa", "PTR") == ["web."]


def test_a_name_that_is_too_long_is_none(make: Make) -> None:
    """dns 3: host and domain of more than 255 octets together: no name, no fault."""
    domain = ".".join(["d" * 60] * 4)
    settings, files = make(domain=domain)
    naming = Naming(settings, files)
    naming.follow(Change(put=(guest(settings, 5, hostname="w" * 20),)))
    assert found(naming, "5.0.0.10.in-addr.arpa", "PTR") == 3


ZONE = """
$TTL 1h
@        IN MX 10 mail
         IN TXT "v=spf1 -all"
mail     A  10.0.0.20
mail     A  10.0.0.21
WWW      CNAME web
cdn      CNAME edge.example.org.
web      MX 5 mail
web      AAAA 2001:db8::5
_ldap._tcp 60 IN SRV 1 2 389 ldap
pinned.example.org. A 10.0.0.9
9        PTR nowhere.            ; relative, of no use
9.0.0.10.in-addr.arpa. PTR pinned.example.org.
@ SOA ns.example. admin.example. ( 1 2
   3 4 5 )
"""
OF_ZONE = {
    ("mail.net1.example", "A"): ["10.0.0.20", "10.0.0.21"],
    ("net1.example", "MX"): ["10 mail.net1.example."],
    ("net1.example", "TXT"): ['"v=spf1 -all"'],
    ("net1.example", "SOA"): ["metalease. hostmaster. 1 3600 600 86400 10"],
    ("www.net1.example", "A"): ["web.net1.example.", "10.0.0.5"],
    ("web.net1.example", "A"): ["10.0.0.5"],
    ("web.net1.example", "MX"): ["5 mail.net1.example."],
    ("web.net1.example", "AAAA"): ["2001:db8::5"],
    ("_ldap._tcp.net1.example", "SRV"): ["1 2 389 ldap.net1.example."],
    ("_tcp.net1.example", "SRV"): [],
    ("pinned.example.org", "A"): ["10.0.0.9"],
    ("pinned.example.org", "AAAA"): [],
    ("9.0.0.10.in-addr.arpa", "PTR"): ["pinned.example.org."],
    ("cdn.net1.example", "A"): ["edge.example.org."],
}


@pytest.mark.parametrize(("name", "kind"), OF_ZONE)
def test_the_zone_file(make: Make, name: str, kind: str) -> None:
    """dns 1: an operator's records, beside those of guests."""
    settings, files = make(ZONE)
    naming = Naming(settings, files)
    naming.follow(Change(put=(guest(settings, 5, hostname="web"),)))
    assert sorted(found(naming, name, kind)) == sorted(OF_ZONE[name, kind])  # type: ignore[arg-type] # it is found


FIXED = {
    "metadata": ["169.254.169.254"],
    "metadata.net1.example": ["169.254.169.254"],
    "data-server": ["10.0.0.2"],
    "localhost": ["127.0.0.1"],
    "mail.net1.example": ["10.0.0.20", "10.0.0.21"],
    "www.net1.example": ["web.net1.example."],  # which has no address here
}


@pytest.mark.parametrize("name", FIXED)
def test_no_guest_takes_a_name_that_is_fixed(make: Make, name: str) -> None:
    """dns 3: what is ours, or the operator's, stays; the PTR is the guest's."""
    settings, files = make(ZONE)
    naming = Naming(settings, files)
    host = name.partition(".")[0]
    naming.follow(Change(put=(guest(settings, 66, hostname=host),)))
    assert found(naming, name) == FIXED[name]
    assert found(naming, "66.0.0.10.in-addr.arpa", "PTR") == [f"{host}.net1.example."]


BAD_ZONES = {
    "no record": "hello",
    "an unknown type": "a NONESUCH 1",
    "no address": "a A 10.0.0.300",
    "an address of words": "a A here",
    "a class": "a CH TXT x",
    "no value": "a MX",
    "half a SRV": "a SRV 1 2",
    "a long label": "x" * 64 + " A 10.0.0.1",
    "a long name": ".".join(["x" * 60] * 5) + " A 10.0.0.1",
    "an empty label": "a..b A 10.0.0.1",
    "a wildcard": "*.apps A 10.0.0.1",
    "two CNAMEs": "a CNAME b\na CNAME c",
    "a CNAME and more": "a CNAME b\na A 10.0.0.1",
    "a CNAME of itself": "a CNAME a",
    "a circle": "a CNAME b\nb CNAME A",
    "too long a chain": "\n".join(f"a{n} CNAME a{n + 1}" for n in range(9)),
    "a delegation": "a NS ns.example.",
    "a type of the protocol": "a OPT x",
    "not text": "\udcff",
    "a directive": "$INCLUDE /etc/shadow",
}


@pytest.mark.parametrize("case", BAD_ZONES)
def test_a_bad_zone_file_is_named(make: Make, case: str) -> None:
    """dns 1: a zone file that cannot be used stops the start, and says where it is."""
    settings, files = make("")
    octets = BAD_ZONES[case].encode(errors="surrogateescape")
    files.zone.write_bytes(b"good A 10.0.0.7\n" + octets + b"\n")
    with pytest.raises(SettingsError) as problem:
        Naming(settings, files)
    assert problem.value.where == str(files.zone)
    assert problem.value.what


def test_our_own_addresses_have_names(make: Make) -> None:
    """dns 2, 5: nslookup asks first what its server is called."""
    for domain, name in (("net1.example", "data-server.net1.example."), (None, None)):
        settings, files = make(domain=domain)
        naming = Naming(settings, files)
        expected = [name or "data-server."]
        assert found(naming, "2.0.0.10.in-addr.arpa", "PTR") == expected
        metadata = [expected[0].replace("data-server", "metadata")]
        assert found(naming, "254.169.254.169.in-addr.arpa", "PTR") == metadata


def test_every_name_below_localhost_is_localhost(make: Make) -> None:
    """dns 5: RFC 6761 section 6.3."""
    settings, files = make()
    naming = Naming(settings, files)
    for name in ("localhost", "a.localhost", "a.b.localhost"):
        assert found(naming, name) == ["127.0.0.1"]
        assert found(naming, name, "AAAA") == ["::1"]


def test_who_brought_a_name(make: Make) -> None:
    """issue 7: `explain dns` names the binding, the zone file, or us."""
    settings, files = make("web A 10.0.0.9")
    naming = Naming(settings, files)
    guests = [guest(settings, octet, hostname="web") for octet in (5, 6)]
    naming.follow(Change(put=tuple(guests)))
    zone = str(files.zone)
    assert naming.origins(b"\3web\4net1\7example\0") == [zone]
    assert naming.origins(b"\3web\0") == [
        "binding fa:16:3e:00:00:05",
        "binding fa:16:3e:00:00:06",
    ]
    assert naming.origins(b"\x08metadata\0") == ["metalease"]
    assert naming.origins(b"\6nobody\0") == []


def test_an_empty_zone_file(make: Make) -> None:
    """dns 1: an empty one, and one of comments, are no error."""
    for text in ("", "; nothing\n", "\n\n"):
        settings, files = make(text)
        Naming(settings, files)
