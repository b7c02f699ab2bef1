"""NoCloud's seed, made from a binding (parsed in tests/oracles)."""

import json
from typing import Any

from .told import KEYS
from .told import document
from .told import network


def config(*, dhcp: bool, **more: Any) -> Any:
    where = network(dhcp=dhcp, domain="a.example")
    return json.loads(document("network-config", where, **more))


def test_meta_data_is_yaml() -> None:
    """JSON is a part of YAML; keys are a list, as NoCloud wants them."""
    found = document("nocloud/meta-data", public_keys=KEYS)
    assert json.loads(found) == {
        "instance-id": "190cf164-a8db-5a9c-9e3e-0714e9166bb0",
        "local-hostname": "ip-10-0-0-5",
        "public-keys": list(KEYS.values()),
    }
    assert "public-keys" not in json.loads(document("nocloud/meta-data"))


def test_network_config_by_dhcp() -> None:
    """issue 5.3: where DHCP is on, each NIC is known by its MAC and asks."""
    interfaces = [{"mac": "fa:16:3e:00:00:06", "ip": "10.7.0.6", "prefix": 16}]
    assert config(dhcp=True, interfaces=interfaces) == {
        "version": 2,
        "ethernets": {
            "eth0": {"match": {"macaddress": "fa:16:3e:00:00:05"}, "dhcp4": True},
            "eth1": {"match": {"macaddress": "fa:16:3e:00:00:06"}, "dhcp4": True},
        },
    }


def test_network_config_without_dhcp() -> None:
    """issue 5.3: address, routes, DNS and MTU, as DHCP would have told them."""
    interfaces = [{"mac": "fa:16:3e:00:00:06", "ip": "10.7.0.6", "prefix": 16}]
    found = config(dhcp=False, interfaces=interfaces)["ethernets"]
    assert found == {
        "eth0": {
            "match": {"macaddress": "fa:16:3e:00:00:05"},
            "dhcp4": False,
            "addresses": ["10.0.0.5/24"],
            "mtu": 1450,
            "routes": [
                {"to": "0.0.0.0/0", "via": "10.0.0.1"},
                {"to": "169.254.169.254/32", "via": "10.0.0.2"},
                {"to": "10.8.0.0/16", "via": "10.0.0.8"},
            ],
            "nameservers": {"addresses": ["10.0.0.53"], "search": ["a.example"]},
        },
        "eth1": {
            "match": {"macaddress": "fa:16:3e:00:00:06"},
            "dhcp4": False,
            "addresses": ["10.7.0.6/16"],
        },
    }


def test_a_nic_whose_address_nobody_knows_asks_for_it() -> None:
    found = config(dhcp=False, interfaces=[{"mac": "fa:16:3e:00:00:06"}])
    assert found["ethernets"]["eth1"] == {
        "match": {"macaddress": "fa:16:3e:00:00:06"},
        "dhcp4": True,
    }
