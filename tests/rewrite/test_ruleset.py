"""Rules at work: which target a request gets, and why."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewrite.blocks import Alias
from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import Asked
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

FACTS = {"mac": "fa163e000005", "network": "n1"}


def apply(
    rules: str,
    path: str,
    *,
    remoteip: str = "10.0.0.5",
    method: str = "GET",
    facts: dict[str, str] = FACTS,
) -> Rewrite | None:
    asked = Asked(path, IPv4Address(remoteip), method, facts)
    return RuleSet.parse(("f", rules)).apply(asked)


def target(rules: str, path: str, **who: str) -> str | None:
    found = apply(rules, path, **who)  # type: ignore[arg-type] # remoteip or method
    return None if found is None else found.target


def once(*pairs: tuple[str, str]) -> str:
    rules = "".join(f'"{pattern}" => "{to}",' for pattern, to in pairs)
    return f"url.rewrite-once = ({rules})"


def test_the_first_match_wins() -> None:
    """Rules are asked in their order, and the first that matches decides (issue 3)."""
    rules = once(("^/a", "/1"), ("^/ab", "/2"), ("b", "/3"), ("^/c$", "/4"))
    assert target(rules, "/ab") == "/1"
    assert target(rules, "/b") == "/3"
    assert target(rules, "/c") == "/4"
    assert target(rules, "/cc") is None
    assert target("", "/") is None


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=6), st.sampled_from("abcd")
)
def test_the_first_match_of_any_rules_wins(letters: list[str], asked: str) -> None:
    """Of any rules, it is the first that matches; without one there is none."""
    rules = once(*((letter, f"/{at}") for at, letter in enumerate(letters)))
    expected = f"/{letters.index(asked)}" if asked in letters else None
    assert target(rules, "/" + asked) == expected


def test_files_are_asked_in_their_order() -> None:
    """The operator's file comes before the presets, and the origin names file and line
    of the rule that decided (for `metalease explain`)."""
    rules = RuleSet.parse(
        ("own", "# mine\n" + once(("^/a$", "/own"))),
        ("preset", once(("^/a$", "/preset")) + "\n\n" + '$HTTP["url"] == "/" {\n'
         '  metalease.list = ("x")\n}'),
    )  # fmt: skip
    address = IPv4Address("10.0.0.5")
    found = rules.apply(Asked("/a", address))
    assert found is not None
    assert (found.target, found.origin) == ("/own", "own:2")
    listed = rules.apply(Asked("/", address))
    assert listed is not None
    assert (listed.listing, listed.origin) == ((("x", None),), "preset:4")


def test_captures_are_filled_in() -> None:
    """$0 is all that matched, $1 to $9 the groups, a group that took no part is empty,
    $$ a dollar and %% a percent sign (lighttpd's url.rewrite-once)."""
    nine = "".join(f"({letter})" for letter in "abcdefghi")
    assert target(once((nine, "/$9$8$7$6$5$4$3$2$1")), "/xabcdefghiy") == "/ihgfedcba"
    assert target(once(("b(c)?", "/$0-$1")), "/abc") == "/bc-c"
    assert target(once(("b(x)?", "/$0-$1-")), "/abc") == "/b--"
    assert target(once(("(a)", "/$10")), "/a") == "/a0"
    assert target(once(("(a)", "/$$1-%%1-$")), "/a") == "/$1-%1-$"


def test_facts_are_filled_in() -> None:
    """${ip} ${mac} ${network} are the asking VM's, ${url.path} is what it asked for;
    the address is the connection's, whatever else says one (issue 3: the asking IP)."""
    rules = once(("^/a$", "/${ip}/${mac}/${network}${url.path}"))
    assert target(rules, "/a") == "/10.0.0.5/fa163e000005/n1/a"
    forged = {**FACTS, "ip": "10.0.0.9", "url.path": "/b"}
    found = apply(rules, "/a", facts=forged)
    assert found is not None
    assert found.target == "/10.0.0.5/fa163e000005/n1/a"
    assert target(once(("a", "${url.path}")), "/a/$1") == "/a/$1"


def test_a_capture_is_not_read_again() -> None:
    """What a guest writes into its URL is text: no ${...} in it means anything."""
    assert target(once(("^/(.+)$", "/x/$1")), "/${mac}$1%1") == "/x/${mac}$1%1"


def test_a_fact_that_is_not_known_matches_nothing() -> None:
    """A rule that needs the MAC of one whose MAC is not known is passed over."""
    rules = once(("^/a$", "/${mac}"), ("^/a$", "/${ip}"))
    found = apply(rules, "/a", facts={})
    assert found is not None
    assert found.target == "/10.0.0.5"


CONDITIONS = [
    ('$HTTP["remoteip"] == "10.0.0.5"', {"remoteip": "10.0.0.5"}, True),
    ('$HTTP["remoteip"] == "10.0.0.5"', {"remoteip": "10.0.0.6"}, False),
    ('$HTTP["remoteip"] != "10.0.0.5"', {"remoteip": "10.0.0.6"}, True),
    ('$HTTP["remoteip"] != "10.0.0.5"', {"remoteip": "10.0.0.5"}, False),
    ('$HTTP["remoteip"] == "10.0.0.0/24"', {"remoteip": "10.0.0.255"}, True),
    ('$HTTP["remoteip"] == "10.0.0.0/24"', {"remoteip": "10.0.1.0"}, False),
    ('$HTTP["remoteip"] != "10.0.0.0/24"', {"remoteip": "10.0.1.0"}, True),
    ('$HTTP["remoteip"] == "0.0.0.0/0"', {"remoteip": "192.0.2.1"}, True),
    ('$HTTP["url"] == "/a/b"', {}, True),
    ('$HTTP["url"] == "/a"', {}, False),
    ('$HTTP["url"] != "/a"', {}, True),
    ('$HTTP["url"] =~ "^/a/"', {}, True),
    ('$HTTP["url"] =~ "b$"', {}, True),
    ('$HTTP["url"] =~ "^b"', {}, False),
    ('$HTTP["url"] !~ "^b"', {}, True),
    ('$HTTP["url"] !~ "b"', {}, False),
    ('$HTTP["request-method"] == "GET"', {}, True),
    ('$HTTP["request-method"] == "GET"', {"method": "POST"}, False),
    ('$HTTP["request-method"] != "GET"', {"method": "HEAD"}, True),
    ('$HTTP["request-method"] =~ "^(GET|HEAD)$"', {"method": "HEAD"}, True),
    ('$HTTP["request-method"] !~ "^(GET|HEAD)$"', {"method": "PUT"}, True),
]


@pytest.mark.parametrize(("condition", "who", "holds"), CONDITIONS)
def test_a_condition_holds_or_its_else(
    condition: str, who: dict[str, str], holds: bool
) -> None:
    """Remote address (== != with address and network), url and method (== != =~ !~)
    decide between a block and its else (issue 3: conditions on remote address)."""
    rules = f"{condition} {{ {once(('/', '/yes'))} }} else {{ {once(('/', '/no'))} }}"
    assert target(rules, "/a/b", **who) == ("/yes" if holds else "/no")


def test_one_of_a_chain_holds() -> None:
    """Of blocks joined by else the first that holds counts, whatever those after it
    say: a block an address, as ZStack writes them (zstack 3.2, step 3)."""
    chain = " else ".join(
        f'$HTTP["remoteip"] == "10.0.0.{host}" {{ {once(("^/a$", f"/{host}"))} }}'
        for host in (5, 6, 5)
    )
    rules = f"{chain} else {{ {once(('^/a$', '/default'))} }}"
    assert target(rules, "/a", remoteip="10.0.0.6") == "/6"
    assert target(rules, "/a") == "/5"
    assert target(rules, "/a", remoteip="10.0.0.7") == "/default"


def test_a_nearer_setting_replaces_the_one_around() -> None:
    """A block's setting replaces that of the file as a whole, what it does not set is
    the file's, and of two blocks that hold the later counts: as in lighttpd."""
    rules = (
        once(("^/a$", "/file"), ("^/b$", "/file"))
        + ' metalease.content-type = "text/plain"'
        + ' $HTTP["url"] =~ "^/" { '
        + once(("^/a$", "/block"))
        + ' $HTTP["remoteip"] == "10.0.0.6" { '
        + once(("^/a$", "/inner"))
        + " } }"
        + ' $HTTP["remoteip"] == "10.0.0.7" { '
        + once(("^/a$", "/later"))
        + " }"
    )
    found = apply(rules, "/a")
    assert found is not None
    assert (found.target, found.content_type) == ("/block", "text/plain")
    assert target(rules, "/b") is None
    assert target(rules, "/a", remoteip="10.0.0.6") == "/inner"
    assert target(rules, "/a", remoteip="10.0.0.7") == "/later"


def test_how_a_document_is_served() -> None:
    """Type, answer where it is missing, and aliases come with the target, as the blocks
    around the request say (metadata 2, features 3 and 4)."""
    rules = (
        once(("^/(.+)$", "/${ip}/$1"))
        + ' alias.url = ("/x/" => "/srv/x/", "/y" => "/srv/y")'
        + ' $HTTP["url"] =~ "json$" { metalease.content-type = "application/json" }'
        + ' $HTTP["url"] =~ "^/e" { metalease.if-missing = "empty" }'
    )
    plain, json = apply(rules, "/a"), apply(rules, "/e.json")
    assert plain is not None
    assert json is not None
    aliases = (Alias("/x/", "/srv/x/"), Alias("/y", "/srv/y"))
    assert (plain.content_type, plain.if_missing, plain.aliases) == (
        None,
        "404",
        aliases,
    )
    assert (json.content_type, json.if_missing) == ("application/json", "empty")


def test_a_listing_is_an_answer() -> None:
    """metalease.list is the answer itself; a name that has a target is shown where that
    is served (metadata 1.5, root)."""
    rules = '$HTTP["url"] == "/" { metalease.list = ("b", "a" => "/${ip}/a") }'
    found = apply(rules, "/")
    assert found is not None
    assert (found.target, found.listing) == (None, (("b", None), ("a", "/10.0.0.5/a")))
    assert apply(rules, "/a") is None


def test_one_bad_file_is_an_error() -> None:
    """A mistake in any file is the error that names that file."""
    with pytest.raises(RuleSyntaxError, match="second:1:1: "):
        RuleSet.parse(("first", ""), ("second", "bad"))


@given(st.text("/.-_ab%\\ ", max_size=30).map("/".__add__))
def test_any_path_is_asked_without_harm(path: str) -> None:
    """Any path has a target or none, and a target of the VM begins with its own
    directory, as long as no segment climbs: what paths.py never lets through."""
    found = target(once(("^/(?:latest/)?(.*)$", "/${ip}/$1")), path)
    assert found is not None
    assert found.startswith("/10.0.0.5/")
