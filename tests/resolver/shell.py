"""A server whose socket is a list, and whose upstream is the test."""

import ctypes
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import cast

import trio
import trio.testing

from appliance.resolver.channel import Channel
from appliance.resolver.channel import Done
from appliance.resolver.datagrams import AT_ONCE
from appliance.resolver.datagrams import Datagrams
from appliance.resolver.datagrams import Prepared
from appliance.resolver.datagrams import client_of
from appliance.resolver.server import DnsServer
from appliance.resolver.server import Limits

from .room import SUBNET
from .room import resolver

CLIENT = "10.0.0.5"
LIMITS = Limits()
LOOPBACK = IPv4Network("127.0.0.0/8")


class ListDatagrams:
    """Datagrams to come, and datagrams that went."""

    def __init__(self) -> None:
        self.coming: list[tuple[bytes, tuple[str, int]] | OSError] = []
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.takes = True
        self.looks = 0
        """How often somebody looked whether something has come."""
        self._batch: list[tuple[bytes, tuple[str, int]]] = []

    def receive(self) -> tuple[list[bytes], list[int]]:
        self.looks += 1
        batch, self.coming = self.coming[:AT_ONCE], self.coming[AT_ONCE:]
        self._batch = [each for each in batch if not isinstance(each, OSError)]
        queries = [query[2:] for query, _ in self._batch]
        return queries, [client_of(peer[0]) for _, peer in self._batch]

    def query(self, place: int) -> bytes:
        return self._batch[place][0]

    def peer(self, place: int) -> tuple[str, int]:
        return self._batch[place][1]

    def answer(self, answers: Sequence[Prepared | None]) -> None:
        for (query, peer), prepared in zip(self._batch, answers, strict=True):
            if prepared is not None:
                self.send(peer, query[:2] + prepared.octets)

    def answer_all(self, starts: Sequence[int], lengths: Sequence[int]) -> None:
        for (query, peer), start, length in zip(
            self._batch, starts, lengths, strict=True
        ):
            self.send(peer, query[:2] + ctypes.string_at(start, length))

    def send(self, peer: tuple[str, int], octets: bytes) -> None:
        if self.takes:
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
        self.listener = ListDatagrams()

    def hear(self, *queries: bytes, client: str = CLIENT) -> list[bytes]:
        """Return what is sent when *queries* come."""
        self.listener.coming += [(query, (client, 5353)) for query in queries]
        before = len(self.listener.sent)
        while self.listener.coming:
            self.drain()
        return [octets for octets, _ in self.listener.sent[before:]]

    def drain(self) -> bool:
        """Answer once, and return whether more is expected at once."""
        return self.server._drain(cast(Datagrams, self.listener), trio.current_time())


def in_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run *scenario* under a clock that only it moves."""

    async def bounded() -> None:
        await scenario()

    trio.run(bounded, clock=trio.testing.MockClock())
