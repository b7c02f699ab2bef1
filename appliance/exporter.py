"""`metalease exporter`: the metrics of every network of this host, for Prometheus.

It asks the control sockets at each scrape.  A network that is silent is told as
metalease_up 0, and hurts no other.
"""

import signal
from collections.abc import Iterable
from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from .bell import ring
from .errors import SettingsError
from .layout import Layout
from .layout import NetworkLayout
from .notify import Notifier

PATIENCE = 5.0  # seconds for a daemon's answer


def merge(networks: Mapping[str, Iterable[Metric]]) -> Iterable[Metric]:
    """Return the families of all *networks*: every series gets its network."""
    families: dict[str, Metric] = {}
    for network, found in networks.items():
        for family in found:
            whole = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for sample in family.samples:
                labels = {"network": network, **sample.labels}
                whole.add_sample(sample.name, labels, sample.value)
    return families.values()


def ask(files: NetworkLayout) -> list[Metric] | None:
    """Return what the network's daemon counts; None where it does not say."""
    try:
        answer = ring(files.control_socket, {"op": "metrics"}, timeout=PATIENCE)
        return list(text_string_to_metric_families(str(answer["text"])))
    except (SettingsError, KeyError, ValueError):
        return None


class Exporter:
    """Collects from every network that has a file, at each scrape."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def collect(self) -> Iterable[Metric]:
        names = self._layout.network_names()
        found = {name: ask(self._layout.network(name)) for name in names}
        alive = GaugeMetricFamily(
            "metalease_up", "Whether the network's daemon answers", labels=["network"]
        )
        for name, families in found.items():
            alive.add_metric([name], families is not None)
        yield alive
        yield from merge({name: each for name, each in found.items() if each})

    def describe(self) -> Iterable[Metric]:
        return ()


def run(layout: Layout, address: str, port: int) -> int:
    """Serve http://ADDRESS:PORT/metrics until SIGTERM or SIGINT."""
    notifier = Notifier()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # for the server's threads too
    registry = CollectorRegistry()
    registry.register(Exporter(layout))
    try:
        start_http_server(port, address, registry)
    except OSError as problem:
        where = f"--listen {address}:{port}"
        raise SettingsError(where, str(problem.strerror or problem)) from None
    notifier.tell("READY=1")
    signal.sigwait(ends)
    return 0
