"""A network of a ZStack host: dnsmasq's files, lighttpd's, and html/, as one plan."""

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address
from ipaddress import IPv4Interface
from ipaddress import IPv4Network
from typing import Any
from typing import Protocol

from rewrite.errors import RuleSyntaxError
from rewrite.lighttpd import Setting
from rewrite.lighttpd import parse_lighttpd_conf

from ..errors import SettingsError
from ..zstack import MARK
from ..zstack import PRESETS
from ..zstack import network_name
from ..zstack import wire_port
from .common import share
from .dnsmasq import read_dnsmasq
from .lines import Source
from .lines import read_lines
from .places import TAKEN_OFF
from .plan import Guest
from .plan import NetworkPlan
from .plan import Note
from .tree import Documents
from .tree import Leaf
from .tree import read_tree
from .web import Web
from .web import read_web

DNSMASQ = "/var/lib/zstack/dnsmasq"
USERDATA = "/var/lib/zstack/userdata"
PORT = 80  # where guests ask; ZStack's rules on the bridge lead from it to another
_NAMESPACE = re.compile(r"(.+)_[0-9a-f]{32}")


class Host(Source, Protocol):
    """A host of ZStack's, running or copied; paths are as on that host."""

    def folders(self, folder: str) -> list[str]:
        """Return the names of the directories in *folder*, sorted."""

    def leaves(self, folder: str) -> Iterable[Leaf]:
        """Return every file and link below *folder*."""

    def interfaces(self, namespace: str) -> tuple[IPv4Interface, ...]:
        """Return the addresses of innerN in *namespace*, where it runs here."""

    def ports(self, bridge: str) -> list[str]:
        """Return the names of the ports of *bridge*, where it is here."""


def namespaces_of(host: Host) -> list[str]:
    """Return the namespaces that ZStack has files for."""
    return host.folders(DNSMASQ)


def read_zstack(host: Host, namespace: str, name: str | None = None) -> NetworkPlan:
    """Return the plan for the network of *namespace*; raises SettingsError.

    *name* is the network's; None takes the l3Uuid at the namespace's end, as
    `metalease agent` does.
    """
    where = f"{DNSMASQ}/{namespace}/dnsmasq.conf"
    matched = _NAMESPACE.fullmatch(namespace)
    bridge = matched[1] if matched else namespace.rpartition("_")[0] or namespace
    named = name or network_name(namespace, bridge)
    if named is None:
        what = "is not <bridge>_<l3Uuid>: say the network's name by --network"
        raise SettingsError(f"namespace {namespace}", what)
    addresses = host.interfaces(namespace)
    try:
        plan = read_dnsmasq(host, [where], named, interfaces=addresses)
    except ValueError as problem:
        raise SettingsError(where, str(problem)) from None
    except SettingsError as problem:
        if addresses or "no subnet is known" not in str(problem):
            raise
        what = "tells no subnet, as it has no guests: migrate it on its own host"
        raise SettingsError(where, f"{what}, or name one that has") from None
    found, web = _served(host, namespace, {each.ip for each in plan.guests})
    notes = [*plan.notes, *found.notes, *web.notes]
    guests = tuple(_identified(each, found, notes, where) for each in plan.guests)
    attach = {"bridge": bridge, "namespace": namespace}
    if (port := wire_port(bridge, host.ports(bridge))) is not None:
        attach["uplink"] = port
    ports = [PORT] + ([web.port] if web.port not in (None, PORT) else [])
    settings = {
        **plan.settings,
        "attach": attach,
        "dhcp": _dhcp(plan.settings["dhcp"], guests),
        "metadata": {"presets": PRESETS, "ports": ports},
    }
    whole = share(
        replace(
            plan,
            settings=settings,
            guests=guests,
            rules=web.rules,
            documents=found.documents,
            notes=tuple(notes),
            head=MARK + "\n",
        )
    )
    return _tidied(_with_gateway(whole, host, where), namespace)


def _served(host: Host, namespace: str, bound: set[str]) -> tuple[Documents, Web]:
    """Read what lighttpd serves; nothing where the network has no user-data."""
    folder = f"{USERDATA}/{namespace}"
    conf = f"{folder}/lighttpd.conf"
    text = host.text(conf)
    found = read_tree(host.leaves(f"{folder}/html"), bound, f"{folder}/html")
    settings: tuple[Setting, ...] = ()
    if text is not None:
        try:
            settings = parse_lighttpd_conf(text, conf).settings
        except RuleSyntaxError as problem:
            at = f"{problem.file}:{problem.line}:{problem.column}"
            raise SettingsError(at, problem.what) from None
    return found, read_web(settings, found, conf)


def _identified(guest: Guest, found: Documents, notes: list[Note], where: str) -> Guest:
    """Return *guest* with the id that its documents tell."""
    values = dict(guest.values)
    if guest.ip in found.ids:
        values["instance_id"] = found.ids[guest.ip]
    return replace(guest, values=values)


def _dhcp(dhcp: dict[str, Any], guests: Iterable[Guest]) -> dict[str, Any]:
    """Leave the range's lease time out where every guest has its own."""
    if all("lease_time" in each.values for each in guests):
        return {key: each for key, each in dhcp.items() if key != "lease_time"}
    return dhcp


def _with_gateway(plan: NetworkPlan, host: Host, where: str) -> NetworkPlan:
    """Name a gateway where no guest did: ZStack writes it as the range's address."""
    network = dict(plan.settings["network"])
    if "gateway" in network and plan.guests:
        return plan
    for line in read_lines(host, [where]):
        first = line.value.partition(",")[0]
        if line.key == "dhcp-range" and first.count(".") == 3:
            address = IPv4Address(first)
            if address in IPv4Network(network["subnet"]):
                network["gateway"] = str(address)
                return replace(plan, settings={**plan.settings, "network": network})
    return plan


def _tidied(plan: NetworkPlan, namespace: str) -> NetworkPlan:
    """Leave out names that guests have by themselves, and what is settled by now."""
    network = plan.settings["network"]
    own = {
        f"{each.values['hostname']}.{domain}. IN A {each.ip}"
        for each in plan.guests
        if "hostname" in each.values
        and (domain := each.values.get("domain", network.get("domain")))
    }
    zone = [line for line in plan.zone.splitlines() if line not in own]
    # the namespace has no way out, so no name was ever asked elsewhere
    settled = (
        "attach.bridge",
        "resolv.conf",
        TAKEN_OFF,  # the namespace stays, with its address
        "no option 3" if "gateway" in network else "",
    )
    folders = (f"{DNSMASQ}/{namespace}/", f"{USERDATA}/{namespace}/")
    notes = (
        replace(each, where=_below(each.where, folders))
        for each in plan.notes
        if not any(word and word in each.what for word in settled)
    )
    text = "".join(f"{line}\n" for line in zone)
    return replace(plan, zone=text, notes=tuple(notes))


def _below(where: str, folders: Iterable[str]) -> str:
    """Return a place without the folder that all of the network's files are in."""
    for each in folders:
        where = where.removeprefix(each)
    return where
