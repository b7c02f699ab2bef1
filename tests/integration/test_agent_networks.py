"""ZStack's agent API and networks: made, changed, served whatever ends."""

import signal
import socket
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.lab.clients import CLIENTS
from appliance.lab.clients import boot
from appliance.lab.installation import COMMAND
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from appliance.namespace import entered
from tests.agent.host import AT
from tests.agent.host import L3
from tests.agent.host import NAMESPACE
from tests.agent.host import PREPARE
from tests.agent.host import SOCKET
from tests.agent.host import TOKEN
from tests.agent.host import WITHIN
from tests.agent.host import Host
from tests.agent.host import booted
from tests.agent.host import dhcp_info
from tests.agent.host import userdata
from tests.agent.management import FOLDER
from tests.agent.management import Management

pytestmark = [pytest.mark.machine, pytest.mark.long]


@pytest.fixture
def host(machine: Machine) -> Iterator[Host]:
    host = Host(machine)
    with host.server:
        yield host


def test_two_networks_at_once(host: Host) -> None:
    """zstack 4: the lists of a host's connect; a bridge is several networks'."""
    other = {"bridgeName": "br_eth0", "namespaceName": "br_eth0_" + "b" * 32}
    second = {**PREPARE, **other, "dhcpServerIp": "10.2.0.2"}
    server = host.server
    server.done("dhcp/batchPrepare", {"dhcpInfos": [PREPARE, second]})
    there = {"ip": "10.2.0.6", "gateway": "10.2.0.1", "hostRoutes": []}
    bodies = [{"dhcp": [dhcp_info(5)]}, {"dhcp": [dhcp_info(6, **there, **other)]}]
    server.done("dhcp/batchApply", {"dhcpInfos": bodies})
    assert booted(host, 5).addresses() == ["10.0.0.5/24"]
    assert booted(host, 6).addresses() == ["10.2.0.6/24"]
    overlapping = {**second, "namespaceName": "br_eth0_" + "c" * 32}
    said = server.ask("dhcp/batchPrepare", {"dhcpInfos": [overlapping]})
    assert "10.2.0.0/24 overlaps network bbbb" in said["error"]


def test_a_network_gets_another_address(host: Host) -> None:
    """issue 6.8: prepare at another DHCP address, a jumbo MTU, another port, flush."""
    server = host.server
    server.done("dhcp/prepare", PREPARE)
    server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})
    server.done("dhcp/prepare", {**PREPARE, "dhcpServerIp": "10.0.0.3"})
    server.done("dhcp/apply", {"dhcp": [dhcp_info(5, mtu=8900)]})
    wanted = {**userdata(5, "x"), "port": 1280}
    server.done("userdata/apply", {"userdata": wanted})
    guest = booted(host, 5)
    assert guest.routes()["169.254.169.254"] == "10.0.0.3"
    shown = ["ip", "-n", NAMESPACE, "-4", "-o", "address"]
    inside = host.machine.run(shown).stdout
    assert "10.0.0.3/24" in inside
    assert "10.0.0.2/24" not in inside
    assert guest.get("http://169.254.169.254:1280/latest/user-data").stdout == "x"
    server.done("dhcp/flush", AT)
    assert guest.get("http://169.254.169.254/latest/user-data").stdout == "x"
    guest.power_cycle()
    udhcpc = ["udhcpc", "-n", "-t", "2", "-T", "1", "-i", "eth0"]
    assert guest.run(udhcpc).returncode != 0
    server.done("dhcp/prepare", {**PREPARE, "dhcpServerIp": "10.0.0.3"})
    assert guest.run(udhcpc).returncode == 0
    assert guest.addresses() == ["10.0.0.5/24"]


def test_a_file_of_the_operator_stays(host: Host) -> None:
    """A network's file that the agent did not write is used, never rewritten."""
    text = (
        f'[network]\nsubnet = "10.0.0.0/24"\ndhcp_address = "10.0.0.2"\n'
        f'[attach]\nbridge = "br_eth0"\nnamespace = "{NAMESPACE}"\n'
    )
    host.installation.succeed("net", "add", "mine", "-", stdin=text.encode())
    host.server.done("dhcp/prepare", PREPARE)
    host.server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})
    assert booted(host, 5).addresses() == ["10.0.0.5/24"]
    said = host.server.ask("dhcp/prepare", {**PREPARE, "dhcpServerIp": "10.0.0.3"})
    assert "mine.toml: network.dhcp_address: is yours" in said["error"]
    said = host.server.ask("dhcp/apply", {"dhcp": [dhcp_info(5, mtu=9000)]})
    assert "wants it changed to network.mtu = 9000" in said["error"]
    said = host.server.ask("dhcp/deletenamespace", AT)
    assert "metalease net rm mine --force" in said["error"]
    assert (host.networks / "mine.toml").read_text() == text


def test_an_agent_that_was_killed_leaves_each_binding_old_or_new(host: Host) -> None:
    """issue 6.8: kill -9 in the middle of applies; guests notice nothing."""
    server = host.server
    server.done("dhcp/prepare", PREPARE)
    numbers = range(5, 205)
    infos = [dhcp_info(number, hostname="zero") for number in numbers]
    server.done("dhcp/apply", {"dhcp": infos})
    guest = booted(host, 5)

    def names() -> set[str]:
        return {host.binding(number)["hostname"] for number in numbers}

    def is_new(name: str) -> bool:
        return bool(host.binding(numbers[0])["hostname"] == name)

    for before, name in pairwise(("zero", "one", "two", "three")):
        body = {"dhcp": [{**each, "hostname": name} for each in infos]}
        task = server.begin("dhcp/apply", body)
        until(partial(is_new, name), "the first is new", within=WITHIN)
        host.agent.kill()
        assert names() <= {before, name}
        guest.power_cycle()
        assert boot(CLIENTS["dhclient"], guest).wait(WITHIN) == 0
        assert guest.addresses() == ["10.0.0.5/24"]
        assert task not in server.calls
        host.agent = host.start()  # it adopts the daemon that serves
        server.done("dhcp/apply", body)
        assert names() == {name}
        assert len(host.bound()) == len(numbers)


def test_a_daemon_that_ends_is_started_again(host: Host) -> None:
    """Nobody has to apply anything for that (zstack 2.4 is without supervision)."""
    host.server.done("dhcp/prepare", PREPARE)
    host.server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})

    def serving() -> str:
        said = host.machine.run(["pgrep", "-f", f"run {L3}"]).stdout
        return said.split()[-1] if len(said.split()) == 2 else ""

    first = serving()
    assert first
    host.machine.run(["kill", "-9", first])
    until(lambda: serving() not in ("", first), "it serves again", within=WITHIN)
    assert booted(host, 5).addresses() == ["10.0.0.5/24"]


def test_an_agent_that_is_told_to_stop(host: Host) -> None:
    """It ends, its daemons with it; the next one, on TCP, has them served at once."""
    host.server.done("dhcp/prepare", PREPARE)
    host.server.done("dhcp/apply", {"dhcp": [dhcp_info(5)]})
    host.agent.signal(signal.SIGTERM)
    assert host.agent.wait(WITHIN) == 0, host.agent.output()
    assert host.machine.run(["pgrep", "-f", f"run {L3}"]).stdout == ""
    assert not host.machine.path(SOCKET).exists()
    file = host.machine.path("/run/token")
    file.write_text(TOKEN)
    file.chmod(0o600)
    words = ["--listen", "127.0.0.1:7070", "--token-file", "/run/token"]
    host.agent = host.machine.start([COMMAND, "agent", *words])
    guest = booted(host, 5)
    assert guest.addresses() == ["10.0.0.5/24"]

    def connect() -> socket.socket:
        with entered(Path(f"/proc/{host.machine.pid}/ns/net")):
            return socket.create_connection(("127.0.0.1", 7070))

    with entered(Path(f"/proc/{host.machine.pid}/ns/net")):
        listener = socket.create_server(("127.0.0.1", 0))
    with Management(connect, listener) as server:
        said = {"authorization": f"Bearer {TOKEN}"}
        task = server.begin("dhcp/release", {"dhcp": [dhcp_info(5)]}, **said)
        assert server.result(task).answer == {"success": True}
        path = FOLDER + "dhcp/release"
        assert server.post(path, b"{}", {"taskuuid": "t"}).status == 401
    assert host.bound() == []
