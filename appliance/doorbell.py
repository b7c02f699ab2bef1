"""The other side of a bell (bell.py): listen, look who rings, answer.

One JSON object a line, one back, as often as the caller likes. Whoever rings must be
root or ourselves: the socket's mode says so, and the kernel's word for the peer again,
because a mode can be changed by hand.
"""

import json
import os
import socket
import stat
import struct
import traceback
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from typing import Final

import trio

from . import bell
from .errors import SettingsError

REQUEST_AT_MOST: Final = 1 << 20  # octets: 10,000 MACs are 160 KiB
SILENCE_SECONDS: Final = 30.0
"""How long a caller may say nothing, or not take his answer."""
CALLERS_AT_MOST: Final = 64
BACKLOG: Final = 128

_UCRED: Final = struct.Struct("=iII")  # pid, uid, gid

Answer = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any]]]


def listen(path: Path) -> trio.SocketListener:
    """Open the socket at *path*, for its owner alone (0600).

    Error handling: SettingsError when somebody answers there already.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # before bind: the file then never has another mode
        os.fchmod(listener.fileno(), 0o600)
        with bell.reachable(path) as name:
            if _answers(name):
                raise SettingsError(path, "another one listens there: stop it first")
            _make_room(name, path)
            listener.bind(name)
        listener.listen(BACKLOG)
        return trio.SocketListener(trio.socket.from_stdlib_socket(listener))
    except OSError as problem:
        listener.close()
        raise SettingsError(path, str(problem)) from problem
    except BaseException:
        listener.close()
        raise


def close(listener: trio.SocketListener, path: Path) -> None:
    """Stop listening, and leave no file that nobody answers at."""
    listener.socket.close()
    path.unlink(missing_ok=True)


def _make_room(name: str, path: Path) -> None:
    """Remove the socket of one that was killed; what else is there is somebody's."""
    with suppress(FileNotFoundError):
        mode = os.lstat(name).st_mode
        if stat.S_ISSOCK(mode):
            os.unlink(name)
            return
        raise SettingsError(path, "is there and no socket: choose another path")


def _answers(name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError:
            pass  # a full backlog is somebody's
        return True


async def serve(
    listener: trio.SocketListener,
    answer: Answer,
    *,
    report: Callable[[str], None],
) -> None:
    """Answer whoever rings at *listener*, until cancelled.

    Resource handling: closes the listener. Error handling: a SettingsError of *answer*
    is told to the caller; any other exception too, and reported with its traceback.
    """
    seats = trio.Semaphore(CALLERS_AT_MOST)

    async def attend(stream: trio.SocketStream) -> None:
        async with stream, seats:
            with suppress(trio.BrokenResourceError, trio.TooSlowError):
                await _converse(stream, answer, report)

    await trio.serve_listeners(attend, [listener])


async def _converse(
    stream: trio.SocketStream, answer: Answer, report: Callable[[str], None]
) -> None:
    uid = _peer(stream)
    waiting = b""
    while True:
        while b"\n" not in waiting:
            with trio.fail_after(SILENCE_SECONDS):
                piece = await stream.receive_some()
            if not piece:
                return
            waiting += piece
            if len(waiting) > REQUEST_AT_MOST:
                await _say(stream, _refusal(f"more than {REQUEST_AT_MOST} octets"))
                return
        if uid not in (0, os.geteuid()):  # read first, or he never sees the answer
            await _say(stream, _refusal(f"user {uid} may not ring here: run as root"))
            return
        line, _, waiting = waiting.partition(b"\n")
        await _say(stream, await _answer(line, answer, report))


async def _answer(
    line: bytes, answer: Answer, report: Callable[[str], None]
) -> Mapping[str, Any]:
    try:
        return await answer(bell.parse("the request", line))
    except SettingsError as problem:
        return _refusal(str(problem))
    except Exception as problem:  # our own fault: the caller and the journal hear it
        report(traceback.format_exc())
        return _refusal(f"{type(problem).__name__}: {problem}")


def _refusal(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


def _peer(stream: trio.SocketStream) -> int:
    octets = stream.socket.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size
    )
    assert isinstance(octets, bytes)
    return int(_UCRED.unpack(octets)[1])


async def _say(stream: trio.SocketStream, answer: Mapping[str, Any]) -> None:
    with trio.fail_after(SILENCE_SECONDS):
        await stream.send_all(json.dumps(answer).encode() + b"\n")
