"""Rules in TOML: a table says what a rules file says."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import Asked
from rewrite.ruleset import Redirect
from rewrite.ruleset import Refusal
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet
from rewrite.table import KEYS
from rewrite.table import read_table

ADDRESS = IPv4Address("10.0.0.5")


def apply(table: dict[str, object], asked: Asked) -> Rewrite | None:
    return RuleSet.parse(("f", read_table(table, "f", 1))).apply(asked)


def test_a_table_is_a_rule() -> None:
    """match and to, and how it is served (issue 6.1: the same rules in TOML)."""
    table: dict[str, object] = {
        "match": "^/a/(.+)$",
        "to": "/${ip}/$1",
        "content_type": "text/plain",
        "headers": {"X-A": "b"},
        "if_missing": "next",
        "render": "json",
        "alias": {"/10.0.0.5/x": "/srv/x"},
        "require_header": {"Metadata": ""},
        "refuse": 400,
    }
    found = apply(table, Asked("/a/x", ADDRESS, headers={"metadata": "true"}))
    assert found is not None
    assert (found.target, found.content_type) == ("/10.0.0.5/x", "text/plain")
    assert (found.headers, found.if_missing) == ((("X-A", "b"),), "next")
    assert (found.render, found.aliases[0].path) == ("json", "/srv/x")
    assert found.origin == "f:1"
    refused = apply(table, Asked("/a/x", ADDRESS))
    assert refused is not None
    assert refused.refusal == Refusal(400, "metadata is missing")
    assert apply(table, Asked("/b", ADDRESS)) is None


ANSWERS = [
    (
        {"redirect": "/b", "redirect_code": 307},
        Rewrite(None, redirect=Redirect(307, "/b")),
    ),
    ({"spool": "p"}, Rewrite(None, spool="p")),
    ({"spool": "p", "once": True}, Rewrite(None, spool="p", once=True)),
    ({"list": ["b", "a"]}, Rewrite(None, listing=(("b", None), ("a", None)))),
    ({"list": {"a": "/x"}}, Rewrite(None, listing=(("a", "/x"),))),
    ({"deny": True}, Rewrite(None, refusal=Refusal(403, 'url.access-deny: ""'))),
    ({"proxy": "10.0.0.3:9092"}, Rewrite("/a", proxy="10.0.0.3:9092")),
    ({"root": "/srv"}, Rewrite("/a", root="/srv")),
    ({"to": "/ab", "repeat": True}, None),
]


@pytest.mark.parametrize(("keys", "expected"), ANSWERS)
def test_each_kind_of_answer(keys: dict[str, object], expected: Rewrite | None) -> None:
    """to, redirect, spool, list, deny, proxy and root, for what matches alone."""
    table = {"match": "^/a", **keys}
    found = apply(table, Asked("/a", ADDRESS))
    assert found is not None
    if expected is None:
        assert found.refusal == Refusal(500, "rewritten more than 100 times")
        return
    shown = Rewrite(
        **{**{name: getattr(found, name) for name in Rewrite.__slots__}, "origin": ""}
    )
    assert shown == expected
    assert apply(table, Asked("/b", ADDRESS)) is None


WHO = [
    ({"method": "POST"}, {"method": "POST"}, {"method": "GET"}),
    ({"query": "^x=1$"}, {"query": "x=1"}, {"query": "x=2"}),
    ({"header": {"X-A": "^1$"}}, {"headers": {"x-a": "1"}}, {"headers": {}}),
    ({"host": "h"}, {"headers": {"host": "h:80"}}, {"headers": {"host": "i"}}),
    ({"ip": "10.0.0.0/29"}, {}, {"remoteip": IPv4Address("10.0.0.9")}),
    ({"socket": ":80"}, {"socket": "10.0.0.2:80"}, {"socket": "10.0.0.2:8080"}),
]


@pytest.mark.parametrize(("keys", "yes", "no"), WHO)
def test_each_condition(
    keys: dict[str, object], yes: dict[str, object], no: dict[str, object]
) -> None:
    """method, query, header, host, ip and socket have all to hold (metadata 2, feature
    1), for each kind of answer."""
    for answer in ({"to": "/x"}, {"list": ["x"]}):
        table = {"match": "^/a", **answer, **keys}
        plain: dict[str, object] = {"path": "/a", "remoteip": ADDRESS}
        assert apply(table, Asked(**{**plain, **yes})) is not None  # type: ignore[arg-type] # of the table above
        assert apply(table, Asked(**{**plain, **no})) is None  # type: ignore[arg-type] # of the table above


MISTAKES = [
    ({}, "match: a pattern belongs here"),
    ({"match": "^/a"}, "to: one of to, redirect, spool, list, deny, proxy, root"),
    ({"match": "^/a", "to": "/b", "list": []}, "to: one of to, redirect"),
    ({"match": "(", "to": "/b"}, "to: '(' is no regular expression"),
    ({"match": "^/a", "to": "b"}, "to: 'b': a target begins with"),
    ({"match": "^/a", "to": "/$1"}, "to: $1: the pattern has only 0 groups"),
    ({"match": "^/a", "to": 1.5}, "to: text belongs here"),
    (
        {"match": "^/a", "to": "/b", "methods": "GET"},
        "methods: is not a known key: did",
    ),
    ({"match": "^/a", "to": "/b", "zzz": "GET"}, "zzz: is not a known key: match, to"),
    (
        {"match": "^/a", "to": "/b", "ip": "10.0.0.5/24"},
        "ip: 10.0.0.5/24 has host bits",
    ),
    ({"match": "^/a", "to": "/b", "ip": 5}, "ip: text belongs here"),
    ({"match": "^/a", "to": "/b", "query": "(a+)+$"}, "query: '(a+)+$' may take very"),
    ({"match": "^/a", "to": "/b", "header": "x"}, "header: a table belongs here"),
    ({"match": "^/a", "to": "/b", "if_missing": "no"}, "if_missing: 'no' is not known"),
    ({"match": "^/a", "to": "/b", "headers": ["x"]}, 'headers: "..." => "..." belongs'),
    ({"match": "^/a", "to": "/b", "refuse": 200}, "refuse: a status of 400 to 599"),
    ({"match": "^/a", "spool": "a/b"}, "spool: 'a/b': a name in the spool"),
    ({"match": "^/a", "deny": False}, "deny: true belongs here"),
    ({"match": "^/a", "proxy": "10.0.0.3"}, "proxy: "),
]


@pytest.mark.parametrize(("table", "what"), MISTAKES)
def test_a_mistake_names_its_key(table: dict[str, object], what: str) -> None:
    """What cannot be meant is an error with the table's number and the key."""
    with pytest.raises(RuleSyntaxError) as raised:
        read_table(table, "f", 7)
    assert (raised.value.file, raised.value.line) == ("f", 7)
    assert raised.value.what.startswith(what)


VALUES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["^/a", "/b", "404", "10.0.0.1"]),
    st.booleans(),
    st.integers(),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(
        st.text(max_size=3), st.text(max_size=3) | st.integers(), max_size=2
    ),
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_table_is_a_rule_or_the_one_error(table: dict[str, object]) -> None:
    """Any table gives a Block, or RuleSyntaxError."""
    try:
        block = read_table(table, "f", 1)
    except RuleSyntaxError:
        return
    RuleSet.parse(("f", block)).apply(Asked("/a", ADDRESS))
