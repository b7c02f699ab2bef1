"""Networks as the documents tell them, and as OpenStack and cloud-init read them.

The judges are OpenStack's published schema of network_data.json and the parsers of
Debian's cloud-init; bindings of every kind are told to them.
"""

import json
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.documents import make_tree

from ..appliance.told import guest
from ..appliance.told import network

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "network_data.json").read_text())
# its pattern forgets the mask of a host's route, which nova itself tells
NETMASK = SCHEMA["definitions"]["l3_ipv4_netmask"]
NETMASK["pattern"] += r"|^255\.255\.255\.255$"
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
OTHER_NETWORK = IPv4Interface("10.7.0.1/16")


@pytest.fixture(scope="module")
def cloud_init() -> Iterator[subprocess.Popen[str]]:
    """Debian's cloud-init, which answers one line with another."""
    program = ["/usr/bin/python3", str(HERE / "cloud_init_network.py")]
    with subprocess.Popen(
        program, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def understood(process: subprocess.Popen[str], kind: str, document: Any) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    names = {mac(number): f"eth{number}" for number in range(8)}
    process.stdin.write(json.dumps([kind, document, names]) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def mac(number: int) -> str:
    return f"fa:16:3e:00:00:{number:02x}"


def others() -> st.SearchStrategy[dict[str, Any]]:
    """Further NICs, of which as much or as little is known as a binding may say."""
    return st.fixed_dictionaries(
        {"mac": st.integers(1, 4).map(mac)},
        optional={
            "ip": st.integers(2, 65_000).map(lambda n: str(OTHER_NETWORK.network[n])),
            "prefix": st.integers(8, 32),
            "gateway": st.just(str(OTHER_NETWORK.ip)),
            "mtu": st.integers(576, 9000),
        },
    )


def hosts() -> st.SearchStrategy[str]:
    return st.integers(10, 250).map(lambda number: f"10.0.0.{number}")


def bindings() -> st.SearchStrategy[dict[str, Any]]:
    routes = st.builds("10.{}.0.0/{} via {}".format, st.just(64), st.just(10), hosts())
    return st.fixed_dictionaries(
        {"mac": st.just(mac(0)), "ip": hosts()},
        optional={
            "prefix": st.integers(20, 30),
            "mtu": st.integers(576, 1450),
            "default_network": st.booleans(),
            "metadata_route": st.booleans(),
            "dns": st.lists(hosts(), min_size=1, max_size=3, unique=True),
            "routes": st.lists(routes, max_size=1),
            "interfaces": st.lists(others(), max_size=4),
        },
    )


def settle(binding: dict[str, Any]) -> dict[str, Any]:
    """Return every NIC by its MAC as the binding says it: address, MTU, gateway."""
    prefix = binding.get("prefix", 24)
    default = binding.get("default_network", True)
    own = {
        "address": f"{binding['ip']}/{prefix}",
        "mtu": binding.get("mtu", 1450),
        "gateway": "10.0.0.1" if default else None,
        "metadata": binding.get("metadata_route", default),
    }
    found = {mac(0): own}
    for each in binding.get("interfaces", ()):
        address = f"{each['ip']}/{each.get('prefix', 32)}" if "ip" in each else None
        facts = {
            "address": address,
            "mtu": each.get("mtu"),
            "gateway": each.get("gateway"),
            "metadata": False,
        }
        found.setdefault(each["mac"], facts)
    return found


def made(binding: dict[str, Any], *, dhcp: bool) -> dict[str, Any]:
    """Return OpenStack's document and NoCloud's."""
    tree = make_tree(guest(network(dhcp=dhcp), **binding))
    paths = {"openstack": "network_data.json", "nocloud": "network-config"}
    return {kind: json.loads(tree[path]()) for kind, path in paths.items()}


@given(bindings(), st.booleans())
def test_the_published_schema(binding: dict[str, Any], dhcp: bool) -> None:
    """issue 5.3: network_data.json is what OpenStack says that it is."""
    VALIDATOR.validate(made(binding, dhcp=dhcp)["openstack"])


def test_the_schema_refuses() -> None:
    """It would say so: a netmask that is none."""
    document = made({}, dhcp=False)["openstack"]
    document["networks"][0]["netmask"] = "255.0.255.0"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


@pytest.mark.machine
@pytest.mark.parametrize("kind", ["openstack", "nocloud"])
@given(binding=bindings())
def test_cloud_init_sets_what_dhcp_would_have_said(
    kind: str, binding: dict[str, Any], cloud_init: subprocess.Popen[str]
) -> None:
    """issue 5.3, dhcp 75: address, routes, DNS and MTU of every NIC, without DHCP."""
    found = understood(cloud_init, kind, made(binding, dhcp=False)[kind])
    nics = {each["mac_address"]: each for each in found["nics"]}
    expected = settle(binding)
    assert nics.keys() == expected.keys()
    for hardware, facts in expected.items():
        nic = nics[hardware]
        [subnet] = nic["subnets"]
        if facts["address"] is None:
            assert subnet["type"] == "dhcp4"
            continue
        assert subnet["type"] == "static"
        assert f"{subnet['address']}/{subnet['prefix']}" == facts["address"]
        assert nic["mtu"] == facts["mtu"]
        ways = {
            f"{route['network']}/{route['prefix']}": route["gateway"]
            for route in subnet["routes"]
        }
        assert ways.get("0.0.0.0/0") == facts["gateway"]
        assert ("169.254.169.254/32" in ways) == facts["metadata"]
        for text in binding.get("routes", ()) if hardware == mac(0) else ():
            destination, _, router = text.split()
            assert ways[destination] == router
    servers = ["10.0.0.53"] if binding.get("default_network", True) else []
    assert found["servers"] == binding.get("dns", servers)


@pytest.mark.machine
@pytest.mark.parametrize("kind", ["openstack", "nocloud"])
@given(binding=bindings())
def test_cloud_init_asks_where_dhcp_is_on(
    kind: str, binding: dict[str, Any], cloud_init: subprocess.Popen[str]
) -> None:
    """issue 5.3: every NIC of the guest, and no other, by DHCP."""
    found = understood(cloud_init, kind, made(binding, dhcp=True)[kind])
    asking = {each["mac_address"]: each["subnets"] for each in found["nics"]}
    assert asking.keys() == settle(binding).keys()
    assert all([each["type"] for each in nic] == ["dhcp4"] for nic in asking.values())
