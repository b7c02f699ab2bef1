"""OpenStack's documents, made from a binding: what cloud-init and Windows read."""

import base64
import json
from typing import Any

from appliance.dialects.openstack import parse_index
from appliance.dialects.told import ContentFile

from .told import KEYS
from .told import SEED
from .told import document
from .told import network

ID = "190cf164-a8db-5a9c-9e3e-0714e9166bb0"
# what nova tells in its last version, and which key came when
NOVA = {
    "uuid": "2012-08-10",
    "meta": "2012-08-10",
    "public_keys": "2012-08-10",
    "keys": "2012-08-10",
    "hostname": "2012-08-10",
    "name": "2012-08-10",
    "launch_index": "2012-08-10",
    "availability_zone": "2012-08-10",
    "files": "2012-08-10",
    "random_seed": "2013-04-04",
    "project_id": "2015-10-15",
    "devices": "2016-06-30",
}


def meta_data(where: Any = None, /, **more: Any) -> Any:
    return json.loads(document("meta_data.json", where, **more))


def test_meta_data_has_what_nova_tells_in_every_version() -> None:
    """issue 5.3: complete, for each dated version: no version has a key less."""
    content = (ContentFile("content/0000", "/etc/motd"),)
    found = meta_data(public_keys=KEYS, content=content)
    assert found.keys() == NOVA.keys()


def test_meta_data() -> None:
    more: dict[str, Any] = {
        "public_keys": KEYS,
        "admin_pass": "pw",
        "meta": {"role": "web"},
    }
    found = meta_data(**more)
    assert len(found.pop("project_id")) == 32
    assert found == {
        "uuid": ID,
        "name": "ip-10-0-0-5",
        "hostname": "ip-10-0-0-5",
        "launch_index": 0,
        "availability_zone": "nova",
        "meta": {"role": "web"},
        "random_seed": base64.b64encode(SEED).decode(),
        "devices": [],
        "public_keys": KEYS,
        "keys": [
            {"name": "ops", "type": "ssh", "data": KEYS["ops"]},
            {"name": "dev", "type": "ssh", "data": KEYS["dev"]},
        ],
        "admin_pass": "pw",
    }
    assert not {"keys", "public_keys", "admin_pass", "files"} & meta_data().keys()


def test_the_hostname_has_its_domain() -> None:
    """issue 5.3: hostname is the whole name, as nova's is; name is not."""
    found = meta_data(network(domain="a.example"), hostname="web")
    assert (found["hostname"], found["name"]) == ("web.a.example", "web")


def test_the_project_is_the_network() -> None:
    """Guests of one network are of one project, at every boot."""
    projects = {meta_data(mac=f"fa:16:3e:00:00:0{n}")["project_id"] for n in (5, 6)}
    assert len(projects) == 1


def test_files_are_those_of_the_index() -> None:
    """issue 5.2: content/index has a number and a path a line; others are comments."""
    text = "# ours\n0000 /etc/motd\n0001\t/etc/a file\n\n2 etc/no\nx /etc/no\n"
    index = parse_index(text)
    assert index == (
        ContentFile("content/0000", "/etc/motd"),
        ContentFile("content/0001", "/etc/a file"),
    )
    assert meta_data(content=index)["files"] == [
        {"content_path": "/content/0000", "path": "/etc/motd"},
        {"content_path": "/content/0001", "path": "/etc/a file"},
    ]


def test_vendor_data_is_empty() -> None:
    assert json.loads(document("vendor_data.json")) == {}
    assert json.loads(document("vendor_data2.json")) == {}


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
    assert [each["mtu"] for each in found["links"]] == [1400, 9000, None]
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
