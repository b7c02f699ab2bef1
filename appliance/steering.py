"""What a guest says to 169.254.169.254 reaches the innerN of its own network (H10).

One nftables bridge table a network, with R3 and R4 alone: before the bridge looks up
where a frame goes, its destination becomes innerN's MAC, for IP that a guest sends to
one of our addresses by whatever router it chose, and for its ARP question, which
nobody else then hears. The bridge forwards to outerN by the fixed entry of H12.

Only frames that come in by a port of this network's bridge are touched, because other
bridges may carry the same subnets. The kernel can be without `meta ibrname` (H14),
so the ports are a set, kept in step by `up` and `host`. A port that is not in it yet is
not steered: it behaves as on any bridge, and nobody else's frames are rewritten.
"""

import ipaddress
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import IPv6Address
from typing import Any
from typing import Final
from typing import Self

from dhcp.hardware import HardwareAddress

from . import netlink
from .errors import SettingsError

NFT_SECONDS: Final = 30.0
"""A change takes 5 ms; who waits longer is held up by another's transaction."""

_TABLE: Final = "metalease_"
_BRIDGE: Final = 7  # NFPROTO_BRIDGE
_NFGENMSG: Final = 4  # octets: family, version, resource
_TABLE_NAME: Final = 1  # NFTA_*_TABLE: the first attribute of every kind of message
_SETS: Final = {
    "subnets": "type ipv4_addr; flags interval;",
    "ours": "type ipv4_addr;",
    "ours6": "type ipv6_addr;",
    "ports": "type ifname;",
}
_RULES: Final = 4  # beside one for each address that is asked for by IPv6
_UNSAID: Final = re.compile(r'["\\\s*]')  # what nft's strings cannot hold


def table(network: str) -> str:
    """Name the table of *network*: nft allows all that a network's name may hold."""
    return _TABLE + network


@dataclass(frozen=True, slots=True)
class Steering:
    """What is steered to whom."""

    mac: HardwareAddress
    """innerN's."""
    subnets: frozenset[IPv4Network]
    ours: frozenset[IPv4Address]
    ports: frozenset[str]
    """Where guests are: the bridge's ports but for outerN and the uplink."""
    ours6: frozenset[IPv6Address] = frozenset()

    @classmethod
    def of(
        cls,
        mac: HardwareAddress,
        *,
        subnets: Iterable[IPv4Network],
        ours: Iterable[IPv4Address],
        ports: Iterable[str],
        ours6: Iterable[IPv6Address] = (),
    ) -> Self:
        sayable = (port for port in ports if not _UNSAID.search(port))
        joined = ipaddress.collapse_addresses(subnets)  # nft takes no overlap
        return cls(
            mac,
            frozenset(joined),
            frozenset(ours),
            frozenset(sayable),
            frozenset(ours6),
        )


def replacement(network: str, steering: Steering) -> str:
    """Write *steering* as one transaction, in place: nothing is lost, counters stay.

    What is declared first may be there already, or not: so it serves both times (H13).
    """
    name = table(network)
    flushes = [f"flush set bridge {name} {each}" for each in _SETS]
    return "\n".join(
        [
            *_declared(name, dict.fromkeys(_SETS, ())),
            f"flush table bridge {name}",
            *flushes,
            *_declared(name, _elements(steering)),
            f"add rule bridge {name} pre iifname != @ports return",
            f"add rule bridge {name} pre ip saddr @subnets ip daddr @ours"
            f' ether daddr set {steering.mac} counter name steered comment "R3"',
            f"add rule bridge {name} pre arp operation request"
            " arp saddr ip @subnets arp daddr ip @ours"
            f' ether daddr set {steering.mac} counter name steered comment "R4"',
            *_ipv6_rules(name, steering),
            "",
        ]
    )


def _ipv6_rules(name: str, steering: Steering) -> list[str]:
    """Write R3 and R4 for IPv6; nft has no word for what a solicitation asks (H14)."""
    steered = f"ether daddr set {steering.mac} counter name steered comment"
    return [
        f'add rule bridge {name} pre ip6 daddr @ours6 {steered} "R3"',
        *(
            f"add rule bridge {name} pre icmpv6 type nd-neighbor-solicit"
            f' @th,64,128 {int(each):#x} {steered} "R4"'
            for each in sorted(steering.ours6)
        ),
    ]


def removal(network: str) -> str:
    """Write the removal of the table, which may not be there."""
    name = table(network)
    return f"add table bridge {name}\ndelete table bridge {name}\n"


def _elements(steering: Steering) -> dict[str, tuple[str, ...]]:
    return {
        "subnets": tuple(str(each) for each in sorted(steering.subnets)),
        "ours": tuple(str(each) for each in sorted(steering.ours)),
        "ours6": tuple(str(each) for each in sorted(steering.ours6)),
        "ports": tuple(f'"{each}"' for each in sorted(steering.ports)),
    }


def _declared(name: str, elements: Mapping[str, tuple[str, ...]]) -> list[str]:
    lines = [f"table bridge {name} {{"]
    for each, kind in _SETS.items():
        held = ", ".join(elements[each])
        body = f"elements = {{ {held} }};" if held else ""
        lines.append(f" set {each} {{ {kind} {body} }}")
    lines += [
        " counter steered { }",
        " chain pre { type filter hook prerouting priority dstnat; }",
        "}",
    ]
    return lines


def parse(listing: str) -> Steering | None:
    """Read `nft -j list table`: None when it is not as `replacement` writes it."""
    try:
        objects: list[dict[str, Any]] = json.loads(listing)["nftables"]
        sets = {
            o["set"]["name"]: o["set"].get("elem", []) for o in objects if "set" in o
        }
        hooks = [o["chain"].get("hook") for o in objects if "chain" in o]
        rules = [o["rule"] for o in objects if "rule" in o]
        ours6 = [IPv6Address(each) for each in sets["ours6"]]
        if hooks != ["prerouting"] or len(rules) != _RULES + len(ours6):
            return None
        macs = {
            part["mangle"]["value"]
            for rule in rules
            for part in rule["expr"]
            if "mangle" in part
        }
        comments = {rule.get("comment") for rule in rules}
        if len(macs) != 1 or not comments >= {"R3", "R4"}:
            return None
        return Steering.of(
            HardwareAddress.parse(macs.pop()),
            subnets=[_network(each) for each in sets["subnets"]],
            ours=[IPv4Address(each) for each in sets["ours"]],
            ports=sets["ports"],
            ours6=ours6,
        )
    except (KeyError, TypeError, ValueError):
        return None  # somebody else's idea of our table: written anew


def _network(element: Any) -> IPv4Network:
    if isinstance(element, str):
        return IPv4Network(element)
    return IPv4Network(f"{element['prefix']['addr']}/{element['prefix']['len']}")


def network_of(event: netlink.Message) -> str | None:
    """Which network's table a message of NFNLGRP_NFTABLES is about, if one's."""
    if not event.body or event.body[0] != _BRIDGE:
        return None
    found = netlink.attributes(event.body, _NFGENMSG).get(_TABLE_NAME, b"")
    name = netlink.text(found)
    return name.removeprefix(_TABLE) if name.startswith(_TABLE) else None


def apply(network: str, steering: Steering) -> None:
    """Bring the table to *steering*, in place."""
    text = replacement(network, steering)
    if _nft("-f", "-", text=text).returncode == 0:
        return
    # another version of us, or somebody else, left a set or a chain of another type
    done = _nft("-f", "-", text=removal(network) + text)
    if done.returncode != 0:
        raise SettingsError(f"nft table bridge {table(network)}", _first_line(done))


def loaded(network: str) -> Steering | None:
    """Read what is in force: None when it is nothing that we would have written."""
    done = _nft("-j", "list", "table", "bridge", table(network))
    return parse(done.stdout) if done.returncode == 0 else None


def remove(network: str) -> None:
    """Take the table away. Without nft there is none that we have made."""
    if _program() is not None:
        _nft("-f", "-", text=removal(network))


def _program() -> str | None:
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return shutil.which("nft", path=search)


def _nft(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    program = _program()
    if program is None:
        raise SettingsError("nft", "is not installed: install the package nftables")
    try:
        return subprocess.run(
            [program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=NFT_SECONDS,
            check=False,
            start_new_session=True,  # Ctrl-C is ours, who may be putting things back
        )
    except subprocess.TimeoutExpired:
        raise SettingsError("nft", f"has not ended in {NFT_SECONDS:.0f} s") from None


def _first_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[0]
