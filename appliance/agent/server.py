"""The HTTP side: a POST is checked, its task begun, and answered at once.

    POST /flatnetworkprovider/dhcp/apply        (with or without / at the end)
    taskuuid: 8f0c...                           demanded
    callbackurl: http://10.0.0.9:8080/zstack/.. where the result goes
    authorization: Bearer TOKEN                 where the agent has a token

Without callbackurl the answer itself is the result, for who asks by hand.
"""

import hashlib
import hmac
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import h11
import trio

from ..errors import SettingsError
from .callback import Destination
from .callback import tell
from .commands import PATHS
from .commands import parse
from .orders import Order
from .seats import Seats
from .tasks import Tasks

BODY_AT_MOST: Final = 64 << 20  # octets: fifty networks with all that boots there
CALLERS_AT_MOST: Final = 64
TASKS_AT_MOST: Final = 1000
UNTOLD_AT_MOST: Final = 1000
"""Results whose callback nobody has taken yet: each is tried for a minute at most."""
SILENCE_SECONDS: Final = 30.0
"""How long a caller may say nothing, or not take his answer."""
UUID_AT_MOST: Final = 128  # characters
OCTETS_AT_ONCE: Final = 1 << 16
LINGER_SECONDS: Final = 2.0
"""How long what a refused caller still sends is taken: a reset would eat the answer."""
ONCE: Final = {"authorization", "taskuuid", "callbackurl"}
DEMANDED: Final = {401: ("WWW-Authenticate", "Bearer"), 405: ("Allow", "POST")}
"""The header that goes with a status (RFC 9110 15.5.2 and 15.5.6)."""

Report = Callable[[str, str], None]


class Refused(Exception):  # noqa: N818 # it is an answer, as BadRequest is
    """A request that begins nothing, with the *status* that says so."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that begins a task."""

    uuid: str
    order: Order
    callback: Destination | None


class Server:
    """Answers callers; tasks go on in *nursery* when their callers are gone."""

    def __init__(
        self, tasks: Tasks, nursery: trio.Nursery, token: str | None, report: Report
    ) -> None:
        self._tasks = tasks
        self._nursery = nursery
        self._token = None if token is None else _digest(token)
        self._report = report
        self._seats = Seats(CALLERS_AT_MOST)
        self._untold = 0

    async def attend(self, stream: trio.SocketStream) -> None:
        """Answer one caller as often as he asks.

        Error handling: whoever is slow, goes away or speaks no HTTP is hung up on.
        """
        async with stream:
            with self._seats.taken() as seated:
                if seated:
                    await self._attend(stream)

    async def _attend(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while await self._converse(connection, stream):
                connection.start_next_cycle()
            if connection.their_state is h11.SEND_BODY:  # he was refused half-way
                await self._linger(stream)
        except (trio.BrokenResourceError, trio.TooSlowError):
            pass  # he is gone
        except h11.RemoteProtocolError as problem:
            await _last_word(connection, stream, problem)
        except Exception:  # ours: his connection closes, the others go on
            self._report("", traceback.format_exc())

    async def _linger(self, stream: trio.SocketStream) -> None:
        """Let a caller read our answer before he is hung up on."""
        await stream.send_eof()
        with self._seats.silent(), trio.move_on_after(LINGER_SECONDS):
            while await stream.receive_some(OCTETS_AT_ONCE):
                pass

    async def _converse(
        self, connection: h11.Connection, stream: trio.SocketStream
    ) -> bool:
        """Answer one request; whether another one may follow."""
        event: object = None
        with self._seats.silent() as silent:
            event = await _next(connection, stream)
        if silent.cancelled_caught or not isinstance(event, h11.Request):
            return False
        answer: dict[str, object] | None
        try:
            headers = _headers(event)
            self._check(headers)  # first: a stranger's body is not read
            body = await _body(connection, stream)
            asked = _asked(event, headers, body)
            status, answer = HTTPStatus.OK, await self._begin(asked)
        except Refused as refused:
            status = HTTPStatus(refused.status)
            answer = {"success": False, "error": str(refused)}
        await _answer(connection, stream, status, answer)
        return connection.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}

    def _check(self, headers: dict[str, str]) -> None:
        if self._token is None:
            return
        scheme, _, said = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(_digest(said.strip()), self._token)
        if not right or scheme.lower() != "bearer":  # in any case: RFC 9110 11.1
            raise Refused(401, "the header authorization has to be: Bearer TOKEN")

    async def _begin(self, asked: Asked) -> dict[str, object] | None:
        """Begin the task; return its result where no callback is to tell it."""
        if asked.uuid in self._tasks.running:
            if asked.callback is None:
                raise Refused(409, f"task {asked.uuid} runs already")
            return None
        if len(self._tasks.running) >= TASKS_AT_MOST:
            raise Refused(503, f"{TASKS_AT_MOST} tasks run already: try again")
        if asked.callback is not None and self._untold >= UNTOLD_AT_MOST:
            what = f"{UNTOLD_AT_MOST} callbacks were not taken yet: try again"
            raise Refused(503, what)
        carry_out = self._tasks.begin(asked.uuid, asked.order)
        if asked.callback is None:
            return (await carry_out()).answer
        where = asked.callback

        async def task() -> None:
            try:
                result = await carry_out()
                self._untold += 1
                try:
                    await tell(where, asked.uuid, result, report=self._report)
                finally:
                    self._untold -= 1
            except trio.Cancelled:
                self._report("", f"task {asked.uuid} is told to nobody: we have to end")
                raise
            except Exception:  # ours: this task is lost, the others go on
                self._report("", traceback.format_exc())

        self._nursery.start_soon(task)
        return None


def _headers(request: h11.Request) -> dict[str, str]:
    """Return the headers by name; raises Refused for what two could read as two."""
    found: dict[str, str] = {}
    for name, value in request.headers:
        key = name.decode().lower()
        if key in ONCE and key in found:
            raise Refused(400, f"the header {key} is there twice")
        found[key] = value.decode("latin-1")
    if "content-length" in found and "transfer-encoding" in found:  # RFC 9112 6.3
        raise Refused(400, "content-length and transfer-encoding exclude each other")
    return found


def _asked(request: h11.Request, headers: dict[str, str], body: bytes) -> Asked:
    """Read a request; raises Refused."""
    path = request.target.decode("ascii", "replace").partition("?")[0].rstrip("/")
    if path not in PATHS:
        raise Refused(404, f"there is no {path or '/'} here")
    if request.method != b"POST":
        raise Refused(405, "only POST is known here")
    uuid = headers.get("taskuuid", "")
    if not (0 < len(uuid) <= UUID_AT_MOST and uuid.isascii()):  # it is sent back
        raise Refused(
            400, f"the header taskuuid has to have 1 to {UUID_AT_MOST} ASCII characters"
        )
    url = headers.get("callbackurl")
    try:
        callback = None if url is None else Destination.parse(url)
    except SettingsError as problem:
        raise Refused(400, str(problem)) from None
    try:
        values = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as problem:
        raise Refused(400, f"the body is not JSON: {problem}") from None
    try:
        order = parse(path, values)
    except SettingsError as problem:
        order = Order(refused=(str(problem),))
    except RecursionError:  # JSON is read deeper than we go
        raise Refused(400, "the body is not JSON: it is nested too deeply") from None
    return Asked(uuid, order, callback)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


async def _next(connection: h11.Connection, stream: trio.SocketStream) -> object:
    """Wait for the next event of *connection*."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        if connection.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[])
            await _send(stream, connection.send(go_on))
        with trio.fail_after(SILENCE_SECONDS):
            connection.receive_data(await stream.receive_some(OCTETS_AT_ONCE))
    return event


async def _body(connection: h11.Connection, stream: trio.SocketStream) -> bytes:
    pieces: list[bytes] = []
    octets = 0
    while isinstance(event := await _next(connection, stream), h11.Data):
        octets += len(event.data)
        if octets > BODY_AT_MOST:
            raise Refused(413, f"a body of more than {BODY_AT_MOST} octets")
        pieces.append(bytes(event.data))
    return b"".join(pieces)


async def _answer(
    connection: h11.Connection,
    stream: trio.SocketStream,
    status: HTTPStatus,
    answer: dict[str, object] | None,
) -> None:
    body = b"" if answer is None else json.dumps(answer).encode()
    headers = [("Content-Length", str(len(body)))]
    if body:
        headers.append(("Content-Type", "application/json"))
    if status in DEMANDED:
        headers.append(DEMANDED[status])
    response = h11.Response(status_code=status, headers=headers, reason=status.phrase)
    await _send(stream, connection.send(response))
    if body:
        await _send(stream, connection.send(h11.Data(data=body)))
    await _send(stream, connection.send(h11.EndOfMessage()))


async def _send(stream: trio.SocketStream, octets: bytes | None) -> None:
    with trio.fail_after(SILENCE_SECONDS):
        await stream.send_all(octets or b"")


async def _last_word(
    connection: h11.Connection,
    stream: trio.SocketStream,
    problem: h11.RemoteProtocolError,
) -> None:
    """Say why what he sent is no request, if he can still hear it."""
    if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    status = HTTPStatus(problem.error_status_hint)
    answer: dict[str, object] = {"success": False, "error": str(problem)}
    try:
        await _answer(connection, stream, status, answer)
    except (trio.BrokenResourceError, trio.TooSlowError, h11.LocalProtocolError):
        pass  # he cannot
