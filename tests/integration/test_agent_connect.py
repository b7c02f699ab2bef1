"""ZStack's agent API and a host that connects: one bad network costs no other."""

import signal
from collections.abc import Iterator

import pytest

from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.zstack import MARK
from tests.agent.host import AT
from tests.agent.host import L3
from tests.agent.host import PREPARE
from tests.agent.host import SOCKET
from tests.agent.host import WITHIN
from tests.agent.host import Host
from tests.agent.host import booted
from tests.agent.host import dhcp_info

pytestmark = pytest.mark.machine

OTHER = "0a" * 16
NO_BRIDGE = {
    **PREPARE,
    "bridgeName": "br_gone",
    "namespaceName": f"br_gone_{OTHER}",
    "dhcpServerIp": "10.1.0.2",
}


@pytest.fixture
def host(machine: Machine) -> Iterator[Host]:
    host = Host(machine)
    with host.server:
        yield host


def test_a_network_that_cannot_be_healed_costs_no_other(host: Host) -> None:
    """issue 6.8: zstack 4: `connect` that fails takes the host from its management
    server; who
    asks for the bad network hears what is wrong with it."""
    server = host.server
    server.done("dhcp/prepare", PREPARE)
    server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})
    assert "no bridge br_gone" in server.ask("dhcp/prepare", NO_BRIDGE)["error"]
    (host.networks / f"{'00' * 16}.toml").write_text(MARK + "\nnonsense")
    host.agent.signal(signal.SIGTERM)
    assert host.agent.wait(WITHIN) == 0
    host.agent = host.start()
    server.done("dhcp/connect", {})
    said = host.agent.output()
    assert f'agent network={OTHER} what="network {OTHER}: there is no bridge' in said
    assert f"agent network={'00' * 16} what=" in said
    assert booted(host, 5).addresses() == ["10.0.0.5/24"]
    both = server.ask("dhcp/batchPrepare", {"dhcpInfos": [NO_BRIDGE, PREPARE]})
    assert both["success"] is False
    assert "no bridge br_gone" in both["error"]
    assert L3 not in both["error"]
    server.done("dhcp/deletenamespace", {**AT, **NO_BRIDGE})


def test_the_next_agent_comes_while_one_ends(host: Host) -> None:
    """A task that is not told yet holds the old one; the new one keeps its socket."""
    server = host.server
    server.refusals["t"] = 99
    server.begin("dhcp/flush", AT, taskuuid="t")
    until(lambda: "again in" in host.agent.output(), "refused", within=WITHIN)
    before = host.agent
    before.signal(signal.SIGTERM)
    path = host.machine.path(SOCKET)
    until(lambda: not path.exists(), "its socket goes", within=WITHIN)
    host.agent = host.start()
    assert before.wait(WITHIN) == 0
    assert "task t is told to nobody" in before.output()
    server.done("dhcp/flush", AT)
