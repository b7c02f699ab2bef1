"""What the rules said is remembered, and is what they would say (issue 5.7)."""

from pathlib import Path

from appliance.ruling import REMEMBERED_AT_MOST
from appliance.ruling import TEXT_AT_MOST
from appliance.ruling import Ruling
from httpd.messages import Request
from rewrite.ruleset import RuleSet

from .house import House
from .house import ip
from .house import mac

TEXT = r"""
$HTTP["request-method"] == "PUT" {
    url.rewrite-once = ( "^/.*$" => "/shared/put" )
}
$REQUEST_HEADER["X-Wish"] == "json" {
    url.rewrite-once = ( "^/.*$" => "/shared/json" )
}
$SERVER["socket"] == "10.0.0.2:80" {
    url.rewrite-once = ( "^/.*$" => "/shared/here" )
}
url.rewrite-once = ( "^/(.*)$" => "/${ip}/${mac}/$1" )
"""
NEXT = r"""
metalease.if-missing = "next"
url.rewrite-once = ( "^/(.*)$" => "/${ip}/$1" )
"""


def test_what_is_remembered_is_what_the_rules_say(tmp_path: Path) -> None:
    """issue 5.7: another path, method, header, address, binding or place of asking is
    another question, however often and in whatever order they are put."""
    house = House.build(tmp_path)
    house.bind(5)
    house.bind(6)
    state = house.state()
    state.load()
    first, second = (state.at(ip(number)) for number in (5, 6))
    questions = [
        (Request(method, path, path, query, headers), address, record, at)
        for method in ("GET", "PUT")
        for path, query in (("/a", ""), ("/b", ""), ("/b", "x=1"))
        for headers in ({}, {"x-wish": "json"})
        for address in (ip(5), ip(6))
        for record in (None, first, second)
        for at in ("169.254.169.254:80", "10.0.0.2:80")
    ]
    ruling = Ruling("n1", RuleSet.parse(("own", TEXT)))
    fresh = [Ruling("n1", ruling.rules).of(*each) for each in questions]
    for _ in range(2):
        assert [ruling.of(*each) for each in questions] == fresh
    targets = {rule.target for said in fresh for rule in said.rules}
    assert f"/{ip(6)}/{mac(6)}/b" in targets
    assert {"/shared/put", "/shared/json", "/shared/here"} <= targets


def test_a_rule_may_leave_it_to_the_next() -> None:
    """issue 5.7: the rules to try are all to the first that leaves it to no other."""
    ruling = Ruling("n1", RuleSet.parse(("a", NEXT), ("b", TEXT), ("c", NEXT)))
    request = Request("PUT", "/x", "/x")
    for _ in range(2):
        said = ruling.of(request, ip(5), None)
        assert [rule.target for rule in said.rules] == [f"/{ip(5)}/x", "/shared/put"]


def test_memory_of_rulings_is_bounded() -> None:
    """issue 5.7: so many are remembered, and no long one."""
    ruling = Ruling("n1", RuleSet.parse(("own", NEXT)))
    long = "/" + "x" * TEXT_AT_MOST
    for path in (long, *(f"/{number}" for number in range(REMEMBERED_AT_MOST + 9))):
        ruling.of(Request("GET", path, path), ip(5), None)
        remembered = ruling._remembered  # there is no other sign of it
        assert len(remembered) <= REMEMBERED_AT_MOST
        assert (path == long) == (not remembered)
