"""Bodies as the management server writes them, read to orders (zstack 4)."""

from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

import pytest

from appliance.agent.commands import PATHS
from appliance.agent.commands import parse
from appliance.agent.guests import Described
from appliance.agent.guests import Guest
from appliance.agent.orders import Bind
from appliance.agent.orders import Command
from appliance.agent.orders import Delete
from appliance.agent.orders import Describe
from appliance.agent.orders import Flush
from appliance.agent.orders import Forget
from appliance.agent.orders import ForgetAll
from appliance.agent.orders import GainGateway
from appliance.agent.orders import LoseGateway
from appliance.agent.orders import Order
from appliance.agent.orders import Place
from appliance.agent.orders import Prepare
from appliance.agent.orders import Probe
from appliance.agent.orders import Unbind
from appliance.errors import SettingsError
from dhcp.hardware import HardwareAddress
from dhcp.routes import ClasslessRoute

FOLDER = "/flatnetworkprovider/"
PLACE = Place("br0_l3", "br0")
AT = {"bridgeName": "br0", "namespaceName": "br0_l3"}
MAC = HardwareAddress.parse("fa:16:3e:00:00:05")
INFO = {**AT, "mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"}
GUEST = Guest(MAC, IPv4Address("10.0.0.5"))
USERDATA = {**AT, "vmIp": "10.0.0.5", "metadata": {"vmUuid": "u5"}}
DESCRIBED = Described(IPv4Address("10.0.0.5"), "u5")
SERVER = {**AT, "dhcpServerIp": "10.0.0.2", "dhcpNetmask": "255.255.255.0"}
PREPARED = Prepare(PLACE, IPv4Address("10.0.0.2"), IPv4Network("10.0.0.0/24"))
MOVED = {
    "namespaceNameOfGatewayToRemove": "br0_l3",
    "bridgeNameOfGatewayToRemove": "br0",
    "gatewayToRemove": "10.0.0.1",
    "macOfGatewayToRemove": "fa:16:3e:00:00:05",
}
GAINED = {
    "namespaceNameOfGatewayToAdd": "br0_l3",
    "bridgeNameOfGatewayToAdd": "br0",
    "gatewayToAdd": "10.0.0.1",
    "macOfGatewayToAdd": "fa:16:3e:00:00:05",
}

BODIES: list[tuple[str, dict[str, Any], list[Command]]] = [
    ("dhcp/prepare", SERVER, [PREPARED]),
    ("dhcp/batchPrepare", {"dhcpInfos": [SERVER]}, [PREPARED]),
    ("dhcp/apply", {"dhcp": [INFO]}, [Bind(PLACE, (GUEST,))]),
    ("dhcp/apply", {"dhcp": [INFO], "rebuild": True}, [Bind(PLACE, (GUEST,), True)]),
    ("dhcp/apply", {"dhcp": [], "rebuild": True}, []),
    ("dhcp/batchApply", {"dhcpInfos": [{"dhcp": [INFO]}]}, [Bind(PLACE, (GUEST,))]),
    ("dhcp/release", {"dhcp": [INFO]}, [Unbind(PLACE, (MAC,))]),
    ("dhcp/resetDefaultGateway", {}, []),
    ("dhcp/resetDefaultGateway", MOVED, [LoseGateway(PLACE, MAC)]),
    (
        "dhcp/resetDefaultGateway",
        {**MOVED, **GAINED},
        [LoseGateway(PLACE, MAC), GainGateway(PLACE, MAC, IPv4Address("10.0.0.1"))],
    ),
    ("dhcp/deletenamespace", AT, [Delete(PLACE)]),
    ("dhcp/flush", AT, [Flush(PLACE)]),
    (
        "arping",
        {**AT, "targetIps": ["10.0.0.9", "10.0.0.8"]},
        [Probe(PLACE, IPv4Address("10.0.0.9"))],
    ),
    ("userdata/apply", {"userdata": USERDATA}, [Describe(PLACE, (DESCRIBED,))]),
    (
        "userdata/batchapply",
        {"userdata": [USERDATA], "rebuild": True},
        [Describe(PLACE, (DESCRIBED,), True)],
    ),
    (
        "userdata/release",
        {**AT, "vmIp": "10.0.0.5", "hostUuid": "h"},
        [Forget(PLACE, IPv4Address("10.0.0.5"))],
    ),
    ("userdata/cleanup", {**AT, "l3NetworkUuid": "l3"}, [ForgetAll(PLACE)]),
]


@pytest.mark.parametrize(("path", "body", "commands"), BODIES)
def test_a_body_is_read(
    path: str, body: dict[str, Any], commands: list[Command]
) -> None:
    """zstack 4: unknown fields are tolerated, absent ones read as null."""
    assert parse(FOLDER + path, body) == Order(tuple(commands))
    more = {**body, "newInTheNextRelease": [1], "vlanId": None, "ipVersion": None}
    assert parse(FOLDER + path, more) == Order(tuple(commands))


def test_connect_heals() -> None:
    assert parse(FOLDER + "dhcp/connect", {}) == Order(heals=True)


def test_every_path_is_read() -> None:
    read = {FOLDER + path for path, _, _ in BODIES} | {FOLDER + "dhcp/connect"}
    assert read == set(PATHS)


@pytest.mark.parametrize(
    ("outer", "inner", "rebuilds"),
    [
        ({}, {}, False),
        ({"rebuild": True}, {}, True),
        ({}, {"rebuild": True}, True),
        ({"rebuild": False}, {"rebuild": False}, False),
    ],
)
def test_rebuild_is_said_at_either_place(
    outer: dict[str, bool], inner: dict[str, bool], rebuilds: bool
) -> None:
    """zstack 4: the server says it in each element, kvmagent looks above them."""
    body = {"dhcpInfos": [{"dhcp": [INFO], **inner}], **outer}
    order = parse(FOLDER + "dhcp/batchApply", body)
    assert order.commands == (Bind(PLACE, (GUEST,), rebuilds),)


def test_everything_that_is_told_of_a_nic() -> None:
    body = {
        **INFO,
        "netmask": "255.255.255.128",
        "gateway": "10.0.0.1",
        "hostname": "web.example.com",
        "isDefaultL3Network": True,
        "dnsDomain": "example.com",
        "dns": ["10.0.0.53"],
        "mtu": 1450,
        "vmMultiGateway": True,
        "hostRoutes": [{"prefix": "10.9.0.0/16", "nexthop": "10.0.0.9"}],
    }
    order = parse(FOLDER + "dhcp/apply", {"dhcp": [body]})
    guest = Guest(
        MAC,
        IPv4Address("10.0.0.5"),
        prefix=25,
        gateway=IPv4Address("10.0.0.1"),
        hostname="web.example.com",
        default_network=True,
        domain="example.com",
        dns=(IPv4Address("10.0.0.53"),),
        mtu=1450,
        multi_gateway=True,
        routes=(ClasslessRoute.parse("10.9.0.0/16 via 10.0.0.9"),),
    )
    assert order == Order((Bind(PLACE, (guest,)),))


def test_networks_are_told_apart() -> None:
    """A network's guests stay together; one that is refused takes no other with it."""
    other = {**INFO, "namespaceName": "br0_other", "ipVersion": 6}
    order = parse(
        FOLDER + "dhcp/apply", {"dhcp": [other, INFO, {**other, "ipVersion": 4}]}
    )
    assert order.commands == (Bind(PLACE, (GUEST,)),)
    assert len(order.refused) == 1


def test_one_network_in_many_bodies_is_one_command() -> None:
    """issue 6.8: A thousand bodies of a network are written once; one of them rebuilds
    all."""
    other = {**INFO, "mac": "fa:16:3e:00:00:06", "ip": "10.0.0.6"}
    bodies = [{"dhcp": [INFO]}, {"dhcp": [other], "rebuild": True}]
    found = parse(FOLDER + "dhcp/batchApply", {"dhcpInfos": bodies})
    [command] = found.commands
    assert isinstance(command, Bind)
    assert [str(each.ip) for each in command.guests] == ["10.0.0.5", "10.0.0.6"]
    assert command.rebuild


@pytest.mark.parametrize(
    ("version", "six", "served"),
    [
        (4, None, True),
        (46, None, True),
        (None, None, True),
        (6, None, False),
        (6, "fd00::5", False),
        (46, "fd00::5", False),
        (5, None, False),
    ],
)
def test_ipv6_leases_are_refused(version: object, six: object, served: bool) -> None:
    """issue 6.8: dual stack is served where the guest makes its own address."""
    body = {"dhcp": [{**INFO, "ipVersion": version, "ip6": six}]}
    order = parse(FOLDER + "dhcp/apply", body)
    assert bool(order.commands) is served
    assert bool(order.refused) is not served


@pytest.mark.parametrize(
    ("mode", "served"), [("SLAAC", True), ("Stateful-DHCP", False), (None, False)]
)
def test_a_network_with_dhcpv6_is_refused(mode: object, served: bool) -> None:
    body = {**SERVER, "ipVersion": 46, "dhcp6ServerIp": "fd00::2", "addressMode": mode}
    order = parse(FOLDER + "dhcp/batchPrepare", {"dhcpInfos": [body]})
    assert order.commands == ((PREPARED,) if served else ())
    assert bool(order.refused) is not served


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("dhcp/prepare", [], "has to be a table"),
        ("dhcp/prepare", AT, "dhcpServerIp: is missing"),
        ("dhcp/prepare", {**SERVER, "dhcpNetmask": "x"}, "dhcpNetmask: "),
        ("dhcp/prepare", {**SERVER, "dhcpServerIp": 5}, "dhcpServerIp: 5: "),
        ("dhcp/deletenamespace", {"bridgeName": "br0"}, "namespaceName: is missing"),
        ("dhcp/release", {"dhcp": [AT]}, "dhcp[0].mac: is missing"),
        ("dhcp/release", {"dhcp": {}}, "dhcp: has to be a list of tables"),
        ("arping", {**AT, "targetIps": []}, "targetIps: names no address"),
        ("userdata/release", {**AT, "vmIp": "x"}, "vmIp: 'x': "),
    ],
)
def test_what_cannot_be_read_names_its_key(path: str, body: object, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(FOLDER + path, body)
    assert says in str(refused.value)
    assert path in str(refused.value)


@pytest.mark.parametrize("parts", [["hunter2", 5], "hunter2", {"a": "hunter2"}])
def test_user_data_are_never_shown(parts: object) -> None:
    """They hold passwords."""
    with pytest.raises(SettingsError) as refused:
        parse(
            FOLDER + "userdata/apply", {"userdata": {**USERDATA, "userdataList": parts}}
        )
    assert "hunter2" not in str(refused.value)
    assert "userdataList" in str(refused.value)


def test_two_ports_of_one_network_are_refused() -> None:
    """zstack 3.4: as kvmagent does."""
    body = {"userdata": [{**USERDATA, "port": 80}, {**USERDATA, "port": 81}]}
    order = parse(FOLDER + "userdata/batchapply", body)
    assert order.commands == ()
    assert "port 81: br0_l3 has 80 already" in order.refused[0]


def test_an_empty_part_is_a_part() -> None:
    """zstack 3.5: so that cloudbase-init finds its meta_data.json."""
    body = {"userdata": {**USERDATA, "userdataList": [""]}}
    (command,) = parse(FOLDER + "userdata/apply", body).commands
    assert isinstance(command, Describe)
    assert command.guests[0].parts == ("",)


@pytest.mark.parametrize(
    ("config", "pvpanic"),
    [
        (None, None),
        ({}, "disable"),
        ({"pvpanic": None}, "disable"),
        ({"pvpanic": "x"}, "x"),
    ],
)
def test_pvpanic_is_told_where_there_is_a_configuration(
    config: object, pvpanic: str | None
) -> None:
    """zstack 3.1"""
    body = {"userdata": {**USERDATA, "agentConfig": config}}
    (command,) = parse(FOLDER + "userdata/apply", body).commands
    assert isinstance(command, Describe)
    assert command.guests[0].pvpanic == pvpanic
