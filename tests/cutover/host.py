"""A host of ZStack's at work: its namespace, dnsmasq and lighttpd as it starts them."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.bell import ring
from appliance.lab.cell import Process
from appliance.lab.installation import PACKAGES
from appliance.lab.installation import ROOT
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until
from tests.integration.packets import Wire
from tests.integration.packets import take_address
from tests.migration.zstack_documents import KINDS
from tests.migration.zstack_host import BARE
from tests.migration.zstack_host import Vm
from tests.migration.zstack_host import write_host

NETWORK = replace(BARE, number=7, prefix=24, gateway="10.0.0.1", server="10.0.0.2")
BRIDGE, NUMBER, NAMESPACE = NETWORK.bridge, NETWORK.number, NETWORK.namespace
FOLDER = NETWORK.folder
MAC, ADDRESS = "fa:16:3e:00:00:11", "10.0.0.11"
VM = Vm(0, KINDS[0], MAC, ADDRESS, "vm-11", {"meta-data/instance-id": b"vm-11"})
PROGRAM = "/run/bin/cutover"
WITHIN = 60.0  # seconds, on a busy machine
CHAIN = "USERDATA-br_eth0-67e367e3"
SETTINGS = f"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"

[attach]
bridge = "{BRIDGE}"
namespace = "{NAMESPACE}"

[metadata]
presets = ["zstack", "ec2"]
"""
FROM_SOURCE = f"""\
[ "$PYTHONPYCACHEPREFIX" ] || export PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH={shlex.quote(str(PACKAGES))}
metalease="{sys.executable} -m appliance.cli --root {ROOT}"
"""
START = """\
[ $# != 0 ] || set -- --cutover
exec $metalease migrate zstack "$@" n1
"""


class ZStackHost:
    """A machine with one network that theirs serve, and its file among ours."""

    command = FROM_SOURCE
    """What makes $metalease the command."""
    root = ROOT
    group = "nogroup"
    """Of the daemon's files."""
    covered: tuple[str, ...] = ("/var/lib", "/var/log")
    """What ZStack's programs write to, and a machine shares with the one outside."""

    def __init__(
        self, machine: Machine, installation: Installation | None = None
    ) -> None:
        self.machine = machine
        machine.add_bridge(BRIDGE)
        self.installation = installation or Installation(machine)
        self._make_namespace()
        self._make_rules()
        self._make_files()
        self.start_theirs()
        self.guest = machine.add_guest("g1", MAC, bridge=BRIDGE)
        take_address(self.guest, ADDRESS, server="10.0.0.2")
        self.installation.succeed("net", "add", "n1", "-", stdin=SETTINGS.encode())
        values = {"mac": MAC, "ip": ADDRESS, "instance_id": "vm-11"}
        self.bindings = self.installation.root / "var/lib/metalease/n1/bindings"
        self.bindings.mkdir(parents=True, exist_ok=True)
        self.bindings.joinpath("fa163e000011.json").write_text(json.dumps(values))
        self.not_in_service = self.bindings.parent / "not-in-service"
        self.sh(f"chown -R 0:{self.group} {self.root}/var/lib/metalease")

    def sh(self, *lines: str) -> str:
        """Run shell commands on the machine, each of which has to succeed."""
        done = self.machine.run(["sh", "-ec", "\n".join(lines)])
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def _make_namespace(self) -> None:
        inside = f"ip -n {NAMESPACE}"
        self.sh(
            f"ip netns add {NAMESPACE}",
            f"ip netns set {NAMESPACE} {NUMBER}",
            f"ip link add outer{NUMBER} mtu 65500 type veth"
            f" peer name inner{NUMBER} mtu 65500 netns {NAMESPACE}",
            f"ip link set outer{NUMBER} master {BRIDGE} up",
            f"{inside} address add 10.0.0.2/24 dev inner{NUMBER}",
            f"{inside} address add 169.254.169.254/32 dev inner{NUMBER}",
            f"{inside} address add fd00::2/64 dev inner{NUMBER} nodad",
            f"{inside} link set inner{NUMBER} up",
        )

    def _make_rules(self) -> None:
        """As ZStack's (2.5), but for --logical-in, which not every kernel knows."""
        mac = self.inner()["address"]
        nat = "ebtables -t nat"
        self.sh(
            f"{nat} -N {CHAIN}",
            f"{nat} -A PREROUTING -p ARP --arp-ip-dst 10.9.9.9 -j ACCEPT",
            f"{nat} -A PREROUTING -p IPv4 -j {CHAIN}",
            f"{nat} -A PREROUTING -p ARP --arp-ip-dst 10.9.9.8 -j ACCEPT",
            f"{nat} -A {CHAIN} -p IPv4 --ip-src 10.0.0.0/24 --ip-dst 169.254.169.254"
            f" -j dnat --to-dst {mac} --dnat-target ACCEPT",
            f"{nat} -A {CHAIN} -p ARP --arp-ip-dst 169.254.64.1 -j DROP",
        )

    def _make_files(self) -> None:
        for each in self.covered:
            self.sh(f"mount -t tmpfs tmpfs {each}")
        self.sh("mkdir -p /var/log/lighttpd")
        write_host(self.machine.path("/"), NETWORK, [VM])
        self.machine.path(PROGRAM).parent.mkdir(exist_ok=True)
        self.machine.path(PROGRAM).write_text(f"#!/bin/sh\n{self.command}{START}")
        self.machine.path(PROGRAM).chmod(0o755)

    def start_theirs(self) -> None:
        within = f"cd /; ip netns exec {NAMESPACE}"
        self.sh(
            f"{within} dnsmasq --conf-file={FOLDER}/dnsmasq.conf -K",
            f"{within} lighttpd -f {NETWORK.http}/lighttpd.conf",
        )

    def inner(self) -> dict[str, Any]:
        said = self.sh(f"ip -n {NAMESPACE} -j -d address show dev inner{NUMBER}")
        found: dict[str, Any] = json.loads(said)[0]
        return found

    def start(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start the cut-over."""
        return self.machine.start([PROGRAM, *words], environment=environment or {})

    def cut_over(self, *words: str) -> tuple[int, str]:
        """Run it; return its exit code and all that it said."""
        process = self.start(*words)
        return process.wait(WITHIN), process.output()

    def served_by(self) -> str:
        """Ask as the guest does; return who answers DHCP and HTTP, or fail."""
        with Wire(self.guest) as wire:
            answer = wire.ask(MAC)
        assert answer.address == ADDRESS
        url = "http://169.254.169.254:1180/latest/meta-data/instance-id"
        done = self.guest.run(["curl", "-sSi", "--max-time", "10", url])
        head, _, body = done.stdout.partition("\r\n\r\n")
        assert body == "vm-11", done.stdout + done.stderr
        infinite = answer.options[51] == b"\xff" * 4
        theirs = (infinite, "lighttpd" in head)
        assert theirs in ((True, True), (False, False)), (answer, head)
        return "theirs" if infinite else "ours"

    def programs(self) -> list[tuple[str, str]]:
        """Return name and command line of their processes."""
        said = self.sh("ps -C dnsmasq,lighttpd -o user=,args= | sort; true")
        return [(line.split()[0], line) for line in said.splitlines()]

    def as_it_is(self) -> dict[str, object]:
        """Return all that has to be the same after a cut-over that failed."""
        inside = f"ip netns exec {NAMESPACE}"
        sysctl = f"{inside} sysctl -a 2>/dev/null | grep -E '^net.ipv[46].(conf|ip_f)'"
        rules = self.sh("ebtables-save").splitlines()
        ports = f"ip -j link show master {BRIDGE}"
        return {
            "addresses": _steady(json.loads(self.sh(f"{inside} ip -j -d address"))),
            "settings": self.sh(f"{sysctl} | sort"),
            "neighbours": self.sh(f"{inside} ip neigh show nud permanent"),
            "ports": _steady(json.loads(self.sh(ports))),
            "fdb": self.sh(f"bridge fdb show br {BRIDGE} state permanent"),
            "static": self.sh(f"bridge fdb show br {BRIDGE} | grep static || true"),
            "ebtables": [line for line in rules if not line.startswith("#")],
            "tables": self.sh("nft list tables"),
            "names": sorted(
                each.name for each in self.machine.path("/run/netns").iterdir()
            ),
            "second": sorted(self._second_names()),
            "programs": self.programs(),
            "bindings": sorted(each.name for each in self.bindings.iterdir()),
        }

    def _second_names(self) -> list[str]:
        folder = self.installation.root / "run/metalease/netns"
        return [each.name for each in folder.iterdir()] if folder.exists() else []

    def until_said(self, process: Process, words: str) -> None:
        until(
            lambda: words in process.output() or process.poll() is not None,
            f"it says {words!r}",
            within=WITHIN,
            log=process.output,
        )
        assert words in process.output(), process.output()

    def until_journal(self) -> None:
        until(self.journal().exists, "the journal is there", within=WITHIN)

    def until_host_answers(self) -> None:
        bell = self.installation.root / "run/metalease/host.sock"
        until(bell.exists, "metalease host keeps", within=WITHIN)

    def stall_the_probe(self) -> None:
        """Have no DISCOVER of the probe guest reach anybody."""
        self.sh(
            "nft add table bridge stall",
            "nft add chain bridge stall pre"
            " '{ type filter hook prerouting priority -400; }'",
            f"nft add rule bridge stall pre iifname mlprobe{NUMBER} udp dport 67 drop",
        )

    def release_the_probe(self) -> None:
        self.sh("nft delete table bridge stall")

    def end_ours(self) -> None:
        """End our daemon as kill -9 does."""
        bell = self.installation.root / "run/metalease/n1/control.sock"
        pid = ring(bell, {"op": "status"}, timeout=WITHIN)["pid"]
        self.sh(f"kill -9 {pid}")

    def journal(self) -> Path:
        return self.installation.root / "run/metalease/n1.cutover.json"


def _steady(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what passes by itself: lifetimes, and whether a port was heard."""
    for link in links:
        for key in ("operstate", "stats64", "linkinfo"):
            link.pop(key, None)
        for each in link.get("addr_info", []):
            for key in ("valid_life_time", "preferred_life_time", "tentative"):
                each.pop(key, None)
    return links
