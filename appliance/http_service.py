"""HTTP of one network: metadata, and CloudStack's passwords where its preset is on."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain

import trio

from httpd.contract import Answers
from httpd.contract import Limits
from httpd.gate import Gate
from httpd.server import HttpServer
from httpd.server import descriptors_left
from rewrite.ruleset import RuleSet

from .layout import NetworkLayout
from .metadata import Metadata
from .metadata import PassOn
from .observation import Observation
from .passwords import Passwords
from .settings import Settings
from .sockets import Sockets
from .spool import Spool
from .state import State
from .terms import http_limits


@dataclass(frozen=True, slots=True)
class Site:
    """What the documents of one network are found by."""

    settings: Settings
    rules: RuleSet
    state: State
    files: NetworkLayout
    gate: Gate


class HttpService:
    """The HTTP servers of one network."""

    def __init__(
        self,
        site: Site,
        sockets: Sockets,
        observation: Observation,
        pass_on: PassOn | None,
        report: Callable[[str], None],
    ) -> None:
        """*report* is told what guests will have less of than the settings say."""
        listeners = [each for each in (sockets.http, sockets.passwords) if each]
        asked = site.settings.limits
        files = descriptors_left(chain(*listeners)) // len(listeners)
        limits = http_limits(asked, files)
        if limits.connections_total < asked.connections_total:
            report(
                f"connections_total is {limits.connections_total}, and not"
                f" {asked.connections_total}: too few files may be open; raise"
                " LimitNOFILE, or lower connections_total"
            )
        metadata = Metadata(
            *(site.settings, site.rules, site.state, site.files, site.gate),
            pass_on=pass_on,
        )
        start = partial(_serve, site.settings, observation, limits)
        self._servers = [start(sockets.http, metadata)]
        if sockets.passwords:
            key = site.gate.authority.derive(b"passwords")
            passwords = Passwords(metadata, Spool(site.files.spool), key)
            self._servers.append(start(sockets.passwords, passwords))
        self._left = len(self._servers)
        self._done = trio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._servers))

    async def start(self, nursery: trio.Nursery) -> None:
        """Serve; return when every socket answers."""
        for server in self._servers:
            await nursery.start(partial(self._run, server))

    async def _run(
        self,
        server: HttpServer,
        *,
        task_status: "trio.TaskStatus[None]" = trio.TASK_STATUS_IGNORED,
    ) -> None:
        await server.run(task_status=task_status)
        self._left -= 1
        if not self._left:
            self._done.set()

    async def drain(self) -> None:
        """Take no more connections, and return when the open requests are done."""
        for server in self._servers:
            server.drain()
        await self._done.wait()


def _serve(
    settings: Settings,
    observation: Observation,
    limits: Limits,
    listeners: tuple[socket.socket, ...],
    answers: Answers,
) -> HttpServer:
    return HttpServer(
        listeners,
        answers,
        observation.http,
        observation.fault,
        limits=limits,
        save_syn=settings.metadata.identity == "ip+mac",
    )
