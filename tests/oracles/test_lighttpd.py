"""lighttpd maps a URL to the path that we map it to, by the same rules file.

Each rules file is given to the real lighttpd, in a namespace of its own, and to us.
Where it looks for a document is what its access log says ("%U", the path after
mod_rewrite), never what our code would say.
"""

import json
import re
import signal
import socket
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from httpd.errors import BadRequest
from httpd.paths import parse_target
from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet

pytestmark = pytest.mark.machine

SERVER = """\
server.document-root = "{directory}"
server.bind = "127.0.0.1"
server.port = 80
server.modules = ("mod_rewrite", "mod_accesslog")
server.errorlog = "{directory}/error.log"
accesslog.filename = "{directory}/access.log"
accesslog.format = "%U"
"""

RULES = [
    # ZStack's, for one address and for all others
    r"""
    $HTTP["remoteip"] == "127.0.0.5" {
        url.rewrite-once = (
            "^/zwatch-vm-agent.linux-amd64.bin$" => "/zwatch-vm-agent",
            "^/.*/meta-data/(.+)$" => "/127.0.0.5/meta-data/$1",
            "^/.*/meta-data$" => "/127.0.0.5/meta-data",
            "^/.*/meta-data/$" => "/127.0.0.5/meta-data/",
            "^/.*/user[-_]data$" => "/127.0.0.5/user-data",
            "^/.+/$" => "/127.0.0.5/$1",
        )
    }
    else $HTTP["remoteip"] == "127.0.0.6" {
        url.rewrite-once = ("^/.*/meta-data/(.+)$" => "/127.0.0.6/meta-data/$1")
    }
    else {
        url.rewrite-once = ("^/(.+)$" => "/zstack-default/$1")
    }
    """.replace('"/127.0.0.5/$1"', '"/127.0.0.5/"'),
    # captures
    r'url.rewrite-once = ("^/(a)(b)(c)?(.*)$" => "/$4-$3-$2-$1-$0")',
    r'url.rewrite-once = ("(.)(.)(.)(.)(.)(.)(.)(.)(.)" => "/$9$8$7$6$5$4$3$2$1")',
    r'url.rewrite-once = ("^/([a-z]+)" => "/x$10-$$1-$", "/" => "/$0/y")',
    # the first match wins
    r'url.rewrite-once = ("^/a" => "/1", "^/ab" => "/2", "b" => "/3", "c$" => "/4$0")',
    # backslashes and quotes in strings
    r'url.rewrite-once = ("^/a\d+$" => "/digits", "^/a\.b" => "/dot", "\"" => "/q")',
    r'url.rewrite-once = ("^/a\\d" => "/back", "^/[^\d/]+$" => "/none", "\w" => "/w")',
    # what is asked for, kept
    r'url.rewrite-once = ("^/a" => "/kept${url.path}", "^/b" => "${url.path}")',
    # conditions on the address
    r"""
    url.rewrite-once = ("^/a" => "/file", "^/b" => "/file-b")
    $HTTP["remoteip"] == "127.0.0.0/30" { url.rewrite-once = ("^/a" => "/net") }
    $HTTP["remoteip"] != "127.0.0.5" { url.rewrite-once = ("^/b" => "/not5$0") }
    """,
    # conditions on the URL, nested, each after the other
    r"""
    url.rewrite-once = ("." => "/always")
    $HTTP["url"] =~ "^/a" {
        url.rewrite-once = ("^(.*)$" => "/a-block$1")
        $HTTP["remoteip"] == "127.0.0.5" { url.rewrite-once = ("." => "/inner") }
    }
    $HTTP["url"] !~ "b$" { $HTTP["url"] =~ "c" { url.rewrite-once = ("c" => "/c") } }
    $HTTP["url"] == "/latest/" { url.rewrite-once = ("^" => "/exactly") }
    """,
    r"""
    $HTTP["url"] =~ "^/a" { url.rewrite-once = ("." => "/1") }
    else $HTTP["url"] =~ "b" { url.rewrite-once = ("." => "/2") }
    else $HTTP["url"] != "/c" { url.rewrite-once = ("." => "/3") }
    else { url.rewrite-once = ("." => "/4") }
    """,
    r"""
    $HTTP["request-method"] == "GET" { url.rewrite-once = ("^/a" => "/get") }
    else { url.rewrite-once = ("^/a" => "/other") }
    """,
    "",
]

PATHS = [
    *("/", "/a", "/ab", "/abc", "/abcd", "/b", "/c", "/cc", "/a/", "/a/b", "/x/y/z"),
    *("/a5", "/a55", "/a5b", "/a.b", "/axb", "/abcdefghij", "/latest", "/latest/"),
    *("/latest/meta-data", "/latest/meta-data/", "/latest/meta-data/instance-id"),
    *("/meta-data/x", "/a/b/meta-data/c/d", "/2009-04-04/user-data", "/x/user_data"),
    *("/127.0.0.6/user-data", "/zwatch-vm-agent.linux-amd64.bin", "/agent_version"),
    *("//latest//meta-data//x", "/./a", "/a/./b", "/a/../b", "/a/b/..", "/x/%61"),
    *("/%41", "/a%2Db", "/%7euser", "/A", "/a-b_c~d.e", "/...", "/a..b", "/a5/../b/c"),
]
CALLERS = ["127.0.0.5", "127.0.0.6", "127.0.0.1"]

Mapped = list[str | None]


def theirs(
    directory: Path, rules: list[str], requests: list[tuple[str, str]]
) -> list[Mapped]:
    """Where lighttpd looks for each request, by each of *rules*; None for no answer."""
    isolated = "unshare --net --mount --pid --fork --kill-child --mount-proc"
    done = subprocess.run(
        [*isolated.split(), sys.executable, "-m", "tests.oracles.test_lighttpd"],
        cwd=Path(__file__).parents[2],
        input=json.dumps([str(directory), rules, requests]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    mapped: list[Mapped] = json.loads(done.stdout)
    return mapped


def ours(rules: str, caller: str, target: str) -> str | None:
    """The same by our reading; a "//" is as good as "/" to a file system."""
    try:
        path, _ = parse_target(target)
    except BadRequest:
        return None
    found = RuleSet.parse(("f", rules)).apply(Asked(path, IPv4Address(caller)))
    mapped = path if found is None or found.target is None else found.target
    return re.sub("/+", "/", mapped)


def compare(directory: Path, requests: list[tuple[str, str]]) -> None:
    for rules, mapped in zip(RULES, theirs(directory, RULES, requests), strict=True):
        for (caller, target), path in zip(requests, mapped, strict=True):
            assert ours(rules, caller, target) == path, (rules, caller, target)


def test_urls_are_mapped_as_lighttpd_maps_them(tmp_path: Path) -> None:
    """For rules that both understand - url.rewrite-once with $0 to $9, conditions on
    address, URL and method, nested and else - the target is the same (issue 3)."""
    compare(tmp_path, [(caller, path) for caller in CALLERS for path in PATHS])


SEGMENTS = st.sampled_from(
    [
        *("a", "b", "c", "ab", "abc", "a5", "A", "_", ".", "..", "x.y"),
        *("meta-data", "user-data", "user_data", "latest", "2009-04-04"),
    ]
)
SIMPLE = st.lists(SEGMENTS, max_size=5).map(
    lambda segments: re.sub(r"^(/\.\.)+", "", "/" + "/".join(segments)) or "/"
)


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(st.sampled_from(CALLERS), SIMPLE), min_size=50, max_size=99))
def test_any_simple_url_is_mapped_as_lighttpd_maps_it(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[str, str]]
) -> None:
    """So it is for any URL of plain segments that does not climb out of the root."""
    inside = [each for each in requests if ours("", *each) is not None]
    compare(tmp_path_factory.mktemp("any"), inside)


DIFFERENCES = {
    # lighttpd's rules see the query, and a "$" no longer matches (zstack 3.2)
    "query": ('url.rewrite-once = ("^/a$" => "/x")', "/a?b", "/a", "/x"),
    # lighttpd reads an escaped slash as a slash; we refuse it (metadata 1.5)
    "escaped slash": ('url.rewrite-once = ("^/a/b$" => "/x")', "/a%2fb", "/x", None),
    # lighttpd stops at the root; we refuse what leaves it (metadata 1.5)
    "climbing": ('url.rewrite-once = ("^/b$" => "/x")', "/../b", "/x", None),
    # lighttpd simplifies what a rule yields; we leave it to the document root to refuse
    "a climbing result": (
        'url.rewrite-once = ("^/a(.*)$" => "/x/y/$1")',
        "/a../b",
        "/x/b",
        "/x/y/../b",
    ),
    # lighttpd's rules see escapes; ours see what they stand for
    "escapes": ('url.rewrite-once = ("^/a b$" => "/x")', "/a%20b", "/a b", "/x"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_listed_difference(tmp_path: Path, name: str) -> None:
    """Where we differ we do so for a reason (docs/differences.md, HTTP and rules)."""
    rules, target, at_theirs, at_ours = DIFFERENCES[name]
    assert theirs(tmp_path, [rules], [("127.0.0.1", target)]) == [[at_theirs]]
    assert ours(rules, "127.0.0.1", target) == at_ours


def test_a_target_without_slash_is_an_error_before(tmp_path: Path) -> None:
    """lighttpd takes a target without "/" and then closes such a request's connection
    without an answer (zstack 3.2, consequences); we refuse the file."""
    rules = 'url.rewrite-once = ("^/a$" => "../zstack-default/a")'
    assert theirs(tmp_path, [rules], [("127.0.0.1", "/a")]) == [[None]]
    with pytest.raises(RuleSyntaxError, match='begins with "/"'):
        RuleSet.parse(("f", rules))


def test_a_network_with_host_bits_is_an_error_before(tmp_path: Path) -> None:
    """lighttpd takes 127.0.0.5/24 for its network; for us one of the two is a slip."""
    rules = '$HTTP["remoteip"] == "127.0.0.5/24" { url.rewrite-once = ("." => "/x") }'
    assert theirs(tmp_path, [rules], [("127.0.0.9", "/a")]) == [["/x"]]
    with pytest.raises(RuleSyntaxError, match="host bits"):
        RuleSet.parse(("f", rules))


def mapped_by(directory: Path, rules: str, requests: list[tuple[str, str]]) -> Mapped:
    """Run lighttpd for *requests*, and read from its log where it looked for each."""
    configuration = directory / "lighttpd.conf"
    configuration.write_text(SERVER.format(directory=directory) + rules)
    log = directory / "access.log"
    log.unlink(missing_ok=True)
    answered = []
    with subprocess.Popen(["lighttpd", "-D", "-f", str(configuration)]) as lighttpd:
        try:
            for caller, target in requests:
                answered.append(call(lighttpd, caller, target))
        finally:
            lighttpd.send_signal(signal.SIGTERM)
    lines = iter(log.read_text().splitlines() if log.exists() else [])
    return [unquote(next(lines)) if each else None for each in answered]


def call(
    lighttpd: "subprocess.Popen[bytes]", caller: str, target: str, host: str = "x"
) -> bool:
    """Ask for *target*, once lighttpd listens; whether it answered at all."""
    while lighttpd.poll() is None:
        try:
            connection = socket.create_connection(
                ("127.0.0.1", 80), source_address=(caller, 0)
            )
        except ConnectionRefusedError:
            continue  # it has not begun to listen
        with connection:
            head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            answer = b""
            while octets := connection.recv(4096):
                answer += octets
            return answer.startswith(b"HTTP/1.1 ")
    raise AssertionError("lighttpd did not start")


def main() -> None:
    """Within the namespace: rules and requests come in, mapped paths go out."""
    directory, rules, requests = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(json.dumps([mapped_by(Path(directory), each, requests) for each in rules]))


if __name__ == "__main__":
    main()
