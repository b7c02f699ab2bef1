"""DNS by TCP (RFC 7766): queries in a row, answers as they are ready."""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

import trio

from .counts import Counts
from .counts import Dropped
from .datagrams import client_of

IDLE = 10.0  # seconds without a whole query (RFC 7766 section 6.2.3)
CONNECTIONS_AT_MOST = 100
CONNECTIONS_PER_CLIENT = 8
PIPELINED_AT_MOST = 100  # queries of one connection that wait for their answers
PIECE_AT_MOST = 4096  # octets


class Server(Protocol):
    """Who answers."""

    @property
    def counts(self) -> Counts: ...

    def admits(self, client: int) -> bool: ...

    def knows(self, client: int) -> bool: ...

    def answer(
        self,
        query: bytes,
        client: int,
        send: Callable[[bytes], None],
        now: float,
        *,
        tcp: bool,
    ) -> bool: ...


class Connections:
    """All connections of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._of_client: Counter[int] = Counter()

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one client until it leaves, or says nothing more.

        Resource handling: closes the stream.  Error handling: a connection that breaks
        is of no matter to the others.
        """
        async with stream:
            client = _client(stream)
            if client is None or not self._has_room(client):
                return
            self._of_client[client] += 1
            try:
                await Conversation(self._server, stream, client).run()
            finally:
                self._of_client[client] -= 1
                if not self._of_client[client]:
                    del self._of_client[client]

    def _has_room(self, client: int) -> bool:
        if not self._server.knows(client):
            self._server.counts.dropped[Dropped.FOREIGN] += 1
            return False
        if (
            self._of_client.total() >= CONNECTIONS_AT_MOST
            or self._of_client[client] >= CONNECTIONS_PER_CLIENT
        ):
            self._server.counts.dropped[Dropped.CONNECTIONS] += 1
            return False
        return True

    def __len__(self) -> int:
        return self._of_client.total()


class Conversation:
    """One connection: what is read is answered in line, or later."""

    def __init__(self, server: Server, stream: trio.SocketStream, client: int) -> None:
        self._server = server
        self._stream = stream
        self._client = client
        self._buffer = bytearray()
        self._pending = 0
        """Queries whose answers are not sent yet."""
        self._ready: list[bytes] = []
        self._news, self._relief = (
            trio.lowlevel.ParkingLot(),
            trio.lowlevel.ParkingLot(),
        )

    async def run(self) -> None:
        """Answer until the client has said its last, and everything is answered."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, nursery.cancel_scope)
            await self._read()
            with trio.move_on_after(IDLE):
                while self._pending:
                    await self._relief.park()
            nursery.cancel_scope.cancel()

    async def _read(self) -> None:
        while True:
            query = None
            with trio.move_on_after(IDLE):
                query = await self._query()
            if query is None:
                return
            while self._pending >= PIPELINED_AT_MOST:
                await self._relief.park()
            if not self._server.admits(self._client):
                return  # it waits for its next second elsewhere
            now = trio.current_time()
            self._pending += 1
            if not self._server.answer(query, self._client, self._send, now, tcp=True):
                self._pending -= 1
                return

    async def _query(self) -> bytes | None:
        """Return the next query; None when there will be no more."""
        while True:
            if len(self._buffer) >= 2:
                end = 2 + int.from_bytes(self._buffer[:2], "big")
                if end == 2:
                    return None  # an empty one: it speaks something else
                if len(self._buffer) >= end:
                    query = bytes(self._buffer[2:end])
                    del self._buffer[:end]
                    return query
            try:
                piece = await self._stream.receive_some(PIECE_AT_MOST)
            except trio.BrokenResourceError:
                return None
            if not piece:
                return None
            self._buffer += piece

    def _send(self, answer: bytes) -> None:
        self._ready.append(len(answer).to_bytes(2, "big") + answer)
        self._news.unpark()

    async def _write(self, everything: trio.CancelScope) -> None:
        while True:
            if not self._ready:
                await self._news.park()
            count, octets = len(self._ready), b"".join(self._ready)
            self._ready.clear()
            with trio.move_on_after(IDLE) as patience:
                try:
                    await self._stream.send_all(octets)
                except trio.BrokenResourceError:
                    patience.cancel()
            if patience.cancel_called:
                everything.cancel()  # it takes nothing more
                return
            self._pending -= count
            self._relief.unpark_all()


def _client(stream: trio.SocketStream) -> int | None:
    try:
        return client_of(stream.socket.getpeername()[0])
    except OSError:
        return None  # it has left already
