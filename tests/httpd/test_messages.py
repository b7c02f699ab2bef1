"""Heads: what is a request, and with which status the rest is refused."""

import pytest

from httpd.errors import BadRequest
from httpd.messages import BODY_AT_MOST
from httpd.messages import HEADERS_AT_MOST
from httpd.messages import LINE_AT_MOST
from httpd.messages import Response
from httpd.messages import encode_head
from httpd.messages import parse_head

BAD = {
    # the request line: RFC 9112 section 3
    "nothing": (b"", 400),
    "one word": (b"GET", 400),
    "HTTP/0.9": (b"GET /", 400),
    "two blanks before the target": (b"GET  / HTTP/1.1\r\nHost: x", 400),
    "two blanks after the target": (b"GET /  HTTP/1.1\r\nHost: x", 400),
    "a blank in the target": (b"GET /a b HTTP/1.1\r\nHost: x", 400),
    "a tab for a blank": (b"GET\t/\tHTTP/1.1\r\nHost: x", 400),
    "a blank before the method": (b" GET / HTTP/1.1\r\nHost: x", 400),
    "a blank after the version": (b"GET / HTTP/1.1 \r\nHost: x", 400),
    "no method": (b" / HTTP/1.1\r\nHost: x", 400),
    "a method that is no token": (b"G(T / HTTP/1.1\r\nHost: x", 400),
    "octets over 127 in the target": ("GET /é HTTP/1.1\r\nHost: x".encode(), 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nHost: x", 400),
    "a bare CR in the target": (b"GET /\r HTTP/1.1\r\nHost: x", 400),
    "lower case http": (b"GET / http/1.1\r\nHost: x", 400),
    "two digits in the version": (b"GET / HTTP/1.10\r\nHost: x", 400),
    "other digits in the version": ("GET / HTTP/1.\u0661\r\nHost: x".encode(), 400),
    "HTTP/2's preface": (b"PRI * HTTP/2.0", 505),
    "version 0.9": (b"GET / HTTP/0.9\r\nHost: x", 505),
    "version 3.0": (b"GET / HTTP/3.0\r\nHost: x", 505),
    "a target that is no path": (b"GET latest HTTP/1.1\r\nHost: x", 400),
    "an authority": (b"CONNECT a:80 HTTP/1.1\r\nHost: x", 400),
    "a fragment": (b"GET /a#b HTTP/1.1\r\nHost: x", 400),
    # headers: section 5
    "no host in 1.1": (b"GET / HTTP/1.1", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nhost: b", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: x\r\nxyz", 400),
    "no name": (b"GET / HTTP/1.1\r\nHost: x\r\n: y", 400),
    "a blank before the colon": (b"GET / HTTP/1.1\r\nHost : x", 400),
    "a tab before the colon": (b"GET / HTTP/1.1\r\nHost\t: x", 400),
    "a folded line": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c", 400),
    "a first line that is folded": (b"GET / HTTP/1.1\r\n Host: x", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \0", 400),
    "a bare CR in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d", 400),
    "a bare LF in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d", 400),
    "a bare LF after the line": (b"GET / HTTP/1.1\nHost: x", 400),
    "DEL in a value": (b"GET / HTTP/1.1\r\nHost: x\r\nA: \x7f", 400),
    "NUL in a name": (b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b", 400),
    # the body's length, twice or doubtful: section 6.3, and request smuggling
    "two lengths": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2",
        400,
    ),
    "the same length twice": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\ncontent-length: 1",
        400,
    ),
    "a list of lengths": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1", 400),
    "a length with +": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +1", 400),
    "a length with -": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1", 400),
    "a length in hex": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1", 400),
    "a length with _": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0", 400),
    "an empty length": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length:", 400),
    "a superscript": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2", 400),
    "20 digits": (b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"1" * 20, 400),
    "5000 digits": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"1" * 5000,
        400,
    ),
    "length and chunks": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        400,
    ),
    "chunks and length": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
        400,
    ),
    "chunks": (b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked", 411),
    "chunks, misspelt": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked",
        411,
    ),
    "chunks in 1.0": (b"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked", 411),
    "no encoding, yet named": (
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity",
        411,
    ),
    "two encodings": (
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: a\r\nTransfer-Encoding: b",
        400,
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_request_is_refused(case: str) -> None:
    """Whatever two readers could take for two different things is refused, with its
    status (RFC 9112 sections 3, 5, 6.3; metadata 1.2, order of checks)."""
    head, status = BAD[case]
    with pytest.raises(BadRequest) as caught:
        parse_head(head)
    assert status == caught.value.status


GOOD = {
    "the shortest": (b"GET / HTTP/1.0", "GET", "/", {}, (1, 0)),
    "no host in 1.0": (b"HEAD /a HTTP/1.0\r\nA: b", "HEAD", "/a", {"a": "b"}, (1, 0)),
    "a host": (b"GET / HTTP/1.1\r\nHost: x:80", "GET", "/", {"host": "x:80"}, (1, 1)),
    "an empty host": (b"GET / HTTP/1.1\r\nHost:", "GET", "/", {"host": ""}, (1, 1)),
    "blanks around a value": (
        b"GET / HTTP/1.1\r\nHost: \t x \t ",
        "GET",
        "/",
        {"host": "x"},
        (1, 1),
    ),
    "a later version of 1": (
        b"GET / HTTP/1.9\r\nHost: x",
        "GET",
        "/",
        {"host": "x"},
        (1, 1),
    ),
    "a repeated name is a list": (
        b"GET / HTTP/1.0\r\nA: b\r\na: c",
        "GET",
        "/",
        {"a": "b, c"},
        (1, 0),
    ),
    "octets over 127 in a value": (
        b"GET / HTTP/1.0\r\nA: \xe9\xff",
        "GET",
        "/",
        {"a": "éÿ"},
        (1, 0),
    ),
    "any method that is a token": (b"p!t / HTTP/1.0", "p!t", "/", {}, (1, 0)),
    "with http:// and a host": (
        b"GET http://169.254.169.254/a?b HTTP/1.0",
        "GET",
        "/a",
        {},
        (1, 0),
    ),
    "with nothing after the host": (b"GET HTTP://h HTTP/1.0", "GET", "/", {}, (1, 0)),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_request_is_read(case: str) -> None:
    """HTTP/1.0 and 1.1 both work, Host may be anything or missing in 1.0
    (metadata 1.5; RFC 9112 section 3.2.2 for the absolute form)."""
    head, method, path, headers, version = GOOD[case]
    request, length = parse_head(head)
    assert (method, path, headers, version, 0) == (
        request.method,
        request.path,
        request.headers,
        request.version,
        length,
    )


def test_the_limits_of_a_head() -> None:
    """Each limit is kept: at it all is well, one past it is 414, 431 or 413."""
    line = b"GET /" + b"a" * (LINE_AT_MOST - 14) + b" HTTP/1.0"
    assert len(line) == LINE_AT_MOST
    assert parse_head(line)[0].target.startswith("/aaa")
    many = b"GET / HTTP/1.0" + b"\r\nA: b" * HEADERS_AT_MOST
    assert parse_head(many)[0].headers["a"].count("b") == HEADERS_AT_MOST
    body = b"PUT / HTTP/1.0\r\nContent-Length: %d"
    assert parse_head(body % BODY_AT_MOST)[1] == BODY_AT_MOST
    past = {
        414: line.replace(b"/a", b"/aa"),
        431: many + b"\r\nA: b",
        413: body % (BODY_AT_MOST + 1),
    }
    for status, head in past.items():
        with pytest.raises(BadRequest) as caught:
            parse_head(head)
        assert status == caught.value.status


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "Keep-Alive", True),
        ("1.1", "TE,\tClose", False),
        ("1.1", "closed", True),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
        ("1.0", "Keep-Alive , TE", True),
        ("1.0", "keep-alive, close", False),
        ("1.0", "close", False),
    ],
)
def test_who_keeps_a_connection_open(
    version: str, connection: str | None, stays: bool
) -> None:
    """1.1 stays open unless "close" is said, 1.0 closes unless "keep-alive" is said,
    and "close" wins (RFC 9112 section 9.3)."""
    head = f"GET / HTTP/{version}\r\nHost: x"
    if connection is not None:
        head += f"\r\nConnection: {connection}"
    assert stays is parse_head(head.encode())[0].keeps_alive


def test_a_head_is_written() -> None:
    """The length is always said but for 204; "close" is said to 1.1 and "keep-alive"
    to 1.0 (metadata 1.5, headers; RFC 9110 section 8.6)."""
    answer = Response(200, (("Content-Type", "text/plain"),), b"abc")
    written = encode_head(answer, date="D", keep_alive=True, version=(1, 1))
    assert written == (
        b"HTTP/1.1 200 OK\r\nDate: D\r\nServer: metalease\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n"
    )
    kept = encode_head(answer, date="D", keep_alive=True, version=(1, 0))
    assert b"\r\nConnection: keep-alive\r\n" in kept
    closed = encode_head(Response(204), date="D", keep_alive=False, version=(1, 1))
    assert b"\r\nConnection: close\r\n" in closed
    assert b"Content-Length" not in closed
