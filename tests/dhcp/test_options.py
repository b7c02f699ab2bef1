"""Options: reading, joining, splitting."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.codes import OptionCode
from dhcp.errors import MalformedMessage
from dhcp.options import Options
from dhcp.options import encode_option
from dhcp.options import encode_options
from dhcp.options import message_type_name


def parse(options: str, file: str = "", sname: str = "") -> Options:
    return Options.parse(*map(bytes.fromhex, (options, file, sname)))


READINGS = {
    "one option and END": ("350101ff", {53: b"\x01"}),
    "PAD is skipped": ("00350101000000ff", {53: b"\x01"}),
    "nothing but END": ("ff", {}),
    "nothing at all": ("", {}),
    "a clean end of the buffer needs no END": ("3501010c0161", {53: b"\1", 12: b"a"}),
    "what comes after END is ignored": ("350101ff0c0161", {53: b"\x01"}),
    "even what would be malformed": ("350101ff0cff", {53: b"\x01"}),
    "an empty value": ("3501015000ff", {53: b"\x01", 80: b""}),
    "an unknown code": ("e00401020304ff", {224: b"\1\2\3\4"}),
}


@pytest.mark.parametrize("case", READINGS)
def test_options_are_read_to_their_end(case: str) -> None:
    """dhcp 5: PAD is skipped, END ends, a missing END is no fault (2131 4.1)."""
    octets, values = READINGS[case]
    assert parse(octets).values == values


@pytest.mark.parametrize("octets", ["35", "3502", "350201", "0c0561626364", "350101e0"])
def test_a_value_past_the_buffer_is_malformed(octets: str) -> None:
    """dhcp 5: a value that runs past the buffer makes the message malformed."""
    with pytest.raises(MalformedMessage, match="runs past it") as caught:
        parse(octets)
    assert caught.value.where.startswith("options, octet")


def test_repeated_codes_are_one_value() -> None:
    """dhcp 6: instances of one code are joined in order (3396 section 7)."""
    assert parse("0c01613501010c01620c0163ff").values == {
        12: b"abc",
        53: b"\x01",
    }


OVERLOADS = {
    1: {53: b"\1", 12: b"of"},
    2: {53: b"\1", 12: b"os"},
    3: {53: b"\1", 12: b"ofs"},
    0: {53: b"\1", 12: b"o"},
    4: {53: b"\1", 12: b"o"},
    255: {53: b"\1", 12: b"o"},
}


@pytest.mark.parametrize("overload", OVERLOADS)
def test_overload_lends_file_then_sname(overload: int) -> None:
    """dhcp 6: 52 = 1, 2 or 3 adds file, then sname; any other value is ignored."""
    options = parse(f"3501010c016f3401{overload:02x}ff", "0c0166ff", "0c0173ff")
    values = dict(options.values)
    assert values.pop(52) == bytes([overload])
    assert values == OVERLOADS[overload]


def test_overload_inside_a_lent_field_is_ignored() -> None:
    """dhcp 6: option 52 inside file does not lend sname as well."""
    options = parse("350101340101ff", "3401020c0166ff", "0c0173ff")
    assert options.values == {53: b"\1", 52: b"\1", 12: b"f"}


def test_a_lent_field_can_be_malformed() -> None:
    """dhcp 5, 6: a value that runs past `file` makes the message malformed."""
    with pytest.raises(MalformedMessage, match="file, octet"):
        parse("350101340101ff", "0cff61")


@pytest.mark.parametrize("octets", ["3500ff", "35020101ff", "350101350101ff"])
def test_a_message_type_is_one_octet(octets: str) -> None:
    """dhcp 7: option 53 of another length than 1 drops the message."""
    with pytest.raises(MalformedMessage, match="option 53"):
        parse(octets)


@pytest.mark.parametrize(
    ("code", "length"),
    [(50, 4), (51, 4), (54, 4), (57, 2), (58, 4), (59, 4), (80, 0), (116, 1), (52, 1)],
)
def test_a_wrong_length_is_absence(code: int, length: int) -> None:
    """dhcp 7: a fixed-length option of another length is as if absent, and noted."""
    for other in {0, 1, length + 1, 8} - {length}:
        options = Options.parse(encode_option(code, bytes(other)))
        assert (code not in options, options.ignored) == (True, (code,))
        assert options.address(code) is None
        assert options.number(code) is None
    assert Options.parse(encode_option(code, bytes(length))).values == {
        code: bytes(length)
    }


@pytest.mark.parametrize(("octets", "present"), [(0, False), (1, False), (2, True)])
def test_a_client_id_has_two_octets(octets: int, present: bool) -> None:
    """dhcp 55: a client-id of less than 2 octets is none (2132 section 9.14)."""
    assert (61 in Options.parse(encode_option(61, bytes(octets)))) is present


@pytest.mark.parametrize(
    ("octets", "lengths"),
    [
        (0, [0]),
        (1, [1]),
        (255, [255]),
        (256, [255, 1]),
        (510, [255, 255]),
        (511, [255, 255, 1]),
    ],
)
def test_long_values_are_split(octets: int, lengths: list[int]) -> None:
    """dhcp 54: a value over 255 octets goes in adjacent pieces of 255 (3396)."""
    value = bytes(index % 251 for index in range(octets))
    encoded = encode_option(121, value)
    at, pieces = 0, []
    while at < len(encoded):
        assert encoded[at] == 121
        pieces.append(encoded[at + 1])
        at += 2 + encoded[at + 1]
    assert pieces == lengths
    assert Options.parse(encoded).values == {121: value}


codes = st.integers(1, 254).filter(lambda code: code != 52)
values = st.binary(max_size=600)


@given(st.dictionaries(codes, values, max_size=6))
def test_round_trip(chosen: dict[int, bytes]) -> None:
    """dhcp 54: what is encoded is read back, whatever its length."""
    try:
        options = Options.parse(encode_options(chosen.items()) + b"\xff")
    except MalformedMessage:
        assert len(chosen[53]) != 1
        return
    kept = {code: chosen[code] for code in chosen if code not in options.ignored}
    assert dict(options) == kept


@given(st.binary(max_size=80), st.binary(max_size=20), st.binary(max_size=20))
def test_garbage_is_read_or_malformed(octets: bytes, file: bytes, sname: bytes) -> None:
    """dhcp 12: any octets are options, or MalformedMessage, and nothing else."""
    try:
        options = Options.parse(octets, file, sname)
    except MalformedMessage:
        return
    assert all(isinstance(value, bytes) for _, value in options)


def test_typed_access() -> None:
    """A value is read as an address or a number; what is absent is None."""
    options = parse("32040a000005390205c0ff")
    assert options.address(50) == IPv4Address("10.0.0.5")
    assert options.number(57) == 1472
    assert options.message_type is None
    assert options[50] == bytes([10, 0, 0, 5])


def test_every_octet_is_a_code() -> None:
    """dhcp 61: an unassigned code is legal, and has a name for logs."""
    assert [OptionCode(number) for number in range(256)] == list(range(256))
    assert OptionCode(224).name == "OPTION_224"
    with pytest.raises(ValueError, match="256"):
        OptionCode(256)


@pytest.mark.parametrize(
    ("number", "name"),
    [(None, "BOOTP"), (1, "DISCOVER"), (8, "INFORM"), (0, "OTHER"), (10, "OTHER")],
)
def test_message_types_have_a_closed_set_of_names(
    number: int | None, name: str
) -> None:
    """dhcp 9: a type without a name is OTHER, so that no guest makes a new series."""
    assert message_type_name(number) == name
