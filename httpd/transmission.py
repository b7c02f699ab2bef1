"""What goes out: an answer as octets, and the rest of one that does not go at once."""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from time import time

import trio

from .listener import Connected
from .messages import FileBody
from .messages import Request
from .messages import Response
from .messages import encode_head

CHUNK = 256 * 1024  # octets of a file at once
NOW = int(socket.MSG_DONTWAIT)
LAST = NOW | socket.MSG_MORE  # once: an enum takes its time to join two flags


@dataclass(frozen=True, slots=True)
class Rest:
    """What is still to be sent, and whether the connection stays open after it."""

    octets: bytes
    file: FileBody | None
    keep_alive: bool


class Sender:
    """Puts answers into octets; writes the date once a second."""

    def __init__(self) -> None:
        self._date = b""
        self._second = 0

    @property
    def date(self) -> bytes:
        """The date as a header says it: the same object for a second."""
        second = int(time())
        if self._second != second:
            self._date = formatdate(second, usegmt=True).encode()
            self._second = second
        return self._date

    def encode(
        self, request: Request | None, response: Response, *, keep_alive: bool
    ) -> tuple[bytes, FileBody | None]:
        """Return what goes out first, and the file that follows.

        Resource handling: the file of an answer to HEAD is closed here.
        """
        version = (1, 1) if request is None else request.version
        date = self.date.decode()
        head = encode_head(response, date=date, keep_alive=keep_alive, version=version)
        body = response.body
        if request is not None and request.method == "HEAD":
            if isinstance(body, FileBody):
                os.close(body.descriptor)
            return head, None
        return (head, body) if isinstance(body, FileBody) else (head + body, None)


def send_now(connection: Connected, octets: bytes, *, last: bool) -> int:
    """Send what can be sent now; return how much, -1 where the guest has gone.

    The *last* octets of a connection leave with its end, in one packet: whoever sends
    them closes it next.
    """
    try:
        return connection.send(octets, LAST if last else NOW)
    except BlockingIOError:
        return 0
    except OSError:
        return -1


async def transmit(connection: Connected, rest: Rest, *, patience: float) -> None:
    """Send *rest* to a reader that may be slow.

    Resource handling: the file is closed, whatever happens.
    Error handling: trio.TooSlowError when the reader takes nothing for *patience*
    seconds, OSError when it is gone or the file is shorter than it was.
    """
    file = rest.file
    try:
        await _send_all(connection, rest.octets, patience)
        offset = 0
        while file is not None and offset < file.length:
            await _wait_writable(connection, patience)
            count = min(CHUNK, file.length - offset)
            # by the kernel: what thousands of slow readers are sent is not held here
            # once for each of them
            send = partial(
                os.sendfile, connection.fileno(), file.descriptor, offset, count
            )
            with suppress(BlockingIOError):
                sent = await trio.to_thread.run_sync(send)  # the disk may be slow too
                if not sent:
                    raise OSError("the file was cut while it was sent")
                offset += sent
    finally:
        if file is not None:
            os.close(file.descriptor)


async def _send_all(connection: Connected, octets: bytes, patience: float) -> None:
    left = memoryview(octets)
    while left:
        await _wait_writable(connection, patience)
        with suppress(BlockingIOError):  # another writer's turn took the room
            left = left[connection.send(left) :]


async def _wait_writable(connection: Connected, patience: float) -> None:
    with trio.fail_after(patience):
        await trio.lowlevel.wait_writable(connection.fileno())
