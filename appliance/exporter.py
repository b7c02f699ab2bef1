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
from .notify import Notifier

PATIENCE = 5.0  # seconds for a daemon's answer


def merge(texts: Mapping[str, str]) -> Iterable[Metric]:
    """Return the families of *texts*, by network: every series gets its network."""
    families: dict[str, Metric] = {}
    for network, text in texts.items():
        for family in text_string_to_metric_families(text):
            whole = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for sample in family.samples:
                labels = {"network": network, **sample.labels}
                whole.add_sample(sample.name, labels, sample.value)
    return families.values()


class Exporter:
    """Collects from every network that has a file, at each scrape."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def collect(self) -> Iterable[Metric]:
        texts = {}
        alive = GaugeMetricFamily(
            "metalease_up", "Whether the network's daemon answers", labels=["network"]
        )
        for name in self._layout.network_names():
            path = self._layout.network(name).control_socket
            try:
                answer = ring(path, {"op": "metrics"}, timeout=PATIENCE)
                texts[name] = str(answer.get("text", ""))
            except SettingsError:
                pass  # the series says so
            alive.add_metric([name], name in texts)
        yield alive
        yield from merge(texts)

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
