"""Carries requests to upstreams, on the host's side: in the forwarder, for one network.

The daemon says what is asked and of whom; that this is an upstream of the network's
own rules is looked up here, in the files, so a daemon that a guest has broken reaches
no other port.  What comes back is read here too: the daemon reads no upstream's HTTP.
"""

from collections.abc import Callable

import h11
import trio

from ..errors import SettingsError
from ..threads import run_abandonable
from .errand import ANSWER_AT_MOST
from .errand import AT_ONCE
from .errand import WITHIN
from .errand import Brought
from .errand import Errand
from .errand import Result

READ_AT_ONCE = 16 * 1024  # octets


class Courier:
    """Runs the errands of one network's daemon."""

    def __init__(self, read_upstreams: Callable[[], frozenset[str]]) -> None:
        """*read_upstreams* reads the network's rules, when they are needed first."""
        self._read_upstreams = read_upstreams
        self._upstreams: frozenset[str] | None = None
        self._under_way = 0

    async def run(self, message: bytes) -> bytes:
        """Return what came of the errand in *message*."""
        if self._under_way >= AT_ONCE:
            return Brought(Result.BUSY).encode()
        self._under_way += 1
        try:
            return (await self._carry(Errand.parse(message))).encode()
        finally:
            self._under_way -= 1

    async def _carry(self, errand: Errand) -> Brought:
        with trio.move_on_after(WITHIN):
            if errand.upstream not in await self._listed():
                return Brought(Result.UNLISTED)
            try:
                return await _ask(errand)
            except (OSError, trio.BrokenResourceError):
                return Brought(Result.DEAD)
            except h11.ProtocolError:
                return Brought(Result.STRANGE)
        return Brought(Result.SLOW)

    async def _listed(self) -> frozenset[str]:
        if self._upstreams is None:
            try:
                # in a thread: the rules of 10,000 guests take their time
                self._upstreams = await run_abandonable(self._read_upstreams)
            except SettingsError:
                return frozenset()  # rules that cannot be read name nobody
        return self._upstreams


async def _ask(errand: Errand) -> Brought:
    host, _, port = errand.upstream.rpartition(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        try:
            await stream.send_all(errand.octets)
        except trio.BrokenResourceError:
            pass  # it may have answered before it read all
        return await _receive(stream, _expecting(errand.method))


def _expecting(method: str) -> h11.Connection:
    """Return what reads an answer; it has to know only what was asked."""
    reader = h11.Connection(h11.CLIENT)
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "upstream")]))
    reader.send(h11.EndOfMessage())
    return reader


async def _receive(stream: trio.SocketStream, reader: h11.Connection) -> Brought:
    status, kind, body = 0, "", b""
    while True:
        event = reader.next_event()
        match event:
            case h11.NEED_DATA:
                reader.receive_data(await stream.receive_some(READ_AT_ONCE))
            case h11.InformationalResponse():
                pass  # it says more, later
            case h11.Response(status_code=status, headers=headers):
                types = [value for name, value in headers if name == b"content-type"]
                kind = types[0].decode("latin-1") if types else ""
            case h11.Data(data=more):
                body += more
                if len(body) > ANSWER_AT_MOST:
                    return Brought(Result.LARGE)
            case h11.EndOfMessage():
                return Brought(Result.ANSWERED, status, kind, body)
            case _:
                return Brought(Result.STRANGE)
