"""ZStack's agent API and guests: bound, described, moved, let go."""

import json
from collections.abc import Iterator

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.machine import Machine
from tests.agent.host import AT
from tests.agent.host import L3
from tests.agent.host import NAMESPACE
from tests.agent.host import PREPARE
from tests.agent.host import WITHIN
from tests.agent.host import Host
from tests.agent.host import asked
from tests.agent.host import booted
from tests.agent.host import dhcp_info
from tests.agent.host import userdata

pytestmark = pytest.mark.machine


@pytest.fixture
def host(machine: Machine) -> Iterator[Host]:
    host = Host(machine)
    with host.server:
        yield host


def test_a_vm_from_its_start_to_its_end(host: Host) -> None:
    """issue 6.8: prepare, apply, userdata apply; it boots, reads; release, cleanup."""
    server = host.server
    server.done("dhcp/connect", {})
    server.done("dhcp/batchPrepare", {"dhcpInfos": [PREPARE]})
    assert host.machine.path(f"/run/netns/{NAMESPACE}").exists()
    server.done("dhcp/batchApply", {"dhcpInfos": [{"dhcp": [dhcp_info(5)]}]})
    server.done("userdata/apply", {"userdata": userdata(5, "#!/bin/sh\necho 5\n")})
    guest = booted(host, 5)
    assert guest.addresses() == ["10.0.0.5/24"]
    assert guest.route_mtu("10.0.0.1") == 1450
    assert guest.routes()["default"] == "10.0.0.1"
    assert asked(guest, "/latest/user-data") == "#!/bin/sh\necho 5\n"
    assert asked(guest, "/2009-04-04/meta-data/instance-id") == f"{5:032x}"
    leaves = asked(guest, "/2009-04-04/meta-data/").split("\n")
    assert {"instance-id", "local-hostname"} <= set(leaves)
    assert asked(guest, "/latest/meta-data/pvpanic") == "enable"
    assert json.loads(asked(guest, "/openstack/latest/meta_data.json")) == {
        "uuid": f"{5:032x}"
    }
    server.done("dhcp/release", {"dhcp": [dhcp_info(5)]})
    server.done("userdata/release", {**AT, "vmIp": "10.0.0.5"})
    assert host.bound() == []
    assert not (host.state / "metadata/10.0.0.5").exists()
    server.done("userdata/cleanup", {**AT, "l3NetworkUuid": L3})
    server.done("dhcp/deletenamespace", AT)
    assert list(host.networks.iterdir()) == []
    assert not host.machine.path(f"/run/netns/{NAMESPACE}").exists()
    server.done("dhcp/deletenamespace", AT)  # the management server's job tries again


def test_guests_are_bound_all_or_none(host: Host) -> None:
    """issue 6.8: rebuild replaces all of an L3; one that cannot be bound, nothing."""
    server = host.server
    server.done("dhcp/prepare", PREPARE)
    server.done("dhcp/apply", {"dhcp": [dhcp_info(5), dhcp_info(6)]})
    server.done("userdata/batchapply", {"userdata": [userdata(5), userdata(6)]})
    before = host.binding(5)
    wrong = {"dhcp": [dhcp_info(7), dhcp_info(8, ip="10.9.0.8")], "rebuild": True}
    said = server.ask("dhcp/apply", wrong)
    assert said["success"] is False
    assert "10.9.0.8 is not in this network (10.0.0.0/24)" in said["error"]
    assert host.bound() == ["fa163e000005.json", "fa163e000006.json"]
    assert host.binding(5) == before
    # the server says it in the elements
    body = {"dhcp": [dhcp_info(6), dhcp_info(7)], "rebuild": True}
    server.done("dhcp/batchApply", {"dhcpInfos": [body]})
    assert host.bound() == ["fa163e000006.json", "fa163e000007.json"]
    assert not (host.state / "metadata/10.0.0.5").exists()
    assert (host.state / "metadata/10.0.0.6/meta-data/instance-id").exists()
    assert booted(host, 7).addresses() == ["10.0.0.7/24"]


def test_an_address_goes_to_another_guest(host: Host) -> None:
    """Who had it, and what was written for him, is gone (zstack 2.4)."""
    server = host.server
    server.done("dhcp/prepare", PREPARE)
    server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})
    server.done("userdata/apply", {"userdata": userdata(5, "secret")})
    server.done("dhcp/apply", {"dhcp": [dhcp_info(6, ip="10.0.0.5")]})
    assert host.bound() == ["fa163e000006.json"]
    assert not (host.state / "metadata/10.0.0.5").exists()


def test_a_guest_changes_its_default_network(host: Host) -> None:
    """zstack 4: resetDefaultGateway moves the default route, and what hangs on it."""
    server = host.server
    server.done("dhcp/prepare", PREPARE)
    body = [dhcp_info(5), dhcp_info(6, isDefaultL3Network=False)]
    server.done("dhcp/apply", {"dhcp": body})
    assert "default" not in booted(host, 6).routes()
    moved = {
        "bridgeNameOfGatewayToRemove": "br_eth0",
        "namespaceNameOfGatewayToRemove": NAMESPACE,
        "gatewayToRemove": "10.0.0.1",
        "macOfGatewayToRemove": "fa:16:3e:00:00:05",
        "bridgeNameOfGatewayToAdd": "br_eth0",
        "namespaceNameOfGatewayToAdd": NAMESPACE,
        "gatewayToAdd": "10.0.0.1",
        "macOfGatewayToAdd": "fa:16:3e:00:00:06",
    }
    server.done("dhcp/resetDefaultGateway", moved)
    assert "default" not in booted(host, 5).routes()
    guest = host.machine.add_guest("again", "fa:16:3e:00:00:06", bridge="br_eth0")
    assert boot(CLIENTS["udhcpc"], guest).wait(WITHIN) == 0
    assert guest.routes()["default"] == "10.0.0.1"


def test_who_has_an_address(host: Host) -> None:
    """zstack 4: arping, from the bridge before there is a namespace, and from it."""
    guest = host.machine.add_guest("g9", "fa:16:3e:00:00:09", bridge="br_eth0")
    guest.ip("address", "add", "10.0.0.9/24", "dev", "eth0")
    taken = {**AT, "targetIps": ["10.0.0.9"]}
    found = {"success": True, "result": {"10.0.0.9": ["fa:16:3e:00:00:09"]}}
    assert host.server.ask("arping", taken) == found
    host.server.done("dhcp/prepare", PREPARE)
    assert host.server.ask("arping", taken) == found
    free = {**AT, "targetIps": ["10.0.0.10"]}
    nobody = {"success": True, "result": {"10.0.0.10": []}}
    assert host.server.ask("arping", free) == nobody


def test_what_is_not_built_is_refused(host: Host) -> None:
    """issue 6.8: IPv6 leases get success false and a reason; their neighbours are
    served."""
    server = host.server
    six = {**PREPARE, "ipVersion": 6, "namespaceName": f"br_eth0_{'6' * 32}"}
    both = {**PREPARE, "ipVersion": 46}
    said = server.ask("dhcp/batchPrepare", {"dhcpInfos": [six, both]})
    assert said["success"] is False
    assert "ipVersion: 6: IPv6 leases are not built" in said["error"]
    assert [each.stem for each in host.networks.iterdir()] == [L3]
    stateful = dhcp_info(5, ipVersion=46, ip6="fd00::5")
    assert "IPv6" in server.ask("dhcp/apply", {"dhcp": [stateful]})["error"]
    server.done("dhcp/apply", {"dhcp": [dhcp_info(5, ipVersion=46, ip6=None)]})
    assert host.bound() == ["fa163e000005.json"]
    unbound = server.ask("userdata/apply", {"userdata": userdata(6, "x")})
    assert "nothing is bound to 10.0.0.6" in unbound["error"]
