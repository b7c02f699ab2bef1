"""Options as an operator writes them."""

import pytest

from dhcp.formats import KEYS
from dhcp.formats import REFUSED
from dhcp.formats import domain_name
from dhcp.formats import parse_option

WIRE = [
    ("42", "10.0.0.3", "0a000003"),
    ("42", "10.0.0.3, 10.0.0.4", "0a000003 0a000004"),
    ("44", "10.0.0.3 10.0.0.4", "0a000003 0a000004"),
    ("150", "10.0.0.3", "0a000003"),
    ("17", "/srv/root", "2f7372762f726f6f74"),
    ("114", "https://a", "68747470733a2f2f61"),
    ("46", "8", "08"),
    ("46", "0x8", "08"),
    ("13", "65535", "ffff"),
    ("22", "576", "0240"),
    ("2", "3600", "00000e10"),
    ("108", "300", "0000012c"),
    ("119", "a.example, b.", "01 61 07 6578616d706c65 00 01 62 00"),
    ("43", "01:02:ff", "0102ff"),
    ("43", "0x0102ff", "0102ff"),
    ("224", "0102FF", "0102ff"),
    ("254", "", ""),
    ("177", "01", "01"),
]


@pytest.mark.parametrize(("code", "value", "octets"), WIRE)
def test_a_format_has_a_rule(code: str, value: str, octets: str) -> None:
    """dhcp 60, 61: addresses are 4 octets each; unassigned codes are octets in hex."""
    assert parse_option(code, value) == (int(code), bytes.fromhex(octets))


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_the_protocols_own_codes_are_refused(code: int) -> None:
    """dhcp 61: 0, 50, 52-55, 57, 61, 82 and 255 cannot be configured."""
    with pytest.raises(ValueError, match=f"option {code} is the protocol's own"):
        parse_option(str(code), "01")


def test_the_refused_codes() -> None:
    """dhcp 21, 61: none of what an OFFER must not hold can be configured."""
    assert {0, 255, 50, 52, 53, 54, 55, 57, 61, 82} <= REFUSED


@pytest.mark.parametrize("code", sorted(KEYS))
def test_a_code_that_a_key_sets_is_refused(code: int) -> None:
    """dhcp 49: what other options depend on is set by its key, which is named."""
    with pytest.raises(ValueError, match=f"key {KEYS[code]!r}"):
        parse_option(str(code), "01")


@pytest.mark.parametrize(
    ("code", "value", "says"),
    [
        ("256", "01", "1 to 254"),
        ("-1", "01", "1 to 254"),
        ("x", "01", "1 to 254"),
        ("\u0664\u0662", "01", "1 to 254"),
        ("42", "", "needs an address"),
        ("42", "10.0.0", "option 42: "),
        ("17", "", "needs some text"),
        ("46", "256", "not in 0..255"),
        ("46", "-1", "not in 0..255"),
        ("13", "65536", "not in 0..65535"),
        ("13", "x", "option 13: "),
        ("119", "", "needs a domain name"),
        ("119", "a..b", "not a domain name"),
        ("224", "0x1", "octets in hex"),
        ("224", "zz", "octets in hex"),
    ],
)
def test_a_wrong_value_is_refused_with_its_code(
    code: str, value: str, says: str
) -> None:
    """dhcp 61: what is wrong raises ValueError, which says what to write instead."""
    with pytest.raises(ValueError, match=says):
        parse_option(code, value)


def test_names_are_labels() -> None:
    """dhcp 57: a name is its labels, each with its length, then the root (1035 3.1)."""
    assert domain_name("web.net1.") == b"\x03web\x04net1\x00"
    assert domain_name("web.net1") == domain_name("web.net1.")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a" * 63, True),
        ("a" * 64, False),
        (".".join(["a" * 63] * 3 + ["a" * 61]), True),
        (".".join(["a" * 63] * 3 + ["a" * 62]), False),
        ("a..b", False),
        (".a", False),
        ("a..", False),
        (".", False),
        ("", False),
        ("h\u00e9", False),
        ("\udc80", False),
    ],
)
def test_a_name_has_limits(name: str, fits: bool) -> None:
    """dhcp 57: a label has 1 to 63 octets of ASCII, a name at most 255."""
    if fits:
        assert len(domain_name(name)) <= 255
        return
    with pytest.raises(ValueError, match="domain name"):
        domain_name(name)
