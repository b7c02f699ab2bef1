"""Connections without sockets: pieces of any size, several requests, garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpd.connection import Connection
from httpd.errors import BadRequest
from httpd.messages import BODY_AT_MOST
from httpd.messages import HEAD_AT_MOST
from httpd.messages import LINE_AT_MOST
from httpd.messages import Request


def read(*pieces: bytes) -> tuple[list[Request], int | None]:
    """What is read of *pieces*, and the status of the refusal, if there is one."""
    connection, requests = Connection(), []
    try:
        for piece in pieces:
            connection.receive(piece)
            while (request := connection.next_request()) is not None:
                requests.append(request)
    except BadRequest as problem:
        return requests, problem.status
    return requests, None


def bytewise(octets: bytes) -> list[bytes]:
    return [octets[at : at + 1] for at in range(len(octets))]


STREAMS = {
    "one": b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
    "a body": b"PUT /t HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
    "three": b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    b"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    b"HEAD /c HTTP/1.0\r\n\r\n",
    "one and a half": b"GET / HTTP/1.0\r\n\r\nGET / HT",
    "an empty line before": b"\r\nGET / HTTP/1.0\r\n\r\n",
    "an empty line between": b"GET / HTTP/1.0\r\n\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
    "two empty lines before": b"\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    "good, then bad": b"GET / HTTP/1.0\r\n\r\nGET\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.0\n\n",
    "a bare line feed at the end": b"GET / HTTP/1.0\r\n\n",
    "a bare line feed first": b"\nGET / HTTP/1.0\r\n\r\n",
    "bare carriage returns": b"GET / HTTP/1.0\r\r\r\n\r\n",
    "a body that looks like a request": b"PUT / HTTP/1.0\r\nContent-Length: 18\r\n\r\n"
    b"GET / HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("name", STREAMS)
def test_pieces_do_not_matter(name: str) -> None:
    """Octets that come one by one, or cut in two anywhere, are the same requests and
    the same refusal as all at once (RFC 9112 section 9.3.2: in order)."""
    stream = STREAMS[name]
    expected = read(stream)
    assert expected == read(*bytewise(stream))
    for at in range(len(stream)):
        assert expected == read(stream[:at], stream[at:])


def test_several_requests_at_once() -> None:
    """Pipelined requests come out in their order, each with its own body."""
    requests, refused = read(STREAMS["three"])
    assert [(each.path, each.body) for each in requests] == [
        ("/a", b""),
        ("/b", b"hi"),
        ("/c", b""),
    ]
    assert refused is None


def test_one_empty_line_is_ignored() -> None:
    """One CRLF before a request is ignored, two are not: who sends nothing but empty
    lines may not hold a connection (RFC 9112 section 2.2)."""
    assert len(read(STREAMS["an empty line between"])[0]) == 2
    assert read(b"\r\n", b"\r\n") == ([], 400)


@pytest.mark.parametrize("name", [name for name in STREAMS if "feed" in name])
def test_a_bare_line_feed_is_refused_at_once(name: str) -> None:
    """Lines end with CRLF: who ends them with LF is told so, not left waiting."""
    assert read(STREAMS[name]) == ([], 400)


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_the_limits_of_what_is_collected(split: bool) -> None:
    """A line, a head, a body of the size allowed are read; one octet more is 414, 431,
    413, and nobody collects more than that."""
    line = b"GET /" + b"a" * (LINE_AT_MOST - 14) + b" HTTP/1.0"
    head = b"GET / HTTP/1.0\r\nA: "
    head += b"b" * (HEAD_AT_MOST - len(head))
    body = b"PUT / HTTP/1.0\r\nContent-Length: %d\r\n\r\n"
    end = b"\r\n\r\n"
    cases = [
        (line + end, None),
        (line.replace(b"/a", b"/aa") + end, 414),
        (head + end, None),
        (head + b"b" + end, 431),
        (body % (BODY_AT_MOST + 1), 413),
        (b"x" * (LINE_AT_MOST + 4), 414),
        (b"GET / HTTP/1.0\r\n" + b"A: b\r\n" * HEAD_AT_MOST, 431),
    ]
    for octets, status in cases:
        requests, refused = read(*(bytewise(octets) if split else [octets]))
        assert (status is None, status) == (len(requests) == 1, refused)


def test_the_largest_body_is_read() -> None:
    """64 KiB of body are read (metadata T10: ignored up to a small limit)."""
    head = b"PUT / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % BODY_AT_MOST
    requests, refused = read(head, b"x" * (BODY_AT_MOST - 1), b"xGET")
    assert (len(requests[0].body), refused) == (BODY_AT_MOST, None)


def test_empty_is_between_two_requests_only() -> None:
    """`empty` tells a connection that waits for a request from one within it."""
    connection = Connection()
    assert connection.empty
    for octet in bytewise(STREAMS["a body"])[:-1]:
        connection.receive(octet)
        assert connection.next_request() is None
        assert not connection.empty
    connection.receive(STREAMS["a body"][-1:])
    assert connection.next_request() is not None
    assert connection.empty


PARTS = "GET |/| HTTP/1.1|\r\n|\r|\n|Host: x|\r\n\r\n|Content-Length: 3|%2e|:|\0| |"
WORDS = st.sampled_from([part.encode() for part in PARTS.split("|")])


@given(st.lists(st.one_of(WORDS, st.binary(max_size=40)), max_size=30))
def test_garbage_gives_the_one_error(pieces: list[bytes]) -> None:
    """Any octets are requests, too few, or BadRequest with a status that fits, and
    cutting them otherwise changes nothing."""
    requests, refused = read(*pieces)
    assert refused in (None, 400, 411, 413, 414, 431, 505)
    assert (requests, refused) == read(b"".join(pieces))
    assert (requests, refused) == read(*bytewise(b"".join(pieces)))
