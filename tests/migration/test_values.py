"""An option's value is what dnsmasq sends (issue 6.6)."""

import pytest

from appliance.migration.hosts import split_words
from appliance.migration.values import wire_octets


@pytest.mark.parametrize(
    ("code", "word", "octets"),
    [
        (226, "7", b"\7"),
        (226, "700", b"\2\xbc"),
        (226, "5i", b"\0\0\0\5"),
        (26, "1400", b"\5\x78"),
        (225, "1:2:ff", b"\1\2\xff"),
        (227, "0.0.0.0", b"\x0a\0\0\2"),
        (15, "10", b"10"),
        (119, "a.b", b"\1a\1b\0"),
        (121, "10.9.0.0/16", b"\x10\x0a\x09"),
    ],
)
def test_its_look_or_its_type_says_how_it_is_written(
    code: int, word: str, octets: bytes
) -> None:
    """issue 6.6: numbers, hex, addresses, names and text."""
    assert wire_octets(code, [word], "10.0.0.2") == octets


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r'252,"\n"', ["252", "\n"]),
        (r'a,"b, c",d', ["a", "b, c", "d"]),
        (r'x,"say \"no\", \\ yes"', ["x", r'say "no", \ yes']),
        (r'x,NIC="two words"', ["x", "NIC=two words"]),
        (r"x,a\nb", ["x", r"a\nb"]),
    ],
)
def test_a_quoted_value_has_its_escapes(text: str, words: list[str]) -> None:
    """issue 6.6: as dnsmasq reads a line; WPAD's usual "\\n" is an end of line."""
    assert split_words(text) == words
