"""Tables of keys: every value is read by its rule, and nothing is passed over."""

from collections.abc import Callable
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import reader
from appliance.errors import SettingsError
from appliance.reader import Table
from dhcp.codes import INFINITE

Read = Callable[[Any], object]

GOOD: list[tuple[Read, object, object]] = [
    (reader.text, "x", "x"),
    (reader.flag, False, False),
    (reader.integer(1, 3), 1, 1),
    (reader.integer(1, 3), 3, 3),
    (reader.choice("a", "b"), "b", "b"),
    (reader.list_of(reader.flag), [True, False], (True, False)),
    (reader.list_of(reader.flag), [], ()),
    (reader.address, "10.0.0.5", IPv4Address("10.0.0.5")),
    (reader.subnet, "10.0.0.0/24", IPv4Network("10.0.0.0/24")),
    (reader.domain, "a.example.", "a.example"),
    (reader.lease_time, "1d", 86_400),
    (reader.lease_time, "12h", 43_200),
    (reader.lease_time, "30m", 1_800),
    (reader.lease_time, "60s", 60),
    (reader.lease_time, 60, 60),
    (reader.lease_time, "infinite", INFINITE),
    (reader.lease_time, f"{INFINITE - 1}s", INFINITE - 1),
]
BAD: list[tuple[Read, object, str]] = [
    (reader.text, "", "has to be text"),
    (reader.text, 5, "has to be text"),
    (reader.text, None, "has to be text"),
    (reader.flag, 1, "has to be true or false"),
    (reader.flag, "yes", "has to be true or false"),
    (reader.integer(1, 3), 0, "has to be 1 to 3"),
    (reader.integer(1, 3), 4, "has to be 1 to 3"),
    (reader.integer(1, 3), True, "has to be a whole number"),
    (reader.integer(1, 3), 2.0, "has to be a whole number"),
    (reader.integer(1, 3), "2", "has to be a whole number"),
    (reader.choice("a", "b"), "c", "has to be one of a, b"),
    (reader.list_of(reader.flag), "ab", "has to be a list"),
    (reader.list_of(reader.flag), [True, 0], "has to be true or false"),
    (reader.address, "10.0.0", "Expected 4 octets in '10.0.0'"),
    (reader.address, 167772165, "has to be text"),
    (reader.subnet, "10.0.0.5/24", "10.0.0.5/24 has host bits set"),
    (reader.route, "10.9.0.0/16", "'10.9.0.0/16' is not like"),
    (reader.lease_time, "59s", "has to be 60s to 49710d, or infinite"),
    (reader.lease_time, 59, "has to be 60s to 49710d, or infinite"),
    (reader.lease_time, f"{INFINITE}s", "has to be 60s to 49710d, or infinite"),
    (reader.lease_time, "1w", "has to be like 1d, 12h, 30m or 90s, or infinite"),
    (reader.lease_time, "d", "has to be like 1d"),
    (reader.lease_time, "-1d", "has to be like 1d"),
    (reader.lease_time, "1.5d", "has to be like 1d"),
    (reader.lease_time, "¹d", "has to be like 1d"),
    (reader.lease_time, True, "has to be like 1d"),
    (reader.domain, "a..b", ""),
    (reader.domain, ".", ""),
]


@pytest.mark.parametrize(("read", "value", "found"), GOOD)
def test_good_values(read: Read, value: object, found: object) -> None:
    assert Table("f", "t", {"k": value}).take("k", read, None) == found


@pytest.mark.parametrize(("read", "value", "what"), BAD)
def test_bad_values(read: Read, value: object, what: str) -> None:
    """A bad value's error says file, key, value and the rule."""
    with pytest.raises(SettingsError) as raised:
        Table("f", "t", {"k": value}).take("k", read, None)
    assert str(raised.value).startswith(f"f: t.k: {value!r}: {what}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from([read for read, _, _ in BAD]), JSON)
def test_any_value_is_read_or_refused(read: Read, value: object) -> None:
    """Garbage gives the one exception, and no other."""
    try:
        Table("f", "", {"k": value}).take("k", read, None)
    except SettingsError as problem:
        assert problem.where == "f: k"  # noqa: PT017 # or it is read


def test_default_for_what_is_not_there() -> None:
    assert Table("f", "", {}).take("k", reader.text, 7) == 7


def test_what_is_demanded_is_there() -> None:
    with pytest.raises(SettingsError, match=r"^f: k: is missing$"):
        Table("f", "", {}).demand("k", reader.text)


@pytest.mark.parametrize("values", [[], 5, "x", None])
def test_a_table_is_a_table(values: object) -> None:
    with pytest.raises(SettingsError, match=r"^f: t: has to be a table$"):
        Table("f", "t", values)


def test_a_list_of_tables_is_one() -> None:
    with pytest.raises(SettingsError, match=r"^f: k: has to be a list of tables$"):
        Table("f", "", {"k": {}}).tables("k")
    with pytest.raises(SettingsError, match=r"^f: k\[1\]: has to be a table$"):
        Table("f", "", {"k": [{}, 5]}).tables("k")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("subnett", "did you mean 'subnet'?"),
        ("gate_way", "did you mean 'gateway'?"),
        ("Gateway", "did you mean 'gateway'?"),
        ("zzz", "known here are subnet, gateway"),
    ],
)
def test_a_key_that_nobody_knows(key: str, hint: str) -> None:
    """Unknown keys are errors that name the nearest known key."""
    table = Table("f", "t", {key: 1})
    table.take("subnet", reader.text, None)
    table.take("gateway", reader.text, None)
    with pytest.raises(SettingsError) as raised:
        table.close()
    assert str(raised.value) == f"f: t.{key}: is not a known key: {hint}"


def test_an_error_is_short_and_tells_no_secret() -> None:
    """What may be a private key, or a password, is never logged; nor is a novel."""
    with pytest.raises(SettingsError) as raised:
        Table("f", "", {"k": "x" * 10_000}).take("k", reader.flag, None)
    assert len(str(raised.value)) < 400
    for table, key in (
        (Table("f", "", {"admin_pass": ["hunter2"]}), "admin_pass"),
        (Table("f", "public_keys", {"ops": ["hunter2"]}), "ops"),
    ):
        with pytest.raises(SettingsError) as raised:
            table.take(key, reader.text, None)
        assert "hunter2" not in str(raised.value)
