"""Options for who says something of itself become [[dhcp.class]] (issue 6.6)."""

from typing import Any

import pytest

from appliance.migration.classes import classes_of
from appliance.migration.classes import of_both
from appliance.migration.options import Option
from appliance.migration.options import parse_option_line
from appliance.migration.plan import CHANGES
from appliance.migration.plan import LOST
from appliance.migration.plan import Note
from appliance.migration.tags import ClientRule
from appliance.migration.tags import TagRules
from appliance.migration.tags import parse_client_rule

RULES = ("set:ms,60,MSFT", "set:ipxe,175", "set:uefi,93,7", "set:uefi,93,9")


def classes(*lines: str, tags: str = "") -> tuple[list[dict[str, Any]], list[Note]]:
    """Return what the lines become, of a network whose guests all have *tags*."""
    rules = [parse_client_rule("dhcp-match", each, "conf:1") for each in RULES]
    options = [parse_option_line(each, f"conf:{n}") for n, each in enumerate(lines, 2)]
    return classes_of(
        [each for each in options if isinstance(each, Option)],
        TagRules([each for each in rules if isinstance(each, ClientRule)]),
        frozenset(tags.split()),
        "10.0.0.2",
    )


def test_an_option_of_a_clients_tag_is_a_class() -> None:
    """issue 6.6: its condition, its options, our address for 0.0.0.0; those of one tag
    are of one class."""
    found, notes = classes("tag:ms,42,0.0.0.0", "tag:ms,252,http://x/", "42,10.0.0.3")
    assert found == [
        {
            "name": "ms",
            "vendor_class": "MSFT",
            "options": {"42": "10.0.0.2", "252": "http://x/"},
        }
    ]
    assert notes == []


def test_two_rules_of_one_tag_are_two_classes() -> None:
    """issue 6.6: dnsmasq gives the tag by either, and a class has one condition."""
    found, _ = classes("tag:uefi,42,10.0.0.3")
    assert [each["architecture"] for each in found] == [["7"], ["9"]]
    assert all(each["options"] == {"42": "10.0.0.3"} for each in found)


def test_a_vendors_options_are_one_43() -> None:
    """issue 6.6, zstack 2.1: ZStack's vendor:MSFT has Windows give its lease back."""
    found, notes = classes("vendor:MSFT,2,1i", "vendor:MSFT,3,10.0.0.9")
    assert found == [
        {
            "name": "MSFT",
            "vendor_class": "MSFT",
            "options": {"43": "02040000000103040a000009"},
        }
    ]
    assert [(each.kind, each.where) for each in notes] == [(CHANGES, "conf:2")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tag:ms,tag:ipxe,42,10.0.0.3", "needs ipxe, ms together"),
        ("tag:!ms,42,10.0.0.3", "needs !ms together"),
        ("tag:ms,tag:other,42,10.0.0.3", "needs ms, other together"),
        ("tag:ms,6,10.0.0.53", "no class of ours can change it"),
        ("tag:ms,42,words", "is no list of addresses"),
        ("tag:ms,224", "is sent without a value"),
        ("tag:other,vendor:MSFT,2,1i", "holds only with other"),
    ],
)
def test_what_no_class_can_say_is_a_note(line: str, words: str) -> None:
    """issue 6.6: nothing is skipped in silence."""
    found, notes = classes(line)
    assert found == []
    assert [(each.kind, each.where) for each in notes] == [(LOST, "conf:2")]
    assert words in notes[0].what


def test_a_tag_that_all_have_needs_no_word() -> None:
    """issue 6.6: with the tag of the one range the class is for everyone there."""
    found, notes = classes(
        "tag:ms,tag:lan,42,10.0.0.3", "tag:lan,vendor:X,1,1b", tags="lan"
    )
    assert [each["name"] for each in found] == ["ms", "X"]
    assert [each.kind for each in notes] == [CHANGES]


def test_a_tag_without_a_condition_of_ours_is_a_note() -> None:
    """issue 6.6: by a client-id alone no class goes."""
    rules = TagRules([ClientRule("conf:1", "ms", 61)])
    option = Option("conf:2", 42, ("10.0.0.3",), frozenset({"ms"}))
    found, notes = classes_of([option], rules, frozenset(), "10.0.0.2")
    assert found == []
    assert "by which no class of ours can go" in notes[0].what


def test_boot_files_are_no_class() -> None:
    """issue 6.6: 66 and 67 of a client's tag are [dhcp.boot]'s."""
    assert classes("tag:ms,66,10.0.0.4", "tag:ms,67,file") == ([], [])


def test_a_guests_own_beside_a_classs_is_said() -> None:
    """issue 6.6: here the guest's goes first, whatever the order of the lines was."""
    found, _ = classes("tag:ms,42,10.0.0.3", "tag:ms,44,10.0.0.4")
    (note,) = of_both(found, {"44", "66"}, "conf")
    assert note.kind == CHANGES
    assert "option 44" in note.what
