"""h11 reads what we read, or the difference is one of those listed here.

Both get the same octets: heads that are whole, and heads in which octets were deleted,
added or changed.  What differs has its reason in REASONS (docs/differences.md).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import h11
import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from httpd.connection import Connection
from httpd.errors import BadRequest
from httpd.paths import parse_target


@dataclass(frozen=True)
class Read:
    """What a reader made of some octets; a `verdict` alone where it is no request."""

    verdict: str
    method: str = ""
    target: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def ours(octets: bytes) -> Read:
    connection = Connection()
    connection.receive(octets)
    try:
        request = connection.next_request()
    except BadRequest:
        return Read("refused")
    if request is None:
        return Read("waits")
    headers = tuple(sorted(request.headers.items()))
    return Read("request", request.method, request.target, headers, request.body)


def theirs(octets: bytes) -> Read:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(octets)
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            elif event is h11.NEED_DATA:
                return Read("waits")
            else:
                return Read("refused")
    except h11.RemoteProtocolError:
        return Read("refused")
    assert request is not None
    headers: dict[str, str] = {}
    for key, value in request.headers:
        name, text = key.decode(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return Read(
        "request",
        request.method.decode(),
        request.target.decode(),
        tuple(sorted(headers.items())),
        body,
    )


def _target_is_no_path(octets: bytes) -> bool:
    words = octets.lstrip(b"\r\n").split(b"\r\n")[0].split(b" ")
    try:
        parse_target(words[1].decode())
    except (BadRequest, IndexError, UnicodeError):
        return True
    return False


# why the verdicts may differ: each is a fact of the octets, not of a reader
REASONS: dict[str, Callable[[bytes], object]] = {
    "a line ends with LF alone: we want CRLF": lambda o: re.search(rb"(?<!\r)\n", o),
    "a folded line": lambda o: re.search(rb"\n[ \t]", o),
    "an encoding: no chunks are read": lambda o: b"transfer-encoding" in o.lower(),
    "a length said twice, though the same": lambda o: (
        o.lower().count(b"content-length") > 1 or re.search(rb"(?i)th:[^\r]*,", o)
    ),
    "one empty line before a request is ignored": lambda o: o.startswith(b"\r\n"),
    "no version but 1.0 and 1.1 is theirs": lambda o: (
        not re.search(rb"HTTP/1\.[01]\r\n", o)
    ),
    "control characters in a value": lambda o: re.search(
        rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", o
    ),
    "a CR alone: we look when the head is whole": lambda o: re.search(rb"\r(?!\n)", o),
    "the target is no path, or hides one": _target_is_no_path,
    "a length of 19 digits": lambda o: re.search(rb"[0-9]{19}", o),
    "a body of more than 64 KiB": lambda o: re.search(rb"(?i)th:\s*[0-9]{5,}", o),
}


def differ(octets: bytes) -> list[str]:
    """Why the two may differ about *octets*; fails where there is no reason."""
    one, other = ours(octets), theirs(octets)
    if one == other:
        return []
    assert (one.verdict, other.verdict) != ("request", "request"), (one, other)
    reasons = [reason for reason, holds in REASONS.items() if holds(octets)]
    assert reasons, f"{one} and {other} differ about {octets!r}"
    return reasons


METHODS = st.sampled_from([b"GET", b"HEAD", b"PUT", b"POST", b"get", b"p!"])
TARGETS = st.one_of(
    st.sampled_from([b"/", b"/latest/", b"/a%20b?c", b"*", b"http://h/x", b"a"]),
    st.from_regex(rb"/[a-z0-9/.%?#;=&_~+-]{0,20}", fullmatch=True),
)
USUAL = [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"]
VERSIONS = st.sampled_from([*USUAL, *USUAL, b"HTTP/2.0", b"HTTP/1.2"])
HEADERS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(b"Host: x", b"host:y", b"Connection: close", b"Accept: */*", b"X-A:"),
                *(b"Content-Length: 0", b"Content-Length: 3", b"Content-Length: +3"),
                *(
                    b"Content-Length: 3, 3",
                    b"content-length:\t3 ",
                    b"Content-Length: x",
                ),
                *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
                *(b"X-Forwarded-For: 10.0.0.9", b"X : y", b" X: y", b"X", b": y"),
                *(b"X: \xff\xe9", b"X: a\tb", b"X:\x0b", b"X: \x00", b"X: a\rb"),
            ]
        ),
        st.from_regex(rb"[A-Za-z0-9!#$_-]{1,8}:[ \t]{0,2}[ -~]{0,12}", fullmatch=True),
    ),
    max_size=6,
)
BODIES = st.sampled_from([b"", b"abc", b"abcdef", b"3\r\nabc\r\n0\r\n\r\n", b"\r\n"])
ADDED = st.sampled_from([b"", b"\r", b"\n", b"\0", b" ", b":", b"\t", b"a"])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    line = b" ".join([draw(METHODS), draw(TARGETS), draw(VERSIONS)])
    fields = draw(HEADERS)
    if draw(st.integers(0, 3)):
        fields = [b"Host: h", *(each for each in fields if each[:4].lower() != b"host")]
    return b"\r\n".join([line, *fields, b"", draw(BODIES)])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    octets = draw(heads())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(octets)))
        octets = octets[:at] + draw(ADDED) + octets[at + draw(st.integers(0, 1)) :]
    return octets


@settings(max_examples=200, deadline=None)
@given(heads())
@example(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcd")
def test_heads_are_read_as_h11_reads_them(octets: bytes) -> None:
    """What both take for a request is the same request: method, target, headers, body.
    What one of them refuses differs for a reason that is listed (issue 3, point 4)."""
    differ(octets)


@settings(max_examples=200, deadline=None)
@given(mutated())
def test_broken_heads_are_read_as_h11_reads_them(octets: bytes) -> None:
    """Nor does an octet that was deleted, added or changed make two different requests
    of one: nothing can be smuggled past a strict reader to us, or the other way."""
    differ(octets)


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
SMUGGLED = [
    POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    POST + b"Content-Length: 1, 2\r\n\r\nab",
    POST + b"Content-Length: +1\r\n\r\na",
    POST + b"Content-Length: -1\r\n\r\na",
    POST + b"Content-Length: 0x1\r\n\r\na",
    POST + b"Content-Length : 1\r\n\r\na",
    POST + b"Content-Length: 1\x00\r\n\r\na",
    POST + b"Content-Length:\r\n\r\n",
    POST + b"X: a\rContent-Length: 1\r\n\r\na",
    POST + b"X: a\nContent-Length: 1\r\n\r\na",
    POST + b"\tTransfer-Encoding: chunked\r\n\r\n",
    POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n",
    POST + b"Transfer-Encoding: chunked, identity\r\n\r\n",
    POST + b"Transfer-Encoding : chunked\r\n\r\n",
    POST + b"Host: y\r\n\r\n",
]


@pytest.mark.parametrize("octets", SMUGGLED, ids=range(len(SMUGGLED)))
def test_a_smuggled_request_is_refused(octets: bytes) -> None:
    """The known forms of request smuggling are refused, whatever h11 says (RFC 9112
    section 11.2)."""
    assert ours(octets).verdict == "refused"
    differ(octets)


DIFFERENCES = {
    "a line ends with LF alone: we want CRLF": b"GET / HTTP/1.1\nHost: x\n\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "an encoding: no chunks are read": b"PUT / HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length said twice, though the same": b"PUT / HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "one empty line before a request is ignored": b"\r\nGET / HTTP/1.0\r\n\r\n",
    "no version but 1.0 and 1.1 is theirs": b"GET / HTTP/1.2\r\n\r\n",
    "control characters in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n",
    "a CR alone: we look when the head is whole": b"\rGET / HTTP/1.1\r\n\r",
    "the target is no path, or hides one": b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length of 19 digits": b"PUT / HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 1000000000000000000\r\n\r\n",
    "a body of more than 64 KiB": b"PUT / HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: 65537\r\n\r\n" + b"x" * 65537,
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_listed_difference_is_one(reason: str) -> None:
    """Each reason that is listed is needed: there is a request about which the two
    differ for it (docs/differences.md, HTTP and rules)."""
    assert reason in differ(DIFFERENCES[reason])
