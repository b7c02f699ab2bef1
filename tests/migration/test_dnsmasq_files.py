"""dnsmasq's files as they lie about: includes, odd line ends, whole command lines.

Each tree is one that dnsmasq itself takes (issue 6.6).
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.migration.dhcp_lines import DHCP_LINES
from appliance.migration.dns_lines import DNS_LINES
from appliance.migration.dnsmasq import read_dnsmasq
from appliance.migration.plan import LOST
from appliance.migration.plan import NetworkPlan

from .given import Given
from .test_dnsmasq import octets_of

NEUTRON = {
    "conf": """\
no-hosts
interface=tap1
dhcp-range=set:subnet-1,10.1.0.0,static,255.255.255.0,86400s
dhcp-range=set:subnet-2,10.2.0.0,static,255.255.255.0,86400s
dhcp-option-force=option:mtu,1450
dhcp-hostsfile=host
dhcp-optsfile=opts
addn-hosts=addn_hosts
domain=openstacklocal
""",
    "host": """\
fa:16:3e:00:00:01,host-10-1-0-1.openstacklocal,10.1.0.1
fa:16:3e:00:00:02,host-10-1-0-2.openstacklocal,10.1.0.2
fa:16:3e:00:00:05,host-10-1-0-5.openstacklocal,10.1.0.5,set:port-5
fa:16:3e:00:00:07,host-10-2-0-7.openstacklocal,10.2.0.7
fa:16:3e:00:00:08,tag:dhcpv6,host-fd00--8.openstacklocal,[fd00::8]
fa:16:3e:00:00:09,ignore
""",
    "opts": """\
tag:subnet-1,option:dns-server,10.1.0.2
tag:subnet-1,option:classless-static-route,169.254.169.254/32,10.1.0.2,0.0.0.0/0,10.1.0.1
tag:subnet-1,249,169.254.169.254/32,10.1.0.2,0.0.0.0/0,10.1.0.1
tag:subnet-1,option:router,10.1.0.1
tag:subnet-2,option:dns-server
tag:subnet-2,option:classless-static-route,169.254.169.254/32,10.2.0.2,0.0.0.0/0,10.2.0.1
tag:subnet-2,249,169.254.169.254/32,10.2.0.2,0.0.0.0/0,10.2.0.1
tag:subnet-2,option:router,10.2.0.1
tag:subnet-3,option6:dns-server,[fd00::2]
tag:port-5,option:ntp-server,10.1.0.3
""",
    "addn_hosts": "10.1.0.5\thost-10-1-0-5.openstacklocal host-10-1-0-5\n",
}
ADDRESSES = ("--address", "10.1.0.2/24", "--address", "10.2.0.2/24")
"""Of neutron's port, where its dnsmasq answers."""
PLAIN = "interface=br0\ndhcp-range=10.0.0.0,static,255.255.255.0\n"
HOST = "dhcp-host=02:00:00:00:00:01,10.0.0.5,web\n"


def windows_lines(tree: dict[str, str]) -> dict[str, str]:
    return {name: text.replace("\n", "\r\n") for name, text in tree.items()}


def tabs_and_blanks(tree: dict[str, str]) -> dict[str, str]:
    lines = "".join(
        "\t" + line.replace("=", " = \t", 1) + " \n\n"
        for line in tree["conf"].splitlines()
    )
    return {**tree, "conf": lines, "host": tree["host"].replace(",", " , ")}


def comments(tree: dict[str, str]) -> dict[str, str]:
    lines = "".join(f"{line} # why\n#{line}x\n" for line in tree["conf"].splitlines())
    return {**tree, "conf": lines}


def included(tree: dict[str, str]) -> dict[str, str]:
    return {
        **tree,
        "conf": "conf-file=real\nconf-file=/dev/null\n",
        "real": tree["conf"],
    }


def command_line(tree: dict[str, str]) -> dict[str, str]:
    words = ["dnsmasq", *(f"--{each}" for each in tree["conf"].splitlines())]
    return {**tree, "conf": "\0".join([*words, "--conf-file=", ""])}


FORMS = (dict, windows_lines, tabs_and_blanks, comments, included, command_line)


def write(folder: Path, tree: dict[str, str]) -> None:
    for name, text in tree.items():
        (folder / name).write_bytes(text.encode())


def plan_of(
    tree: dict[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.chdir(folder)
    write(folder, tree)
    if "\0" not in tree["conf"]:
        dnsmasq = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
        subprocess.run([dnsmasq, "--test", "-C", "conf"], check=True)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_dry_run_writes_nothing_and_twice_is_once(
    form: type[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 6.6: of neutron's files, however they are written; each form says what the
    plain one says."""
    plain, here = tmp_path / "plain", tmp_path / "here"
    found = []
    for folder, tree in ((plain, NEUTRON), (here, form(NEUTRON))):
        folder.mkdir()
        plan_of(tree, monkeypatch, folder)
        root = folder / "root"
        words = ["--root", str(root), "migrate", "dnsmasq", "conf", *ADDRESSES]
        assert main(words) == 0
        assert not root.exists()
        assert main([*words, "--write"]) == 0
        once = octets_of(root)
        assert main([*words, "--write"]) == 0
        assert octets_of(root) == once
        found.append({name: octets for name, (octets, _) in once.items()})
    assert found[0] == found[1]
    assert len([name for name in found[0] if "/bindings/" in name]) == 2


def read(files: dict[str, str]) -> NetworkPlan:
    return read_dnsmasq(Given(files), ["conf"])


def lost(plan: NetworkPlan) -> dict[str, str]:
    return {each.where: each.what for each in plan.notes if each.kind == LOST}


def test_a_router_among_the_ports_is_no_guest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue 6.6: neutron has a line for each port, its router's too."""
    plan_of(NEUTRON, monkeypatch, tmp_path)
    words = ["--root", str(tmp_path / "r"), "migrate", "dnsmasq", "conf", *ADDRESSES]
    assert main(words) == 0
    assert "tap1: 10.1.0.1: is the router's" in capsys.readouterr().out


def test_one_host_that_cannot_be_hurts_no_other() -> None:
    """issue 6.6: a MAC that no station has, an end of the subnet, an address twice: a
    note of its line, and the others are bound."""
    odd = (
        "dhcp-host=11:22:33:44:55:66,10.0.0.6\n"
        "dhcp-host=02:00:00:00:00:02,10.0.0.255\n"
        "dhcp-host=02:00:00:00:00:03,10.0.0.5\n"
    )
    plan = read({"conf": PLAIN + HOST + odd})
    assert [each.ip for each in plan.guests] == ["10.0.0.5"]
    said = lost(plan)
    assert "multicast" in said["conf:4"]
    assert "10.0.0.0/24's own" in said["conf:5"]
    assert "bound to 02:00:00:00:00:01 already" in said["conf:6"]


NAMES = ("a.conf", "b.bak", "c.conf~", "#d#", ".e", "#f")


@pytest.mark.parametrize(
    ("ends", "taken"),
    [
        ("", {"a.conf", "b.bak", "#f"}),
        (",*.conf", {"a.conf"}),
        (", *.conf, *.bak", {"a.conf", "b.bak"}),
        (",.bak", {"a.conf", "#f"}),
    ],
)
def test_a_directory_is_read_as_dnsmasq_reads_it(ends: str, taken: set[str]) -> None:
    """issue 6.6, dnsmasq(8): not what is hidden or an editor's; only or never those
    that end so."""
    files = {f"/d/{name}": f"zz-{at}=1\n" for at, name in enumerate(NAMES)}
    plan = read({**files, "conf": f"{PLAIN}conf-dir=/d{ends}\n"})
    assert {each.removeprefix("/d/").removesuffix(":1") for each in lost(plan)} == taken


@pytest.mark.parametrize(
    "key", ["conf-dir", "dhcp-hostsdir", "dhcp-optsdir", "hostsdir"]
)
def test_a_directory_without_files_is_said(key: str) -> None:
    """issue 6.6: a copy that lacks it would lose its hosts in silence."""
    plan = read({"conf": f"{PLAIN}{key}=/absent\n"})
    assert "no file is in /absent" in lost(plan)["conf:3"]


def test_hosts_of_a_directory_are_read_but_for_an_editors_copy() -> None:
    """issue 6.6, dnsmasq(8): dhcp-hostsdir."""
    lines = {
        "/h/one": "02:00:00:00:00:01,10.0.0.5\n",
        "/h/one~": "02:00:00:00:00:02,10.0.0.6",
    }
    plan = read({**lines, "conf": f"{PLAIN}dhcp-hostsdir=/h\n"})
    assert [each.ip for each in plan.guests] == ["10.0.0.5"]


def test_no_setting_of_dnsmasqs_is_skipped() -> None:
    """issue 6.6: each that its --help lists is taken by a reader, or has a note."""
    dnsmasq = shutil.which("dnsmasq") or "/usr/sbin/dnsmasq"
    done = subprocess.run(
        [dnsmasq, "--help"], capture_output=True, text=True, check=True
    )
    names = set(re.findall(r"^ *(?:-\S, )?--([a-z0-9-]+)", done.stdout, re.MULTILINE))
    assert len(names) > 150
    silent = []
    for name in sorted(names - {*DHCP_LINES, *DNS_LINES, "conf-file"}):
        plan = read({"conf": f"{PLAIN}{name}=1\n"})
        if "conf:3" not in {each.where for each in plan.notes}:
            silent.append(name)
    assert silent == []


def test_a_network_has_one_interface() -> None:
    """issue 6.6: what else dnsmasq served is said, at its line."""
    lines = "interface=br1\ninterface=vm*\ninterface=br2\nno-dhcp-interface=br2\n"
    plan = read({"conf": PLAIN + lines})
    assert plan.settings["attach"] == {"bridge": "br0"}
    said = lost(plan)
    assert "one bridge, here br0" in said["conf:3"]
    assert "name one interface" in said["conf:4"]
    assert set(said) == {"conf:3", "conf:4"}
    other = read({"conf": PLAIN + "no-dhcp-interface=br0\ninterface=br1\n"})
    assert other.settings["attach"] == {"bridge": "br1"}


@pytest.mark.parametrize("name", ["br0", "virbr0", "br-lan", "tap0a1b2c3d-4e", "eth0"])
def test_what_may_be_no_bridge_is_said(name: str) -> None:
    """issue 6.6: neutron's dnsmasq is on a tap, which goes with it."""
    plan = read({"conf": PLAIN.replace("br0", name)})
    said = [each.what for each in plan.notes if "attach.bridge" in each.what]
    assert bool(said) is ("br" not in name)


def test_upstreams_are_those_of_the_files_that_are_named() -> None:
    """issue 6.6, dnsmasq(8): resolv-file, servers-file; one that is absent is said."""
    files = {
        "/r": "# made\nnameserver 192.0.2.53\nnameserver fd00::53\nsearch lan\n",
        "/s": "server=192.0.2.54\nserver=/in.example/192.0.2.55\n",
    }
    plan = read({**files, "conf": f"{PLAIN}resolv-file=/r\nservers-file=/s\n"})
    assert plan.settings["dns"]["upstream"] == ["192.0.2.53", "192.0.2.54"]
    assert plan.settings["dns"]["domains"] == {"in.example": ["192.0.2.55"]}
    assert set(lost(plan)) == {"/r:3"}
    assert (
        "set dns.upstream" in lost(read({"conf": f"{PLAIN}resolv-file=/x\n"}))["conf:3"]
    )


def test_a_name_that_no_zone_file_holds_is_left_out() -> None:
    """issue 6.6: it is said, and the network and its other names are taken."""
    names = 'ptr-record=_p,"two words"\ncname=www,web\n'
    plan = read({"conf": f"{PLAIN}domain=lan\n{names}"})
    assert "cannot be a line of the zone file" in lost(plan)["conf:4"]
    assert plan.zone == "www.lan. IN CNAME web.lan.\n"


def test_the_old_form_of_a_ranges_tag_is_taken() -> None:
    """issue 6.6, dnsmasq(8): its first word, without set:."""
    old = "dhcp-range=lan,10.0.0.0,static,255.255.255.0\ndhcp-option=lan,3,10.0.0.1\n"
    plan = read({"conf": f"interface=br0\n{old}{HOST}"})
    assert plan.settings["network"]["gateway"] == "10.0.0.1"
