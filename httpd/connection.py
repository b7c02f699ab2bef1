"""One connection without its socket: octets come in, requests come out (sans-I/O)."""

from dataclasses import replace

from .errors import BadRequest
from .messages import HEAD_AT_MOST
from .messages import LINE_AT_MOST
from .messages import Request
from .messages import parse_head

END = b"\r\n\r\n"


class Connection:
    """Collects what a client sends until it is a request.

    Feed it with `receive`, then take requests with `next_request` until it has none:
    a client may send several at once (pipelining, RFC 9112 section 9.3.2).
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._searched = 0
        self._head: tuple[Request, int] | None = None
        self._skipped = False

    @property
    def empty(self) -> bool:
        """Whether no part of a request has come yet."""
        return not self._buffer and self._head is None

    def receive(self, octets: bytes) -> None:
        self._buffer = self._buffer + octets if self._buffer else octets

    def next_request(self) -> Request | None:
        """Return a whole request, None where more has to come.

        Raises BadRequest, after which the connection is to be closed.
        """
        if self._head is None:
            self._head = self._take_head()
            if self._head is None:
                return None
        request, length = self._head
        if len(self._buffer) < length:
            return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        self._head = None
        return replace(request, body=body) if body else request

    def _take_head(self) -> tuple[Request, int] | None:
        if self._buffer.startswith(b"\r\n"):
            if self._skipped or self._buffer.startswith(END):
                raise BadRequest(400, "empty lines where a request belongs")
            self._buffer = self._buffer[2:]  # RFC 9112 section 2.2: one is ignored
            self._skipped = True
        new = max(0, self._searched - len(END) + 1)
        end = self._buffer.find(END, new)
        if end < 0:
            ends = self._buffer.count(b"\n", new)
            if ends != self._buffer.count(b"\r\n", max(0, new - 1)):
                raise BadRequest(400, "a line does not end with CRLF")
            self._searched = len(self._buffer)
            # what may be the beginning of END does not count
            self._check_size(self._searched - len(END) + 1)
            return None
        self._check_size(end)
        head = self._buffer[:end]
        self._buffer = self._buffer[end + len(END) :]
        self._searched = 0
        self._skipped = False
        return parse_head(head)

    def _check_size(self, size: int) -> None:
        if size > LINE_AT_MOST and b"\r\n" not in self._buffer[: LINE_AT_MOST + 2]:
            raise BadRequest(414, "the request line is too long")
        if size > HEAD_AT_MOST:
            raise BadRequest(431, "the headers are too long")
