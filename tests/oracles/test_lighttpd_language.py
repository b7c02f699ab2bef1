"""The whole language, as the real lighttpd reads it: what comes of a URL is the same.

Each rules file is given to lighttpd, in a namespace of its own, and to us.  What it did
is what its access log says: the path after mod_rewrite, the query, the status and the
Location that it sent; none of it is predicted by code of ours.
"""

import json
import re
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from httpd.paths import parse_target
from rewrite.escapes import normal
from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet

from .test_lighttpd import call

pytestmark = pytest.mark.machine

SERVER = """\
server.document-root = "{directory}/html"
server.bind = "127.0.0.1"
server.port = 80
server.modules = (
    "mod_rewrite", "mod_redirect", "mod_access", "mod_alias", "mod_accesslog"
)
server.errorlog = "{directory}/error.log"
accesslog.filename = "{directory}/access.log"
accesslog.format = "%U\t%q\t%s\t%{{Location}}o"
"""
LISTENED = "127.0.0.1:80"
CALLER = "127.0.0.5"
FILES = ("a", "s2", "there")


class Came(NamedTuple):
    """What came of a URL: by redirect or refusal, or the path and query."""

    status: int
    what: str


SUBSTITUTED = [
    *("$0", "$1", "${1}", "${2}", "$2", "$$1", "%%1", "$x", "%x", "${esc:1}"),
    *("${escape:1}", "${escnde:1}", "${escpsnde:1}", "${noesc:1}", "${noescape:1}"),
    *("${encb64u:1}", "${decb64u:1}", "${tolower:noesc:1}", "${tolower:esc:1}"),
    *("${url.scheme}", "${url.authority}", "${url.port}", "${url.path}", "${qsa}"),
    *("${url.query}", "${esc:url.path}", "${esc:url.query}", "${escnde:url.query}"),
    *("${escpsnde:url.query}", "${noesc:url.query}", "${esc:qsa}", "%0", "%1", "%{1}"),
    *("%{esc:1}", "%{tolower:noesc:1}", "%2"),
]
PATTERN = "^/u/([^?/]*)(/)?"
AROUND = '$HTTP["url"] =~ "^/(.)/(B?)" '
RULES = [
    *(
        f'{AROUND} {{ url.rewrite-once = ("{PATTERN}" => "/x/{text}") }}'
        for text in SUBSTITUTED
    ),
    *(
        f'{AROUND} {{ url.rewrite-once = ("{PATTERN}" => "/x/?v={text}&w") }}'
        for text in SUBSTITUTED
    ),
    *(
        f'{AROUND} {{ url.redirect = ("{PATTERN}" => "http://h/{text}") }}'
        for text in SUBSTITUTED
    ),
    # which rules are asked, how often, and in which order
    'url.rewrite-repeat = ("^/a(.*)" => "/b$1", "^/b(.*)" => "/c$1")',
    'url.rewrite-repeat = ("^/a" => "/b") url.rewrite-once = ("^/b" => "/a")',
    'url.rewrite = ("^/a" => "/1") url.rewrite-final = ("^/[ab]" => "/2")',
    'url.rewrite-repeat = ("^/x(.*)$" => "/$1")',
    'url.rewrite-repeat = ("^/a" => "/ab")',
    'url.rewrite-if-not-file = ("^/(a|b)" => "/x/$1")',
    """
    url.rewrite-once = ("^/once" => "/b")
    url.rewrite-if-not-file = ("^/b" => "/c", "^/d" => "/b")
    url.rewrite-repeat-if-not-file = ("^/r(.*)" => "/s$1", "^/s(.*)" => "/t$1")
    """,
    'url.rewrite-once = ("^/a" => "", "^/(.*)" => "/x/$1")',
    # what is asked after it
    'url.rewrite-once = ("^/a" => "/b") url.redirect = ("^/b" => "/c")',
    """
    url.rewrite-once = ("^/a" => "/b~")
    url.access-deny = ("~", ".inc")
    """,
    """
    url.rewrite-once = ("^/a" => "/b")
    $HTTP["url"] == "/b" { url.redirect = ("" => "/c") }
    $HTTP["url"] =^ "/u" { url.redirect = ("" => "/d") url.redirect-code = 302 }
    """,
    'url.redirect = ("^/b" => "", "^/[abc]" => "/d")',
    # conditions
    '$HTTP["host"] == "h" { url.rewrite-once = ("" => "/x/%0") }',
    '$HTTP["host"] == "h:80" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["host"] != "h" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["host"] =^ "h" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["host"] =$ "80" { url.rewrite-once = ("" => "/x/%0") }',
    '$HTTP["querystring"] =~ "(.)=(.*)" { url.rewrite-once = ("" => "/%2/%1/%0") }',
    '$HTTP["querystring"] == "" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["url"] =$ "/" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["url"] =~ "q" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["url"] =~ "^/(B)?" { url.rewrite-once = ("" => "/x-%1-") }',
    '$HTTP["remoteip"] =~ "^127\\.0\\.(.*)" { url.rewrite-once = ("" => "/x/%1") }',
    '$HTTP["remote-ip"] == "127.0.0.4/30" { url.rewrite-once = ("" => "/x") }',
    '$HTTP["scheme"] == "http" { url.rewrite-once = ("" => "/x") }',
    '$REQUEST_HEADER["X-A"] == "1" { url.rewrite-once = ("" => "/x") }',
    '$REQUEST_HEADER["x-a"] =~ "(.)" { url.rewrite-once = ("" => "/x/%1") }',
    '$REQUEST_HEADER["Host"] =~ "(.)" { url.rewrite-once = ("" => "/x/%1") }',
    '$HTTP["user-agent"] == "" { url.rewrite-once = ("" => "/x") }',
    '$SERVER["socket"] == "127.0.0.1:80" { url.rewrite-once = ("" => "/x") }',
    """
    $HTTP["url"] =~ "^/(.)" {
        url.rewrite-once = ("^" => "/%1")
        $HTTP["querystring"] =~ "(.)$" { url.rewrite-once = ("^" => "/%1%1") }
    }
    else { url.rewrite-once = ("^" => "/never") }
    """,
    """
    $HTTP["url"] == "/a" { url.rewrite-once = ("" => "/1") }
    else $HTTP["url"] == "/b" { url.rewrite-once = ("" => "/2") }
    else $HTTP["url"] =^ "/u" { url.rewrite-once = ("" => "/3") }
    else { url.rewrite-once = ("" => "/4") }
    """,
    # the configuration language
    """
    var.root = "/x"
    pattern = "^/" + "u"
    url.rewrite-once = ( pattern + "(.*)$" => root + "/one$1", "^/b" => "/" + 1 + 2 )
    url.rewrite-once += ( "^/c" => var.root )
    $HTTP["url"] =~ "^/d" {
        var.root = "/y"
        url.rewrite-once += ( "^/d" => root )
    }
    """,
    """
    global { url.rewrite-once = ("^/a" => "/1") }
    $HTTP["url"] =~ "b" { url.rewrite-once := ("" => "/2") } # "}"
    """,
    # PCRE
    r'url.rewrite-once = ("^/(?<n>[[:alpha:]]++)(?i)B?\Q~\E" => "/x/$1")',
    r'url.rewrite-once = ("^/(?>[a-z]+)/\w(?:\?|\z)" => "/x/$0", "^/a{,3}$" => "/y")',
    r'url.rewrite-once = ("(?<=u|cd)/([^?]*)\h?" => "/x/$1")',
    r'url.rewrite-once = ("\A/[a\d-](?:\?|$)" => "/z")',
]
URLS = [
    *("/", "/a", "/b", "/c", "/d", "/r1", "/r2", "/once", "/cd/x", "/b~", "/b.inc"),
    *("/u/", "/u/B", "/u/b~.C-d", "/u/SGVsbG8", "/u/b/c", "/u/B?q=1", "/u/b+c"),
    *(
        "/u/B/?x=A%20b&y=%7e/",
        "/u/b?k",
        "/u/c?a=b=c&d=/e",
        "/a?x=1",
        "/b?",
        "/u/b,c;d",
    ),
    *("/" + "x" * 100, "/" + "x" * 101),
]


def theirs(directory: Path, rules: list[str]) -> list[list[Came | None]]:
    """What lighttpd makes of each URL, by each of *rules*; None for no answer."""
    isolated = "unshare --net --mount --pid --fork --kill-child --mount-proc"
    done = subprocess.run(
        [
            *isolated.split(),
            sys.executable,
            "-m",
            "tests.oracles.test_lighttpd_language",
        ],
        cwd=Path(__file__).parents[2],
        input=json.dumps([str(directory), rules]),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        [None if came is None else _came(*came) for came in row]
        for row in json.loads(done.stdout)
    ]


def _came(path: str, query: str, status: str, location: str) -> Came:
    if status[0] == "3" and not location.startswith(f"{path}/"):
        return Came(int(status), location)
    if status == "500" or (status == "403" and not path.endswith("/")):
        return Came(int(status), "")
    query = query.removeprefix("?")
    return Came(200, f"{unquote(path)}?{query}")


def ours(rules: str, url: str) -> Came:
    """The same by our reading; a "//" is as good as "/" to a file system."""
    path, query = parse_target(url)
    asked = Asked(
        path,
        IPv4Address(CALLER),
        query=query,
        headers={"host": "h"},
        socket=LISTENED,
        is_file=lambda found: str(found.target).strip("/") in FILES,
    )
    found = RuleSet.parse(("f", rules)).apply(asked)
    if found is None:
        return Came(200, f"{path}?{normal(query)}")
    if found.redirect is not None:
        return Came(found.redirect.status, found.redirect.location)
    if found.refusal is not None:
        return Came(found.refusal.status, "")
    assert found.target is not None
    mapped = re.sub("/+", "/", found.target)
    return Came(200, f"{mapped}?{found.query}")


def test_every_word_of_the_language(tmp_path: Path) -> None:
    """Each substitution of mod_rewrite's manual, each directive, condition and operator
    makes of a URL what lighttpd makes of it (issue 6.1, 6.4)."""
    different = []
    counts = {"mapped": 0, "elsewhere": 0, "refused": 0}
    for rules, row in zip(RULES, theirs(tmp_path, RULES), strict=True):
        for url, came in zip(URLS, row, strict=True):
            here = ours(rules, url)
            if came is None:  # it closes the connection where a target is none
                came = Came(500, "")
            kind = {2: "mapped", 3: "elsewhere"}.get(came.status // 100, "refused")
            counts[kind] += 1
            if here != came:
                different.append((rules, url, came, here))
    assert different == []
    assert counts["mapped"] > 1500
    assert counts["elsewhere"] > 300
    assert counts["refused"] > 5


def came_of(directory: Path, rules: str) -> list[list[str] | None]:
    """Run lighttpd, and read from its log what it did with each URL."""
    configuration = directory / "lighttpd.conf"
    configuration.write_text(SERVER.format(directory=directory) + rules)
    log = directory / "access.log"
    log.unlink(missing_ok=True)
    answered = []
    with subprocess.Popen(["lighttpd", "-D", "-f", str(configuration)]) as lighttpd:
        try:
            for url in URLS:
                answered.append(call(lighttpd, CALLER, url, host="h"))
        finally:
            lighttpd.terminate()
    lines = iter(log.read_text().splitlines() if log.exists() else [])
    return [next(lines).split("\t") if each else None for each in answered]


def main() -> None:
    """Within the namespace: rules come in, what came of each URL goes out."""
    directory, rules = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    html = Path(directory) / "html"
    html.mkdir()
    for name in FILES:
        (html / name).write_text("x")
    print(json.dumps([came_of(Path(directory), each) for each in rules]))


if __name__ == "__main__":
    main()
