"""The resolver in the daemon: its numbers for Prometheus, its names as they change."""

from pathlib import Path

import pytest

from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.metrics import Histogram
from appliance.metrics import Metrics
from appliance.name_service import NameService
from appliance.naming import Naming
from appliance.records import read_record
from appliance.resolver.channel import Channel
from appliance.resolver.counts import LATENCIES
from appliance.resolver.counts import Dropped
from appliance.resolver.wire import encode_query
from appliance.settings import Settings
from appliance.settings import parse_settings
from appliance.state import Change

from .ends import pair
from .room import NAME
from .room import forward
from .room import query
from .room import read
from .room import reply
from .room import texts
from .shell import Shell
from .shell import in_loop

GUEST = "11.0.0.5"


def parsed(folder: Path, **dns: object) -> Settings:
    """Return a network of public addresses, with *dns* for its table."""
    values = {
        "network": {
            "subnet": "11.0.0.0/24",
            "dhcp_address": "11.0.0.2",
            "domain": "net1.example",
            "also": [{"subnet": "11.0.1.0/24", "dhcp_address": "11.0.1.2"}],
        },
        "attach": {"device": "eth0"},
        "dns": dns,
    }
    return parse_settings(Layout(folder).network("net1"), values)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return a network with an upstream."""
    return parsed(tmp_path, upstream=["192.0.2.53"])


def measured(service: NameService) -> Metrics:
    metrics = Metrics("0")
    service.measure(metrics)
    service.measure(metrics)  # numbers, not sums of them
    return metrics


def test_what_prometheus_gets(settings: Settings, tmp_path: Path) -> None:
    """dns 17: answers by type, code and source, few of each; what got none, was cut or
    failed; upstreams that were silent or strange, and how long they took."""
    files = Layout(tmp_path).network("net1")

    async def scenario() -> None:
        ours, theirs = pair()
        with ours, theirs:
            service = NameService(settings, files, Channel("net1", ours, None))
            shell = Shell()
            server = shell.server = service._server
            for name, kind in (
                ("metadata", "A"),
                ("metadata", "A"),
                ("metadata", "MX"),
                ("metadata", "TYPE65280"),
                ("nobody", "AAAA"),
                ("net1.example", "AXFR"),
            ):
                assert len(shell.hear(query(name, kind), client=GUEST)) == 1
            server.counts.tally((1, 7, "upstream"))[0] += 1  # YXRRSET
            server.counts.dropped[Dropped.RATE] += 3
            server.counts.truncated, server.counts.failed = 4, 5
            server.counts.took(0.003)
            assert service._channel is not None
            service._channel.counts.update(silent=6, strange=7)
            metrics = measured(service)
        assert metrics.counters["metalease_dns_queries"] == {
            ("A", "NOERROR", "local"): 2,
            ("OTHER", "NOERROR", "local"): 2,
            ("AAAA", "NXDOMAIN", "local"): 1,
            ("OTHER", "REFUSED", "local"): 1,
            ("A", "OTHER", "upstream"): 1,
        }
        assert metrics.counters["metalease_dns_dropped"] == {("rate",): 3}
        numbers = {
            name: metrics.counters[f"metalease_dns_{name}"][()]
            for name in ("truncated", "failed", "timeouts", "mismatches")
        }
        assert numbers == {
            "truncated": 4, "failed": 5, "timeouts": 6, "mismatches": 7
        }  # fmt: skip
        expected = Histogram(LATENCIES, [0, 0, 1, *[0] * (len(LATENCIES) - 2)], 0.003)
        assert metrics.histograms["metalease_dns_upstream_seconds"] == expected

    in_loop(scenario)


def test_a_binding_is_there_for_the_next_query(
    settings: Settings, tmp_path: Path
) -> None:
    """dns 1, 16: also for one that was answered, and is remembered."""
    files = Layout(tmp_path).network("net1")

    async def scenario() -> None:
        service = NameService(settings, files, None)
        shell = Shell()
        shell.server = service._server

        def asked() -> list[list[str]]:
            heard = shell.hear(query("web"), query("web"), client=GUEST)
            return [texts(read(each).answer) for each in heard]

        assert asked() == [[], []]
        for octet in (5, 6):
            values = {
                "mac": "fa:16:3e:00:00:05", "ip": f"11.0.0.{octet}", "hostname": "web"
            }  # fmt: skip
            service.follow(Change(put=(read_record(values, "a test", settings),)))
            assert asked() == [[f"web. A 11.0.0.{octet}"]] * 2

    in_loop(scenario)


REBOUND = {"10.1.2.3": False, "11.0.0.9": False, "11.0.1.9": False, "12.0.0.1": True}


@pytest.mark.parametrize("address", REBOUND)
@pytest.mark.parametrize("protected", [True, False])
def test_rebind_protection(address: str, protected: bool, tmp_path: Path) -> None:
    """dns 12: with it no outside name has a private address, or one of our ranges."""
    told = parsed(tmp_path, upstream=["192.0.2.53"], rebind_protection=protected)
    at = Naming(told, Layout(tmp_path).network("net1")).resolver
    ahead = forward(at.decide(query(NAME), 0.0))
    sent = encode_query(ahead.asked, 7, ahead.asked.lowered)
    body = at.accept(ahead, reply(sent, f"{NAME} 300 A {address}"), 0.0)
    assert bool(body.counts[0]) is (REBOUND[address] or not protected)


@pytest.mark.parametrize("ours", ["11.0.0.2", "11.0.1.2", "169.254.169.254"])
def test_nobody_asks_itself(ours: str, tmp_path: Path) -> None:
    """dns 14: an upstream that is one of our own addresses is refused at the start."""
    for dns in ({"upstream": [ours]}, {"domains": {"corp.example": [ours]}}):
        with pytest.raises(SettingsError, match=f"{ours} is this network's own"):
            parsed(tmp_path, **dns)
