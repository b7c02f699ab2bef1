"""dnsmasq's files become a network of ours (issue 6, point 6)."""

import shutil
import subprocess
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.commands.plans import check_plan
from appliance.commands.sources import OnDisk
from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.migration.dnsmasq import read_dnsmasq
from appliance.migration.plan import LOST
from appliance.migration.plan import NetworkPlan

PLAIN = """\
interface=br_test
dhcp-range=set:lan,10.0.0.0,static,255.255.255.0,infinite
dhcp-option=3,10.0.0.1
dhcp-option=26,1500
dhcp-option=option:dns-server,10.0.0.53
dhcp-option=tag:second,3
dhcp-option=tag:second,6
dhcp-option=tag:jumbo,26,1400
dhcp-option=tag:jumbo,121,0.0.0.0/0,10.0.0.1,10.9.0.0/16,10.0.0.9
dhcp-option=tag:jumbo,option:ntp-server,10.0.0.3
dhcp-host=02:00:00:00:00:01,10.0.0.11,vm1
dhcp-host=02:00:00:00:00:02,set:second,10.0.0.12,vm2,12h
dhcp-host=02:00:00:00:00:03,set:jumbo,10.0.0.13,vm3,infinite
dhcp-host=02:00:00:00:00:04,ignore
dhcp-script=/bin/true
auth-ttl=5
"""
LIBVIRT = """\
strict-order
except-interface=lo
bind-dynamic
interface=virbr0
dhcp-range=192.168.122.2,192.168.122.254,255.255.255.0
dhcp-option=3,192.168.122.1
dhcp-authoritative
dhcp-lease-max=253
dhcp-hostsfile=default.hostsfile
addn-hosts=default.addnhosts
dhcp-leasefile=virbr0.status
"""
NEUTRON = """\
bind-interfaces
interface=ns-12345678
dhcp-range=set:subnet-1,10.1.0.0,static,255.255.255.0,86400s
dhcp-hostsfile=host
dhcp-optsfile=opts
domain=openstacklocal
"""
TREES = {
    "plain": {"conf": PLAIN},
    "libvirt": {
        "conf": LIBVIRT,
        "default.hostsfile": "52:54:00:00:00:01,192.168.122.10,web\n"
        "52:54:00:00:00:02\n",
        "default.addnhosts": "192.168.122.10\tweb www.example\n",
        "virbr0.status": '[{"ip-address": "192.168.122.77", "mac-address":'
        ' "52:54:00:00:00:02", "expiry-time": 1700000000}]',
    },
    "neutron": {
        "conf": NEUTRON,
        "host": "fa:16:3e:00:00:01,host-10-1-0-5.openstacklocal,10.1.0.5,set:port-1\n",
        "opts": "tag:subnet-1,option:router,10.1.0.1\n"
        "tag:subnet-1,option:dns-server,10.1.0.2\n"
        "tag:port-1,option:mtu,1450\n",
    },
}


def plan_of(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[NetworkPlan, dict[str, dict[str, object]]]:
    """Write a tree, have dnsmasq itself accept it, and read it."""
    monkeypatch.chdir(folder)
    for name, text in TREES[kind].items():
        (folder / name).write_text(text)
    dnsmasq = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
    subprocess.run([dnsmasq, "--test", "-C", "conf"], check=True, capture_output=True)
    plan = read_dnsmasq(OnDisk(), ["conf"])
    check_plan(Layout(folder / "root"), plan)
    return plan, {each.ip: dict(each.values) for each in plan.guests}


def test_hosts_and_tags_become_bindings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: options per tag are the binding's keys, lease times stay."""
    plan, guests = plan_of("plain", tmp_path, monkeypatch)
    assert plan.name == "br_test"
    assert plan.settings["network"]["gateway"] == "10.0.0.1"
    assert plan.settings["network"]["dns"] == ["10.0.0.53"]
    assert plan.settings["dhcp"] == {"lease_time": "infinite", "bootp": True}
    assert guests == {
        "10.0.0.11": {"hostname": "vm1"},
        "10.0.0.12": {
            "hostname": "vm2",
            "default_network": False,
            "lease_time": "12h",
        },
        "10.0.0.13": {
            "hostname": "vm3",
            "mtu": 1400,
            "routes": ["10.9.0.0/16 via 10.0.0.9"],
            "options": {"42": "10.0.0.3"},
        },
    }


def test_what_is_not_known_is_a_note_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: nothing is skipped without a word."""
    plan, _ = plan_of("plain", tmp_path, monkeypatch)
    lost = {each.where: each.what for each in plan.notes if each.kind == LOST}
    assert set(lost) == {"conf:14", "conf:16"}
    assert "auth-ttl" in lost["conf:16"]


def test_libvirts_network_is_read_with_its_leases_and_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: hostsfile, addnhosts and the status file of virsh."""
    plan, guests = plan_of("libvirt", tmp_path, monkeypatch)
    assert plan.settings["attach"] == {"bridge": "virbr0"}
    assert plan.settings["dhcp"]["authoritative"] is True
    assert plan.settings["dhcp"]["lease_time"] == "1h"
    assert guests == {"192.168.122.10": {"hostname": "web"}, "192.168.122.77": {}}
    assert "www.example. IN A 192.168.122.10\n" in plan.zone
    pool = plan.settings["dhcp"]["pool"]
    ours = plan.settings["network"]["dhcp_address"]
    assert pool == ["192.168.122.2-192.168.122.253"]
    assert ours == "192.168.122.254"


def test_neutrons_network_is_read_with_its_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: what a subnet's tag says is the network's, a port's is the guest's."""
    plan, guests = plan_of("neutron", tmp_path, monkeypatch)
    net = plan.settings["network"]
    assert (net["gateway"], net["dns"]) == ("10.1.0.1", ["10.1.0.2"])
    assert net["domain"] == "openstacklocal"
    assert net["mtu"] == 1450
    assert guests == {"10.1.0.5": {"hostname": "host-10-1-0-5"}}


def test_no_netmask_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: without a subnet there is no network, and it is said why."""
    monkeypatch.chdir(tmp_path)
    Path("conf").write_text("dhcp-range=10.0.0.0,static\n")
    with pytest.raises(SettingsError, match="netmask"):
        read_dnsmasq(OnDisk(), ["conf"])


def octets_of(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(each.relative_to(root)): (each.read_bytes(), each.stat().st_mtime_ns)
        for each in root.rglob("*")
        if each.is_file()
    }


def test_a_dry_run_writes_nothing_and_twice_is_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: dry run by default; importing twice changes nothing."""
    plan_of("plain", tmp_path, monkeypatch)
    root = tmp_path / "root"
    words = ["--root", str(root), "migrate", "dnsmasq", "conf", "--network", "blue"]
    assert main(words) == 0
    assert not root.exists()
    assert main([*words, "--write"]) == 0
    once = octets_of(root)
    assert "etc/metalease/networks/blue.toml" in once
    assert "var/lib/metalease/blue/bindings/020000000003.json" in once
    assert main([*words, "--write"]) == 0
    assert octets_of(root) == once


def test_a_network_that_differs_is_refused_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue 6.6: what an operator has changed is never overwritten."""
    plan_of("plain", tmp_path, monkeypatch)
    root = tmp_path / "root"
    words = ["--root", str(root), "migrate", "dnsmasq", "conf", "--write"]
    assert main(words) == 0
    file = root / "etc/metalease/networks/br_test.toml"
    file.write_text(file.read_text().replace("10.0.0.53", "10.0.0.54"))
    before = octets_of(root)
    assert main(words) == 1
    assert "network.dns" in capsys.readouterr().err
    assert octets_of(root) == before


def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: all or nothing; here the place of the settings cannot be made."""
    plan_of("plain", tmp_path, monkeypatch)
    root = tmp_path / "root"
    root.mkdir()
    (root / "etc").write_text("in the way")
    words = ["--root", str(root), "migrate", "dnsmasq", "conf", "--write"]
    assert main(words) == 1
    left = [name for name in octets_of(root) if not name.endswith("write.lock")]
    assert left == ["etc"]


def test_the_interfaces_own_address_stays_the_router(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue 6.6: libvirt names no router: its guests keep virbr0's address."""
    monkeypatch.chdir(tmp_path)
    lines = LIBVIRT.replace("dhcp-option=3,192.168.122.1\n", "").splitlines()
    Path("conf").write_text("\n".join(lines[:6]) + "\n")
    root = tmp_path / "root"
    words = ["--root", str(root), "migrate", "dnsmasq", "conf", "--write"]
    assert main([*words, "--address", "192.168.122.1/24"]) == 0
    written = (root / "etc/metalease/networks/virbr0.toml").read_text()
    assert 'gateway = "192.168.122.1"' in written
    assert 'dhcp_address = "192.168.122.254"' in written
    assert "192.168.122.1 stays the router" in capsys.readouterr().out


def test_an_address_that_may_be_the_hosts_own_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue 6.6: where nothing says dnsmasq's address, ours is not its likely one."""
    monkeypatch.chdir(tmp_path)
    Path("conf").write_text("dhcp-range=192.168.122.2,192.168.122.254,255.255.255.0\n")
    plan = read_dnsmasq(OnDisk(), ["conf"])
    assert plan.settings["network"]["dhcp_address"] == "192.168.122.254"
    assert any("--address" in each.what for each in plan.notes)


def test_the_port_of_neutrons_dnsmasq_is_no_guest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: its host file binds dnsmasq's own address: that is ours now."""
    monkeypatch.chdir(tmp_path)
    for name, text in TREES["neutron"].items():
        Path(name).write_text(text)
    with Path("host").open("a") as file:
        file.write("fa:16:3e:00:00:02,host-10-1-0-2.openstacklocal,10.1.0.2\n")
    plan = read_dnsmasq(OnDisk(), ["conf"], interfaces=[IPv4Interface("10.1.0.2/24")])
    assert plan.settings["network"]["dhcp_address"] == "10.1.0.2"
    assert [each.ip for each in plan.guests] == ["10.1.0.5"]
    assert any("no guest's" in each.what for each in plan.notes)


@pytest.mark.parametrize("address", ["web", "10.1.0.2", "fd00::2/64", "10.1.0.2/99"])
def test_an_address_without_a_width_is_refused_by_its_option(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
) -> None:
    """issue 6.6: an error names where the mistake is, not dnsmasq's file."""
    plan_of("neutron", tmp_path, monkeypatch)
    assert main(["migrate", "dnsmasq", "conf", "--address", address]) == 1
    said = capsys.readouterr().err
    assert f"--address: {address!r} is no address with the width" in said
