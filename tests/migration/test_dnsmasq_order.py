"""What dnsmasq's lines say of each other, in whatever order they stand (issue 6.6)."""

import pytest

from appliance.migration.dnsmasq import read_dnsmasq
from appliance.migration.plan import CHANGES
from appliance.migration.plan import LOST
from appliance.migration.plan import NetworkPlan

from .given import Given

RANGE = "dhcp-range=set:lan,10.0.0.0,static,255.255.255.0"
POOL = "dhcp-range=set:pool,10.1.0.100,10.1.0.120,255.255.255.0,12h"
DEFAULT = "dhcp-option=121,0.0.0.0/0,10.0.0.1"
HOST = "dhcp-host=02:00:00:00:00:01,set:a,10.0.0.5,web"


def plan_of(*lines: str) -> NetworkPlan:
    text = "".join(f"{line}\n" for line in ("interface=br0", *lines))
    return read_dnsmasq(Given({"conf": text}), ["conf"])


def said(plan: NetworkPlan, kind: str) -> dict[str, str]:
    return {each.where: each.what for each in plan.notes if each.kind == kind}


@pytest.mark.parametrize(
    "rules",
    [
        ("dhcp-ignore=tag:pxe", "dhcp-match=set:pxe,93"),
        ("dhcp-match=set:pxe,93", "dhcp-ignore=tag:pxe"),
        ("dhcp-ignore=tag:all", "tag-if=set:all,tag:pxe", "dhcp-match=set:pxe,93"),
        ("dhcp-ignore=tag:!pxe", "dhcp-match=set:pxe,93"),
        ("dhcp-ignore=net:pxe", "dhcp-match=set:pxe,93"),
    ],
)
def test_a_client_that_was_ignored_is_a_note(rules: tuple[str, ...]) -> None:
    """issue 6.6: dhcp-ignore by what a client says, wherever its tag is given."""
    plan = plan_of(RANGE, HOST, *rules)
    lost = said(plan, LOST)
    (where,) = (f"conf:{n}" for n, each in enumerate(rules, 4) if "ignore" in each)
    assert "does not silence us" in lost[where]
    assert [each.ip for each in plan.guests] == ["10.0.0.5"]


def test_a_host_whose_tags_are_ignored_is_not_bound() -> None:
    """issue 6.6: also where the line is above the tag-if that gives the tag."""
    plan = plan_of("dhcp-ignore=tag:b", "tag-if=set:b,tag:a", RANGE, HOST)
    assert plan.guests == ()
    assert "is ignored" in said(plan, LOST)["conf:5"]


def test_bootp_is_answered_as_dnsmasq_did() -> None:
    """issue 6.6: who has a line of its own, unless it is told off; strangers never."""
    assert plan_of(RANGE, HOST).settings["dhcp"]["bootp"] is True
    assert "bootp" not in plan_of(POOL).settings["dhcp"]
    ignored = plan_of(RANGE, HOST, "dhcp-ignore=tag:bootp")
    assert "bootp" not in ignored.settings["dhcp"]
    assert [each.ip for each in ignored.guests] == ["10.0.0.5"]


def test_the_networks_keys_are_the_pools() -> None:
    """issue 6.6: who is bound has keys of its own, the pool's guests have not: so a
    pool in the second range keeps its lease, its options and its router."""
    plan = plan_of(
        RANGE,
        POOL,
        "dhcp-option=tag:lan,3,10.0.0.1",
        "dhcp-option=tag:pool,3,10.1.0.1",
        "dhcp-option=tag:pool,15,pool.example",
        "dhcp-option-force=tag:pool,42,10.1.0.3",
        HOST,
    )
    network, dhcp = plan.settings["network"], plan.settings["dhcp"]
    assert (network["subnet"], network["gateway"]) == ("10.1.0.0/24", "10.1.0.1")
    assert network["domain"] == "pool.example"
    assert (dhcp["lease_time"], dhcp["options"]) == ("12h", {"42": "10.1.0.3"})
    assert 42 in dhcp["always"]
    assert network["also"][0]["gateway"] == "10.0.0.1"
    (guest,) = plan.guests
    assert guest.values["lease_time"] == "1h"
    assert "42 as all are" in " ".join(each.what for each in plan.notes)


def test_two_pools_that_are_told_otherwise_are_said() -> None:
    """issue 6.6: [[network.also]] has no DNS, domain, lease of its own; each range's
    own address of ours is its name server."""
    second = (
        POOL.replace("10.1.", "10.2.").replace("pool,", "more,").replace("12h", "1d")
    )
    lines = ("dhcp-option=tag:more,15,more.example", "dhcp-option=tag:pool,42,10.1.0.3")
    plan = plan_of(POOL, second, *lines)
    here = [each.what for each in plan.notes if each.where == "conf:3"]
    for word in ("domain", "lease_time", "option 42"):
        assert any(f"told {word} as those of 10.1.0.0/24" in each for each in here), (
            word
        )
    assert not any("told dns" in each for each in here)
    assert "dns" not in plan.settings["network"]


def test_what_a_range_tells_all_is_noted_of_who_was_not_told_it() -> None:
    """issue 6.6: an option of [[network.also.options]] reaches the bound ones too."""
    plan = plan_of(
        POOL,
        POOL.replace("10.1.", "10.2.").replace("pool,", "more,"),
        "dhcp-option=tag:more,tag:!a,42,10.2.0.3",
        "dhcp-host=02:00:00:00:00:01,set:a,10.2.0.5,web",
    )
    assert plan.settings["network"]["also"][0]["options"] == {"42": "10.2.0.3"}
    changed = said(plan, CHANGES)
    assert "option 42" in changed["conf: 10.2.0.5"]


@pytest.mark.parametrize(("line", "code"), [("12,told", 12), ("1,255.255.0.0", 1)])
def test_what_the_pool_cannot_be_told_is_a_note(line: str, code: int) -> None:
    """issue 6.6: a name and a netmask are a binding's alone."""
    plan = plan_of(POOL, f"dhcp-option={line}")
    assert f"option {code} is a bound guest's alone" in said(plan, LOST)["conf:3"]


def test_no_name_server_is_told_where_none_answers() -> None:
    """issue 6.6: port=0 and an empty option 6: nothing changes, so no note says so."""
    lines = ("dhcp-option=3,10.0.0.1", "dhcp-option=6", DEFAULT, HOST)
    quiet, loud = plan_of(RANGE, "port=0", *lines), plan_of(RANGE, *lines)
    assert not any("name server" in each.what for each in quiet.notes)
    assert any("name server" in each.what for each in loud.notes)


def test_who_was_told_no_name_is_said_with_an_empty_option_6_too() -> None:
    """issue 6.6: a first NIC is told one here."""
    nameless = HOST.replace(",web", "")
    lines = ("dhcp-option=3,10.0.0.1", "dhcp-option=6", DEFAULT, nameless)
    plan = plan_of(RANGE, "port=0", *lines)
    assert any("was told no name" in each.what for each in plan.notes)


def test_a_forced_249_is_a_note() -> None:
    """issue 6.6: who does not ask for 249 is told 121."""
    route = "0.0.0.0/0,10.0.0.1"
    forced = f"dhcp-option-force=249,{route}"
    plan = plan_of(
        RANGE, "dhcp-option=3,10.0.0.1", f"dhcp-option=121,{route}", forced, HOST
    )
    assert "249 is for who asks" in said(plan, CHANGES)["conf:5"]


@pytest.mark.parametrize(("address", "said"), [("10.0.0.255", 0), ("10.0.0.63", 1)])
def test_a_broadcast_address_of_its_own_is_a_note(address: str, said: int) -> None:
    """issue 6.6, dnsmasq(8): here it is the subnet's."""
    plan = plan_of(f"{RANGE},{address}", HOST)
    found = [each for each in plan.notes if "broadcast address is" in each.what]
    assert len(found) == said


@pytest.mark.parametrize("value", ["67", "65536", "1450,1500"])
def test_what_is_no_mtu_is_a_note(value: str) -> None:
    """issue 6.6, RFC 2132 section 5.1: at its line, and the network is taken."""
    plan = plan_of(RANGE, f"dhcp-option=26,{value}", HOST)
    assert "option 26" in said(plan, LOST)["conf:3"]
    assert [each.ip for each in plan.guests] == ["10.0.0.5"]
