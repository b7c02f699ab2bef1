"""Each feature of the rule language that makes a dialect a rules file (metadata 2)."""

from pathlib import Path

import pytest

from appliance.metadata import Metadata
from httpd import root
from httpd.messages import Request
from httpd.messages import Response
from httpd.paths import parse_target

from .guests import ask
from .guests import get
from .guests import guests
from .guests import metadata
from .house import House
from .house import ip


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.bind(5)
    house.drop(ip(5), "user-data", b"own")
    house.drop("default", "a", b"by default")
    return house


def ruled(house: House, rules: str) -> Metadata:
    house.files.rules.write_text(rules)
    return metadata(house, '[metadata]\npresets = ["nocloud"]\n')


def fetch(found: Metadata, url: str, method: str = "GET", **headers: str) -> Response:
    path, query = parse_target(url)
    response = ask(found, Request(method, url, path, query, headers))
    assert response is not None
    return response


def rewrite(target: str, pattern: str = "^/x$") -> str:
    return f'url.rewrite-once = ("{pattern}" => "{target}")\n'


def test_match_on_the_method(house: House) -> None:
    """Feature 1: a rule for HEAD is none for GET."""
    condition = '$HTTP["request-method"] == "HEAD"'
    found = ruled(house, f"{condition} {{ {rewrite('/${ip}/user-data')} }}\n")
    assert fetch(found, "/x", "HEAD").status == 200
    assert fetch(found, "/x").status == 404


def test_match_on_a_header(house: House) -> None:
    """Feature 1: present with a value, another, or absent."""
    condition = '$REQUEST_HEADER["x-kind"] =~ "^own"'
    found = ruled(house, f"{condition} {{ {rewrite('/${ip}/user-data')} }}\n")
    assert fetch(found, "/x", **{"x-kind": "own-1"}).status == 200
    assert fetch(found, "/x", **{"x-kind": "none"}).status == 404
    assert fetch(found, "/x").status == 404


def test_match_on_the_query(house: House) -> None:
    """Feature 1: in a condition, and in a rule's own pattern."""
    condition = '$HTTP["querystring"] == "kind=own"'
    found = ruled(
        house,
        f"{condition} {{ {rewrite('/${ip}/user-data')} }}\n"
        f"else {{ {rewrite('/default/a', '^/y[?]a=1$')} }}\n",
    )
    assert fetch(found, "/x?kind=own").body == b"own"
    assert fetch(found, "/x?kind=other").status == 404
    assert fetch(found, "/y?a=1").body == b"by default"
    assert fetch(found, "/y?a=2").status == 404


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/shared/${ip}", "10.0.0.5"),
        ("/shared/${mac}", "fa:16:3e:00:00:05"),
        ("/shared/${network}", "n1"),
        ("/shared/$1", "x"),
    ],
)
def test_placeholders(house: House, target: str, path: str) -> None:
    """Feature 2: who asks, and what the pattern took."""
    house.files.shared.mkdir()
    (house.files.shared / path).write_bytes(b"found")
    found = ruled(house, rewrite(target, "^/(x)$"))
    assert fetch(found, "/x").body == b"found"


@pytest.mark.parametrize("target", ["/${ip}/user-data", "/${ip}/none"])
def test_headers(house: House, target: str) -> None:
    """Feature 3: the rule's type and headers, these on a refusal too."""
    found = ruled(
        house,
        rewrite(target)
        + 'metalease.content-type = "text/x-own"\n'
        + 'setenv.add-response-header = ("X-One" => "1")\n',
    )
    response = fetch(found, "/x")
    headers = dict(response.headers)
    assert headers["X-One"] == "1"
    if response.status == 200:
        assert headers["Content-Type"] == "text/x-own"


@pytest.mark.parametrize(
    ("word", "status", "body"),
    [
        ("404", 404, b"404 no such document\n"),
        ("204", 204, b""),
        ("empty", 200, b""),
        ("next", 200, b"own"),
        ("default", 200, b"by default"),
    ],
)
def test_what_is_missing(house: House, word: str, status: int, body: bytes) -> None:
    """issue 5.2: 404, 204, an empty answer, the next rule, what is in default/."""
    house.files.shared.mkdir()
    found = ruled(
        house,
        f'$HTTP["url"] == "/x" {{ metalease.if-missing = "{word}" }}\n'
        'url.rewrite-once = ("^/x$" => "/shared/a", "^/x" => "/${ip}/user-data")\n',
    )
    for _ in range(2):  # what the rules said is remembered
        response = fetch(found, "/x")
        assert (response.status, response.body) == (status, body)
    (house.files.shared / "a").write_bytes(b"there")
    assert fetch(found, "/x").body == b"there"


def test_the_last_rule_says_next(house: House) -> None:
    """Feature 4: where nothing comes after it, that is a 404."""
    found = ruled(house, rewrite("/shared/a") + 'metalease.if-missing = "next"\n')
    assert fetch(found, "/x").status == 404


def test_a_required_header(house: House) -> None:
    """Feature 5: without it the refusal that the rule chose, before any look."""
    found = ruled(
        house,
        rewrite("/${ip}/$1", "^/x/(.*)$")
        + 'metalease.require-header = ("Metadata" => "true")\n'
        + "metalease.refuse = 400\n",
    )
    for path, status in (("user-data", 200), ("none", 404)):
        assert fetch(found, f"/x/{path}", metadata="true").status == status
        assert fetch(found, f"/x/{path}", metadata="false").status == 400
        assert fetch(found, f"/x/{path}").status == 400


def test_a_listing(house: House) -> None:
    """issue 5.2: names that can be served, with and without "/", never redirected; "*"
    stands for what is in a directory (feature 6)."""
    house.drop(ip(5), "d/one", b"1")
    house.drop(ip(5), "d/two/three", b"3")
    found = ruled(
        house,
        '$HTTP["url"] =~ "^/x/?$" { metalease.list = (\n'
        '"always", "here" => "/${ip}/user-data", "gone" => "/${ip}/none",\n'
        '"*" => "/${ip}/d/") }\n' + rewrite("/${ip}/d/", "^/d/?$"),
    )
    for url in ("/x", "/x/"):
        assert fetch(found, url).body == b"always\nhere\none\ntwo/"
    for url in ("/d", "/d/"):
        assert fetch(found, url).body == b"one\ntwo/"


def test_deny(house: House) -> None:
    """Feature 7: url.access-deny is 403, whether there is a document or not."""
    house.drop(ip(5), "a.inc", b"no")
    found = ruled(
        house, rewrite("/${ip}/$1", "^/x/(.*)$") + 'url.access-deny = (".inc")\n'
    )
    assert fetch(found, "/x/user-data").status == 200
    for name in ("a.inc", "none.inc"):
        assert fetch(found, f"/x/{name}").status == 403


def test_a_rule_for_what_is_no_file(tmp_path: Path) -> None:
    """issue 6.1, url.rewrite-if-not-file: what is there is served, else the rule leads,
    and the next request sees what has come or gone meanwhile."""
    house = guests(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    house.files.rules.write_text(
        f'alias.url = ("/tools/" => "{tools}/")\n'
        'url.rewrite-if-not-file = ("^/tools/.*$" => "/shared/usual")\n'
    )
    house.files.shared.mkdir(exist_ok=True)
    (house.files.shared / "usual").write_bytes(b"usual")
    found = metadata(house)
    for _ in range(2):
        for _ in range(3):
            assert get(found, "/tools/x") == b"usual"
        (tools / "x").write_bytes(b"its own")
        for _ in range(3):
            assert get(found, "/tools/x") == b"its own"
        (tools / "x").unlink()


FALLING_BACK = {
    "next": (
        '$HTTP["url"] == "/x" {\n'
        '  metalease.if-missing = "next"\n'
        '  url.rewrite-once = ("^/x$" => "/shared/a", "^/(x)$" => "/default/a")\n'
        "}\n"
    ),
    "default": (
        'url.rewrite-once = ("^/x$" => "/shared/a")\nmetalease.if-missing = "default"\n'
    ),
}


@pytest.mark.parametrize("word", FALLING_BACK)
def test_what_comes_later_is_seen(
    house: House, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """metadata 2: while the nearer document is missing the other is served, and proven
    by nothing, so that the next request sees the nearer one when it has come."""
    monkeypatch.setattr(root, "SETTLED", 0)  # what is a moment old can be proven
    found = ruled(house, FALLING_BACK[word])
    direct = ruled(house, 'url.rewrite-once = ("^/x$" => "/default/a")\n')
    request = Request("GET", "/x", "/x")
    proven, response = ask(direct, request), ask(found, request)
    assert proven is not None
    assert response is not None
    assert proven.body == response.body == b"by default"
    assert proven.proof is not None
    assert response.proof is None
    house.files.shared.mkdir(exist_ok=True)
    (house.files.shared / "a").write_bytes(b"nearer")
    assert get(found, "/x") == b"nearer"
