"""The resolver in the daemon: names in step with bindings, sockets, numbers."""

import socket
from collections.abc import Iterable

import trio

from .layout import NetworkLayout
from .metrics import Histogram
from .metrics import Metrics
from .naming import Naming
from .naming import routes
from .resolver.channel import Channel
from .resolver.counts import LATENCIES
from .resolver.server import DnsServer
from .resolver.server import Limits
from .resolver.wire import Rcode
from .resolver.wire import Type
from .settings import Settings
from .state import Change

# types that have a series of their own; the rest is OTHER
TYPES = (Type.A, Type.AAAA, Type.PTR, Type.CNAME, Type.SOA, Type.TXT, Type.ANY)


class NameService:
    """Answers DNS for one network."""

    def __init__(
        self, settings: Settings, files: NetworkLayout, channel: Channel | None
    ) -> None:
        """Read the zone file; raises SettingsError.

        *channel* leads to who asks upstreams; its owner runs it.
        """
        self._naming = Naming(settings, files)
        self._channel = channel if routes(settings) else None
        self._server = DnsServer(
            self._naming.resolver,
            self._channel,
            settings.attachment.subnets,
            Limits(settings.dns.queries_per_second_per_ip),
        )

    def follow(self, change: Change) -> None:
        """Have the names follow the bindings: the next query sees it."""
        self._naming.follow(change)
        self._server.forget()

    def start(
        self,
        nursery: trio.Nursery,
        udp: Iterable[socket.socket],
        tcp: Iterable[trio.SocketListener],
    ) -> None:
        """Serve on sockets that are open."""
        nursery.start_soon(self._server.tick)
        for listener in udp:
            nursery.start_soon(self._server.serve_udp, listener)
        for stream_listener in tcp:
            nursery.start_soon(self._server.serve_tcp, stream_listener)

    def measure(self, metrics: Metrics) -> None:
        """Bring the numbers up to date."""
        counts = self._server.counts
        queries = metrics.counters["metalease_dns_queries"]
        queries.clear()
        for (kind, rcode, source), number in counts.answers.items():
            name = Type(kind).name if kind in TYPES else "OTHER"
            queries[name, _rcode_name(rcode), source] += number
        dropped = metrics.counters["metalease_dns_dropped"]
        dropped.clear()
        for reason, number in counts.dropped.items():
            dropped[(reason,)] = number
        metrics.counters["metalease_dns_truncated"][()] = counts.truncated
        metrics.counters["metalease_dns_failed"][()] = counts.failed
        if self._channel is not None:
            told = self._channel.counts
            metrics.counters["metalease_dns_timeouts"][()] = told["silent"]
            metrics.counters["metalease_dns_mismatches"][()] = told["strange"]
        metrics.histograms["metalease_dns_upstream_seconds"] = Histogram(
            LATENCIES, counts.latencies, counts.seconds
        )


def _rcode_name(rcode: int) -> str:
    try:
        return Rcode(rcode).name
    except ValueError:
        return "OTHER"
