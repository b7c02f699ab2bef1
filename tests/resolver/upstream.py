"""Upstreams of the test's own, on loopback: what they say is a function."""

import os
import socket
from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

import dns.flags
import trio
import trio.testing

from appliance.resolver.forwarder import Forwarder
from appliance.resolver.forwarder import Outcome
from appliance.resolver.upstreams import Routes

from .room import ADDRESS
from .room import NAME
from .room import query
from .room import read
from .room import reply
from .room import rrset

IDLE = 0.025  # seconds, real ones: a busy machine is slow to deliver

Say = Callable[[bytes], list[bytes]]


def silent(query: bytes) -> list[bytes]:
    return []


@dataclass(slots=True)
class Upstream:
    """One address, by UDP and TCP."""

    number: int
    udp: Say = silent
    tcp: Say = silent
    asked: list[bytes] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    asked_by_tcp: list[bytes] = field(default_factory=list)
    socket: trio.socket.SocketType | None = None

    @property
    def address(self) -> IPv4Address:
        # of this process alone: its port is free for UDP, and for TCP then too
        high, low = divmod(os.getpid() % 65_536, 256)
        return IPv4Address(f"127.{high}.{low}.{self.number}")

    async def serve(
        self,
        port: int,
        *,
        task_status: "trio.TaskStatus[int]" = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve on *port*, or on one that is free."""
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            await datagrams.bind((str(self.address), port))
            self.socket = datagrams
            port = datagrams.getsockname()[1]
            (listener,) = await trio.open_tcp_listeners(port, host=str(self.address))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, self._converse, [listener])
                task_status.started(port)
                while True:
                    query, peer = await datagrams.recvfrom(4096)
                    self.asked.append(query)
                    self.ports.append(peer[1])
                    for reply in self.udp(query):
                        await datagrams.sendto(reply, peer)

    async def _converse(self, stream: trio.SocketStream) -> None:
        async with stream:
            head = await stream.receive_some(2)
            query = await stream.receive_some(4096)
            assert len(query) == int.from_bytes(head, "big")
            self.asked_by_tcp.append(query)
            for reply in self.tcp(query):
                octets = len(reply).to_bytes(2, "big") + reply
                for at in range(0, len(octets), 11):
                    await stream.send_all(octets[at : at + 11])


Scenario = Callable[[Forwarder], Awaitable[None]]


def with_upstreams(
    scenario: Scenario, *upstreams: Upstream, watch: str | None = None
) -> None:
    """Run *scenario* with a forwarder to *upstreams*; time goes when nobody acts."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            port = 0
            for each in upstreams:
                port = await nursery.start(each.serve, port)
            routes = Routes.of([each.address for each in upstreams], {})
            forwarder = Forwarder(routes, port=port)
            if watch is not None:
                nursery.start_soon(forwarder.watch, watch)
            await scenario(forwarder)
            nursery.cancel_scope.cancel()

    trio.run(
        main,
        clock=trio.testing.MockClock(autojump_threshold=IDLE),
        strict_exception_groups=True,
    )


ASKED = query(NAME, id=0)


def well(asked: bytes) -> list[bytes]:
    return [reply(asked, ADDRESS)]


def says(rcode: str) -> Say:
    return lambda asked: [reply(asked, rcode=rcode)]


def refers(asked: bytes) -> list[bytes]:
    """Say what one says that does not recurse: who else may know."""
    said = bytearray(reply(asked, authority=("org. 300 NS ns.example.",)))
    said[3] &= ~dns.flags.RA & 0xFF
    return [bytes(said)]


def good(outcome: Outcome) -> bool:
    return outcome.reply is not None and read(outcome.reply).answer == [rrset(ADDRESS)]
