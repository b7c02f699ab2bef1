"""The paths of ZStack's API, and how the body of each is read.

A body's unknown fields are tolerated; null and "" are as if they were absent.
"""

from collections.abc import Callable
from collections.abc import Iterable
from functools import partial
from ipaddress import IPv4Network

from .. import reader
from ..errors import SettingsError
from ..reader import Table
from ..records import hardware
from .guests import read_described
from .guests import read_guest
from .guests import refuse_version_6
from .orders import Bind
from .orders import Command
from .orders import Delete
from .orders import Describe
from .orders import Flush
from .orders import Forget
from .orders import ForgetAll
from .orders import GainGateway
from .orders import LoseGateway
from .orders import Order
from .orders import Place
from .orders import Prepare
from .orders import Probe
from .orders import Unbind

Read = Callable[[], Iterable[Command]]


def parse(path: str, body: object) -> Order:
    """Read the body of a request to one of PATHS; raises SettingsError."""
    return PATHS[path](Table(path, "", without_nothing(body)))


def without_nothing(value: object) -> object:
    """Return *value* without the keys that say nothing: null and ""."""
    if isinstance(value, dict):
        return {
            key: without_nothing(each)
            for key, each in value.items()
            if each is not None and each != ""
        }
    if isinstance(value, list):
        return [without_nothing(each) for each in value]
    return value


def _gathered(reads: Iterable[Read]) -> Order:
    """Return what can be read, and why the rest cannot."""
    commands: list[Command] = []
    refused: list[str] = []
    for read in reads:
        try:
            commands += read()
        except SettingsError as problem:
            refused.append(str(problem))
    return Order(tuple(commands), tuple(refused))


def _place(table: Table) -> Place:
    return Place(
        table.demand("namespaceName", reader.text),
        table.take("bridgeName", reader.text, None),
    )


def _by_place(tables: list[Table]) -> list[tuple[Place, list[Table]]]:
    found: dict[str, tuple[Place, list[Table]]] = {}
    for each in tables:
        place = _place(each)
        found.setdefault(place.namespace, (place, []))[1].append(each)
    return list(found.values())


def _prepare(table: Table) -> Order:
    return Order((_read_prepare(table),))


def _prepare_all(table: Table) -> Order:
    def read(each: Table) -> Iterable[Command]:
        return [_read_prepare(each)]

    return _gathered(partial(read, each) for each in table.tables("dhcpInfos"))


def _read_prepare(table: Table) -> Prepare:
    place = _place(table)
    refuse_version_6(table, "dhcp6ServerIp", table.take("addressMode", str, None))
    server = table.demand("dhcpServerIp", reader.address)
    netmask = table.demand("dhcpNetmask", reader.text)
    try:
        subnet = reader.subnet(str(IPv4Network(f"{server}/{netmask}", strict=False)))
    except ValueError as problem:
        raise table.wrong("dhcpNetmask", str(problem)) from None
    return Prepare(place, server, subnet, table.take("vlanId", reader.text, None))


def _bind(table: Table) -> Order:
    return _binds([table], rebuild=False)


def _bind_all(table: Table) -> Order:
    # the server says it in each element, though kvmagent looks only here
    rebuild = table.take("rebuild", reader.flag, False)
    return _binds(table.tables("dhcpInfos"), rebuild=rebuild)


def _binds(tables: list[Table], *, rebuild: bool) -> Order:
    """Read apply's bodies; what they say of one network is one command."""
    found: dict[str, tuple[Place, list[Table]]] = {}
    rebuilt: set[str] = set()
    for table in tables:
        anew = table.take("rebuild", reader.flag, False) or rebuild
        for place, guests in _by_place(table.tables("dhcp")):
            found.setdefault(place.namespace, (place, []))[1].extend(guests)
            if anew:
                rebuilt.add(place.namespace)

    def read(place: Place, guests: list[Table]) -> Iterable[Command]:
        return [Bind(place, tuple(map(read_guest, guests)), place.namespace in rebuilt)]

    # a network's guests stay together: they are bound all, or none
    return _gathered(partial(read, *each) for each in found.values())


def _unbind(table: Table) -> Order:
    return Order(
        tuple(
            Unbind(place, tuple(each.demand("mac", hardware) for each in guests))
            for place, guests in _by_place(table.tables("dhcp"))
        )
    )


def _move_gateway(table: Table) -> Order:
    """Read the two halves, of which either may be missing."""
    commands: list[Command] = []
    lost = _side(table, "Remove")
    if lost is not None:
        table.take("gatewayToRemove", str, None)
        commands.append(
            LoseGateway(lost, table.demand("macOfGatewayToRemove", hardware))
        )
    gained = _side(table, "Add")
    if gained is not None:
        mac = table.demand("macOfGatewayToAdd", hardware)
        gateway = table.demand("gatewayToAdd", reader.address)
        commands.append(GainGateway(gained, mac, gateway))
    return Order(tuple(commands))


def _side(table: Table, side: str) -> Place | None:
    namespace = table.take(f"namespaceNameOfGatewayTo{side}", reader.text, None)
    bridge = table.take(f"bridgeNameOfGatewayTo{side}", reader.text, None)
    return None if namespace is None else Place(namespace, bridge)


def _delete(table: Table) -> Order:
    return Order((Delete(_place(table)),))


def _flush(table: Table) -> Order:
    return Order((Flush(_place(table)),))


def _connect(table: Table) -> Order:
    return Order(heals=True)


def _probe(table: Table) -> Order:
    place = _place(table)
    targets = table.demand("targetIps", reader.list_of(reader.address))
    if not targets:
        raise table.wrong("targetIps", "names no address")
    return Order((Probe(place, targets[0]),))  # as kvmagent does


def _describe(table: Table) -> Order:
    one = table.inner("userdata")
    return Order((Describe(_place(one), (read_described(one),)),))


def _describe_all(table: Table) -> Order:
    rebuild = table.take("rebuild", reader.flag, False)

    def read(place: Place, guests: list[Table]) -> Iterable[Command]:
        found = tuple(map(read_described, guests))
        for each in found:
            if each.port != found[0].port:
                what = f"{place.namespace} has {found[0].port} already"
                raise table.wrong("userdata", f"port {each.port}: {what}")
        return [Describe(place, found, rebuild)]

    groups = _by_place(table.tables("userdata"))
    return _gathered(partial(read, *each) for each in groups)


def _forget(table: Table) -> Order:
    return Order((Forget(_place(table), table.demand("vmIp", reader.address)),))


def _forget_all(table: Table) -> Order:
    return Order((ForgetAll(_place(table)),))


PATHS: dict[str, Callable[[Table], Order]] = {
    "/flatnetworkprovider/dhcp/prepare": _prepare,
    "/flatnetworkprovider/dhcp/batchPrepare": _prepare_all,
    "/flatnetworkprovider/dhcp/apply": _bind,
    "/flatnetworkprovider/dhcp/batchApply": _bind_all,
    "/flatnetworkprovider/dhcp/release": _unbind,
    "/flatnetworkprovider/dhcp/resetDefaultGateway": _move_gateway,
    "/flatnetworkprovider/dhcp/deletenamespace": _delete,
    "/flatnetworkprovider/dhcp/flush": _flush,
    "/flatnetworkprovider/dhcp/connect": _connect,
    "/flatnetworkprovider/arping": _probe,
    "/flatnetworkprovider/userdata/apply": _describe,
    "/flatnetworkprovider/userdata/batchapply": _describe_all,
    "/flatnetworkprovider/userdata/release": _forget,
    "/flatnetworkprovider/userdata/cleanup": _forget_all,
}
