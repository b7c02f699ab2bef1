"""The language: what a rules file may say, and where a mistake is."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewrite.blocks import Alias
from rewrite.blocks import Chain
from rewrite.blocks import Link
from rewrite.blocks import Rule
from rewrite.blocks import Table
from rewrite.errors import RuleSyntaxError
from rewrite.grammar import NESTED_AT_MOST
from rewrite.grammar import parse_rules
from rewrite.targets import Capture
from rewrite.targets import Fact
from rewrite.tokens import tokenize


def mistake(text: str) -> RuleSyntaxError | None:
    """What is wrong with *text*; None where it is rules."""
    try:
        parse_rules(text, "f")
    except RuleSyntaxError as problem:
        return problem
    return None


def strings(text: str) -> list[str]:
    return [token.text for token in tokenize(text, "f") if token.kind == "string"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"abc"', ["abc"]),
        (r'""', [""]),
        (r'"a" "b"', ["a", "b"]),
        (r'"^/\d+\.json$"', [r"^/\d+\.json$"]),
        (r'"a\"b"', ['a"b']),
        (r'"\"\""', ['""']),
        (r'"a\\b"', [r"a\\b"]),
        (r'"a\\\"b"', [r"a\\" + '"b']),
        ('"# no comment"', ["# no comment"]),
        ('"a" # "b"\n"c"', ["a", "c"]),
        ('"a\nb"', ["a\nb"]),
        ('"é"', ["é"]),
    ],
)
def test_a_string_is_lighttpd_s(written: str, meant: list[str]) -> None:
    r"""\" is a quote, and any other backslash stays the pattern's own, before another
    too: as lighttpd's configuration reads it (its oracle proves that)."""
    assert strings(written) == meant


def test_each_word_knows_its_place() -> None:
    """Lines and columns count from 1, also behind a string of two lines."""
    text = 'a.b = "x\ny" # c\n\t$HTTP["url"] =~'
    places = [(each.text, each.line, each.column) for each in tokenize(text, "f")]
    assert places == [
        *(("a.b", 1, 1), ("=", 1, 5), ("x\ny", 1, 7)),
        *(("$HTTP", 3, 2), ("[", 3, 7), ("url", 3, 8), ("]", 3, 13), ("=~", 3, 15)),
        ("the end of the file", 3, 17),
    ]


RULES = """\
# a comment
url.rewrite-once = (
    "^/(.+)/(a)$" => "/${ip}/$2$1$0",
    "^/b$" => "/${mac}-${network}/x",
)
metalease.content-type = "text/plain"
$HTTP["remoteip"] == "10.0.0.0/24" {
    alias.url = ("/shared/" => "/srv/")
    metalease.if-missing = "empty"
    $HTTP["url"] !~ "^/x" { metalease.list = ("latest", "a" => "/${ip}/a") }
}
else $HTTP["request-method"] != "GET" {
    metalease.if-missing = "204"
} else {
    url.rewrite-once = ()
}
"""


def links(step: object) -> list[Link]:
    """The links of a chain that has no table."""
    assert isinstance(step, Chain)
    return [each for each in step.parts if isinstance(each, Link)]


def test_a_file_is_read_as_it_is_written() -> None:
    """Settings, conditions, what is nested in them and what is else come out as they
    stand there (issue 3, point 3)."""
    block = parse_rules(RULES, "f")
    rules = block.changes["rules"]
    assert isinstance(rules, tuple)
    first: Rule = rules[0]
    second: Rule = rules[1]
    assert first.target is not None
    assert second.target is not None
    assert (first.pattern.text, first.where.line) == ("^/(.+)/(a)$", 3)
    assert first.target.parts == (
        *("/", Fact("ip"), "/", Capture(2), Capture(1), Capture(0)),
    )
    assert second.target.parts == ("/", Fact("mac"), "-", Fact("network"), "/x")
    assert block.changes["content_type"] == "text/plain"
    by_address, by_method, last = links(*block.inner)
    assert str(by_address.condition) == '$HTTP["remoteip"] == "10.0.0.0/24"'
    assert by_address.block.changes["aliases"] == (Alias("/shared/", "/srv/"),)
    assert by_address.block.changes["if_missing"] == "empty"
    (nested,) = links(*by_address.block.inner)
    assert str(nested.condition) == '$HTTP["url"] !~ "^/x"'
    listing = nested.block.changes["listing"]
    assert [entry.name for entry in listing.entries] == ["latest", "a"]  # type: ignore[attr-defined] # a Listing
    assert listing.entries[0].target is None  # type: ignore[attr-defined] # the same
    assert listing.where.line == 10  # type: ignore[attr-defined] # the same
    assert str(by_method.condition) == '$HTTP["request-method"] != "GET"'
    assert (last.condition, last.block.changes) == (None, {"rules": ()})


MISTAKES = {
    # what is written: line, column, a part of what is said
    'url.rewritten = ("a" => "/b")': (1, 1, "url.rewrite-once, url.rewrite-final"),
    'nothing.at-all = "a"': (1, 1, "is not known: url.rewrite-once"),
    "server.port = 80": (1, 1, "server.port is not known here: write ports = [..]"),
    'server.modules = ("mod_x")': (1, 1, "leave it out"),
    "mimetype.assign = ()": (1, 1, "write metalease.content-type"),
    'dir-listing.activate = "enable"': (1, 1, "names, one a line"),
    'include_shell "ls"': (1, 1, "include_shell runs a program"),
    'include "other"': (1, 9, "there is no file 'other'"),
    'include "conf.d/*.rules"': (1, 9, "an include for each file"),
    'include "../other"': (1, 9, "only a file beside this one"),
    'include "/etc/passwd"': (1, 9, "only a file beside this one"),
    "x": (1, 1, "x is not known"),
    "var.x = env.HOME": (1, 9, "env.X is the environment"),
    'env.HOME = "/"': (1, 1, "env.X is the environment"),
    "alias.url = var.x": (1, 13, "var.x is not set before"),
    'metalease.content-type = "a" + ("b")': (1, 32, "a string and a list cannot"),
    "var.x = 1\nvar.x = 2": (2, 1, "set twice in this block: := sets it again"),
    "url.redirect-code = 200": (1, 21, "a status of 300 to 399"),
    'metalease.refuse = "200"': (1, 20, "a status of 400 to 599"),
    'server.document-root = "/srv"': (1, 24, "belongs inside a condition"),
    '$HTTP["url"] == "/" { server.document-root = "srv" }': (1, 46, "begins with /"),
    'proxy.server = (".php" => (("host" => "a")))': (1, 17, "an exact path"),
    'proxy.server = ("/a" => ())': (1, 25, "one upstream"),
    'proxy.server = ("/a" => (("port" => 80)))': (1, 26, '"host" =>'),
    'proxy.server = ("/a" => (("host" => "a", "port" => 0)))': (1, 52, "1 to 65535"),
    'proxy.server = ("/a" => (("host" => "a", "x" => 0)))': (1, 42, "is not known"),
    'url.access-deny = ("a" => "b")': (1, 20, "suffixes belong here"),
    'metalease.spool = ("^/a$" => "a/b")': (1, 30, "a name in the spool"),
    'metalease.render = "xml"': (1, 20, "json are"),
    'setenv.add-response-header = ("a b" => "c")': (1, 31, "no header's name"),
    'setenv.add-response-header = ("a" => "\r")': (1, 38, "printable ASCII"),
    'global { $HTTP["url"] == "/" {} }': (1, 10, "does not belong inside global"),
    '$HTTP["url"] == "/" { global {} }': (1, 23, "outside of every block"),
    "metalease.list": (1, 15, "'=' belongs here"),
    'metalease.if-missing = "500"': (1, 24, "404, 204, empty, next, default are"),
    'metalease.if-missing = "404"\nmetalease.if-missing = "404"': (2, 1, "set twice"),
    "metalease.if-missing = 404": (1, 24, "a string in"),
    'metalease.content-type = ""': (1, 26, "printable"),
    'metalease.content-type = "a\r\nX: y"': (1, 26, "printable"),
    'metalease.content-type = "é"': (1, 26, "printable"),
    'url.rewrite-once = "a"': (1, 20, "a list in ( ) belongs here, not a string"),
    'url.rewrite-once = ("a")': (1, 21, '"..." => "..." belongs here'),
    'url.rewrite-once = ("a" => )': (1, 28, "a string belongs here"),
    'url.rewrite-once = ("a" => "/b" "c" => "/d")': (1, 33, "',' belongs here"),
    'url.rewrite-once = ("a" => "/b",,)': (1, 33, "a string belongs here"),
    'url.rewrite-once = ("a" => "/b"': (1, 32, "the end of the file"),
    'url.rewrite-once = (\n "(" => "/b")': (2, 2, "no regular expression"),
    'url.rewrite-once = ("*" => "/b")': (1, 21, "no regular expression"),
    'url.rewrite-once = ("[[:alfa:]]" => "/b")': (1, 21, "no regular expression"),
    'url.rewrite-once = ("a{99999999999}" => "/b")': (1, 21, "no regular expression"),
    r'url.rewrite-once = ("a\Kb" => "/b")': (1, 21, "write what is wanted in ()"),
    'url.rewrite-once = ("(a+)+$" => "/b")': (1, 21, "may take very long"),
    'url.rewrite-once = ("a" => "b")': (1, 28, 'a target begins with "/"'),
    'url.rewrite-once = ("a" => "../b")': (1, 28, 'a target begins with "/"'),
    'url.rewrite-once = ("a" => "${ip}/b")': (1, 28, 'a target begins with "/"'),
    'url.rewrite-once = ("a" => "${url.query}")': (1, 28, 'a target begins with "/"'),
    'url.rewrite-once = ("(a)" => "/$2")': (1, 30, "$2: the pattern has only 1"),
    'url.rewrite-once = ("(a)" => "/${tolower:$1}")': (1, 30, "write ${tolower:1}"),
    'url.rewrite-once = ("a" => "/${user}")': (1, 28, "${ip}, ${mac}, ${network}"),
    'url.rewrite-once = ("a" => "/${no:qsa}")': (1, 28, "no: is not known"),
    'url.rewrite-once = ("a" => "/%1")': (1, 28, "%1 is of the condition around"),
    '$HTTP["url"] =~ "(a)" { url.rewrite = ("a" => "/%2") }': (1, 47, "only 1 groups"),
    '$HTTP["url"] !~ "(a)" { url.rewrite = ("a" => "/%1") }': (1, 47, "there is none"),
    'url.rewrite-once = ("(a)" => "/${1")': (1, 30, "${1 has no }"),
    'url.rewrite-once = ("a" => "/%{0/x")': (1, 28, "%{0/x has no }"),
    'url.rewrite-once = ("a" => "/%{x}")': (1, 28, "%{x} is not known"),
    'metalease.list = ("a" => "/$1")': (1, 26, "$1: the pattern has only 0"),
    'alias.url = ("a" => "/b")': (1, 14, "a prefix and a path"),
    'alias.url = ("/a" => "b")': (1, 14, "a prefix and a path"),
    '$HTTP["hostname"] == "a" {}': (1, 1, '$HTTP["remoteip"], $HTTP["url"]'),
    '$SERVER["port"] == ":80" {}': (1, 1, '$SERVER["port"] is not known'),
    '$SERVER["socket"] == "80" {}': (1, 22, 'write address and port, "10.0.0.2:80"'),
    '$SERVER["socket"] =~ ":80" {}': (1, 19, "not for socket: ==, != are"),
    '$REQUEST_HEADER["a b"] == "" {}': (1, 1, "'a b' is no header's name"),
    '$HTTP["remoteip"] =^ "10" {}': (1, 19, "not for remoteip: ==, !=, =~, !~ are"),
    '$HTTP["url"] => "/a" {}': (1, 14, "not for url: ==, !=, =~, !~, =^, =$ are"),
    '$HTTP["url"] = "/a" {}': (1, 14, "an operator belongs here"),
    '$HTTP["remoteip"] == "10.0.0.256" {}': (1, 22, "10.0.0.256"),
    '$HTTP["remoteip"] == "10.0.0.5/24" {}': (1, 22, 'set: write "10.0.0.0/24"'),
    '$HTTP["remoteip"] == "10.0.0/x" {}': (1, 22, 'or a network, "10.0.0.0/24"'),
    '$HTTP["remoteip"] == "fe80::1" {}': (1, 22, "known by its IPv4 address"),
    '$HTTP["url"] =~ "(" {}': (1, 17, "no regular expression"),
    '$HTTP["url"] == "a"': (1, 20, "'{' belongs here"),
    '$HTTP["url"] == "a" {': (1, 22, "} belongs here, not 'the end of the file'"),
    '$HTTP["url"] == "a" {}}': (1, 23, "a setting or a block belongs here, not '}'"),
    '$HTTP["url"] == "a" {} else if {}': (1, 32, "a field belongs here"),
    '$HTTP["url"] == "a" {} else {} else {}': (1, 32, "else is not known"),
    "else {}": (1, 1, "else is not known"),
    '"abc': (1, 1, 'no closing "'),
    r'metalease.content-type = "a\"': (1, 26, 'no closing "'),
    r'metalease.content-type = "a\\"': (1, 26, 'no closing "'),
    "include 'x'": (1, 9, '"\'" means nothing here'),
    "\ufeffmetalease.list = ()": (1, 1, "means nothing here"),
    'url.rewrite-once + ("a" => "/")': (1, 18, "'=' belongs here, not '+'"),
    "\n\n  %": (3, 3, "'%' means nothing here"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_shown_where_it_is(text: str) -> None:
    """What cannot be meant is an error with file, line and column, which says what is
    known there: nothing is skipped (issue 6.1; every error says what is wrong)."""
    line, column, part = MISTAKES[text]
    problem = mistake(text)
    assert problem is not None
    assert (problem.file, problem.line, problem.column) == ("f", line, column)
    assert part in problem.what
    assert str(problem) == f"f:{line}:{column}: {problem.what}"


def nested(depth: int) -> str:
    return '$HTTP["url"] =~ "a" {' * depth + "}" * depth


def test_blocks_nest_so_deep() -> None:
    """16 blocks may stand in each other, and no more."""
    parse_rules(nested(NESTED_AT_MOST), "f")
    for depth in (NESTED_AT_MOST + 1, 5_000):
        with pytest.raises(RuleSyntaxError, match="16 deep"):
            parse_rules(nested(depth), "f")


def test_a_chain_of_else_may_be_long() -> None:
    """A block an address, as ZStack writes them, however many: else does not nest."""
    addresses = [f"10.0.{at // 256}.{at % 256}" for at in range(2000)]
    blocks = [f'$HTTP["remoteip"] == "{each}" {{ }}' for each in addresses]
    (chain,) = parse_rules(" else ".join(blocks), "f").inner
    assert isinstance(chain, Chain)
    (table,) = chain.parts
    assert isinstance(table, Table)
    assert len(table.links) == 2000


WORDS = st.sampled_from(
    [
        *("url.rewrite-once", "alias.url", "metalease.list", "metalease.if-missing"),
        *("=", "(", ")", "{", "}", "[", "]", ",", "=>", "==", "!=", "=~", "!~", "else"),
        *('$HTTP["url"]', '$HTTP["remoteip"]', "$HTTP", '"url"', '"^/(.+)$"', '"/$1"'),
        *('"/${ip}"', '"10.0.0.1"', '"404"', '"', "\\", "#", "\n", '"(((((("', '"a**"'),
    ]
)
TEXTS = st.one_of(
    st.text(),
    st.lists(st.one_of(WORDS, st.text(max_size=3)), max_size=40).map(" ".join),
)


@given(TEXTS)
def test_any_text_is_rules_or_the_one_error(text: str) -> None:
    """Any text gives a Block, or RuleSyntaxError at a place that is in the text."""
    problem = mistake(text)
    if problem is not None:
        lines = text.split("\n")
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@given(st.text(alphabet='()[]{}*+?|\\^$.-,0123456789aA<>=!:"#'))
def test_any_pattern_is_compiled_or_the_one_error(pattern: str) -> None:
    """Any string in a pattern's place gives a rule, or RuleSyntaxError."""
    problem = mistake(f'url.rewrite-once = ("{pattern}" => "/x")')
    assert problem is None or problem.line == 1


@pytest.mark.parametrize(
    "text",
    [
        '"' + "a" * 200_000,
        '"' + '\\"' * 100_000,
        '"' + "\\" * 200_000,
        "url.rewrite-once = (" * 50_000,
        "(" * 200_000,
        "a" * 200_000,
        "#" * 200_000,
        " " * 200_000 + "%",
        '$HTTP["url"] =~ "' + "(" * 5_000 + '"',
        '$HTTP["url"] =~ "' + "(a" * 5_000 + ")" * 5_000 + '" {}',
    ],
    ids=range(10),
)
def test_a_long_text_is_read_quickly(text: str) -> None:
    """What is long takes no time that grows faster than it, nor all of the stack."""
    started = perf_counter()
    assert (mistake(text) is None) is text.startswith("#")
    assert perf_counter() - started < 5.0
