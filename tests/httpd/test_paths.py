"""Request targets: decoded once, normalised, refused."""

from pathlib import Path
from time import perf_counter
from urllib.parse import quote

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from httpd.errors import BadRequest
from httpd.paths import parse_target

CORPUS = Path(__file__).parents[1] / "corpus" / "http" / "traversal.txt"
TRICKS = [
    line
    for line in CORPUS.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

PATHS = {
    "/": "/",
    "/latest/meta-data/": "/latest/meta-data/",
    "/latest//meta-data/ramdisk-id": "/latest/meta-data/ramdisk-id",
    "//latest//api/token": "/latest/api/token",
    "////": "/",
    "/./a/./b/.": "/a/b/",
    "/a/../b": "/b",
    "/a/b/..": "/a/",
    "/a/..": "/",
    "/a/.../b": "/a/.../b",
    "/a..b/..c/d..": "/a..b/..c/d..",
    "/%61%2Dz": "/a-z",
    "/a%20b": "/a b",
    "/a+b": "/a+b",
    "/0=key": "/0=key",
    "/0%3Dkey": "/0=key",
    "/%3f": "/?",
    "/a%23b": "/a#b",
    "/%25": "/%",
    "/%252e%252e/a": "/%2e%2e/a",
    "/%252F": "/%2F",
    "/%C3%A9": "/é",
    "/%2e/a": "/a",
    "/a/%2e%2E/b": "/b",
    "http://169.254.169.254": "/",
    "http://x:80/a/../b": "/b",
    "HTTPS://x//y": "/y",
    "http://[fe80::a9fe:a9fe%25eth0]:80/a": "/a",
    "http://me:word@x:80/a": "/a",
}


@pytest.mark.parametrize("target", PATHS)
def test_a_path_is_decoded_once_and_normalised(target: str) -> None:
    """Percent-escapes are read once, "//" is collapsed, dots are walked (metadata 1.5,
    path hygiene; RFC 3986 section 6.2.2; clients C63, C73)."""
    assert (PATHS[target], "") == parse_target(target)


REFUSED = {
    "a path that leaves the root": ["/..", "/../a", "/a/../../b", "/%2e%2e/a", "/.%2e"],
    "NUL": ["/%00", "/a%00.txt"],
    "an escaped slash": ["/a%2fb", "/a%2Fb", "/..%2f..%2fetc"],
    "a backslash": ["/a\\b", "/..\\..\\x", "/a%5cb", "/%5C.."],
    "a control character": ["/a%0a", "/a%0D%0AHost:x", "/%1f", "/%7f", "/%09"],
    "no UTF-8": ["/%ff", "/%c3", "/%c0%ae%c0%ae/a", "/%e0%80%af", "/%ed%a0%80"],
    "a half escape": ["/%", "/%4", "/%zz", "/%%32%65", "/%u002e"],
    "no path": [
        "",
        "*",
        "a",
        "?a",
        "a:80",
        "ftp://x/a",
        "file:///etc/passwd",
        "http:/a",
        "http://",
        "http:///a",
        "http://:80/a",
        "http://me@/a",
        "http://me@:80/a",
        "http://a@b@c/a",
        "http://?a",
    ],
    "a fragment": ["/a#b", "/#", "/a?b#c", "http://x#y"],
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_hides_a_path_is_refused(what: str) -> None:
    """NUL, an escaped slash, a backslash and what leaves the root are 400, and so is a
    URL without a host (issue 5.6; metadata 1.5, path hygiene; RFC 9110 4.2.1)."""
    for target in REFUSED[what]:
        with pytest.raises(BadRequest) as caught:
            parse_target(target)
        assert caught.value.status == 400, target


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("/a?b", "b"),
        ("/a?", ""),
        ("/a?b?c/../d", "b?c/../d"),
        ("/?recursive=True&alt=json", "recursive=True&alt=json"),
        ("/a?%00%2f", "%00%2f"),
        ("http://x?y", "y"),
    ],
)
def test_the_query_stays_as_it_is(target: str, query: str) -> None:
    """The query is no part of the path, which a rule sees alone: a query cannot defeat
    a rule (zstack 3.2, consequences), nor is it decoded."""
    assert query == parse_target(target)[1]


def path_of(target: str) -> str | None:
    """The path of *target*; None where it is refused, with 400."""
    try:
        return parse_target(target)[0]
    except BadRequest as problem:
        return None if problem.status == 400 else problem.what


def normalised(path: str) -> bool:
    segments = path.split("/")
    return (
        path.startswith("/")
        and "//" not in path
        and not {".", ".."} & set(segments)
        and not any(ord(each) < 32 or each in "\\\x7f" for each in path)
    )


PARTS = "/ . .. %2e %2f %5c %00 %25 % a é %C3%A9 ? # \\ // ... http://x %252e 2e"
PIECES = st.sampled_from([part for part in PARTS.split(" ") if part])


@given(st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=20).map("".join))
@example("/" + "a" * 4000 + "%20")
@example("/" + "a/" * 4000 + "!")
@example("/" + "a." * 4000 + "\x7f")
def test_what_is_left_is_a_plain_path(target: str) -> None:
    """Any target is a path without "..", ".", "//", NUL, control characters and
    backslashes, or BadRequest; and it takes no time that grows faster than it."""
    started = perf_counter()
    path = path_of(target)
    assert perf_counter() - started < 1.0
    assert path is None or normalised(path)


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_an_escape_is_read_once(name: str) -> None:
    """What was escaped once comes back as it was; what was escaped twice comes back
    escaped once: no second reader can find another path in it (metadata 1.5)."""
    if set(name) & set("/\\") or name in (".", ".."):
        return
    once = quote(name, safe="")
    assert ("/" + name, "") == parse_target("/" + once)
    assert ("/" + once, "") == parse_target("/" + quote(once, safe=""))


def test_the_corpus_of_tricks_is_large() -> None:
    """At least 60 tricks are tried, each another."""
    assert len(set(TRICKS)) == len(TRICKS) >= 60


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_ends_in_a_plain_path_or_400(trick: str) -> None:
    """Each trick of the corpus is refused, or leaves a path in which nothing climbs."""
    path = path_of(trick)
    assert path is None or normalised(path)
