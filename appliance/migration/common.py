"""What the guests of a plan have in common becomes their network's."""

import json
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from .plan import CHANGES
from .plan import LOST
from .plan import Guest
from .plan import NetworkPlan
from .plan import Note

MTU = 1500  # octets, of a network that says nothing
OF_ALL = ("dns", "domain")
"""What guests of a further NIC are not told, whatever the network says."""


def share(plan: NetworkPlan) -> NetworkPlan:
    """Return *plan* with its network saying what most guests say.

    What the network says already stays, and no guest is told anything else than
    before; but for the MTU, which the network's bounds, and that is said.
    """
    network = dict(plan.settings.get("network", {}))
    dhcp = dict(plan.settings.get("dhcp", {}))
    values = {each.ip: dict(each.values) for each in plan.guests}
    notes = list(plan.notes)
    ranges = [network, *(dict(each) for each in network.get("also", []))]
    for place in ranges:
        subnet = IPv4Network(place["subnet"])
        here = [each for ip, each in values.items() if IPv4Address(ip) in subnet]
        _share(place, _of_first_nics(here), ["gateway"])
    if ranges[1:]:
        network["also"] = ranges[1:]
    every = list(values.values())
    _share(network, _of_first_nics(every), OF_ALL)
    _share(dhcp, every, ["lease_time"])
    if "routes" not in network and _are_one(every, "routes"):
        _share(network, every, ["routes"])  # a guest's own are told beside them
    for each in every:
        _drop_routes(each, network.get("routes", ()))
    if (most := _mtu(every, network)) is not None:
        network["mtu"] = most
        silent = sum("mtu" not in each for each in every)
        if silent:
            what = f"{silent} guests were told no MTU: they are told {most}"
            notes.append(Note(CHANGES, plan.name, what))
    for each in every:
        _drop(each, {"mtu": network.get("mtu", MTU)}, ["mtu"])
    guests = tuple(Guest(each.mac, each.ip, values[each.ip]) for each in plan.guests)
    settings = {**plan.settings, "network": network, "dhcp": dhcp}
    return replace(plan, settings=settings, guests=guests, notes=tuple(notes))


def spare(plan: NetworkPlan) -> NetworkPlan:
    """Return *plan* with guests that say nothing which their network says already.

    What a network says that a guest was not told is noted: it is told it now.
    """
    network = plan.settings["network"]
    lease = plan.settings["dhcp"].get("lease_time")
    places = [network, *network.get("also", [])]
    notes = list(plan.notes)
    guests = []
    for guest in plan.guests:
        each = dict(guest.values)
        here = next(
            place
            for place in places
            if IPv4Address(guest.ip) in IPv4Network(place["subnet"])
        )
        first = each.get("default_network", True)
        above = {key: network[key] for key in OF_ALL if first and key in network}
        above |= {"gateway": here["gateway"]} if first and "gateway" in here else {}
        silent = [key for key in above if key not in each]
        told = each.get("routes", ())
        silent += [route for route in network.get("routes", ()) if route not in told]
        for what in silent:
            text = f"is told {what} as the network's other guests, which it was not"
            notes.append(Note(CHANGES, f"{plan.name}: {guest.ip}", text))
        _drop(each, {**above, "lease_time": lease}, [*above, "lease_time"])
        _drop_routes(each, network.get("routes", ()))
        _drop(each, {"mtu": network.get("mtu", MTU)}, ["mtu"])
        guests.append(replace(guest, values=each))
    return replace(plan, guests=tuple(guests), notes=tuple(notes))


def without_gateways(plan: NetworkPlan) -> NetworkPlan:
    """Return *plan* without the routers among its guests, each with a note.

    neutron writes a line for every port of a network, its routers' among them.
    """
    network = plan.settings["network"]
    routers = {each.get("gateway") for each in (network, *network.get("also", ()))}
    routers |= {
        each.ip for each in plan.guests if each.values.get("gateway") == each.ip
    }
    what = "is the router's: it has no binding, and gets no answer"
    notes = [
        Note(LOST, f"{plan.name}: {each.ip}", what)
        for each in plan.guests
        if each.ip in routers
    ]
    guests = tuple(each for each in plan.guests if each.ip not in routers)
    return replace(plan, guests=guests, notes=(*plan.notes, *notes))


def _of_first_nics(values: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in values if each.get("default_network", True)]


def _share(
    above: dict[str, Any], values: Sequence[dict[str, Any]], keys: Iterable[str]
) -> None:
    """Have *above* say what most of *values* say, and those who say it no more.

    Not where one of them says nothing: of a key that is above, a guest can say
    another, but not that it has none.
    """
    for key in keys:
        if key not in above and values and all(key in each for each in values):
            said = Counter(json.dumps(each[key]) for each in values)
            above[key] = json.loads(said.most_common(1)[0][0])
        for each in values:
            _drop(each, above, [key])


def _drop_routes(values: dict[str, Any], above: Sequence[str]) -> None:
    """Leave out the routes that the network says: a guest is told both."""
    if "routes" in values:
        values["routes"] = [each for each in values["routes"] if each not in above]
        if not values["routes"]:
            del values["routes"]


def _are_one(values: Sequence[Mapping[str, Any]], key: str) -> bool:
    return len({json.dumps(each.get(key)) for each in values}) == 1


def _mtu(values: Sequence[Mapping[str, Any]], network: Mapping[str, Any]) -> int | None:
    """Return the largest MTU that a guest is told; None where the network's holds."""
    told = [int(each["mtu"]) for each in values if "mtu" in each]
    known = int(network.get("mtu", MTU))
    if not told or max(told) == known:
        return None
    return max(told) if "mtu" not in network else max(*told, known)


def _drop(
    values: dict[str, Any], above: Mapping[str, Any], keys: Sequence[str]
) -> None:
    for key in keys:
        if key in values and values[key] == above.get(key):
            del values[key]
