"""What guests have in common becomes the network's, and nobody is told otherwise."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.layout import Layout
from appliance.migration.common import share
from appliance.migration.plan import Guest
from appliance.migration.plan import NetworkPlan
from appliance.records import read_record
from appliance.settings import parse_settings
from dhcp.codes import OptionCode
from dhcp.levels import configured

NETWORK = {
    "subnet": "10.0.0.0/24",
    "dhcp_address": "10.0.0.2",
    "also": [{"subnet": "10.0.1.0/24", "dhcp_address": "10.0.1.2"}],
}
SETTINGS = {"network": NETWORK, "attach": {"bridge": "br0"}, "dhcp": {}}
Values = dict[str, Any]


def values(third: int) -> st.SearchStrategy[Values]:
    """Draw what a guest in 10.0.<third>.0/24 is told; 1450 is the least MTU."""
    near = f"10.0.{third}."
    return st.fixed_dictionaries(
        {},
        optional={
            "gateway": st.sampled_from([f"{near}1", f"{near}254"]),
            "dns": st.sampled_from([["10.0.0.53"], ["10.0.0.53", "10.0.0.54"]]),
            "domain": st.sampled_from(["a.example", "b.example"]),
            "mtu": st.sampled_from([1450, 1500, 9000]),
            "routes": st.sampled_from([[f"10.9.0.0/16 via {near}9"], []]),
            "lease_time": st.sampled_from(["infinite", "1d"]),
            "default_network": st.just(False),
        },
    )


def told(plan: NetworkPlan) -> dict[str, tuple[dict[int, bytes], object]]:
    """Return the options of each guest, and its lease time."""
    files = Layout(Path("/nowhere")).network("n1")
    settings = parse_settings(files, dict(plan.settings))
    found: dict[str, tuple[dict[int, bytes], object]] = {}
    for each in plan.guests:
        record = read_record(
            {"mac": each.mac, "ip": each.ip, **each.values}, each.ip, settings
        )
        network, binding = settings.network, record.binding
        place = next(r for r in network.ranges if binding.address in r.subnet)
        options = configured(network, place, binding)
        found[each.ip] = (options, binding.lease_time or network.lease_time)
    return found


def plan_of(guests: list[tuple[int, Values]]) -> NetworkPlan:
    """Return a plan with *guests*: the third octet of each, and what it is told."""
    made = tuple(
        Guest(f"02:00:00:00:00:{n:02x}", f"10.0.{third}.{n + 10}", each)
        for n, (third, each) in enumerate(guests)
    )
    # as readers leave it: the network's MTU is the largest of them
    most = max(each.get("mtu", 1500) for _, each in guests)
    settings = {**SETTINGS, "network": {**NETWORK, "mtu": most}}
    return NetworkPlan("n1", settings, guests=made)


GUESTS = st.lists(
    st.sampled_from([0, 1]).flatmap(lambda n: st.tuples(st.just(n), values(n))),
    min_size=1,
    max_size=6,
)


@given(GUESTS)
def test_no_guest_is_told_anything_else(guests: list[tuple[int, Values]]) -> None:
    """issue 6.6: the same options and lease time as when each binding said them."""
    plan = plan_of(guests)
    assert told(share(plan)) == told(plan)


@given(GUESTS)
def test_the_largest_mtu_is_the_networks(guests: list[tuple[int, Values]]) -> None:
    """A binding's MTU is bounded by its network's: nobody who had one has less."""
    plan = plan_of(guests)
    network = {key: each for key, each in NETWORK.items() if key != "mtu"}
    shared = share(NetworkPlan("n1", {**SETTINGS, "network": network}, "", plan.guests))
    after = told(shared)
    silent = 0
    for each in plan.guests:
        wanted = each.values.get("mtu")
        if wanted is None:
            silent += 1
        else:
            octets = after[each.ip][0][OptionCode.INTERFACE_MTU]
            assert int.from_bytes(octets, "big") == wanted
    changed = shared.settings["network"].get("mtu", 1500) != 1500
    said = [each for each in shared.notes if "no MTU" in each.what]
    assert len(said) == bool(silent and changed)


def test_what_all_say_is_said_once() -> None:
    """issue 6.6: configuration does not grow with the network."""
    one = {"gateway": "10.0.0.1", "dns": ["10.0.0.53"], "lease_time": "infinite"}
    other = {**one, "dns": ["10.0.0.54"], "hostname": "b"}
    plan = share(plan_of([(0, one), (0, dict(one)), (0, other)]))
    assert [dict(each.values) for each in plan.guests] == [
        {},
        {},
        {"dns": ["10.0.0.54"], "hostname": "b"},
    ]
    network = plan.settings["network"]
    assert (network["gateway"], network["dns"]) == ("10.0.0.1", ["10.0.0.53"])
    assert plan.settings["dhcp"] == {"lease_time": "infinite"}
