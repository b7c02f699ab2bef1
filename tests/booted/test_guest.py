"""What a guest has of our units under systemd: what a unit forbids is not missed."""

import json
from typing import Any

import pytest

from appliance.lab.guest import Guest
from tests.agent.host import AT
from tests.agent.host import L3
from tests.agent.host import PREPARE
from tests.agent.host import WITHIN
from tests.agent.host import dhcp_info
from tests.agent.host import userdata
from tests.integration.names import Upstream
from tests.integration.names import dig
from tests.integration.packets import Wire

from .hypervisor import Hypervisor
from .hypervisor import Package

pytestmark = [pytest.mark.machine, pytest.mark.long]

MAC, ADDRESS = "fa:16:3e:00:00:11", "10.0.0.11"
UNITS = ("metalease-host.service", "metalease-forward.service", "metalease@n1.service")
AGENT = "metalease-agent.service"
METADATA = "http://169.254.169.254"
UPSTREAM = "192.0.2.53"
SETTINGS = f"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"
domain = "n1.example"

[metadata]
presets = ["ec2", "openstack"]

[dns]
upstream = ["{UPSTREAM}"]

[attach]
bridge = "br0"
"""


@pytest.fixture
def guest(hypervisor: Hypervisor, package: Package) -> Guest:
    """Return a guest of n1 that has its address and its documents."""
    package.succeed("net", "add", "n1", "-", stdin=SETTINGS.encode())
    words = ["--mac", MAC, "--hostname", "web", "--user-data", "-"]
    package.metalease("put", "n1", ADDRESS, *words, stdin=b"#!/bin/sh\n")
    for unit in UNITS:
        done = hypervisor.systemctl("start", unit)
        assert done.returncode == 0, done.stderr + hypervisor.journal(unit)
    guest = hypervisor.add_guest("g1", MAC, bridge="br0")
    guest.ip("address", "add", f"{ADDRESS}/24", "dev", "eth0")
    guest.ip("route", "add", "169.254.169.254", "via", "10.0.0.2")
    return guest


def _fetch(guest: Guest, path: str, *words: str) -> str:
    """Return the status and the body of an answer."""
    done = guest.run(["curl", "-sS", "-w", " %{http_code}", *words, METADATA + path])
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition(" ")
    return f"{status} {body}"


def test_documents(hypervisor: Hypervisor, package: Package, guest: Guest) -> None:
    """packaging 4, issue 5: what was dropped, what is made, what comes and goes."""
    assert _fetch(guest, "/latest/user-data") == "200 #!/bin/sh\n"
    assert _fetch(guest, "/latest/meta-data/hostname") == "200 web.n1.example"
    assert '"name": "web"' in _fetch(guest, "/openstack/latest/meta_data.json")
    assert "hostname\n" in _fetch(guest, "/latest/meta-data/")
    assert _fetch(guest, "/latest/meta-data/no-such").startswith("404 ")
    package.succeed("file", "put", "n1", ADDRESS, "meta-data/extra", "-", stdin=b"x")
    assert _fetch(guest, "/latest/meta-data/extra") == "200 x"
    assert hypervisor.systemctl("restart", UNITS[-1]).returncode == 0
    assert _fetch(guest, "/latest/meta-data/extra") == "200 x"
    package.succeed("rm", "n1", ADDRESS)
    assert _fetch(guest, "/latest/user-data").startswith("404 ")


def test_what_it_writes(hypervisor: Hypervisor, package: Package, guest: Guest) -> None:
    """packaging 4, issue 5.1, 5.5: tokens and the spool outlive a restart."""
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
    answer = _fetch(guest, "/latest/api/token", "-X", "PUT", "-H", ttl)
    status, _, token = answer.partition(" ")
    assert status == "200"
    password = "/openstack/2013-04-04/password"
    assert _fetch(guest, password, "-d", "secret").startswith("200 ")
    assert hypervisor.systemctl("restart", UNITS[-1]).returncode == 0
    assert package.succeed("spool", "n1", ADDRESS, "password") == "secret"
    assert _fetch(guest, password) == "200 secret"
    header = f"X-aws-ec2-metadata-token: {token}"
    document = "/latest/meta-data/local-ipv4"
    assert _fetch(guest, document, "-H", header) == f"200 {ADDRESS}"
    assert _fetch(guest, document, "-H", header[:-1]).startswith("401 ")


def test_names(hypervisor: Hypervisor, guest: Guest) -> None:
    """packaging 4, dns 7: its own names, and by metalease-forward those of others."""
    Upstream(hypervisor, UPSTREAM, "192.0.2.80")
    assert dig(guest, "web.n1.example", server="10.0.0.2").answers == [f"A {ADDRESS}"]
    said = dig(guest, "www.example.org", server="10.0.0.2")
    assert said.answers == ["A 192.0.2.80"], hypervisor.journal(UNITS[1])


def test_the_agent(hypervisor: Hypervisor, package: Package) -> None:
    """packaging 4, issue 6.8: by the agent's unit a network comes, serves as a unit of
    its own, and goes."""
    hypervisor.add_bridge("br_eth0")
    done = hypervisor.systemctl("start", AGENT)
    assert done.returncode == 0, done.stderr + hypervisor.journal(AGENT)

    def command(path: str, body: object) -> dict[str, Any]:
        words = ["curl", "-sS", "--unix-socket", "/run/metalease-agent/agent.sock"]
        words += ["-H", "taskuuid: 1", "-d", json.dumps(body), f"http://a/{path}"]
        done = hypervisor.run(words, within=WITHIN)
        assert done.returncode == 0, done.stderr + hypervisor.journal(AGENT)
        answer = json.loads(done.stdout)
        assert answer["success"], done.stdout + hypervisor.journal(AGENT)
        return dict(answer)

    unit = f"metalease@{L3}.service"
    command("flatnetworkprovider/dhcp/connect", {})
    command("flatnetworkprovider/dhcp/prepare", PREPARE)
    command("flatnetworkprovider/dhcp/apply", {"dhcp": [dhcp_info(17)]})
    parts = {"userdata": userdata(17, "#!/bin/sh\n")}
    command("flatnetworkprovider/userdata/apply", parts)
    assert hypervisor.told(unit, "ActiveState") == "active"
    guest = hypervisor.add_guest("g1", MAC, bridge="br_eth0")
    with Wire(guest) as wire:
        assert wire.ask(MAC).address == "10.0.0.17"
    guest.ip("address", "add", "10.0.0.17/24", "dev", "eth0")
    guest.ip("route", "add", "169.254.169.254", "via", "10.0.0.2")
    assert _fetch(guest, "/latest/user-data") == "200 #!/bin/sh\n"
    command("flatnetworkprovider/dhcp/release", {"dhcp": [dhcp_info(17)]})
    command("flatnetworkprovider/dhcp/deletenamespace", AT)
    assert hypervisor.told(unit, "ActiveState") == "inactive"
    assert package.succeed("net", "ls") == ""
