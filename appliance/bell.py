"""Ring a bell: one JSON object a line to a unix socket, one back.

So the command line speaks to `metalease host` and to a network's daemon, without an
event loop: a `put` is 60 ms, of which Python's own start is the most.
"""

import json
import os
import socket
import struct
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from typing import Final

from .errors import NOT_RUNNING
from .errors import REFUSED
from .errors import SettingsError

ANSWER_AT_MOST: Final = 64 << 20  # octets: a listing of 10,000 bindings is 5 MiB

_SUN_PATH: Final = 107  # octets of a unix socket's path, without its zero


def ring(path: Path, request: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
    """Send *request* to who listens at *path* and return his answer.

    Error handling: SettingsError with exit code 3 when nobody listens there, or
    whoever does has said nothing for *timeout* seconds; with 1 when he may not be rung
    or says what is no answer. An answer that says no is returned like any other.
    """
    line = json.dumps(request).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bell:
        # the kernel's own deadlines: with Python's, a full backlog refuses at once
        for direction in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            bell.setsockopt(socket.SOL_SOCKET, direction, _timeval(timeout))
        try:
            with reachable(path) as name:
                bell.connect(name)
            bell.sendall(line)
            answer = _line(bell)
        except (FileNotFoundError, ConnectionRefusedError):
            raise SettingsError(
                path, "nobody listens: is it running?", exit_code=NOT_RUNNING
            ) from None
        except BlockingIOError:
            raise SettingsError(
                path, f"no answer in {timeout:g} s", exit_code=NOT_RUNNING
            ) from None
        except (ConnectionResetError, BrokenPipeError):
            raise SettingsError(path, _HUNG_UP, exit_code=NOT_RUNNING) from None
        except PermissionError:
            raise SettingsError(path, "only root may ring: run as root") from None
        except OSError as problem:
            raise SettingsError(path, str(problem)) from None
    if not answer.endswith(b"\n"):
        code = REFUSED if answer else NOT_RUNNING
        raise SettingsError(path, _HUNG_UP, exit_code=code)
    return parse(path, answer)


_HUNG_UP: Final = "hung up without an answer"


def parse(where: object, line: bytes) -> dict[str, Any]:
    """Read one line: a JSON object. Raises SettingsError."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise SettingsError(where, f"is no JSON: {problem}") from None
    if not isinstance(found, dict):
        raise SettingsError(where, "is no JSON object")
    return found


def _timeval(seconds: float) -> bytes:
    return struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))


def _line(bell: socket.socket) -> bytes:
    """Read up to the end of the first line, or of the conversation."""
    pieces: list[bytes] = []
    octets = 0
    while octets <= ANSWER_AT_MOST:
        piece = bell.recv(1 << 16)
        pieces.append(piece)
        octets += len(piece)
        if not piece or piece.endswith(b"\n"):
            break
    return b"".join(pieces)


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Say *path* in the 107 octets that a unix socket's address holds.

    A longer one, below a deep --root, goes by a descriptor of its directory.
    """
    if len(os.fsencode(path)) <= _SUN_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
