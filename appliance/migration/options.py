"""dnsmasq's dhcp-option: what a guest is told, and under which tags (dnsmasq(8))."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from dhcp.formats import FORMATS
from dhcp.formats import parse_option
from dhcp.formats import text as plain_text

from .hosts import split_words

# `dnsmasq --help dhcp`: the names that option: knows
NAMES = {
    "netmask": 1,
    "time-offset": 2,
    "router": 3,
    "dns-server": 6,
    "log-server": 7,
    "lpr-server": 9,
    "hostname": 12,
    "boot-file-size": 13,
    "domain-name": 15,
    "swap-server": 16,
    "root-path": 17,
    "extension-path": 18,
    "ip-forward-enable": 19,
    "non-local-source-routing": 20,
    "policy-filter": 21,
    "max-datagram-reassembly": 22,
    "default-ttl": 23,
    "mtu": 26,
    "all-subnets-local": 27,
    "broadcast": 28,
    "router-discovery": 31,
    "router-solicitation": 32,
    "static-route": 33,
    "trailer-encapsulation": 34,
    "arp-timeout": 35,
    "ethernet-encap": 36,
    "tcp-ttl": 37,
    "tcp-keepalive": 38,
    "nis-domain": 40,
    "nis-server": 41,
    "ntp-server": 42,
    "vendor-encap": 43,
    "netbios-ns": 44,
    "netbios-dd": 45,
    "netbios-nodetype": 46,
    "netbios-scope": 47,
    "x-windows-fs": 48,
    "x-windows-dm": 49,
    "requested-address": 50,
    "lease-time": 51,
    "server-identifier": 54,
    "T1": 58,
    "T2": 59,
    "vendor-class": 60,
    "nis+-domain": 64,
    "nis+-server": 65,
    "tftp-server": 66,
    "bootfile-name": 67,
    "mobile-ip-home": 68,
    "smtp-server": 69,
    "pop3-server": 70,
    "nntp-server": 71,
    "irc-server": 74,
    "user-class": 77,
    "FQDN": 81,
    "client-arch": 93,
    "client-interface-id": 94,
    "client-machine-id": 97,
    "posix-timezone": 100,
    "tzdb-timezone": 101,
    "ipv6-only": 108,
    "subnet-select": 118,
    "domain-search": 119,
    "sip-server": 120,
    "classless-static-route": 121,
    "vendor-id-encap": 125,
    "tftp-server-address": 150,
    "server-ip-address": 255,
}
OURSELVES = "0.0.0.0"
"""dnsmasq's word for its own address, where an option holds addresses."""
DEFAULT_ROUTE = IPv4Network("0.0.0.0/0")
METADATA_ROUTE = IPv4Network("169.254.169.254/32")
FOLLOWS = {1, 28, 12, 54, 58, 59}
"""What our answers hold by themselves."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option with the tags that it needs; "!" before a tag forbids it."""

    where: str
    code: int
    values: tuple[str, ...]
    tags: frozenset[str] = frozenset()

    def holds(self, tags: Iterable[str]) -> bool:
        there = set(tags)
        return all(
            each[1:] not in there if each.startswith("!") else each in there
            for each in self.tags
        )


def parse_option_line(text: str, where: str) -> Option | str:
    """Read what is after dhcp-option=; the reason where it does not map."""
    tags: set[str] = set()
    words = split_words(text)
    code: int | None = None
    while words and code is None:
        word = words.pop(0)
        kind, colon, rest = word.partition(":")
        if word.isdigit():
            code = int(word)
        elif colon and kind in ("tag", "net"):
            tags.add(rest)
        elif colon and kind == "option":
            code = NAMES.get(rest, int(rest) if rest.isdigit() else None)
            if code is None:
                return f"option name {rest!r} is not known"
        elif colon and kind == "option6":
            return "DHCPv6 is not served"
        elif colon and kind in ("encap", "vendor", "vi-encap"):
            return f"{kind}: has no key of ours: give its octets as option 43 or 125"
        elif not colon:
            tags.add(word)  # its old form: a tag without a word before it
        else:
            return f"{word!r} is not known"
    if code is None or not 1 <= code <= 254:
        return "names no option that can be set"
    return Option(where, code, tuple(words), frozenset(tags))


def choose(options: Iterable[Option], tags: Iterable[str]) -> dict[int, Option]:
    """Return what a guest with *tags* is told: what has a tag wins, then the last."""
    there = set(tags)
    plain: dict[int, Option] = {}
    tagged: dict[int, Option] = {}
    for each in options:
        if each.holds(there):
            (tagged if each.tags else plain)[each.code] = each
    return plain | tagged


def by_tag(options: Iterable[Option]) -> dict[str, list[tuple[int, Option]]]:
    """Return options with their places, below one tag that each needs; "" for none.

    A host of 10,000 VMs has a tag for each: nobody is asked about all of them.
    """
    found: dict[str, list[tuple[int, Option]]] = {}
    for place, each in enumerate(options):
        needed = min((tag for tag in each.tags if tag[0] != "!"), default="")
        found.setdefault(needed, []).append((place, each))
    return found


def near(
    index: Mapping[str, list[tuple[int, Option]]], tags: Iterable[str]
) -> list[Option]:
    """Return the options of `by_tag` that can hold for *tags*, in their order."""
    found = [each for tag in {"", *tags} for each in index.get(tag, ())]
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def keys_of(told: Iterable[Option], ourselves: str) -> tuple[dict[str, Any], list[str]]:
    """Return a binding's keys for *told*, and what could not be said.

    An empty option 3 or 6 takes it away: `gateway` and `dns` are then None.
    """
    keys: dict[str, Any] = {}
    further: dict[str, str] = {}
    problems: list[str] = []
    for each in told:
        values = [ourselves if word == OURSELVES else word for word in each.values]
        try:
            if each.code == 3:
                keys["gateway"] = str(IPv4Address(values[0])) if values else None
                if len(values) > 1:
                    problems.append(f"{each.where}: only the first router is told")
            elif each.code == 6:
                keys["dns"] = [str(IPv4Address(word)) for word in values] or None
            elif each.code == 15:
                keys["domain"] = values[0]
            elif each.code == 26:
                keys["mtu"] = int(values[0])
            elif each.code == 51:
                keys["lease_time"] = f"{int(values[0])}s"
            elif each.code in (121, 249):
                # a network's routes hold for both: 249 is 121 as Windows asks for it
                _routes(each.values, keys)
            elif each.code in FOLLOWS:
                problems.append(f"{each.where}: option {each.code} is made by us")
            else:
                further[str(each.code)] = _further(each.code, values)
        except (ValueError, IndexError) as problem:
            problems.append(f"{each.where}: option {each.code}: {problem}")
    if further:
        keys["options"] = further
    return keys, problems


def _routes(words: Iterable[str], keys: dict[str, Any]) -> None:
    """Split dnsmasq's one list into the default route, ours to metadata, the rest."""
    given = list(words)
    routes: list[str] = []
    for destination, router in zip(given[::2], given[1::2], strict=True):
        network = IPv4Network(destination)
        if network == DEFAULT_ROUTE:
            keys.setdefault("gateway", str(IPv4Address(router)))
        elif network == METADATA_ROUTE:
            keys["metadata_route"] = True
        else:
            routes.append(f"{network} via {IPv4Address(router)}")
    if routes:
        keys["routes"] = routes


def _further(code: int, values: list[str]) -> str:
    """Return the value as our settings write it; raises ValueError."""
    joined = ",".join(values)
    if FORMATS.get(code) is plain_text or code in FORMATS:
        parse_option(str(code), joined)
        return joined
    found = _octets(values).hex()
    parse_option(str(code), found)
    return found


def _octets(values: list[str]) -> bytes:
    """Return what dnsmasq puts on the wire for an option that it has no type for."""
    try:
        return b"".join(IPv4Address(word).packed for word in values)
    except ValueError:
        pass
    joined = ",".join(values)
    digits = joined.split(":")
    if len(digits) > 1 and all(
        0 < len(each) < 3 and set(each) <= set("0123456789abcdefABCDEF")
        for each in digits
    ):
        return bytes(int(each, 16) for each in digits)
    if joined.isascii() and joined.isdigit():
        number = int(joined)
        width = 1 if number < 1 << 8 else 2 if number < 1 << 16 else 4
        return number.to_bytes(width, "big")
    if not joined:
        raise ValueError("has no value: an empty option is not sent")
    return joined.encode()
