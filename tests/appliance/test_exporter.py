"""The exporter: every network of the host, each series with its network."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from appliance.exporter import Exporter
from appliance.layout import Layout
from appliance.notify import PATIENCE

from .house import N1
from .house import House


def beside(house: House, name: str) -> House:
    files = house.layout.network(name)
    files.settings.write_text(N1)
    files.bindings.mkdir(parents=True)
    return House(house.layout, files)


def scrape(layout: Layout) -> dict[tuple[str, str], float]:
    """Return the sum of each name's series for each network."""
    registry = CollectorRegistry()
    registry.register(Exporter(layout))
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for each in family.samples:
            key = (each.name, each.labels["network"])
            found[key] = found.get(key, 0) + each.value
    return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def test_two_networks_are_merged(house: House) -> None:
    """Real daemons' numbers by the real doorbell: every series says its network."""
    other = beside(house, "n2")
    with ExitStack() as stack:
        for each, number in ((house, 3), (other, 4)):
            control = stack.enter_context(each.running())
            control.metrics.gauges["metalease_bindings"] = number
            control.metrics.count("metalease_dhcp_messages", "DISCOVER", "OFFER")
        found = scrape(house.layout)
    assert found["metalease_bindings", "n1"] == 3
    assert found["metalease_bindings", "n2"] == 4
    assert found["metalease_dhcp_messages_total", "n2"] == 1
    assert found["metalease_up", "n1"] == found["metalease_up", "n2"] == 1
    assert found["metalease_build_info", "n1"] == 1


def test_one_that_is_silent_hurts_no_other(house: House) -> None:
    """metalease_up 0 says so; likewise of one that talks nonsense."""
    beside(house, "n2")
    odd = beside(house, "n3")
    with house.running(), odd.running() as control:
        object.__setattr__(control.metrics, "text", lambda: "} nonsense {")
        found = scrape(house.layout)
    assert found["metalease_up", "n1"] == 1
    assert found["metalease_up", "n2"] == found["metalease_up", "n3"] == 0
    assert found["metalease_bindings", "n1"] == 0
    assert ("metalease_bindings", "n2") not in found


def test_no_network_is_no_error(tmp_path: Path) -> None:
    assert scrape(Layout(tmp_path)) == {}


def test_over_http_until_it_is_told_to_stop(house: House) -> None:
    """`metalease exporter`: says READY=1 when it answers, ends with 0 on SIGTERM."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with manager, house.running():
        manager.bind(str(house.layout.root / "notify"))
        manager.settimeout(20 * PATIENCE)
        exporter = subprocess.Popen(
            [
                *(sys.executable, "-m", "appliance.cli"),
                *("--root", house.layout.root),
                *("exporter", "--listen", f"127.0.0.1:{port}"),
            ],
            env={**os.environ, "NOTIFY_SOCKET": str(house.layout.root / "notify")},
        )
        assert manager.recv(100) == b"READY=1"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert b'metalease_up{network="n1"} 1.0' in answer.read()
        exporter.send_signal(signal.SIGTERM)
        assert exporter.wait(10) == 0
