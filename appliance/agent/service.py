"""`metalease agent`: listen, have our networks served, answer until told to stop."""

import os
import signal
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import trio

from .. import doorbell
from ..errors import SettingsError
from ..files import read_text
from ..journal import format_line
from ..layout import Layout
from ..notify import Notifier
from . import daemons
from .networks import Networks
from .orders import Order
from .server import Server
from .tasks import Tasks
from .work import Work

GRACE: Final = 10.0  # seconds for tasks that run when we are told to stop
TOKEN_AT_LEAST: Final = 16  # characters
OURS: Final = "start"  # the task that has our own networks served


@dataclass(frozen=True, slots=True)
class Where:
    """Where the agent listens: one of the two."""

    socket: Path | None = None
    address: tuple[str, int] | None = None
    token: str | None = None


def read_token(path: Path) -> str:
    """Return the token that *path* holds; raises SettingsError."""
    try:
        text = read_text(path, 4096).strip()
        status = path.stat()
    except FileNotFoundError:
        raise SettingsError(path, "there is no such file") from None
    if status.st_uid not in (0, os.geteuid()):
        what = f"belongs to user {status.st_uid}: chown root {path}"
        raise SettingsError(path, what)
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(path, f"others may read it: chmod 600 {path}")
    if len(text) < TOKEN_AT_LEAST or not text.isascii() or not text.isprintable():
        what = f"has to hold one line of at least {TOKEN_AT_LEAST} ASCII characters"
        raise SettingsError(path, what)
    return text


def parse_listen(text: str) -> tuple[str, int]:
    """Read ADDRESS:PORT; raises SettingsError."""
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    try:
        ip_address(address)
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number < 65_536:
        raise SettingsError("--listen", f"{text!r} is not ADDRESS:PORT")
    return address, number


def run(layout: Layout, where: Where) -> int:
    """Serve the API until SIGTERM or SIGINT; raises SettingsError."""
    if os.geteuid() != 0:
        raise SettingsError("metalease agent", "makes networks: run as root")
    refused: list[SettingsError] = []

    async def main() -> None:
        try:
            listeners = await _listen(where)
        except SettingsError as problem:
            refused.append(problem)
            return
        await _serve(layout, where, listeners)

    trio.run(main, strict_exception_groups=True)
    if refused:
        raise refused[0]
    return 0


async def _listen(where: Where) -> Sequence[trio.SocketListener]:
    if where.socket is not None:
        return [doorbell.listen(where.socket)]
    assert where.address is not None
    host, port = where.address
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as problem:
        what = str(problem.strerror or problem)
        raise SettingsError(f"--listen {host}:{port}", what) from None


async def _serve(
    layout: Layout, where: Where, listeners: Sequence[trio.SocketListener]
) -> None:
    notifier = Notifier()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as children:
            kept = await daemons.choose(layout, children, report)
            networks = Networks(layout)
            tasks = Tasks(Work(networks, kept), networks, report)
            async with trio.open_nursery() as nursery:
                server = Server(tasks, nursery, where.token, report)
                doors = trio.CancelScope()
                nursery.start_soon(_attend, server, listeners, doors)
                nursery.start_soon(_begin_ours, tasks)
                _say_where(where, listeners)
                notifier.tell("READY=1")
                async for _ in signals:
                    break
                notifier.tell("STOPPING=1")
                doors.cancel()
                if where.socket is not None:  # now: the next one may come while we end
                    doorbell.close(listeners[0], where.socket)
                nursery.cancel_scope.deadline = trio.current_time() + GRACE
            children.cancel_scope.cancel()


async def _attend(
    server: Server, listeners: Sequence[trio.SocketListener], doors: trio.CancelScope
) -> None:
    with doors:
        await trio.serve_listeners(server.attend, list(listeners))


async def _begin_ours(tasks: Tasks) -> None:
    """Have served what an agent before us made."""
    await tasks.begin(OURS, Order(heals=True))()


def _say_where(where: Where, listeners: Sequence[trio.SocketListener]) -> None:
    for listener in listeners:
        if where.socket is not None:
            at = str(where.socket)
        else:
            host, port = listener.socket.getsockname()[:2]
            at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        print(format_line("agent", {"listens": at}), flush=True)


def report(network: str, text: str) -> None:
    """Print what the agent has to say."""
    fields = {"network": network} if network else {}
    print(format_line("agent", {**fields, "what": text}), flush=True)
