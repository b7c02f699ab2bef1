"""Zone files as operators write them; dnspython reads the same (RFC 1035 section 5)."""

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.resolver.names import encode_name
from appliance.resolver.zonefile import VALUE_AT_MOST
from appliance.resolver.zonefile import parse_zone

ORIGIN = "n1.example"

READ = (
    "www IN A 10.0.0.9",
    "www in a 10.0.0.9",
    "www A 10.0.0.9\n    A 10.0.0.10\n\tAAAA fd00::1",
    "www 3600 A 10.0.0.9",
    "www 1h A 10.0.0.9",
    "www 1H30M IN A 10.0.0.9",
    "www IN 60 A 10.0.0.9",
    "WWW A 10.0.0.9\nwww A 10.0.0.10",
    "$TTL 1h\n@ A 10.0.0.1\nwww CNAME @",
    "@ MX 10 @\n@ MX 20 mail\n@ MX 30 mail.",
    "a.b A 10.0.0.9",
    "$ORIGIN sub\nx A 10.0.0.9\n$ORIGIN lab.n1.example.\ny CNAME x",
    "_s._tcp SRV 0 5 80 web",
    "_s._tcp SRV 0 5 80 Web.n1.example.",
    't TXT "a;b" c "" ; no more',
    r't TXT a\;b "q\"q" "\200\009" \"',
    't TXT ( "a" ; one\n "b" )\nu TXT "' + "x" * 255 + '"',
    't TXT "two\twords" (\n)',
    't NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x@y!" .',
    't CAA 0 issue "ca.example; x=y"\nu CAA 128 iodef mailto:a@b',
    "5 PTR web",
    r"a\046b A 10.0.0.9",
    r"a\.b A 10.0.0.9",
    "x" * 63 + " A 10.0.0.9",
    "A A 10.0.0.9\nMX IN A 10.0.0.9\n60 A 10.0.0.9\nIN A 10.0.0.9",
    "x (A 10.0.0.9)",
    "x A 10.0.0.9\r\ny A 10.0.0.10\r\n",
    "@ IN SOA ns hm ( 1 ; serial\n 2h\n 3h 4w 5m )\nx A 10.0.0.9",
    "; nothing\n\n   \n\t; here",
)


def peers(text: str) -> set[tuple[bytes, int, bytes]]:
    """Return the records as dnspython reads them; it demands a time to live."""
    zone = dns.zone.from_text(
        f"$TTL 5\n{text}", origin=f"{ORIGIN}.", relativize=False, check_origin=False
    )
    return {
        (wire(name).lower(), int(each.rdtype), record.to_wire())
        for name, node in zone.nodes.items()
        for each in node
        if each.rdtype != dns.rdatatype.SOA
        for record in each
    }


def wire(name: dns.name.Name) -> bytes:
    octets = name.to_wire()
    assert octets is not None
    return octets


@pytest.mark.parametrize("text", READ)
def test_an_operators_words(text: str) -> None:
    """dns 1: records in the letters and the order that RFC 1035 allows, `@` and
    $ORIGIN, escapes and parentheses, are what another reader takes them to be."""
    assert set(parse_zone(text, ORIGIN)) == peers(text)


REFUSED = {
    "www A 10.0.0.9 10.0.0.10": "line 1: A with 2 values: it needs an IPv4 address",
    "a A 10.0.0.9\n\nb A 10.0.0.999": "line 3: an IPv4 address: Octet 999",
    "a AAAA fd00::zz": "line 1: an IPv6 address: ",
    "a AAAA fe80::1%eth0": "line 1: an IPv6 address: 'fe80::1%eth0' is of one link",
    "a MX mail": "line 1: MX with 1 values: it needs a preference, a name",
    "a MX 70000 mail": "line 1: a preference: '70000' is no number from 0 to 65535",
    "a SRV 0 5 web": "SRV with 3 values: it needs a priority, a weight, a port, a name",
    'a TXT "open\nb A 10.0.0.9': 'line 1: a " without another',
    "a TXT (\n x": "line 1: a ( without a )",
    "a TXT x )": "line 1: a ) without a (",
    r"a TXT \256": r"line 1: a text: '\\256': an octet is written \000 to \255",
    r"a TXT \12": "line 1: a text: ",
    "a TXT " + "x" * 256: "line 1: a text: more than 255 octets",
    "a": "line 1: a name without a type and a value",
    "a IN IN A 10.0.0.9": "line 1: 'IN': a second class",
    "a 1h 1h A 10.0.0.9": "line 1: '1h': a second time to live",
    "a CH A 10.0.0.9": "line 1: class CH: only IN is served",
    "a NS ns": "line 1: 'NS': the types served are A, AAAA,",
    "  A 10.0.0.9": "line 1: it begins with a blank, and no name is before it",
    "$INCLUDE other": "line 1: $INCLUDE: only $ORIGIN NAME and $TTL TIME are known",
    "$GENERATE 1-9 h$ A 10.0.0.$": "line 1: $GENERATE: only",
    "$TTL soon": "line 1: $TTL: only",
    "a..b A 10.0.0.9": "line 1: 'a..b': a label has 1 to 63 octets",
    "x" * 64 + " A 10.0.0.9": "a label has 1 to 63 octets",
    ".".join(["x" * 60] * 5) + " A 10.0.0.9": "a name has at most 255 octets",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS} A 10.0.0.9": "a name is ASCII: write it",
    r"a\200 A 10.0.0.9": "a name is ASCII: write it",
    r"a CNAME b\000": "line 1: a name: ",
    r"a CAA 0 issue \200": r"line 1: a value: '\\200' is not ASCII",
    r'a NAPTR 1 2 "\200" "" "" .': r"line 1: a text: '\\200' is not ASCII",
    "a A 10.0.0.9\n*.x A 10.0.0.9": "line 2: wildcards are not served: write each name",
    "a CNAME b\na CNAME c": "line 2: a.n1.example has two CNAMEs",
    "\na CNAME b\na A 10.0.0.9": "line 2: a.n1.example has a CNAME, and more",
    "b A 10.0.0.9\na CNAME a": "line 2: a.n1.example is a CNAME of",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    """dns 1: what is not served, or no record, is refused with its line and what would
    be right: a name that is served wrong is worse."""
    with pytest.raises(ValueError, match=r"^line ") as problem:
        parse_zone(text, ORIGIN)
    assert REFUSED[text] in str(problem.value)


def test_a_value_has_room_in_an_answer() -> None:
    """dns 1: a record as large as can be sent is taken, and one octet more refused."""
    whole = "a TXT " + f"{'x' * 249} " * (VALUE_AT_MOST // 250)
    ((_, _, value),) = parse_zone(whole, ORIGIN)
    assert len(value) == VALUE_AT_MOST
    with pytest.raises(ValueError, match=r"line 1: more than 60000 octets"):
        parse_zone(f'{whole} ""', ORIGIN)


def test_without_a_domain() -> None:
    """dns 1: a network without a domain: a relative name is a bare one."""
    assert parse_zone("printer A 10.0.0.9", None) == [
        (encode_name("printer"), 1, b"\x0a\0\0\x09")
    ]


@given(st.text(st.sampled_from(' \n\t@.;()"\\$*aAMXTINC019-é\0')))
def test_any_text(text: str) -> None:
    """dns 1: any text is records, or this one error with its line."""
    found = ""
    try:
        parse_zone(text, ORIGIN)
    except ValueError as problem:
        found = str(problem)
    assert not found or found.startswith("line ")
