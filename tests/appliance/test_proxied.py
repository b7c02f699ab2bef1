"""Paths that an upstream answers: who may ask, by which methods, and what says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from socket import create_server

import pytest
import trio

from appliance.metadata import Metadata
from appliance.rules import load_rules
from httpd.contract import Awaited
from httpd.contract import Later
from httpd.listener import Peer
from httpd.messages import Request
from httpd.messages import Response
from httpd.paths import parse_target
from rewrite.ruleset import Rewrite

from .guests import GATE
from .guests import peer
from .house import N1
from .house import House
from .house import listed

ZSTACK = """
$HTTP["url"] =~ "^/metrics/job" {
    proxy.server = ( "" => ( ( "host" => "169.254.64.1", "port" => 9092 ) ) )
} else $HTTP["url"] =~ "^/host" {
    proxy.server = ( "" => ( ( "host" => "169.254.64.1", "port" => 7070 ) ) )
}
url.rewrite-once = ( "^/short$" => "/metrics/job/short?from=rule" )
"""


class Carrier:
    """Remembers what it was given to pass on."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str, str | None, str, str, str]] = []

    async def pass_on(
        self, request: Request, rule: Rewrite, guest: IPv4Address
    ) -> Response:
        said = (request.method, str(guest), rule.proxy, rule.target or "", rule.query)
        self.given.append((*said, request.body.decode()))
        return Response(202, origin="proxy", rule=rule.origin)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    house.files.rules.write_text(ZSTACK)
    house.bind(5)
    house.bind(6, tokens="required")
    house.bind(7, endpoint=False)
    return house


def served(house: House, carrier: Carrier | None, settings: str = "") -> Metadata:
    house.files.settings.write_text(N1 + settings)
    state = house.state()
    state.load()
    loaded = house.settings()
    rules = load_rules(loaded, house.files)
    pass_on = None if carrier is None else carrier.pass_on
    return Metadata(loaded, rules, state, house.files, GATE, pass_on=pass_on)


def ask(
    found: Metadata, method: str, url: str, who: Peer | None = None, **headers: str
) -> int:
    """Return the status of what is answered, also where it comes by itself."""
    path, query = parse_target(url)
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method, url, path, query, said, body=b"up 1")
    answer = found.answer(request, who or peer(5), wait=False, waited=0.0)
    if isinstance(answer, Awaited):
        return trio.run(answer.come).status
    assert isinstance(answer, Response)
    return answer.status


def test_what_is_passed_on(house: House) -> None:
    """issue 6.1: the path as it is normalised and rewritten, to the upstream that the
    rule names; the rest of the tree is served as ever."""
    carrier = Carrier()
    found = served(house, carrier)
    for method, url in (
        ("POST", "/metrics/job//vm-1/./x?a=1"),
        ("GET", "/host/../host/report"),
        ("PUT", "/short"),
        ("HEAD", "/metrics/job"),
    ):
        assert ask(found, method, url) == 202
    metrics, host = "169.254.64.1:9092", "169.254.64.1:7070"
    assert carrier.given == [
        ("POST", "10.0.0.5", metrics, "/metrics/job/vm-1/x", "a=1", "up 1"),
        ("GET", "10.0.0.5", host, "/host/report", "", "up 1"),
        ("PUT", "10.0.0.5", metrics, "/metrics/job/short", "from=rule", "up 1"),
        ("HEAD", "10.0.0.5", metrics, "/metrics/job", "", "up 1"),
    ]
    assert ask(found, "GET", "/latest/meta-data/") == 200
    assert ask(found, "GET", "/metrics/other") == 404


def test_other_methods(house: House) -> None:
    """metadata U9, issue 6.1: a proxied path takes GET, HEAD, POST and PUT; every other
    path GET and HEAD, as before."""
    carrier = Carrier()
    found = served(house, carrier)
    for method, url in (
        ("DELETE", "/metrics/job/x"),
        ("OPTIONS", "/metrics/job/x"),
        ("POST", "/latest/user-data"),
        ("PUT", "/latest/user-data"),
        ("POST", "/metrics/other"),
    ):
        assert ask(found, method, url) == 405
    path = "/metrics/job/x"
    refused = found.answer(
        Request("DELETE", path, path), peer(5), wait=False, waited=0.0
    )
    assert isinstance(refused, Response)
    assert ("Allow", "GET, HEAD, POST, PUT") in refused.headers
    assert carrier.given == []


def test_the_gate_comes_first(house: House) -> None:
    """metadata U9-U17, issue 6.1: `tokens = "required"` holds for proxied paths too,
    and so do the endpoint's switch and X-Forwarded-For."""
    carrier = Carrier()
    found = served(house, carrier, '[metadata]\nreject_forwarded = "all"\n')
    path = "/metrics/job/x"
    assert ask(found, "POST", path, peer(6)) == 401
    assert ask(found, "POST", path, peer(6), x_aws_ec2_metadata_token="x") == 401
    assert ask(found, "POST", path, peer(7)) == 403
    assert ask(found, "POST", path, x_forwarded_for="10.0.0.9") == 403
    assert carrier.given == []


def test_who_is_not_bound_passes_nothing_on(house: House) -> None:
    """issue 6.1: an address without a binding has default/ at most, and another's MAC
    not a word."""
    carrier = Carrier()
    found = served(house, carrier, '[metadata]\nunknown = "default"\n')
    assert ask(found, "GET", "/metrics/job/x", peer(9)) == 404
    foreign = found.answer(
        Request("GET", "/host", "/host"), peer(5, 6), wait=False, waited=0.0
    )
    assert foreign is None
    assert carrier.given == []


def test_nothing_is_passed_on_unless_a_rule_says_so(house: House) -> None:
    """issue 6.1: off by default; and where nobody passes on it is 404, not a file."""
    house.drop("10.0.0.5", "x", b"x")
    assert ask(served(house, None), "GET", "/metrics/job/x") == 404
    house.files.rules.unlink()
    carrier = Carrier()
    found = served(house, carrier)
    assert ask(found, "GET", "/metrics/job/x") == 404
    assert ask(found, "POST", "/metrics/job/x") == 405
    assert carrier.given == []


def test_a_rule_of_the_settings(house: House) -> None:
    """issue 6.1: the same rules in TOML."""
    house.files.rules.unlink()
    carrier = Carrier()
    rule = "[[metadata.rewrite]]\nmatch = '^/up$'\nproxy = \"10.9.9.9:90\"\n"
    assert ask(served(house, carrier, rule), "POST", "/up") == 202
    assert carrier.given == [("POST", "10.0.0.5", "10.9.9.9:90", "/up", "", "up 1")]


def test_explain_names_the_upstream(house: House) -> None:
    """issue 6.5: without asking it."""
    words = ("explain", "n1", "http", "10.0.0.5", "POST", "/metrics/job/x")
    found = listed(house.metalease(*words, "--json").out)
    assert (
        found["target"] == "/metrics/job/x of 169.254.64.1:9092, from the host's side"
    )
    assert "not asked now" in found["document"]
    assert "status" not in found
    stranger = ("explain", "n1", "http", "10.0.0.9", "GET", "/metrics/job/x", "--json")
    assert listed(house.metalease(*stranger).out)["status"] == 404


@contextmanager
def listening() -> Iterator[str]:
    with create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_check_says_where_nobody_listens(house: House) -> None:
    """issue 6.1: an upstream that takes no connection is a note, with what follows."""
    house.files.rules.unlink()
    rule = "[[metadata.rewrite]]\nmatch = '^/up$'\nproxy = \"{}\"\n"

    def notes(upstream: str) -> list[str]:
        house.files.settings.write_text(N1 + rule.format(upstream))
        found = listed(house.metalease("net", "check", "n1", "--json").out)
        return [each for each in found["n1"]["notes"] if "proxy.server" in each]

    with listening() as upstream:
        assert notes(upstream) == []
    (note,) = notes(upstream)
    assert note.startswith(f"proxy.server {upstream}: Connection refused: guests are")


def test_a_later_question_is_the_same(house: House) -> None:
    """issue 6.1: asked again from a thread it is awaited, not answered."""
    found = served(house, Carrier())
    request = Request("GET", "/host", "/host")
    for wait in (False, True):
        answer = found.answer(request, peer(5), wait=wait, waited=0.0)
        assert isinstance(answer, Awaited)
        assert not isinstance(answer, Later)
    shut = replace(request, method="POST")
    assert isinstance(found.answer(shut, peer(5), wait=True, waited=0.0), Awaited)
