"""Tags choose which option a guest is told (issue 6.6)."""

from appliance.migration.options import Option
from appliance.migration.options import choose
from appliance.migration.options import parse_option_line


def parsed(text: str) -> Option:
    found = parse_option_line(text, "")
    assert isinstance(found, Option), found
    return found


def test_a_hosts_tag_goes_before_its_ranges_and_that_before_none() -> None:
    """issue 6.6: dnsmasq(8), dhcp-option; "!" forbids a tag."""
    lines = ("tag:red,26,1", "tag:net,26,2", "26,3", "tag:!red,42,10.0.0.3")
    options = [parsed(each) for each in lines]
    told = choose(options, {"red"}, {"net"})
    assert {code: each.values for code, each in told.items()} == {26: ("1",)}
    assert choose(options, set(), {"net"})[26].values == ("2",)
    assert choose(options, set())[26].values == ("3",)
