"""What is counted, as Prometheus names it.

Plain numbers in the daemon; the text format is made when somebody asks.  Labels come
from closed sets only: never an address, a path or what a guest said.
"""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

# else each counter has a _created beside it; read when the module is imported
os.environ.setdefault("PROMETHEUS_DISABLE_CREATED_SERIES", "True")

from prometheus_client import CollectorRegistry  # after the setting above
from prometheus_client import generate_latest  # after the setting above
from prometheus_client.core import CounterMetricFamily  # as above
from prometheus_client.core import GaugeMetricFamily  # as above
from prometheus_client.core import HistogramMetricFamily  # as above
from prometheus_client.core import Metric  # as above

COUNTERS = {
    "metalease_dhcp_messages": (
        "DHCP messages by type and by what they were answered",
        ("type", "result"),
    ),
    "metalease_dhcp_malformed": (
        "Frames that held no DHCP message, by what is wrong of them",
        ("part",),
    ),
    "metalease_dhcp_refused": ("Frames of clients that sent too many", ()),
    "metalease_dhcp_naks": ("NAKs by reason", ("reason",)),
    "metalease_dhcp_notes": ("Oddities of messages that were answered", ("note",)),
    "metalease_dhcp_dropped_options": (
        "Options that did not fit in an answer",
        ("option",),
    ),
    "metalease_dhcp_other_server_sightings": (
        "What was seen and heard of other DHCP servers: an answer, a guest's request",
        ("source",),
    ),
    "metalease_dhcp_unsent": ("Answers that the device did not take", ()),
    "metalease_dhcp_probes": (
        "Addresses of the pool that were asked about",
        ("outcome",),
    ),
    "metalease_dhcp_lease_journal_failures": (
        "Times that the disk refused leases, whose clients got no answer",
        (),
    ),
    "metalease_dhcp_lease_records_damaged": (
        "Records of leases that could not be read",
        (),
    ),
    "metalease_dhcp_lost_frames": (
        "Frames that came faster than they were answered",
        (),
    ),
    "metalease_http_requests": (
        "HTTP requests by dialect and status",
        ("dialect", "code"),
    ),
    "metalease_http_tokenless": (
        "Requests without a session token, by whether one was needed",
        ("tokens",),
    ),
    "metalease_http_proxied": (
        "Requests that were passed on to an upstream, by what came of it",
        ("result",),
    ),
    "metalease_http_turned_away": (
        "Connections that were ended without an answer",
        ("reason",),
    ),
    "metalease_dns_queries": (
        "DNS queries by type, response code and where the answer is from",
        ("type", "rcode", "source"),
    ),
    "metalease_dns_dropped": ("DNS queries without an answer", ("reason",)),
    "metalease_dns_truncated": ("DNS answers that did not fit in UDP", ()),
    "metalease_dns_failed": ("Questions that no upstream answered", ()),
    "metalease_dns_timeouts": ("Upstreams that did not answer in time", ()),
    "metalease_dns_mismatches": ("Answers to something that was not asked", ()),
    "metalease_log_lines_dropped": ("Log lines that nobody took in time", ()),
}
HISTOGRAMS = {
    "metalease_dhcp_seconds": "How long a DHCP message took, reception to answer",
    "metalease_dns_upstream_seconds": "How long upstreams took for an answer",
}
GAUGES = {
    "metalease_bindings": "Bindings in force",
    "metalease_dhcp_pool_addresses": "Addresses for clients that are not bound",
    "metalease_dhcp_leases": "Leases of the pool",
    "metalease_dhcp_quarantined": "Addresses of the pool that were found in use",
    "metalease_dhcp_known_macs": "Bound MACs whose last word is remembered",
    "metalease_dhcp_unknown_macs": (
        "MACs without a binding that were heard in the last hour, at most 4096"
    ),
    "metalease_dhcp_last_ack_age_seconds": "Since any guest had an ACK; NaN: never",
    "metalease_dhcp_other_servers": "Other DHCP servers seen in the last hour",
    "metalease_bad_files": "Binding files that cannot be used",
    "metalease_vanished_bindings": "Bindings in force whose files are gone",
    "metalease_http_connections": "Open HTTP connections",
    "metalease_start_timestamp_seconds": "When the daemon started",
}


@dataclass(slots=True)
class Histogram:
    """How many were in each bucket, the last one for all above."""

    bounds: Sequence[float]
    numbers: list[int]
    total: float = 0.0

    @classmethod
    def empty(cls, bounds: Sequence[float]) -> Self:
        return cls(bounds, [0] * (len(bounds) + 1))

    def add(self, value: float, times: int = 1) -> None:
        self.numbers[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def family(self, name: str, text: str) -> Metric:
        buckets = [
            (str(bound), number)
            for bound, number in zip(
                (*self.bounds, "+Inf"), accumulate(self.numbers), strict=True
            )
        ]
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self.total)


class Metrics:
    """The numbers of one network."""

    def __init__(self, version: str) -> None:
        self._version = version
        self.counters: dict[str, Counter[tuple[str, ...]]] = {
            name: Counter() for name in COUNTERS
        }
        self.gauges: dict[str, float] = {}
        self.histograms: dict[str, Histogram] = {}

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        self.counters[name][labels] += by

    def collect(self) -> Iterable[Metric]:
        """Yield every family, as prometheus_client asks a collector."""
        build = GaugeMetricFamily(
            "metalease_build_info", "The version that runs", labels=["version"]
        )
        build.add_metric([self._version], 1)
        yield build
        for name, (text, labels) in COUNTERS.items():
            counter = CounterMetricFamily(name, text, labels=labels)
            if not labels:
                counter.add_metric([], self.counters[name][()])
            else:
                for values, number in self.counters[name].items():
                    counter.add_metric(values, number)
            yield counter
        for name, text in HISTOGRAMS.items():
            if name in self.histograms:
                yield self.histograms[name].family(name, text)
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(name, text, value=self.gauges.get(name, 0))

    def describe(self) -> Iterable[Metric]:
        return ()

    def text(self) -> str:
        """Return the text format 0.0.4, which old and new libraries write alike."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry).decode()
