"""`metalease forward`: ask upstreams for every daemon of this host.

It lives on the host's side, is not root and holds no capability; a daemon in its
namespace has no way out but this line, on which go questions for names, and requests
for upstreams that the network's rules name: whom to ask is read from the files here.
"""

import os
import signal
import socket
import traceback
from collections.abc import Awaitable
from collections.abc import Callable
from functools import partial

import trio

from rewrite.ruleset import RuleSet
from rewrite.upstreams import upstreams_of

from . import files
from . import privilege
from .bell import reachable
from .errors import SettingsError
from .layout import Layout
from .notify import Notifier
from .outside import asked
from .proxy.courier import Courier
from .resolver.forwarder import Forwarder
from .resolver.line import Errands
from .resolver.line import serve_line
from .rules import load_rules
from .settings import Settings
from .settings import load_settings

BACKLOG = 128
PAUSE = 0.1  # seconds without a line more, when no file can be opened


def serve_one(line: socket.socket, settings: Settings, rules: RuleSet) -> None:
    """Forward for one network, whose daemon has the other end of *line*."""
    forwarder = Forwarder(asked(settings))
    courier = Courier(partial(upstreams_of, rules))
    serve = partial(
        serve_line, line, lambda _: forwarder, forwarder, lambda _: courier.run
    )
    trio.run(_until_told, serve)


def run(layout: Layout) -> int:
    """Forward for every network of the host, until SIGTERM or SIGINT.

    Started as root it becomes the service's user, with no capability.
    """
    notifier = Notifier()
    path = layout.forward_socket
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.fchmod(listener.fileno(), 0o600)
        with reachable(path) as name:
            listener.bind(name)
        listener.listen(BACKLOG)
        if os.geteuid() == 0:
            account, group = files.service_account(), files.service_group()
            for each in (path.parent, path):
                os.chown(each, account.pw_uid, group)
            privilege.drop(account.pw_uid, group, kept=0)
    except OSError as problem:
        raise SettingsError(path, str(problem.strerror)) from None
    listener.setblocking(False)
    notifier.tell("READY=1")
    trio.run(_until_told, partial(_accept, listener, layout))
    path.unlink(missing_ok=True)
    return 0


async def _accept(listener: socket.socket, layout: Layout) -> None:
    def open_network(name: str) -> Forwarder:
        return Forwarder(asked(load_settings(layout.network(name))))

    def errands_of(name: str) -> Errands:
        return Courier(partial(_read_upstreams, layout, name)).run

    async def attend(line: socket.socket) -> None:
        try:
            await serve_line(line, open_network, None, errands_of)
        except (SettingsError, OSError, ValueError):
            pass  # its line is closed: the daemon looks again
        except Exception:  # one line's, whatever it said: others have theirs
            traceback.print_exc()

    async with trio.open_nursery() as nursery:
        while True:
            await trio.lowlevel.wait_readable(listener)
            try:
                line, _ = listener.accept()
            except OSError:  # too many files are open, or who came has left
                await trio.sleep(PAUSE)
                continue
            nursery.start_soon(attend, line)


def _read_upstreams(layout: Layout, name: str) -> frozenset[str]:
    network = layout.network(name)
    return upstreams_of(load_rules(load_settings(network), network))


async def _until_told(act: Callable[[], Awaitable[None]]) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:

            async def work() -> None:
                await act()
                nursery.cancel_scope.cancel()

            nursery.start_soon(work)
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()
