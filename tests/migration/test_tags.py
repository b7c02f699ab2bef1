"""How dnsmasq comes to a client's tags (issue 6.6, dnsmasq(8))."""

import pytest

from appliance.migration.tags import ClientRule
from appliance.migration.tags import TagRules
from appliance.migration.tags import parse_client_rule
from appliance.migration.tags import parse_mac_rule
from appliance.migration.tags import parse_tag_rule

MAC = "02:00:00:00:00:0a"


def rule(key: str, text: str) -> ClientRule:
    found = parse_client_rule(key, text, "conf:1")
    assert isinstance(found, ClientRule), found
    return found


@pytest.mark.parametrize(
    ("key", "text", "code", "value"),
    [
        ("dhcp-vendorclass", "set:ms,MSFT 5.0", 60, b"MSFT 5.0"),
        ("dhcp-vendorclass", "ms,MSFT", 60, b"MSFT"),
        ("dhcp-userclass", "net:ms,accounts", 77, b"accounts"),
        ("dhcp-match", "set:ms,175", 175, None),
        ("dhcp-match", "set:ms,option:client-arch,7", 93, b"\0\7"),
        ("dhcp-match", "set:ms,60,HTTPClient", 60, b"HTTPClient"),
        ("dhcp-match", "set:ms,224,01:02", 224, b"\1\2"),
    ],
)
def test_a_rule_gives_its_tag(
    key: str, text: str, code: int, value: bytes | None
) -> None:
    """issue 6.6: set:, net: or a bare word is the tag; then an option and its value."""
    assert rule(key, text) == ClientRule("conf:1", "ms", code, value)


@pytest.mark.parametrize(
    ("key", "text", "word"),
    [
        ("dhcp-match", "set:x", "needs a value"),
        ("dhcp-match", "set:x,option6:9", "DHCPv6"),
        ("dhcp-match", "set:x,vi-encap:9,1", "124 or 125"),
        ("dhcp-match", "set:x,option:unheard", "'unheard' is not known"),
        ("dhcp-match", "set:x,61,*:02", "a pattern"),
        ("dhcp-vendorclass", "set:x,enterprise:9,y", "DHCPv6"),
    ],
)
def test_what_has_no_place_says_why(key: str, text: str, word: str) -> None:
    """issue 6.6: nothing is skipped in silence."""
    found = parse_client_rule(key, text, "conf:1")
    assert isinstance(found, str)
    assert word in found


def test_a_rule_meets_who_sends_its_value_anywhere() -> None:
    """dnsmasq(8): a substring of what the client sends; without a value, its being
    there."""
    ms, any_id = rule("dhcp-vendorclass", "set:x,SFT"), rule("dhcp-match", "set:x,61")
    assert ms.meets({60: b"MSFT 5.0"})
    assert not ms.meets({60: b"udhcp"})
    assert any_id.meets({61: b"\1"})
    assert not any_id.meets({60: b"MSFT"})


@pytest.mark.parametrize(
    ("key", "text", "keys"),
    [
        ("dhcp-match", "set:x,option:client-arch,7", {"architecture": ["7"]}),
        ("dhcp-match", "set:x,175", {"user_class": "iPXE"}),
        ("dhcp-vendorclass", "set:x,MSFT", {"vendor_class": "MSFT"}),
        ("dhcp-userclass", "set:x,accounts", {"user_class": "accounts"}),
        ("dhcp-match", "set:x,61", None),
        ("dhcp-match", "set:x,60", None),
        ("dhcp-match", "set:x,60,ff:fe", None),
    ],
)
def test_a_rule_is_a_class_of_client(
    key: str, text: str, keys: dict[str, object] | None
) -> None:
    """issue 6.6: what [[dhcp.class]] can go by, and nothing else."""
    assert rule(key, text).condition() == keys


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("set:x,02:00:00:*:*:*", True),
        ("set:x,2:0:0:0:0:a", True),
        ("set:x,1-02:00:00:00:00:0A", True),
        ("set:x,02:00:01:*:*:*", False),
        ("set:x,*:*:*:*:*:0b", False),
    ],
)
def test_a_mac_has_holes(text: str, matches: bool) -> None:
    """dnsmasq(8), dhcp-mac: * is any octet, of any case."""
    found = parse_mac_rule(text)
    assert found is not None
    assert found.tag == "x"
    assert bool(found.pattern.fullmatch(MAC)) is matches


@pytest.mark.parametrize(
    "text", ["set:x", "set:x,02:00", "set:x,zz:0:0:0:0:0", "x,a,b"]
)
def test_what_is_no_mac_is_nothing(text: str) -> None:
    """issue 6.6: it is said, and no tag is given by mistake."""
    assert parse_mac_rule(text) is None


def test_tags_follow_from_tags_in_the_order_of_the_lines() -> None:
    """dnsmasq(8), tag-if: all of its tags there, none that it forbids; a later line
    sees what an earlier one gave."""
    lines = ("set:both,tag:one,tag:two", "set:last,tag:both", "set:no,tag:one,tag:!two")
    further = [each for each in map(parse_tag_rule, lines) if each is not None]
    rules = TagRules(further=further)
    assert rules.all_of({"one", "two"}) == {"one", "two", "both", "last"}
    assert rules.all_of({"one"}) == {"one", "no"}
    assert TagRules(further=further[::-1]).all_of({"one", "two"}) == {
        "one",
        "two",
        "both",
    }


@pytest.mark.parametrize("text", ["set:x", "tag:x", "set:x,y", "set:x,id:y"])
def test_what_is_no_tag_rule_is_nothing(text: str) -> None:
    """issue 6.6: it is said, and no tag is given by mistake."""
    assert parse_tag_rule(text) is None


def test_what_a_client_says_reaches_the_tags_behind_it() -> None:
    """issue 6.6: a tag that follows from one of a client's is the client's too, also
    where it follows from its absence."""
    mac = parse_mac_rule("set:mine,02:00:00:*:*:*")
    lines = ("set:script,tag:ipxe", "set:first,tag:!ipxe", "set:own,tag:mine")
    further = [each for each in map(parse_tag_rule, lines) if each is not None]
    assert mac is not None
    rules = TagRules([rule("dhcp-match", "set:ipxe,175")], [mac], further)
    assert rules.of_client() == {"ipxe", "script", "first"}
    assert rules.of_host(MAC, {"a"}) == {"a", "mine", "own", "first"}
    assert rules.of_host("0a:00:00:00:00:01", ()) == {"first"}
    assert rules.of_sender({175: b""}, {"a"}) == {"a", "ipxe", "script"}
