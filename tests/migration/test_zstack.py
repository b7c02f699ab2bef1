"""A host of ZStack's becomes networks of ours (issue 6, point 6)."""

import json
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.agent.network_file import is_ours
from appliance.cli import main
from appliance.errors import SettingsError
from appliance.layout import Layout
from appliance.migration.plan import CHANGES
from appliance.migration.plan import LOST
from appliance.migration.plan import MAPS
from appliance.migration.plan import SHARED
from appliance.migration.plan import NetworkPlan
from appliance.migration.zstack import read_zstack
from appliance.rules import load_rules
from appliance.settings import load_settings
from rewrite.ruleset import Asked

from .given import Given

L3 = "67e3" * 8
NAMESPACE = f"br_eth0_{L3}"
DNSMASQ = f"/var/lib/zstack/dnsmasq/{NAMESPACE}"
USERDATA = f"/var/lib/zstack/userdata/{NAMESPACE}"
CONF = f"""\
domain-needed
no-hosts
addn-hosts={DNSMASQ}/hosts.dns
dhcp-hostsfile={DNSMASQ}/hosts.dhcp
dhcp-optsfile={DNSMASQ}/hosts.option
interface=inner0
bind-interfaces
leasefile-ro
dhcp-range=10.0.0.1,static
"""
HOSTS = """\
fa:00:00:00:00:01,set:fa0000000001,10.0.0.11,web.dom.example,infinite
fa:00:00:00:00:02,set:fa0000000002,10.0.0.12,infinite
"""
ROUTES = "0.0.0.0/0,10.0.0.1,169.254.169.254/32,10.0.0.2,10.9.0.0/16,10.0.0.9"
OPTIONS = f"""\
tag:fa0000000001,option:router,10.0.0.1
tag:fa0000000001,option:dns-server,10.0.0.53
tag:fa0000000001,option:domain-name,dom.example
tag:fa0000000001,option:classless-static-route,{ROUTES}
tag:fa0000000001,249,{ROUTES}
tag:fa0000000001,option:netmask,255.255.255.0
tag:fa0000000001,option:mtu,1450
tag:fa0000000002,3
tag:fa0000000002,6
tag:fa0000000002,option:netmask,255.255.255.0
tag:fa0000000002,option:mtu,1450
"""
LIGHTTPD = """\
server.port = 1180
server.bind = "169.254.169.254"
server.modules += ("mod_proxy", "mod_rewrite",)
server.tag = "x"
mimetype.assign = ( ".txt" => "text/plain", ".png" => "image/png" )
$HTTP["remoteip"] =~ "^(.*)$" {
    $HTTP["url"] =~ "^/metrics/job" {
        proxy.server = ( "" => ( ( "host" => "169.254.64.1", "port" => 9092 ) ) )
    } else $HTTP["url"] =~ "^/host" {
        proxy.server = ( "" => ( ( "host" => "169.254.64.1", "port" => 7070 ) ) )
    } else $HTTP["remoteip"] == "10.0.0.11" {
        url.rewrite-once = (
            "^/zwatch-vm-agent.linux-amd64.bin$" => "/zwatch-vm-agent",
            "^/agent-tools-update.sh$" => "/vm-tools.sh",
            "^/.*/meta-data/(.+)$" => "/10.0.0.11/meta-data/$1",
            "^/.*/user-data$" => "/10.0.0.11/user-data",
            "^/mine/(.+)$" => "/10.0.0.11/own/$1",
            "^/tools/(.+)$" => "/kit/$1",
            "^/$" => "10.0.0.11/"
        )
    } else $HTTP["remoteip"] =~ "^(.*)$" {
        url.rewrite-once = ( "^/.*/user-data$" => "../zstack-default/user-data" )
    }
}
"""
TREE = {
    "10.0.0.11/meta-data/index.html": "instance-id",
    "10.0.0.11/meta-data/instance-id": "u-1",
    "10.0.0.11/user-data": "#cloud-config\n",
    "10.0.0.11/user_data": "#cloud-config\n",
    "10.0.0.11/own/x": "x",
    "10.0.0.99/user-data": "nobody's",
    "zstack-default/meta-data/index.html": "",
    "kit/a.sh": "a",
    "raw.txt": "raw",
}
LINKS = {"vm-tools.sh": "/var/lib/zstack/kvm/vm-tools.sh", "10.0.0.11/l": "/etc/x"}


def files(**changed: str) -> dict[str, str]:
    """Return the host's files; those *changed* are named without folder and dots."""
    names = {
        f"{DNSMASQ}/dnsmasq.conf": CONF,
        f"{DNSMASQ}/hosts.dhcp": HOSTS,
        f"{DNSMASQ}/hosts.option": OPTIONS,
        f"{DNSMASQ}/hosts.dns": "10.0.0.11 web.dom.example\n10.0.0.11 old\n",
        f"{USERDATA}/lighttpd.conf": LIGHTTPD,
    }
    for path in names:
        names[path] = changed.pop(
            path.rpartition("/")[2].replace(".", "_"), names[path]
        )
    assert not changed
    return names | {f"{USERDATA}/html/{path}": text for path, text in TREE.items()}


def links() -> dict[str, str]:
    return {f"{USERDATA}/html/{path}": target for path, target in LINKS.items()}


def plan_of(
    given: Mapping[str, str], addresses: tuple[str, ...] = (), name: str | None = None
) -> NetworkPlan:
    host = Given(given, links(), addresses, ("vnic1.0", "eth0"))
    return read_zstack(host, NAMESPACE, name)


def test_settings_are_those_of_the_namespace_and_of_most_guests() -> None:
    """issue 6.6, zstack 1.1 and 2.2: what a tag a VM said is said once."""
    plan = plan_of(files())
    assert plan.name == L3
    assert plan.settings == {
        "network": {
            "subnet": "10.0.0.0/24",
            "dhcp_address": "10.0.0.2",
            "gateway": "10.0.0.1",
            "dns": ["10.0.0.53"],
            "domain": "dom.example",
            "mtu": 1450,
        },
        "attach": {"bridge": "br_eth0", "namespace": NAMESPACE, "uplink": "eth0"},
        "dhcp": {"lease_time": "infinite", "bootp": True},
        "metadata": {
            "presets": ["zstack", "ec2", "openstack", "nocloud"],
            "ports": [80, 1180],
        },
    }
    assert is_ours(plan.head)
    assert plan.zone == "old.dom.example. IN A 10.0.0.11\n" or "old." in plan.zone


def test_a_further_nic_is_one() -> None:
    """issue 6.6, zstack 2.2: options 3 and 6 are empty, and there is no 121."""
    guests = {each.ip: dict(each.values) for each in plan_of(files()).guests}
    assert guests == {
        "10.0.0.11": {
            "hostname": "web",
            "routes": ["10.9.0.0/16 via 10.0.0.9"],
            "instance_id": "u-1",
        },
        "10.0.0.12": {"default_network": False},
    }


def test_the_namespace_tells_subnet_and_address() -> None:
    """issue 6.6: a live host's innerN says what its files do not."""
    plan = plan_of(files(), ("10.0.0.3/23",))
    network = plan.settings["network"]
    assert (network["subnet"], network["dhcp_address"]) == ("10.0.0.0/23", "10.0.0.3")


def test_a_network_without_guests_has_the_ranges_gateway() -> None:
    """zstack 2.1: dhcp-range=<gateway>,static."""
    plan = plan_of(files(hosts_dhcp="", hosts_option=""), ("10.0.0.3/24",))
    assert plan.settings["network"]["gateway"] == "10.0.0.1"


def test_a_copied_network_without_guests_is_refused() -> None:
    """Nothing tells its subnet: the way out is its own host's namespace."""
    with pytest.raises(SettingsError, match="on its own host"):
        plan_of(files(hosts_dhcp="", hosts_option=""))


def test_documents_are_the_guests_own() -> None:
    """issue 6.6, zstack 3.1: html/<ip>/ as it is; its listing is ours to make."""
    plan = plan_of(files())
    assert plan.documents == {
        ("10.0.0.11", "meta-data/instance-id"): b"u-1",
        ("10.0.0.11", "user-data"): b"#cloud-config\n",
        ("10.0.0.11", "own/x"): b"x",
        ("10.0.0.99", "user-data"): b"nobody's",
        (SHARED, "kit/a.sh"): b"a",
        (SHARED, "raw.txt"): b"raw",
    }


def test_every_line_is_accounted_for() -> None:
    """issue 6.6: what maps, what does not, what changes for guests."""
    notes = plan_of(files()).notes
    said = {(each.kind, each.where): each.what for each in notes}
    assert "MAC" in said[CHANGES, "html/10.0.0.99"]
    assert "link" in said[LOST, "html/10.0.0.11/l"]
    assert "server.tag" in said[LOST, "lighttpd.conf:4"]
    assert "zstack-default" in said[CHANGES, "html"]
    assert "proxy.server" in said[MAPS, "lighttpd.conf:8"]
    assert (MAPS, "dnsmasq.conf:1") in said


def test_user_data_of_two_kinds_is_said() -> None:
    """zstack 3.1: both names have the same octets; where not, the operator is told."""
    given = {**files(), f"{USERDATA}/html/10.0.0.11/user_data": "other"}
    plan = plan_of(given)
    assert plan.documents["10.0.0.11", "user-data"] == b"#cloud-config\n"
    told = [each for each in plan.notes if "user_data is not" in each.what]
    assert [(each.kind, each.where) for each in told] == [(LOST, "html/10.0.0.11")]


def test_a_guest_without_the_metadata_route_is_told_of_it() -> None:
    """issue 6.6: what changes for guests is said, for each of them."""
    without = OPTIONS.replace("169.254.169.254/32,10.0.0.2,", "")
    notes = plan_of(files(hosts_option=without), ("10.0.0.2/24",)).notes
    said = [each.where for each in notes if "169.254.169.254" in each.what]
    assert said == ["hosts.dhcp:1"]


def test_a_namespace_of_another_name_needs_one() -> None:
    """A network's name is told by --network where the namespace has none."""
    host = Given({})
    with pytest.raises(SettingsError, match="--network"):
        read_zstack(host, "Br_" + "X" * 40)


def write(root: Path, given: Mapping[str, str]) -> None:
    for path, text in given.items():
        file = Path(f"{root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for path, target in links().items():
        Path(f"{root}{path}").symlink_to(target)


def migrated(tmp_path: Path) -> Layout:
    """Migrate a copied host by the command."""
    host, root = tmp_path / "host", tmp_path / "root"
    write(host, files())
    words = ["--root", str(root), "migrate", "zstack", str(host)]
    assert main(words) == 0
    assert not root.exists()
    assert main([*words, "--write"]) == 0
    return Layout(root)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/2009-04-04/meta-data/instance-id", "/10.0.0.11/meta-data/instance-id"),
        ("/latest/user-data", "/10.0.0.11/user-data"),
        ("/agent-tools-update.sh", "/shared/vm-tools.sh"),
        ("/vm-tools.sh", "/shared/vm-tools.sh"),
        ("/vm-tools.sh/below", "/shared/vm-tools.sh/below"),
        ("/raw.txt", "/shared/raw.txt"),
        ("/kit/a.sh", "/shared/kit/a.sh"),
        ("/tools/a.sh", "/shared/kit/a.sh"),
        ("/mine/x", "/10.0.0.11/own/x"),
        ("/10.0.0.11/own/x", "/10.0.0.11/own/x"),
        ("/10.0.0.12/own/x", "/10.0.0.11/own/x"),
    ],
)
def test_rules_lead_where_they_led(tmp_path: Path, path: str, target: str) -> None:
    """issue 6.6: links become alias.url, what ZStack has no rule for stays reachable,
    and no neighbour's file does (zstack 3.2)."""
    files_of = migrated(tmp_path).network(L3)
    rules = load_rules(load_settings(files_of), files_of)
    found = rules.apply(Asked(path, IPv4Address("10.0.0.11")))
    assert found is not None
    assert found.target == target
    if path.startswith("/vm-tools.sh"):
        prefix = "/shared/vm-tools.sh"
        alias = next(each for each in found.aliases if each.prefix == prefix)
        assert alias.path == "/var/lib/zstack/kvm/vm-tools.sh"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/raw.txt", "text/plain"), ("/kit/a.sh", None), ("/latest/user-data", None)],
)
def test_types_are_those_of_names(tmp_path: Path, path: str, kind: str | None) -> None:
    """issue 6.6, zstack 3.3: mimetype.assign becomes content-type lines, for the
    endings that files beside the documents have."""
    files_of = migrated(tmp_path).network(L3)
    rules = load_rules(load_settings(files_of), files_of)
    found = rules.apply(Asked(path, IPv4Address("10.0.0.11")))
    assert found is not None
    assert found.content_type == kind
    assert ".png" not in files_of.rules.read_text()


@pytest.mark.parametrize(
    ("path", "upstream"),
    [("/metrics/job/x", "169.254.64.1:9092"), ("/host/x", "169.254.64.1:7070")],
)
def test_proxies_lead_where_they_led(tmp_path: Path, path: str, upstream: str) -> None:
    """issue 6.6: proxies become proxy.server lines."""
    files_of = migrated(tmp_path).network(L3)
    rules = load_rules(load_settings(files_of), files_of)
    found = rules.apply(Asked(path, IPv4Address("10.0.0.11")))
    assert found is not None
    assert found.proxy == upstream


def test_twice_is_once_and_one_broken_network_hurts_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue 6.6: importing twice changes nothing; each network is for itself."""
    layout = migrated(tmp_path)
    root, host = tmp_path / "root", tmp_path / "host"
    before = {
        each: (each.read_bytes(), each.stat().st_mtime_ns)
        for each in root.rglob("*")
        if each.is_file()
    }
    broken = host / f"var/lib/zstack/dnsmasq/br_eth1_{'0' * 32}/dnsmasq.conf"
    broken.parent.mkdir()
    broken.write_text("interface=inner1\n")
    capsys.readouterr()
    words = ["--root", str(root), "migrate", "zstack", str(host), "--write", "--json"]
    assert main(words) == 1
    said = capsys.readouterr()
    assert "no subnet" in said.err
    assert str(broken.parent.name) in said.err
    assert [each["network"] for each in json.loads(said.out)] == [L3]
    assert before == {
        each: (each.read_bytes(), each.stat().st_mtime_ns)
        for each in root.rglob("*")
        if each.is_file()
    }
    assert layout.network_names() == [L3]


def test_a_host_without_zstack_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(tmp_path), "migrate", "zstack", str(tmp_path)]) == 1
    assert "var/lib/zstack/dnsmasq" in capsys.readouterr().err
