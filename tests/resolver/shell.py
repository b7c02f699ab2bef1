"""A server whose listener is a list, and whose upstream is the test."""

import socket
from collections.abc import Awaitable
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import cast

import trio
import trio.testing

from appliance.resolver.channel import Channel
from appliance.resolver.channel import Done
from appliance.resolver.server import DnsServer
from appliance.resolver.server import Limits

from .room import SUBNET
from .room import resolver

CLIENT = "10.0.0.5"
LIMITS = Limits()
LOOPBACK = IPv4Network("127.0.0.0/8")


class ListListener:
    """Datagrams to come, and datagrams that went."""

    def __init__(self) -> None:
        self.coming: list[tuple[bytes, tuple[str, int]] | OSError] = []
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.takes = True

    def recvfrom(self, most: int) -> tuple[bytes, tuple[str, int]]:
        if not self.coming:
            raise BlockingIOError
        found = self.coming.pop(0)
        if isinstance(found, OSError):
            raise found
        return found[0][:most], found[1]

    def sendto(self, octets: bytes, peer: tuple[str, int]) -> None:
        if not self.takes:
            raise OSError(1, "Operation not permitted")
        self.sent.append((octets, peer))


class TestChannel(Channel):
    """What is asked stays in a list until the test says what comes back."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("net1", None, None)
        self.asked: list[tuple[bytes, Done, bool]] = []
        self.there = True

    def ask(self, query: bytes, done: Done, *, tcp: bool) -> bool:
        if self.there:
            self.asked.append((query, done, tcp))
        return self.there

    def land(self, say: Callable[[bytes], bytes | None]) -> None:
        """Let everything that is asked be answered."""
        asked, self.asked = self.asked, []
        for query, done, _ in asked:
            done(say(query))


class Shell:
    """A server of the room's network."""

    def __init__(
        self,
        *,
        limits: Limits = LIMITS,
        ranges: tuple[IPv4Network, ...] = (SUBNET,),
        channel: bool = True,
        entries: int = 100,
    ) -> None:
        self.channel = TestChannel()
        self.resolver = resolver(entries=entries)
        self.server = DnsServer(
            self.resolver, self.channel if channel else None, ranges, limits
        )
        self.listener = ListListener()

    def hear(self, *queries: bytes, client: str = CLIENT) -> list[bytes]:
        """Return what is sent when *queries* come."""
        self.listener.coming += [(query, (client, 5353)) for query in queries]
        before = len(self.listener.sent)
        while self.listener.coming:
            self.drain()
        return [octets for octets, _ in self.listener.sent[before:]]

    def drain(self) -> int:
        """Answer once, and return how many queries that was."""
        listener = cast(socket.socket, self.listener)
        return self.server._drain(listener, trio.current_time())


def in_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run *scenario* under a clock that only it moves."""

    async def bounded() -> None:
        await scenario()

    trio.run(bounded, clock=trio.testing.MockClock())
