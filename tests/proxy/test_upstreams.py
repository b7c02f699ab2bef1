"""Which upstreams the rules of a network name."""

import pytest

from appliance.outside import needs_forwarder
from rewrite.ruleset import RuleSet
from rewrite.upstreams import upstreams_of

from ..appliance.house import N1
from ..appliance.house import House

ZSTACK = """
$HTTP["url"] =~ "^/metrics/job" {
    proxy.server = ( "" => ( ( "host" => "169.254.64.1", "port" => 9092 ) ) )
} else $HTTP["url"] =~ "^/host" {
    proxy.server = ( "" => ( ( "host" => "169.254.64.1", "port" => 7070 ) ) )
} else $HTTP["remoteip"] == "10.0.0.5" {
    proxy.server = ( "/a" => ( ( "host" => "five", "port" => 5 ) ) )
} else $HTTP["remoteip"] == "10.0.0.6" {
    proxy.server = ( "/a" => ( ( "host" => "six", "port" => 6 ) ) )
}
$HTTP["remoteip"] == "10.0.0.7" {
    $HTTP["host"] == "x" { proxy.server = ( "/a" => ( ( "host" => "seven" ) ) ) }
}
$HTTP["remoteip"] == "10.0.0.8" {
    proxy.server = ( "/a" => ( ( "host" => "eight" ) ), "/b" => ( ( "host" => "b" ) ) )
}
"""
NAMED = {
    "169.254.64.1:9092", "169.254.64.1:7070", "five:5", "six:6", "seven:80",
    "eight:80", "b:80",
}  # fmt: skip


def test_every_upstream_is_found() -> None:
    """issue 6.1: in every branch, also where address blocks became a look-up."""
    rules = RuleSet.parse(("a.rules", ZSTACK), ("b.rules", 'url.access-deny = ("~")'))
    assert upstreams_of(rules) == NAMED


def test_without_a_rule_there_is_none() -> None:
    """issue 6.1: off, unless the file says it."""
    assert upstreams_of(RuleSet.parse(("a.rules", ""))) == frozenset()


@pytest.mark.parametrize(
    ("settings", "rules", "needed"),
    [
        ("", "", False),
        ("", ZSTACK, True),
        ('[dns]\nupstream = ["10.0.0.53"]\n', "", True),
        ('[dns]\nenabled = false\nupstream = ["10.0.0.53"]\n', "", False),
        ("[dns]\nenabled = false\n", ZSTACK, True),
    ],
)
def test_who_needs_a_forwarder(
    tmp_path_factory: pytest.TempPathFactory,
    settings: str,
    rules: str,
    needed: bool,
) -> None:
    """issue 6.1: rules with an upstream are a reason, as names outside are."""
    house = House.build(tmp_path_factory.mktemp("house"), N1 + settings)
    read = RuleSet.parse(("a.rules", rules))
    assert needs_forwarder(house.settings(), read) is needed
