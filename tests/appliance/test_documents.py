"""Documents made from a binding: shapes that cloud-init and cloudbase-init read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.documents import MADE
from appliance.documents import instance_id
from appliance.documents import made_names
from appliance.documents import make_document
from appliance.records import Record
from appliance.records import parse_record
from appliance.settings import Settings
from appliance.settings import parse_settings

from .test_records import PLAIN
from .test_settings import FILES

NETWORK: dict[str, Any] = {
    "subnet": "10.0.0.0/24",
    "gateway": "10.0.0.1",
    "dhcp_address": "10.0.0.2",
    "dns": ["10.0.0.53"],
    "mtu": 1450,
    "routes": ["10.8.0.0/16 via 10.0.0.8"],
}
ID = "190cf164-a8db-5a9c-9e3e-0714e9166bb0"
KEYS = {"ops": "ssh-ed25519 AAAA ops", "dev": "ssh-rsa BBBB"}


def network(*, dhcp: bool = True) -> Settings:
    values = {
        "network": NETWORK,
        "attach": {"bridge": "br0"},
        "dhcp": {"enabled": dhcp},
    }
    return parse_settings(FILES, values)


def record(**more: Any) -> Record:
    return parse_record(json.dumps({**PLAIN, **more}), "f", network())


def document(path: str, settings: Settings | None = None, /, **more: Any) -> bytes:
    found = make_document(settings or network(), record(**more), path)
    assert found is not None
    return found


def test_an_id_for_ever() -> None:
    """Without instance_id: a UUIDv5 of network and MAC, the same on every host."""
    assert instance_id(network(), record()) == ID
    assert instance_id(network(), record(ip="10.0.0.9", hostname="x")) == ID
    assert instance_id(network(), record(mac="fa:16:3e:00:00:06")) != ID
    assert instance_id(network(), record(instance_id="i-1")) == "i-1"


@pytest.mark.parametrize("given_id", [None, "i-1"])
def test_the_same_id_in_every_dialect(given_id: str | None) -> None:
    """A plugin that runs once must see the same id at every boot, in each dialect."""
    more: dict[str, Any] = {} if given_id is None else {"instance_id": given_id}
    ids = {
        document("meta-data/instance-id", **more).decode(),
        json.loads(document("meta_data.json", **more))["uuid"],
        json.loads(document("nocloud/meta-data", **more))["instance-id"],
    }
    assert ids == {given_id or ID}


def test_ec2_leaves_have_no_line_feed() -> None:
    """metadata 1.5: a leaf is its value."""
    assert document("meta-data/local-hostname") == b"ip-10-0-0-5"
    assert document("meta-data/local-hostname", hostname="web") == b"web"
    assert document("meta-data/local-ipv4") == b"10.0.0.5"
    assert document("meta-data/mac") == b"fa:16:3e:00:00:05"


def test_openstack_meta_data() -> None:
    more: dict[str, Any] = {
        "public_keys": KEYS,
        "admin_pass": "pw",
        "meta": {"role": "web"},
    }
    assert json.loads(document("meta_data.json", **more)) == {
        "uuid": ID,
        "name": "ip-10-0-0-5",
        "hostname": "ip-10-0-0-5",
        "launch_index": 0,
        "availability_zone": "nova",
        "meta": {"role": "web"},
        "public_keys": KEYS,
        "keys": [
            {"name": "ops", "type": "ssh", "data": KEYS["ops"]},
            {"name": "dev", "type": "ssh", "data": KEYS["dev"]},
        ],
        "admin_pass": "pw",
    }
    assert (
        not {"keys", "public_keys", "admin_pass"}
        & json.loads(document("meta_data.json")).keys()
    )
    assert json.loads(document("vendor_data.json")) == {}


def test_nocloud_meta_data_is_yaml() -> None:
    """JSON is a part of YAML; keys are a list, as NoCloud wants them."""
    found = document("nocloud/meta-data", public_keys=KEYS)
    assert json.loads(found) == {
        "instance-id": ID,
        "local-hostname": "ip-10-0-0-5",
        "public-keys": list(KEYS.values()),
    }


def test_network_data_by_dhcp() -> None:
    assert json.loads(document("network_data.json")) == {
        "links": [
            {
                "id": "nic0",
                "vif_id": "nic0",
                "type": "phy",
                "ethernet_mac_address": "fa:16:3e:00:00:05",
                "mtu": 1450,
            }
        ],
        "networks": [
            {
                "id": "network0",
                "network_id": "network0",
                "link": "nic0",
                "type": "ipv4_dhcp",
            }
        ],
        "services": [{"type": "dns", "address": "10.0.0.53"}],
    }


def test_network_data_without_dhcp() -> None:
    """dhcp 75: the guest is told what option 121 would have told it."""
    more = {
        "mtu": 1400,
        "routes": ["10.9.0.0/16 via 10.0.0.9"],
        "interfaces": [
            {
                "mac": "fa:16:3e:00:00:06",
                "ip": "10.7.0.6",
                "prefix": 16,
                "gateway": "10.7.0.1",
                "mtu": 9000,
            },
            {"mac": "fa:16:3e:00:00:07"},
        ],
    }
    found = json.loads(document("network_data.json", network(dhcp=False), **more))
    assert [each["mtu"] for each in found["links"]] == [1400, 9000, 1450]
    own, second, third = found["networks"]
    assert own == {
        "id": "network0",
        "network_id": "network0",
        "link": "nic0",
        "type": "ipv4",
        "ip_address": "10.0.0.5",
        "netmask": "255.255.255.0",
        "routes": [
            {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
            {
                "network": "169.254.169.254",
                "netmask": "255.255.255.255",
                "gateway": "10.0.0.2",
            },
            {"network": "10.9.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.9"},
            {"network": "10.8.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.8"},
        ],
    }
    assert (second["ip_address"], second["netmask"]) == ("10.7.0.6", "255.255.0.0")
    assert [each["gateway"] for each in second["routes"]] == ["10.7.0.1"]
    assert third["type"] == "ipv4_dhcp"


def test_a_further_nic_has_no_way_out() -> None:
    """dhcp 51: no default route, no name servers, no way to the metadata."""
    found = json.loads(
        document("network_data.json", network(dhcp=False), default_network=False)
    )
    routes = found["networks"][0]["routes"]
    assert [each["network"] for each in routes] == ["10.8.0.0"]
    assert found["services"] == []


def test_what_a_binding_says_of_its_own() -> None:
    more = {"dns": ["10.0.0.99"], "gateway": "10.0.0.9", "prefix": 25}
    found = json.loads(document("network_data.json", network(dhcp=False), **more))
    assert found["services"] == [{"type": "dns", "address": "10.0.0.99"}]
    own = found["networks"][0]
    assert own["netmask"] == "255.255.255.128"
    assert own["routes"][0]["gateway"] == "10.0.0.9"


def test_public_keys() -> None:
    """metadata 1.5: 0=ops is also answered as 0."""
    for directory in ("0", "0=ops"):
        path = f"meta-data/public-keys/{directory}/openssh-key"
        assert document(path, public_keys=KEYS) == KEYS["ops"].encode()
    for path in (
        "1=ops/openssh-key",
        "2/openssh-key",
        "0/other",
        "0",
        "00/openssh-key",
    ):
        path = f"meta-data/public-keys/{path}"
        assert make_document(network(), record(public_keys=KEYS), path) is None


def test_names_of_directories() -> None:
    """metadata 1.5: directories end with "/"; no key: public-keys is not listed."""
    assert set(made_names(record(), "meta-data")) == {
        "instance-id",
        "local-hostname",
        "local-ipv4",
        "mac",
    }
    with_keys = record(public_keys=KEYS)
    assert "public-keys/" in made_names(with_keys, "meta-data")
    assert made_names(with_keys, "meta-data/public-keys") == ("0=ops/", "1=dev/")
    assert made_names(with_keys, "meta-data/public-keys/0") == ("openssh-key",)
    assert made_names(with_keys, "meta-data/public-keys/1=dev") == ("openssh-key",)
    assert made_names(with_keys, "nothing") == ()


def test_every_name_can_be_asked_for() -> None:
    """A name that is listed and 404 stops cloud-init's crawl."""
    found = record(public_keys=KEYS)

    def crawl(directory: str) -> int:
        count = 0
        for name in made_names(found, directory):
            path = f"{directory}/{name}".strip("/")
            if name.endswith("/"):
                count += crawl(path)
            else:
                assert make_document(network(), found, path) is not None
                count += 1
        return count

    assert crawl("") == len(MADE) + len(KEYS)


@given(st.text(max_size=30))
def test_nothing_is_made_at_any_other_path(path: str) -> None:
    found = make_document(network(), record(public_keys=KEYS), path)
    assert (found is None) == (path not in MADE)
