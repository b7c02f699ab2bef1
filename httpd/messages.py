"""Requests and responses as values, and the octets of their heads (RFC 9112).

Strict: lines end with CRLF, there is no folding, and whoever says two things about a
body's length is refused, so no two readers of one connection see different requests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import lru_cache
from http import HTTPStatus

from .errors import BadRequest
from .paths import parse_target

LINE_AT_MOST = 8 * 1024  # octets of the request line
HEAD_AT_MOST = 16 * 1024  # octets of request line and headers
HEADERS_AT_MOST = 100
BODY_AT_MOST = 64 * 1024  # octets
REMEMBERED_AT_MOST = 2048  # heads that were read
REMEMBERED_OCTETS_AT_MOST = 512  # of one that is remembered

# token SP target SP HTTP-version (RFC 9112 section 3)
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/(\d)\.(\d)")
# field-name and field-value (section 5): no control character but the tab
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; header names are in lower case."""

    method: str
    target: str
    """As it came."""
    path: str
    """Decoded and normalised."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    version: tuple[int, int] = (1, 1)
    body: bytes = b""

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection stays open after the answer (section 9.3)."""
        said = self.headers.get("connection", "").lower().split(",")
        words = {word.strip(" \t") for word in said}
        asked = self.version != (1, 0) or "keep-alive" in words
        return asked and "close" not in words


Identity = tuple[int, ...]
"""Of a file's octets: device, inode, size and times."""
Look = tuple[str, Identity | None]
"""A path and what was there; None for nothing."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body that is sent from an open file, by a task of its own."""

    descriptor: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | FileBody = b""
    origin: str = ""
    """Where the document is from, for explain and logs."""
    rule: str = ""
    """The rule that led to it, likewise."""
    hop_limit: int | None = None
    """The TTL of the packets that carry it, the last of its connection."""
    proof: object = None
    """By what whoever answered can tell that it holds; None: for this once."""

    @property
    def length(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


def parse_head(head: bytes) -> tuple[Request, int]:
    """Read a head without its last CRLF CRLF; return it and its body's length.

    Raises BadRequest.
    """
    if len(head) <= REMEMBERED_OCTETS_AT_MOST:
        return _parse_again(head)
    return _parse(head)


def _parse(head: bytes) -> tuple[Request, int]:
    line, *rest = head.split(b"\r\n")
    if len(line) > LINE_AT_MOST:
        raise BadRequest(414, "the request line is too long")
    found = _LINE.fullmatch(line)
    if found is None:
        raise BadRequest(400, "the request line is not METHOD TARGET HTTP/1.1")
    version = (int(found[3]), int(found[4]))
    if version[0] != 1:
        raise BadRequest(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if len(rest) > HEADERS_AT_MOST:
        raise BadRequest(431, "too many headers")
    headers: dict[str, str] = {}
    for each in rest:
        key, colon, text = each.partition(b":")
        if not (colon and _NAME.fullmatch(key) and _VALUE.fullmatch(text)):
            raise BadRequest(400, "a header is not NAME: VALUE")
        name, value = key.decode().lower(), text.strip(b" \t").decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name in ("host", "content-length", "transfer-encoding"):
            raise BadRequest(400, f"{name} is said twice")
        else:
            headers[name] += ", " + value
    if "host" not in headers and version != (1, 0):
        raise BadRequest(400, "no host header")
    path, query = parse_target(found[2].decode())
    method, target = found[1].decode(), found[2].decode()
    request = Request(method, target, path, query, headers, min(version, (1, 1)))
    return request, _body_length(headers)


# guests of one image send the same octets; what they mean depends on nothing else
_parse_again = lru_cache(REMEMBERED_AT_MOST)(_parse)


def _body_length(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length")
    if "transfer-encoding" in headers:
        # chunks are not read: nobody who boots sends them
        status = 400 if length is not None else 411
        raise BadRequest(status, "a body needs a content-length, and only that")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise BadRequest(400, "content-length is not a number")
    if int(length) > BODY_AT_MOST:
        raise BadRequest(413, f"a body of more than {BODY_AT_MOST} octets")
    return int(length)


def encode_head(
    response: Response, *, date: str, keep_alive: bool, version: tuple[int, int]
) -> bytes:
    """Return the head of *response*; *date* is an IMF-fixdate (RFC 9110 section 5.6.7).

    A connection that stays open says so to HTTP/1.0, one that closes to HTTP/1.1.
    """
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Date: {date}",
        "Server: metalease",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    if response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {response.length}")
    if not keep_alive:
        lines.append("Connection: close")
    elif version == (1, 0):
        lines.append("Connection: keep-alive")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
