"""Options in words, as `metalease explain` shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.formats import parse_option
from dhcp.option_text import describe_option

WORDS = [
    (53, "02", "OFFER"),
    (53, "00", "OTHER"),
    (54, "0a000002", "10.0.0.2"),
    (6, "0a000002 0a000003", "10.0.0.2, 10.0.0.3"),
    (42, "0a000003", "10.0.0.3"),
    (51, "00015180", "86400 s"),
    (51, "ffffffff", "infinite"),
    (26, "05aa", "1450"),
    (12, "7765622d31", "web-1"),
    (15, "6e657431", "net1"),
    (119, "0161 0162 00 0163 00", "a.b, c"),
    (121, "00 0a000001", "0.0.0.0/0 via 10.0.0.1"),
    (249, "00 0a000001", "0.0.0.0/0 via 10.0.0.1"),
    (121, "ff", "ff"),
    (6, "0a0000", "0a:00:00"),
    (53, "", ""),
    (61, "01fa16", "01:fa:16"),
    (224, "0102", "01:02"),
    (12, "610a1b", r"a\n\x1b"),
    (15, "c3a9", r"\xc3\xa9"),
    (119, "010a00", r"\n"),
]


@pytest.mark.parametrize(("code", "octets", "words"), WORDS)
def test_a_value_has_the_words_of_its_format(
    code: int, octets: str, words: str
) -> None:
    """dhcp 60, 61: a value is shown by its format; what does not fit it, in hex."""
    assert describe_option(code, bytes.fromhex(octets)) == words


@pytest.mark.parametrize(
    ("code", "value"),
    [("42", "10.0.0.3, 10.0.0.4"), ("17", "/srv/root"), ("119", "a.example, b.c")],
)
def test_what_an_operator_wrote_is_shown_as_written(code: str, value: str) -> None:
    """dhcp 61: words to octets to words is the same."""
    assert describe_option(*parse_option(code, value)) == value


shown = st.sampled_from([1, 6, 12, 15, 17, 26, 42, 51, 53, 56, 61, 119, 121, 224])


@given(shown, st.binary(max_size=20))
def test_every_value_has_words(code: int, value: bytes) -> None:
    """dhcp 12, 73: any octets of any code have words, printable and of ASCII."""
    words = describe_option(code, value)
    assert words.isascii()
    assert words.isprintable()
