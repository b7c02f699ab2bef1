"""lighttpd's language at work: each directive, condition and substitution."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewrite.errors import RuleSyntaxError
from rewrite.passage import REPEATS_AT_MOST
from rewrite.patterns import SUBJECT_AT_MOST
from rewrite.ruleset import Asked
from rewrite.ruleset import Redirect
from rewrite.ruleset import Refusal
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

ADDRESS = IPv4Address("10.0.0.5")
HERE = "169.254.169.254:80"


def asked(url: str, method: str = "GET", socket: str = HERE, **headers: str) -> Asked:
    path, _, query = url.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(
        path, ADDRESS, method, query=query, headers=named, socket=socket, target=url
    )


def apply(rules: str, url: str, **more: str) -> Rewrite | None:
    return RuleSet.parse(("f", rules)).apply(asked(url, **more))


def meant(rules: str, url: str, **more: str) -> Rewrite:
    found = apply(rules, url, **more)
    assert found is not None
    return found


def target(rules: str, url: str, **more: str) -> tuple[str | None, str] | None:
    found = apply(rules, url, **more)
    return None if found is None else (found.target, found.query)


def test_a_rule_that_repeats_is_asked_again() -> None:
    """url.rewrite-repeat applies the rules to what came of them, until none matches or
    one of url.rewrite-once does (mod_rewrite; issue 6.1)."""
    rules = """
        url.rewrite-repeat = ("^/a(.*)$" => "/b$1", "^/b(.*)$" => "/c$1")
        url.rewrite-once = ("^/cx$" => "/ax")
    """
    assert target(rules, "/a1") == ("/c1", "")
    assert target(rules, "/ax") == ("/ax", "")
    assert target(rules, "/d") is None


def test_repeating_has_an_end() -> None:
    """A hundred rewrites of a request are let be, the next is refused: it is lighttpd's
    bound, where it aborts the request (issue 6.1)."""
    rules = 'url.rewrite-repeat = ("^/x(.*)$" => "/$1")'
    assert target(rules, "/" + "x" * REPEATS_AT_MOST) == ("/", "")
    found = meant(rules, "/" + "x" * (REPEATS_AT_MOST + 1))
    assert found.refusal == Refusal(500, "rewritten more than 100 times")
    endless = meant('url.rewrite-repeat = ("^/a" => "/ab")', "/a")
    assert endless.refusal == found.refusal


def test_an_empty_target_leaves_the_url() -> None:
    """A rule without a target ends the search: the URL stays (keyvalue.c)."""
    rules = 'url.rewrite-once = ("^/keep/" => "", "^/(.*)$" => "/x/$1")'
    assert target(rules, "/keep/a?b") == ("/keep/a", "b")
    assert target(rules, "/a") == ("/x/a", "")


def test_old_names_mean_the_same() -> None:
    """url.rewrite and url.rewrite-final are url.rewrite-once; of several the rules come
    one after the other."""
    rules = """
        url.rewrite-final = ("^/b" => "/2")
        url.rewrite = ("^/[abc]" => "/3")
        url.rewrite-once = ("^/a" => "/1")
    """
    assert [target(rules, f"/{each}") for each in "abc"] == [
        *(("/1", ""), ("/2", ""), ("/3", "")),
    ]


def test_only_where_there_is_no_file() -> None:
    """url.rewrite-if-not-file holds where no file is at the target, and only if no
    url.rewrite-once did; its -repeat goes on (mod_rewrite, physical; issue 6.1)."""
    rules = RuleSet.parse(
        (
            "f",
            """
            url.rewrite-once = ("^/once" => "/there")
            url.rewrite-if-not-file = ("^/(a|there)" => "/fallback/$1")
            url.rewrite-repeat-if-not-file = ("^/r(.*)" => "/s$1", "^/s(.*)" => "/t$1")
            """,
        )
    )

    def found(path: str) -> str | None:
        ask = Asked(path, ADDRESS, is_file=lambda found: found.target in ("/a", "/s2"))
        rewrite = rules.apply(ask)
        return None if rewrite is None else rewrite.target

    assert found("/a") is None
    assert found("/ab") == "/fallback/a"
    assert found("/once") == "/there"
    assert found("/r1") == "/t1"
    assert found("/r2") == "/s2"
    assert found("/none") is None


def test_a_redirect() -> None:
    """url.redirect answers where to ask: 301, 308 to what is no GET, or the code that
    is said; a location is a legal header (mod_redirect; issue 6.1)."""
    rules = 'url.redirect = ("^/a/(.*)$" => "http://${url.authority}/b/$1${qsa}")'
    assert meant(rules, "/a/c?d", host="H:80").redirect == Redirect(
        301, "http://h/b/c?d&d"
    )
    post = meant(rules, "/a/c", method="POST", host="h").redirect
    assert post == Redirect(308, "http://h/b/c")
    coded = rules + " url.redirect-code = 307"
    assert meant(coded, "/a/é %?", host="h").redirect == Redirect(
        307, "http://h/b/%C3%A9%20%25"
    )
    assert apply(rules, "/b") is None
    assert apply('url.redirect = ("^/a" => "")', "/a") is None


def test_a_rewritten_url_is_redirected() -> None:
    """The other settings see the URL that the rules made, and conditions on the URL
    are asked again, as in lighttpd (uri_raw comes before uri_clean)."""
    rules = """
        url.rewrite-once = ("^/a" => "/b")
        $HTTP["url"] == "/b" { url.redirect = ("" => "/c") }
        $HTTP["url"] == "/a" { url.redirect = ("" => "/d") }
    """
    assert meant(rules, "/a").redirect == Redirect(301, "/c")


def test_a_denial() -> None:
    """url.access-deny refuses what ends so, rewritten or not, with 403; a file of rules
    that says no more has no word on the rest (metadata 2, feature 7; issue 6.1)."""
    rules = 'url.access-deny = ("~", ".inc") url.rewrite-once = ("^/a" => "/b.inc")'
    assert meant(rules, "/x~").refusal == Refusal(403, 'url.access-deny: "~"')
    assert meant(rules, "/a").refusal == Refusal(403, 'url.access-deny: ".inc"')
    # served, it would be the same document (metadata 1.5; mod_access looks again)
    assert meant(rules, "/x~/").refusal == Refusal(403, 'url.access-deny: "~"')
    assert apply('url.access-deny = ("/x/")', "/x") is None
    assert apply('url.access-deny = ("/x/")', "/x/") is not None
    assert apply(rules, "/x") is None


def test_an_alias_alone_is_an_answer() -> None:
    """alias.url serves its prefix without any rule (mod_alias); a root inside of a
    condition does too (server.document-root; issue 6.1)."""
    rules = """
        alias.url = ("/tools/" => "/srv/tools/")
        $HTTP["url"] =~ "^/r/" { server.document-root = "/srv/r" }
    """
    found = meant(rules, "/tools/x")
    assert (found.target, found.aliases[0].path) == ("/tools/x", "/srv/tools/")
    # it ends where a name does: what only begins alike is other rules' to answer
    agent = 'alias.url = ("/agent" => "/srv/agent")'
    assert apply(agent, "/agent_version") is None
    assert meant(agent, "/agent/x").target == "/agent/x"
    assert found.origin == "f:2"
    rooted = meant(rules, "/r/x")
    assert (rooted.target, rooted.root) == ("/r/x", "/srv/r")
    assert apply(rules, "/x") is None


PROXIES = [
    '("/metrics" => (("host" => "10.0.0.3", "port" => 9092)))',
    '("/metrics" => ("push" => ("host" => "10.0.0.3", "port" => "9092")))',
    '("/metrics" => ("host" => "10.0.0.3", "port" => 9092))',
]


@pytest.mark.parametrize("value", PROXIES)
def test_a_proxy_is_a_name_for_an_exact_path(value: str) -> None:
    """proxy.server names the upstream of one path, in each form that lighttpd knows;
    nothing below or beside it is passed on (issue 6.1: exact paths, named upstream)."""
    rules = f"proxy.server = {value}"
    assert meant(rules, "/metrics?a").proxy == "10.0.0.3:9092"
    assert meant(rules, "/metrics?a").query == "a"
    for path in ("/metrics/", "/metrics/x", "/metricsx", "/"):
        assert apply(rules, path) is None


def test_a_proxy_of_what_a_condition_lets_in() -> None:
    """ZStack's form, "" in a condition on the URL, is its URLs (issue 6.1)."""
    proxy = 'proxy.server = ("" => (("host" => "169.254.64.1", "port" => 7070)))'
    rules = f'$HTTP["url"] =~ "^/host(/|$)" {{ {proxy} }}'
    assert meant(rules, "/host/x").proxy == "169.254.64.1:7070"
    assert apply(rules, "/hosts") is None
    for wrong in (proxy, f'$HTTP["url"] != "/a" {{ {proxy} }}'):
        with pytest.raises(RuleSyntaxError, match="an exact path"):
            RuleSet.parse(("f", wrong))


def test_what_is_spooled() -> None:
    """metalease.spool names what a body is kept as, and -once that the first stays; a
    target goes with it where a rule has one (metadata 2, OpenStack password)."""
    rules = """
        url.rewrite-once = ("^/p$" => "/${ip}/p")
        $HTTP["request-method"] == "POST" {
            metalease.spool = ("^/phone-home/?$" => "phone-home")
            metalease.spool-once = ("^/p$" => "password")
        }
    """
    once = meant(rules, "/p", method="POST")
    assert (once.spool, once.once, once.target) == ("password", True, "/10.0.0.5/p")
    last = meant(rules, "/phone-home/", method="POST")
    assert (last.spool, last.once, last.target) == ("phone-home", False, None)
    assert meant(rules, "/p").spool is None
    assert apply(rules, "/phone-home") is None


def test_a_header_that_has_to_be_there() -> None:
    """metalease.require-header refuses a request without it, with the status that is
    said; the answer's own headers are added all the same (metadata 2, feature 5)."""
    rules = """
        url.rewrite-once = ("^/a$" => "/x")
        metalease.require-header = ("Metadata-Flavor" => "Google", "X-Any" => "*")
        setenv.add-response-header = ("Metadata-Flavor" => "Google")
    """
    found = meant(rules, "/a", metadata_flavor="Google", x_any="")
    assert (found.target, found.refusal) == ("/x", None)
    assert found.headers == (("Metadata-Flavor", "Google"),)
    for headers in ({}, {"metadata_flavor": "google", "x_any": "1"}):
        refused = meant(rules, "/a", **headers)
        assert refused.target is None
        assert refused.refusal == Refusal(403, "metadata-flavor: Google is missing")
        assert refused.headers == found.headers
    empty = 'metalease.require-header = ("Metadata" => "") metalease.refuse = "400"'
    azure = f'url.rewrite-once = ("^/a$" => "/x") {empty}'
    assert meant(azure, "/a").refusal == Refusal(400, "metadata is missing")
    assert meant(azure, "/a", metadata="true").refusal is None
    assert apply(azure, "/b") is None


def test_how_it_is_rendered() -> None:
    """metalease.render and each word of if-missing come with the target."""
    for word in ("404", "204", "empty", "next", "default"):
        rules = f"""
            url.rewrite-once = ("^/a$" => "/x")
            metalease.if-missing = "{word}"
            $HTTP["querystring"] =~ "recursive=true" {{ metalease.render = "json" }}
        """
        found = meant(rules, "/a?recursive=true")
        assert (found.if_missing, found.render) == (word, "json")
        assert meant(rules, "/a").render is None


def test_every_rule_that_matches_is_there_for_next() -> None:
    """matches() yields what each rule that matches means, over all files, in order: the
    next is taken where a document is missing (metadata 2, feature 4)."""
    rules = RuleSet.parse(
        ("a", 'url.rewrite-once = ("^/a" => "/1", "^/b" => "/2", "a" => "/3")'),
        ("b", 'metalease.list = ("x") url.rewrite-once = ("/a" => "/4")'),
    )
    found = [(each.target, each.origin) for each in rules.matches(asked("/a"))]
    assert found == [("/1", "a:1"), ("/3", "a:1"), (None, "b:1"), ("/4", "b:1")]


def test_a_query_is_part_of_the_url() -> None:
    """Rules see the query, as lighttpd's do; where none of a file matches with it they
    see the path alone, which lighttpd's do not (issue 5.2; issue 6.1)."""
    rules = r"""
        url.rewrite-once = (
            "^/a\?v=1$" => "/one?w=1",
            "^/a$"      => "/plain",
            "^/b/(.*)$" => "/c/$1",
        )
    """
    assert target(rules, "/a?v=1") == ("/one", "w=1")
    assert target(rules, "/a?v=2") == ("/plain", "v=2")
    assert target(rules, "/b/x?y=%2f%61") == ("/c/x", "y=%2Fa")


def test_a_decoded_mark_is_no_query() -> None:
    """A "?" or "%" that was escaped in the path stays the path's: what was decoded once
    is not decoded again (metadata 1.5; issue 6.1)."""
    rules = 'url.rewrite-once = ("^/a/(.*)$" => "/b/$1")'
    assert target(rules, "/a/x") == ("/b/x", "")
    path = "/a/x?y%41"
    found = RuleSet.parse(("f", rules)).apply(Asked(path, ADDRESS))
    assert found is not None
    assert (found.target, found.query) == ("/b/x?y%41", "")


def test_what_a_rule_makes_can_be_no_path() -> None:
    """A target that turns out to be none is refused, not served (zstack 3.2: lighttpd
    closes the connection; issue 6.1)."""
    assert meant('url.rewrite = ("^/(.*)" => "$1")', "/a").refusal == Refusal(
        500, "what the rule made is no path"
    )
    encoded = 'url.rewrite = ("^/(.*)" => "/${decb64u:1}")'
    assert meant(encoded, "/Cg").refusal == Refusal(
        400, "a control character in the target"
    )
    assert target(encoded, "/YQ") == ("/a", "")


def test_a_header_that_is_too_long_passes_by_no_condition() -> None:
    """What is too long for a pattern is asked no rule: who pads a header neither gets
    around =~ that denies nor into !~ that lets in (issue 6.2)."""
    rules = """
        $REQUEST_HEADER["X-A"] !~ "bad" { url.rewrite-once = ("" => "/in") }
        $HTTP["host"] =~ "bad" { url.access-deny = ("") }
    """
    assert target(rules, "/a", x_a="b" * SUBJECT_AT_MOST) == ("/in", "")
    assert target(rules, "/a", x_b="b" * 2 * SUBJECT_AT_MOST) == ("/in", "")
    assert target(rules, "/a", x_a="bad" * SUBJECT_AT_MOST) is None
    assert target(rules, "/a", host="bad" * SUBJECT_AT_MOST) is None


def test_a_url_that_is_too_long_matches_nothing() -> None:
    """Rules look at 1 KiB, with the query (issue 6.2: matching is bounded)."""
    rules = 'url.rewrite-once = ("." => "/x")'
    most = "/" + "a" * (SUBJECT_AT_MOST - 2)
    assert target(rules, most) == ("/x", "")
    assert target(rules, most + "a") is None
    assert target(rules, most[:-9] + "?" + "a" * 10) is None


SUBSTITUTIONS = {
    # target: what /u/A~b.%2f?k=v%20w makes of it, by mod_rewrite's manual
    "$0": "/u/A~b",
    "/$1$$1%%1": "/A~b$1%1",
    "/${1}": "/A~b",
    "/?${esc:0}": "?%2Fu%2FA~b",
    "/?${escape:0}": "?%2Fu%2FA~b",
    "/?${escnde:url.query}": "?k%3Dv%20w",
    "/?${esc:url.query}": "?k%3Dv%2520w",
    "/?${escpsnde:0}": "?/u/A~b",
    "/?${noesc:url.query}": "?k=v%20w",
    "/?${noescape:url.query}": "?k=v%20w",
    "/${tolower:1}": "/a~b",
    "/${toupper:noesc:1}": "/A~B",
    "/?${tolower:esc:url.query}": "?k%3Dv%2520w",
    "/${encb64u:1}": "/QX5i",
    "/${url.scheme}": "/http",
    "/${url.authority}": "/h:8080",
    "/${url.authority.noport}": "/h",
    "/${url.port}": "/80",
    "${url.path}": "/u/A~b.x",
    "/x?${url.query}": "/x?k=v%20w",
    "/x${qsa}": "/x?k=v%20w",
    "/x?y${qsa}": "/x?y&k=v%20w",
    "/%0-%1-%2": "/h:8080-h-",
    "/%{1}": "/h",
    "/${ip}": "/10.0.0.5",
}


@pytest.mark.parametrize("text", SUBSTITUTIONS)
def test_each_substitution(text: str) -> None:
    """Every ${...} and %N of mod_rewrite's manual, and ours (issue 6.1)."""
    rule = f'url.rewrite = ("/u/(A~b)" => "{text}")'
    rules = f'$HTTP["host"] =~ "^(h)(x)?.*" {{ {rule} }}'
    found = meant(rules, "/u/A~b.x?k=v%20w", host="h:8080")
    said = (
        f"{found.target}?{found.query}"
        if "?" in text or "qsa" in text
        else found.target
    )
    assert str(said).removeprefix("/") == SUBSTITUTIONS[text].removeprefix("/")


CONDITIONS = [
    ('$HTTP["host"] == "h"', {"host": "H:80"}, True),
    ('$HTTP["host"] == "h:80"', {"host": "h"}, True),
    ('$HTTP["host"] == "h:80"', {"host": "h:81"}, False),
    ('$HTTP["host"] == "h"', {"host": "hh"}, False),
    ('$HTTP["host"] == "h"', {}, False),
    ('$HTTP["host"] != "h"', {"host": "h:80"}, False),
    ('$HTTP["host"] =~ "^h"', {"host": "hx"}, True),
    ('$HTTP["host"] =^ "h"', {"host": "hx"}, True),
    ('$HTTP["host"] =$ "x"', {"host": "hx"}, True),
    ('$HTTP["url"] =^ "/a"', {}, True),
    ('$HTTP["url"] =^ "/b"', {}, False),
    ('$HTTP["url"] =$ "/b"', {}, True),
    ('$HTTP["url"] =~ "q"', {}, False),
    ('$HTTP["querystring"] == "q=1"', {}, True),
    ('$HTTP["query-string"] =~ "^q"', {}, True),
    ('$HTTP["querystring"] !~ "^q"', {}, False),
    ('$HTTP["remoteip"] =~ "^10\\."', {}, True),
    ('$HTTP["remote-ip"] !~ "^10\\."', {}, False),
    ('$HTTP["request-method"] == "POST"', {"method": "POST"}, True),
    ('$HTTP["scheme"] == "http"', {}, True),
    ('$HTTP["user-agent"] =~ "curl"', {"user_agent": "curl/7"}, True),
    ('$HTTP["useragent"] =~ "curl"', {"user_agent": "wget"}, False),
    ('$HTTP["cookie"] == ""', {}, True),
    ('$HTTP["language"] =^ "de"', {"accept_language": "de-DE"}, True),
    ('$REQUEST_HEADER["X-Any"] == "1"', {"x_any": "1"}, True),
    ('$REQUEST_HEADER["x-any"] =~ "."', {}, False),
    ('$SERVER["socket"] == "169.254.169.254:80"', {}, True),
    ('$SERVER["socket"] == ":80"', {}, True),
    ('$SERVER["socket"] == "0.0.0.0:80"', {"socket": "10.0.0.2:80"}, True),
    ('$SERVER["socket"] == "10.0.0.2:80"', {}, False),
    ('$SERVER["socket"] == ":80"', {"socket": "10.0.0.2:1180"}, False),
    ('$SERVER["socket"] != ":80"', {"socket": "10.0.0.2:1180"}, True),
]


@pytest.mark.parametrize(("condition", "who", "holds"), CONDITIONS)
def test_each_condition(condition: str, who: dict[str, str], holds: bool) -> None:
    """Every field and operator of lighttpd's conditions (issue 6.1)."""
    yes, no = (f'{{ url.rewrite = ("" => "/{word}") }}' for word in ("yes", "no"))
    rules = f"{condition} {yes} else {no}"
    found = target(rules, "/a/b?q=1", **who)
    assert found is not None
    assert found[0] == ("/yes" if holds else "/no")


def test_captures_are_of_the_nearest_block() -> None:
    """%1 is of the condition of the block in which the rule stands, of no other."""
    rules = """
        $HTTP["url"] =~ "^/(.)" {
            url.rewrite = ("^" => "/%1")
            $HTTP["querystring"] =~ "(.)$" { url.rewrite = ("^" => "/%1%1") }
        }
    """
    assert target(rules, "/a?b") == ("/bb", "")
    assert target(rules, "/a") == ("/a", "")


def test_variables_and_sums() -> None:
    """var.x, sums of text, numbers and lists, += and := (lighttpd's configuration)."""
    rules = """
        var.root = "/x"
        pattern = "^/" + "a" + 1
        url.rewrite-once = ( pattern + "$" => root + "/one" )
        url.rewrite-once += ( "^/b" => var.root )
        $HTTP["url"] =~ "^/[bc]" {
            var.root = "/y"
            url.rewrite-once += ( "^/c" => var.root )
        }
        $HTTP["url"] =~ "^/d" {
            url.rewrite-once = ( "" => "/z" )
            url.rewrite-once := ( "" => "/w" )
        }
    """
    assert [target(rules, each) for each in ("/a1", "/b", "/c", "/d", "/e")] == [
        *(("/x/one", ""), ("/x", ""), ("/y", ""), ("/w", ""), None),
    ]


def test_included_files() -> None:
    """include reads a file beside it, and one beside that; errors and origins are its
    own; depth and place are bounded (issue 6.1)."""
    files = {
        "/etc/n/more.rules": 'include "deep/x.rules"\n'
        'url.rewrite-once += ("^/b" => "/b2")',
        "/etc/n/deep/x.rules": 'url.rewrite-once = ("^/a" => "/" + name)',
        "/etc/n/loop.rules": 'include "loop.rules"',
        "/etc/n/bad.rules": "\n  bad",
    }

    def read(name: str) -> RuleSet:
        text = f'var.name = "a2"\ninclude "{name}.rules"'
        return RuleSet.parse(("/etc/n/n.rules", text), include=files.get)

    found = [read("more").apply(asked(each)) for each in ("/a", "/b")]
    assert [(each.target, each.origin) for each in found if each] == [
        ("/a2", "/etc/n/deep/x.rules:1"),
        ("/b2", "/etc/n/more.rules:2"),
    ]
    with pytest.raises(RuleSyntaxError, match=r"^/etc/n/bad\.rules:2:3: bad is not"):
        read("bad")
    with pytest.raises(RuleSyntaxError, match="each other more than 8 deep"):
        read("loop")
    with pytest.raises(RuleSyntaxError, match=r"there is no file '/etc/n/none\.rules'"):
        read("none")


def test_words_of_lighttpd_that_say_the_same() -> None:
    """global { }, else if, elif, elsif and elseif are read as lighttpd reads them."""
    for word in ("else", "else if", "elif", "elsif", "elseif"):
        rules = f"""
            global {{ url.rewrite = ("" => "/0") }}
            $HTTP["url"] == "/a" {{ url.rewrite = ("" => "/1") }}
            {word} $HTTP["url"] == "/b" {{ url.rewrite = ("" => "/2") }}
            else {{ url.rewrite = ("^/c" => "/3") }}
        """
        found = [target(rules, each) for each in ("/a", "/b", "/c", "/d")]
        assert found == [("/1", ""), ("/2", ""), ("/3", ""), None]


def test_what_is_explained() -> None:
    """explain() tells each condition and rule in the order tried, whether it matched,
    its captures and the target, and the same answer as apply() (issue 6.5)."""
    rules = RuleSet.parse(
        (
            "f",
            """\
$HTTP["url"] =~ "^/(b)" { url.rewrite = ("" => "/x") }
else $HTTP["remoteip"] == "10.0.0.5" {
    url.rewrite = ("^/b" => "/y", "^/(a)/(.*)$" => "/z/$2")
}
""",
        )
    )
    told = rules.explain(asked("/a/c"))
    assert told.rewrite == rules.apply(asked("/a/c"))
    assert [(each.where.line, each.matched) for each in told.tried] == [
        *((1, False), (2, True), (3, False), (3, True)),
    ]
    last = told.tried[-1]
    assert last.what == 'url.rewrite "^/(a)/(.*)$"'
    assert (last.captures, last.target) == (("/a/c", "a", "c"), "/z/c")


@given(
    st.text("/.-_ab%\\ ?&=\x7fé", max_size=30).map("/".__add__),
    st.text("ab=%41&", max_size=9),
)
def test_any_url_is_asked_without_harm(path: str, query: str) -> None:
    """Any URL has an answer: a legal location, a path without control characters, or a
    refusal, and never an error (issue 6.1)."""
    rules = """
        url.rewrite-repeat = ("^/a/(.*)$" => "/b/${1}?${esc:url.query}", "^/r" => "/a")
        url.rewrite-once = ("^/(b+)(.*)" => "$2${qsa}", "(.)" => "/${decb64u:1}$1")
        url.redirect = ("=(.*)" => "/${url.path}/$1${tolower:url.query}")
    """
    found = RuleSet.parse(("f", rules)).apply(Asked(path, ADDRESS, query=query))
    if found is None:
        return
    if found.redirect is not None:
        assert found.redirect.location.isascii()
        assert found.redirect.location.isprintable()
        assert " " not in found.redirect.location
    if found.target is not None:
        assert found.query.isascii()
        assert " " not in found.query
