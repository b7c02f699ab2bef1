"""The result of a task, told to the management server at the URL that it gave.

It is asked a bounded number of times; then the result is in the journal alone, and the
server's own timeout ends its wait.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from typing import Self
from urllib.parse import urlsplit

import h11
import trio

from ..errors import SettingsError
from .tasks import Result

PAUSES: Final = (1.0, 2.0, 4.0, 8.0)  # seconds between one attempt and the next
PATIENCE: Final = 10.0  # seconds for one attempt
FAULT_AT_MOST: Final = 1000  # octets of the header `error`
OCTETS_AT_ONCE: Final = 1 << 16
FAILURES: Final = (
    OSError,  # nobody is there, or no such name
    trio.BrokenResourceError,  # somebody hung up: it is no OSError
    trio.TooSlowError,
    h11.RemoteProtocolError,
)

_PLAIN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a result goes."""

    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read http://HOST[:PORT][/PATH][?QUERY]; raises SettingsError."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            (host or "").encode("idna")  # as the resolver does: a..b is no name
        except ValueError as problem:
            raise SettingsError("callbackurl", f"{url!r}: {problem}") from None
        if parts.scheme != "http" or not host or not _PLAIN.fullmatch(url):
            raise SettingsError("callbackurl", f"{url!r} is not http://HOST/PATH")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(host, 80 if port is None else port, target)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


async def tell(
    where: Destination, uuid: str, result: Result, *, report: Callable[[str, str], None]
) -> bool:
    """POST *result* until somebody takes it; False where nobody did."""
    for pause in (*PAUSES, None):
        try:
            with trio.fail_after(PATIENCE):
                status = await _post(where, uuid, result)
            if 200 <= status < 300:
                return True
            problem = f"answered {status}"
        except FAILURES as failure:
            problem = f"{type(failure).__name__} {failure}".strip()
        then = "given up" if pause is None else f"again in {pause:g} s"
        report("", f"callback of task {uuid} to {where.authority}: {problem}: {then}")
        if pause is not None:
            await trio.sleep(pause)
    return False


async def _post(where: Destination, uuid: str, result: Result) -> int:
    """POST *result* once; return the status of the answer."""
    body = json.dumps(result.answer).encode()
    headers = [
        ("Host", where.authority),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        ("taskuuid", uuid),
    ]
    if result.fault:
        headers.append(("error", _line(result.fault)))
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(method="POST", target=where.target, headers=headers)
    octets = (
        connection.send(request),
        connection.send(h11.Data(data=body)),
        connection.send(h11.EndOfMessage()),
    )
    stream = await trio.open_tcp_stream(where.host, where.port)
    async with stream:
        await stream.send_all(b"".join(each for each in octets if each))
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(OCTETS_AT_ONCE))
            elif isinstance(event, h11.Response):
                return int(event.status_code)
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("closed without an answer")


def _line(text: str) -> str:
    """Return *text* as the value of a header: one line of ASCII."""
    line = " ".join(text.split()).encode("ascii", "backslashreplace").decode()
    return line[:FAULT_AT_MOST]
