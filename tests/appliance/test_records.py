"""A binding's file becomes a record, or an error that names file and key."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SettingsError
from appliance.records import TEXT_AT_MOST
from appliance.records import Record
from appliance.records import parse_record
from appliance.settings import parse_settings
from dhcp.routes import ClasslessRoute

from .house import ip
from .house import mac
from .test_settings import FILES
from .test_settings import LEAST

LEAST_NETWORK = parse_settings(FILES, LEAST)
PLAIN: dict[str, Any] = {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"}


def record(**more: Any) -> Record:
    return parse_record(json.dumps({**PLAIN, **more}), "f", LEAST_NETWORK)


def refusal(**more: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        record(**more)
    return str(raised.value)


def test_only_mac_and_ip_are_needed() -> None:
    found = record()
    assert (found.mac, found.ip) == (mac(5), ip(5))
    assert found.binding.default_network
    assert found.instance_id is None


@pytest.mark.parametrize("key", ["mac", "ip"])
def test_mac_and_ip_are_needed(key: str) -> None:
    values = {name: each for name, each in PLAIN.items() if name != key}
    with pytest.raises(SettingsError, match=rf"^f: {key}: is missing$"):
        parse_record(json.dumps(values), "f", LEAST_NETWORK)


def test_a_guest_without_a_name_is_named_by_its_address() -> None:
    """Without hostname: ip-10-0-0-5, for DHCP and for the documents alike."""
    assert record().hostname == "ip-10-0-0-5"
    assert record().binding.hostname == "ip-10-0-0-5"
    assert record(hostname="web-1").binding.hostname == "web-1"


def test_a_further_nic_does_not_name_its_guest() -> None:
    """dhcp 51: it says nothing that the NIC of the default network says."""
    further = record(default_network=False)
    assert further.binding.hostname is None
    assert further.hostname == "ip-10-0-0-5"


def test_everything_that_a_binding_can_say() -> None:
    found = record(
        hostname="web-1",
        instance_id="i-1",
        default_network=False,
        metadata_route=True,
        prefix=25,
        gateway="10.0.0.9",
        dns=["10.0.0.53"],
        domain="n1.example",
        mtu=1400,
        routes=["10.9.0.0/16 via 10.0.0.9"],
        lease_time="1h",
        client_id="01:fa:16:3e",
        options={"42": "10.0.0.3"},
        public_keys={"ops": "ssh-ed25519 AAAA"},
        admin_pass="secret",
        meta={"role": "web"},
        interfaces=[{"mac": "fa:16:3e:00:00:06", "ip": "10.7.0.6", "prefix": 24}],
    )
    assert found.binding.routes == (ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.9"),)
    assert found.binding.lease_time == 3600
    assert found.binding.client_id == bytes.fromhex("01fa163e")
    assert found.binding.options == {42: ip(3).packed}
    assert found.interfaces[0].mac == mac(6)
    assert found.meta == {"role": "web"}


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("mac", "fa:16:3e:00:00", "is not a MAC like fa:16:3e:00:00:05"),
        ("mac", "00:00:00:00:00:00", "is no station's address"),
        ("mac", "ff:ff:ff:ff:ff:ff", "is no station's address"),
        ("mac", "01:00:5e:00:00:01", "is no station's address"),
        ("ip", "10.0.0.256", "not permitted"),
        ("ip", "10.0.0.2", "10.0.0.2 is our DHCP address: choose another"),
        ("hostname", "a.b", "is no host name"),
        ("hostname", "-a", "is no host name"),
        ("hostname", "a-", "is no host name"),
        ("hostname", "a_b", "is no host name"),
        ("hostname", "é", "is no host name"),
        ("hostname", "a" * 64, "is no host name"),
        ("gateway", "10.1.0.1", "10.1.0.1 is not in 10.0.0.0/24"),
        ("mtu", 1501, "1501 is over the network's 1500"),
        ("mtu", 67, "has to be 68 to 65535"),
        ("prefix", 0, "has to be 1 to 32"),
        ("prefix", 33, "has to be 1 to 32"),
        ("routes", ["10.9.0.0/16 via 10.1.0.1"], "10.1.0.1 is not in 10.0.0.0/24"),
        ("client_id", "01", "has to be 2 to 255 octets in hex"),
        ("client_id", "xy", "non-hexadecimal"),
        ("instance_id", "a\nb", "has to be one line of text"),
        ("options", {"53": "05"}, "53"),
        ("options", {"42": 5}, "has to be text"),
        ("default_network", "yes", "has to be true or false"),
        ("interfaces", [{"ip": "10.7.0.6"}], "interfaces[0].mac: is missing"),
        ("public_keys", {"a=b": "ssh"}, "a key's name holds no = and no /"),
        ("public_keys", {"a": "x\ny"}, "public_keys.a: has to be one line of text"),
        ("meta", {"a": 5}, "meta.a: 5: has to be text"),
        ("hostnme", "x", "is not a known key: did you mean 'hostname'?"),
    ],
)
def test_what_a_binding_cannot_say(key: str, value: object, what: str) -> None:
    """dhcp 15, 57, 61: refused at load, with file, key, value and reason."""
    said = refusal(**{key: value})
    assert said.startswith(f"f: {key}")
    assert what in said


def test_names_at_their_limit() -> None:
    assert record(hostname="a" * 63).hostname == "a" * 63
    assert record(mtu=1500).binding.mtu == 1500
    assert record(mtu=68).binding.mtu == 68


@pytest.mark.parametrize("text", ["", "{", "[1", '{"a": nope}', "[" * 100_000])
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^f: is not JSON: "):
        parse_record(text, "f", LEAST_NETWORK)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"x"'])
def test_what_is_no_table(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^f: has to be a table$"):
        parse_record(text, "f", LEAST_NETWORK)


def test_a_file_of_a_size_that_no_binding_has() -> None:
    """At the limit it is read, one past it refused."""
    text = json.dumps(PLAIN)
    assert parse_record(text.ljust(TEXT_AT_MOST), "f", LEAST_NETWORK).ip == ip(5)
    with pytest.raises(SettingsError, match=r"^f: is larger than 1048576 octets$"):
        parse_record(text.ljust(TEXT_AT_MOST + 1), "f", LEAST_NETWORK)


KEYS = ["mac", "ip", "hostname", "mtu", "dns", "options", "interfaces", "meta", "x"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("1.2.3"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_json_is_read_or_refused(values: dict[str, Any]) -> None:
    """Garbage gives the one exception."""
    try:
        parse_record(json.dumps({**PLAIN, **values}), Path("f"), LEAST_NETWORK)
    except SettingsError as problem:
        assert problem.where.startswith("f")  # noqa: PT017 # or it is read
