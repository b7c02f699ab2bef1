"""Rules that tests/oracles/test_lighttpd_rules.py found: what lighttpd does, we do."""

from ipaddress import IPv4Address

import pytest

from rewrite.asked import Rewrite
from rewrite.blocks import Alias
from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet


def meant(rules: str, path: str, host: str = "h", address: str = "10.0.0.5") -> Rewrite:
    asked = Asked(path, IPv4Address(address), headers={"host": host})
    found = RuleSet.parse(("f", rules)).apply(asked)
    assert found is not None
    return found


WHOLE = [
    # condition, what %0 is there
    ('$HTTP["remoteip"] == "10.0.0.5"', "10.0.0.5"),
    ('$HTTP["url"] =^ "/a"', "/a"),
    ('$HTTP["host"] =$ ".lab"', ".lab"),
    ('$HTTP["host"] == "vm.lab"', "vm.lab"),
    ('$HTTP["host"] =~ "v(m)"', "vm"),
]


@pytest.mark.parametrize(("condition", "value"), WHOLE)
def test_what_a_condition_matched(condition: str, value: str) -> None:
    """%0 is what the condition's text matched: a whole value by ==, its beginning by
    =^, its end by =$ (issue 6.1, 6.4)."""
    rules = condition + '{ url.rewrite-once = ("^/a" => "/x?%0") }'
    assert meant(rules, "/a/b", "vm.lab").query == value


def test_what_an_address_of_many_matched() -> None:
    """So it is for the address of a block that was found by a look-up, in a row and in
    a chain (issue 6.3, 6.4)."""
    block = '$HTTP["remoteip"] == "10.0.0.%d" { url.rewrite-once = ("" => "/%%0") }'
    blocks = [block % number for number in range(9)]
    for between in ("\n", " else "):
        assert meant(between.join(blocks), "/a").target == "/10.0.0.5"


HOSTS = [
    # as it is asked for, as rules see it
    ("H:80", "h"),
    ("h:8080", "h:8080"),
    ("h:", "h"),
    ("h.", "h"),
    ("[::1]:80", "[::1]"),
    ("[::1]", "[::1]"),
    ("", ""),
]


@pytest.mark.parametrize(("host", "seen"), HOSTS)
def test_a_host_without_what_is_needless(host: str, seen: str) -> None:
    """Conditions and targets see the host in lower case, without the port of http and
    without the root's dot (issue 6.1, 6.4)."""
    rules = 'url.rewrite-once = ("" => "/x?${url.authority}")'
    assert meant(rules, "/a", host).query == seen
    for field in ('$HTTP["host"]', '$REQUEST_HEADER["Host"]'):
        within = f'{field} =~ "^(.*)$" {{ url.rewrite-once = ("" => "/x?%1") }}'
        assert meant(within, "/a", host).query == seen


SLASHES = [
    # what a rule makes, the path that it is
    ("//a///b/", "/a/b/"),
    ("/./a/./b/.", "/a/b/"),
    ("/.a/b.", "/.a/b."),
    ("/a/..", "/a/.."),  # the document root refuses it
    ("/%2F/a", "/a"),
    ("/a?//b", "/a"),
]


@pytest.mark.parametrize(("made", "path"), SLASHES)
def test_a_target_without_needless_slashes(made: str, path: str) -> None:
    """The path that a rule made is simplified before anything else looks at it, but for
    what climbs (issue 6.4)."""
    rules = f"""
        url.rewrite-once = ("^/from" => "{made.replace("%", "%%")}")
        $HTTP["url"] == "{path}" {{ url.redirect = ("" => "/seen") }}
    """
    redirect = meant(rules, "/from").redirect
    assert redirect is not None
    assert redirect.location == "/seen"


PLACES = [
    # target, where it is looked for
    ("/al/x", ("/srv/a", "x")),
    ("/al//x/y", ("/srv/a", "x/y")),
    ("/bin", ("/srv/agent", "")),
    ("/bin/x", ("/srv/agent", "x")),
    ("/binary", ("/root", "binary")),
    ("/other", ("/root", "other")),
]


@pytest.mark.parametrize(("target", "place"), PLACES)
def test_an_alias_goes_before_a_root(target: str, place: tuple[str, str]) -> None:
    """An alias leads its prefix elsewhere, whatever the root is; it ends where a name
    does (mod_alias; issue 6.4)."""
    aliases = (Alias("/al/", "/srv/a"), Alias("/bin", "/srv/agent"))
    assert Rewrite(target, aliases=aliases, root="/root").elsewhere(target) == place


def test_neither_alias_nor_root() -> None:
    """What no alias knows is a document of the guest's (issue 6.1)."""
    assert Rewrite("/a", aliases=(Alias("/b/", "/srv"),)).elsewhere("/a") is None
