"""What an upstream is asked: made anew, so a guest adds no line and no header."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.request import climbs
from appliance.proxy.request import encode_request
from httpd.messages import Request
from rewrite.ruleset import Rewrite

from .upstream import GUEST

UPSTREAM = "169.254.64.1:9092"
OURS = {"host", "x-forwarded-for", "connection", "content-length"}
THEIRS = {"accept", "content-type", "user-agent"}


def request(
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Request:
    return Request(method, "/x", "/x", "", headers or {}, body=body)


def rule(target: str, query: str = "") -> Rewrite:
    return Rewrite(target, query, proxy=UPSTREAM)


def test_a_push_of_metrics() -> None:
    """issue 6.1: method, path, query, body and three headers go on; who asks is the
    binding's address, whatever the guest said of it."""
    said = {
        "host": "169.254.169.254",
        "x-forwarded-for": "10.0.0.9",
        "x-aws-ec2-metadata-token": "secret",
        "authorization": "Basic x",
        "cookie": "a=b",
        "connection": "keep-alive, x-odd",
        "upgrade": "websocket",
        "transfer-encoding": "identity",
        "te": "trailers",
        "content-type": "text/plain; version=0.0.4",
        "user-agent": "zwatch/1",
        "accept": "*/*",
    }
    asked = encode_request(
        request("POST", b"up 1\n", said), rule("/metrics/job/vm-1", "x=1"), GUEST
    )
    assert asked == (
        b"POST /metrics/job/vm-1?x=1 HTTP/1.1\r\n"
        b"Host: 169.254.64.1:9092\r\n"
        b"X-Forwarded-For: 10.0.0.5\r\n"
        b"Connection: close\r\n"
        b"Accept: */*\r\n"
        b"Content-Type: text/plain; version=0.0.4\r\n"
        b"User-Agent: zwatch/1\r\n"
        b"Content-Length: 5\r\n"
        b"\r\n"
        b"up 1\n"
    )


@pytest.mark.parametrize(
    ("target", "query", "asked"),
    [
        ("/a b", "", b"/a%20b"),
        ("/\u00fc?#%", "", b"/%C3%BC%3F%23%25"),
        ("/a;b=c,d:@~", "", b"/a;b=c,d:@~"),
        ("/\r\nX: y", "", b"/%0D%0AX:%20y"),
        ("/a", "b=%20&c[]=d?e", b"/a?b=%20&c[]=d?e"),
        ("/a", "b\r\nc #", b"/a?b%0D%0Ac%20%23"),
    ],
)
def test_a_path_is_encoded(target: str, query: str, asked: bytes) -> None:
    """issue 6.1: a decoded path is encoded again, a query stays as it came."""
    line = encode_request(request(), rule(target, query), GUEST).partition(b"\r\n")[0]
    assert line == b"GET " + asked + b" HTTP/1.1"


def test_who_has_a_body_says_how_long() -> None:
    """issue 6.1: POST and PUT of nothing say 0; a GET without a body says nothing."""
    for method, body, said in (
        ("POST", b"", b"Content-Length: 0"),
        ("PUT", b"", b"Content-Length: 0"),
        ("GET", b"x", b"Content-Length: 1"),
    ):
        assert said in encode_request(request(method, body), rule("/"), GUEST)
    assert b"Content-Length" not in encode_request(request(), rule("/"), GUEST)


@pytest.mark.parametrize(
    ("target", "upwards"),
    [
        ("/a/../b", True),
        ("/..", True),
        ("/a/.", True),
        ("/a../..b", False),
        ("/", False),
    ],
)
def test_a_path_that_leads_upwards(target: str, upwards: bool) -> None:
    """issue 6.1: what a rule made of parts of a normal path may be no normal path."""
    assert climbs(target) is upwards


names = st.one_of(
    st.sampled_from([*THEIRS, "x-forwarded-for", "host", "cookie", "connection"]),
    st.text("abcx-", min_size=1),
)


@given(
    st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
    st.text().map(lambda text: "/" + text),
    st.text(),
    st.dictionaries(names, st.text(st.characters(max_codepoint=0xFF))),
    st.binary(max_size=50),
)
def test_nothing_is_injected(
    method: str, target: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    """issue 6.1: whatever a guest and a rule bring together, it is one request, with no
    line and no header but those that are named, as h11 reads it."""
    target, query = (
        text.encode("utf-8", "replace").decode() for text in (target, query)
    )
    asked = encode_request(request(method, body, headers), rule(target, query), GUEST)
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    reader.receive_data(asked)
    head = reader.next_event()
    assert isinstance(head, h11.Request)
    assert head.method == method.encode()
    read = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    assert len(read) == len(head.headers)
    assert read.keys() <= OURS | THEIRS
    assert read["host"] == UPSTREAM
    assert read["x-forwarded-for"] == str(GUEST)
    assert read["connection"] == "close"
    for name in THEIRS & read.keys():
        assert read[name] == headers[name].strip(" \t")
    found = b""
    while isinstance(event := reader.next_event(), h11.Data):
        found += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert found == body
    assert reader.trailing_data == (b"", False)
