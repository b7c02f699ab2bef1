"""Numbers as Prometheus reads them, with labels from closed sets only."""

from prometheus_client.parser import text_string_to_metric_families

from appliance.metrics import COUNTERS
from appliance.metrics import GAUGES
from appliance.metrics import Histogram
from appliance.metrics import Metrics


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return each series' value by its name and labels, these in their order."""
    return {
        (each.name, *map(str, dict(sorted(each.labels.items())).values())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_the_text_is_what_prometheus_reads() -> None:
    metrics = Metrics("0.1.0")
    metrics.count("metalease_dhcp_messages", "DISCOVER", "OFFER")
    metrics.count("metalease_dhcp_messages", "DISCOVER", "OFFER", by=2)
    metrics.count("metalease_http_requests", "ec2", "200")
    metrics.count("metalease_dhcp_refused")
    metrics.gauges["metalease_bindings"] = 7
    found = samples(metrics.text())
    assert found["metalease_dhcp_messages_total", "OFFER", "DISCOVER"] == 3
    assert found["metalease_http_requests_total", "200", "ec2"] == 1
    assert found["metalease_dhcp_refused_total",] == 1
    assert found["metalease_bindings",] == 7
    assert found["metalease_build_info", "0.1.0"] == 1


def test_what_has_no_label_is_there_from_the_start() -> None:
    """A rate needs the zero; and no _created series stands beside a counter."""
    found = samples(Metrics("1").text())
    for name, (_, labels) in COUNTERS.items():
        assert labels or found[f"{name}_total",] == 0
    for name in GAUGES:
        assert found[name,] == 0
    assert not any("_created" in key[0] for key in found)


def test_every_family_says_what_it_is() -> None:
    text = Metrics("1").text()
    for name, (help_text, _) in COUNTERS.items():
        assert f"# HELP {name}_total {help_text}\n" in text
        assert f"# TYPE {name}_total counter\n" in text
    for name, help_text in GAUGES.items():
        assert f"# HELP {name} {help_text}\n# TYPE {name} gauge\n" in text


def test_no_label_is_a_guests_to_choose() -> None:
    """Labels are kinds: never an address, a path, a name."""
    labels = {label for _, each in COUNTERS.values() for label in each}
    kinds = {"type", "result", "note", "option", "dialect", "code", "reason"}
    assert labels == kinds | {"rcode", "source", "outcome", "tokens", "part"}


def test_a_histogram_is_cumulative() -> None:
    """Prometheus wants each bucket with all below it."""
    metrics = Metrics("1")
    name = "metalease_dns_upstream_seconds"
    metrics.histograms[name] = Histogram((0.1, 1.0), [2, 0, 1], 5.5)
    text = metrics.text()
    for line in ('le="0.1"} 2.0', 'le="1.0"} 2.0', 'le="+Inf"} 3.0'):
        assert f"{name}_bucket{{{line}\n" in text
    assert f"{name}_sum 5.5\n" in text
