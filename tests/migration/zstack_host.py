"""A host as ZStack leaves it on disk: what its agent writes for one L3 network.

dnsmasq's files, lighttpd.conf and html/ (zstack 2.1, 2.2, 3.1 to 3.3), for any number
of VMs; each is of a kind of `KINDS`, by turns.  What is absolute in the files is as on
that host; `write_host` puts it below any root.
"""

import os
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from pathlib import Path

from .zstack_documents import DEFAULT_INDEX
from .zstack_documents import KINDS
from .zstack_documents import Kind
from .zstack_documents import documents_of

DNSMASQ = "var/lib/zstack/dnsmasq"
USERDATA = "var/lib/zstack/userdata"
KVM = "var/lib/zstack/kvm"
PORT = 1180
LINKED = {
    "zwatch-vm-agent": b"\x7fELF the guest agent" * 100,
    "zwatch-vm-agent_freebsd_amd64": b"\x7fELF another guest agent",
    "vm-tools.sh": b"#!/bin/sh\necho tools\n",
    "agent_version": b"4.3.28\n",
}
"""What html/ has links to."""
OPERATORS = {
    "motd.txt": b"Welcome.\n",
    "tools/README": b"These are the operator's.\n",
}
"""What somebody else has put into html/."""
# what ZStack's dnsmasq knows 249 by, and Debian's does not
NAMED_249 = "option:microsoft-249"
PLAIN_249 = "249"
# the agent renders its files by a template that ends so; the next line begins with it
TAIL = "    "


@dataclass(frozen=True, slots=True)
class L3:
    """A flat network, as the management server knows it."""

    uuid: str = "67e3" * 8
    bridge: str = "br_eth0"
    number: int = 3
    """Of its namespace: inner3, outer3."""
    prefix: int = 16
    gateway: str = "10.8.0.1"
    server: str = "10.8.0.2"
    first: str = "10.8.1.1"
    """Of the VM number 0."""
    dns: tuple[str, ...] = ("10.8.0.53", "10.8.0.54")
    domain: str | None = "dom.example"
    mtu: int = 1450
    routes: tuple[str, ...] = ("10.99.0.0/16,10.8.0.9",)

    @property
    def netmask(self) -> str:
        return str(IPv4Network((0, self.prefix)).netmask)

    @property
    def namespace(self) -> str:
        return f"{self.bridge}_{self.uuid}"

    @property
    def folder(self) -> str:
        return f"/{DNSMASQ}/{self.namespace}"

    @property
    def http(self) -> str:
        return f"/{USERDATA}/{self.namespace}"


BARE = L3(dns=(), domain=None, mtu=1500, routes=())
"""An L3 that nobody said anything of."""


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM's NIC on the L3."""

    number: int
    kind: Kind
    mac: str
    ip: str
    hostname: str
    """As the management server sends it: with the domain."""
    documents: Mapping[str, bytes]
    """Below html/<ip>/; none where the NIC is a second one."""

    @property
    def tag(self) -> str:
        return self.mac.replace(":", "")


def vms_of(l3: L3, count: int) -> list[Vm]:
    """Return the first *count* VMs."""
    return [_vm(l3, number) for number in range(count)]


def _vm(l3: L3, number: int) -> Vm:
    kind = KINDS[number % len(KINDS)]
    ip = str(IPv4Address(l3.first) + number)
    octets = number.to_bytes(3, "big")
    mac = "fa:5c:07:" + octets.hex(":")
    label = f"vm-{number}" if kind.named else ip.replace(".", "-")
    whole = f"{label}.{l3.domain}" if l3.domain else label
    found = documents_of(kind, number, ip, mac, whole)
    return Vm(number, kind, mac, ip, whole, found)


def write_host(
    root: Path, l3: L3, vms: Sequence[Vm], *, callers: Iterable[Vm] | None = None
) -> None:
    """Write below *root* what the agent has written when all *vms* run.

    *callers* are those that lighttpd.conf knows, else all that have documents.
    """
    write_dnsmasq(root, l3, vms)
    write_web(root, l3, vms, callers=callers)


def write_dnsmasq(
    root: Path, l3: L3, vms: Sequence[Vm], *, code_249: str = PLAIN_249
) -> None:
    """Write what dnsmasq reads."""
    folder = root / l3.folder.lstrip("/")
    folder.mkdir(parents=True)
    (folder / "dnsmasq.conf").write_text(dnsmasq_conf(l3))
    (folder / "hosts.dhcp").write_text("".join(map(hosts_line, vms)))
    named = [f"{each.ip} {each.hostname}\n" for each in vms if each.kind.default]
    (folder / "hosts.dns").write_text("".join(named) + TAIL)
    options = (line for vm in vms for line in option_lines(l3, vm, code_249))
    (folder / "hosts.option").write_text("".join(options) + TAIL)
    (folder / "dnsmasq.log").touch()


def write_web(
    root: Path, l3: L3, vms: Sequence[Vm], *, callers: Iterable[Vm] | None = None
) -> None:
    """Write what lighttpd reads, and what it serves."""
    http = root / l3.http.lstrip("/")
    html = http / "html"
    html.mkdir(parents=True)
    known = [each for each in vms if each.documents] if callers is None else callers
    (http / "lighttpd.conf").write_text(lighttpd_conf(l3, known))
    _write(html, {"zstack-default/meta-data/index.html": DEFAULT_INDEX})
    _write(html, OPERATORS)
    _write(root / KVM, LINKED)
    for name in LINKED:
        os.symlink(f"/{KVM}/{name}", html / name)
    for vm in vms:
        _write(html / vm.ip, vm.documents)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, octets in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)


def dnsmasq_conf(l3: L3) -> str:
    lines = [
        *("domain-needed", "bogus-priv", "no-hosts"),
        f"addn-hosts={l3.folder}/hosts.dns",
        "dhcp-option=vendor:MSFT,2,1i",
        "dhcp-lease-max=65535",
        f"dhcp-hostsfile={l3.folder}/hosts.dhcp",
        f"dhcp-optsfile={l3.folder}/hosts.option",
        f"log-facility={l3.folder}/dnsmasq.log",
        f"interface=inner{l3.number}",
        *("except-interface=lo", "bind-interfaces", "leasefile-ro"),
        f"dhcp-range={l3.gateway},static",
    ]
    return "".join(f"{each}\n" for each in lines)


def hosts_line(vm: Vm) -> str:
    words = [vm.mac, f"set:{vm.tag}", vm.ip]
    words += [vm.hostname] if vm.kind.default else []
    return ",".join([*words, "infinite"]) + "\n"


def option_lines(l3: L3, vm: Vm, code_249: str = PLAIN_249) -> list[str]:
    """Return what the VM is told (zstack 2.2), with its tag before it."""
    told = []
    if vm.kind.default:
        told.append(f"option:router,{l3.gateway}")
        told += [f"option:dns-server,{','.join(l3.dns)}"] if l3.dns else []
        told += [f"option:domain-name,{l3.domain}"] if l3.domain else []
        metadata = f"169.254.169.254/32,{l3.server}"
        routes = ",".join([f"0.0.0.0/0,{l3.gateway}", metadata, *l3.routes])
        told += [f"option:classless-static-route,{routes}", f"{code_249},{routes}"]
    else:
        told += ["3", "6"]
        told += [f"option:router,{l3.gateway}"] if vm.kind.two_gateways else []
    told += [f"option:netmask,{l3.netmask}", f"option:mtu,{l3.mtu}"]
    return [f"tag:{vm.tag},{each}\n" for each in told]


_SETTINGS = """\
server.document-root = "{http}/html"

server.port = {port}
server.bind = "169.254.169.254"
server.max-worker=1
dir-listing.activate = "enable"
index-file.names = ( "index.html" )

server.modules += ("mod_proxy", "mod_rewrite", "mod_access", "mod_accesslog",)
accesslog.filename = "/var/log/lighttpd/lighttpd_access.log"
server.errorlog = "/var/log/lighttpd/lighttpd_error.log"

"""
_TYPES = """\

mimetype.assign = (
  ".html" => "text/html",
  ".txt" => "text/plain",
  ".jpg" => "image/jpeg",
  ".png" => "image/png"
)"""
EVERYONE = '$HTTP["remoteip"] =~ "^(.*)$"'
PROXIED = {"/metrics/job": 9092, "/host": 7070}
UPSTREAM = "169.254.64.1"
_SHARED_RULES = {
    "zwatch-vm-agent.linux-amd64.bin": "zwatch-vm-agent",
    "zwatch-vm-agent.freebsd-amd64.bin": "zwatch-vm-agent_freebsd_amd64",
    "zwatch-vm-agent.linux-aarch64.bin": "zwatch-vm-agent_aarch64",
    "zwatch-vm-agent.linux-mips64el.bin": "collectd_exporter_mips64el",
    "zwatch-vm-agent.linux-loongarch64.bin": "collectd_exporter_loongarch64",
    "agent-tools-update.sh": "vm-tools.sh",
}
_OWN_RULES = {
    "/meta-data/(.+)": "meta-data/$1",
    "/meta-data": "meta-data",
    "/meta-data/": "meta-data/",
    "/user-data": "user-data",
    "/user_data": "user_data",
    "/meta_data.json": "meta_data.json",
    "/password": "password",
    "/": "$1",
}


def lighttpd_conf(l3: L3, callers: Iterable[Vm]) -> str:
    """Return the chain of conditions of 3.2: a block for each of *callers*."""
    blocks = [
        (f'$HTTP["url"] =~ "^{path}"', _proxy(port)) for path, port in PROXIED.items()
    ]
    for vm in callers:
        rows = _rules(f"/{vm.ip}") | {"^/$": f"{vm.ip}/$1"}
        blocks.append((f'$HTTP["remoteip"] == "{vm.ip}"', _rewriting(rows)))
    blocks.append((EVERYONE, _rewriting(_rules("../zstack-default"))))
    chain = " else ".join(f"{condition} {{\n{text}    }}" for condition, text in blocks)
    settings = _SETTINGS.format(http=l3.http, port=PORT)
    return f"{settings}{EVERYONE} {{\n    {chain}\n}}\n{_TYPES}"


def _rules(owner: str) -> dict[str, str]:
    shared = {f"^/{name}$": f"/{target}" for name, target in _SHARED_RULES.items()}
    own = {f"^/.*{end}$": f"{owner}/{target}" for end, target in _OWN_RULES.items()}
    return shared | own


def _rewriting(rows: Mapping[str, str]) -> str:
    lines = ",\n".join(f'            "{one}" => "{two}"' for one, two in rows.items())
    listing = '        dir-listing.activate = "enable"\n'
    return f"        url.rewrite-once = (\n{lines}\n        )\n{listing}"


def _proxy(port: int) -> str:
    upstream = f'( ( "host" => "{UPSTREAM}", "port" => {port} ) )'
    return f'        proxy.server = ( "" =>\n           {upstream}\n        )\n'
