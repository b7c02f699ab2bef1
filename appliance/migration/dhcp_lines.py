"""dnsmasq's lines of DHCP, and of where it listens: each is put into the reading."""

import re
from fnmatch import fnmatchcase
from ipaddress import IPv4Address
from ipaddress import ip_address
from typing import Any

from ..errors import SettingsError
from .boot import parse_boot
from .boot import parse_service
from .hosts import parse_host
from .hosts import split_words
from .leases import parse_leases
from .lines import Line
from .lines import Source
from .lines import named_lines
from .options import parse_option_line
from .options import plain_tag
from .plan import LOST
from .plan import MAPS
from .plan import Note
from .ranges import parse_range
from .reading import Reading
from .reading import Take
from .tags import parse_client_rule
from .tags import parse_mac_rule
from .tags import parse_tag_rule

KNOWN_ONLY = {frozenset({"!known"})}
BOOTP_NEVER = frozenset({"bootp"})


def _take_host(source: Source, read: Reading, line: Line) -> None:
    read.hosts.append(parse_host(line.value, line.where))


def _take_hosts(source: Source, read: Reading, line: Line) -> None:
    for at, text in named_lines(source, line):
        read.hosts.append(parse_host(text.removeprefix("dhcp-host="), at))


def _take_option(source: Source, read: Reading, line: Line) -> None:
    forced = line.key == "dhcp-option-force"
    _add_option(read, line.value, line.where, forced=forced)


def _take_options(source: Source, read: Reading, line: Line) -> None:
    for at, text in named_lines(source, line):
        forced = text.startswith("dhcp-option-force=")
        words = re.sub(r"^dhcp-option(-force)?=", "", text)
        _add_option(read, words, at, forced=forced)


def _add_option(read: Reading, value: str, where: str, *, forced: bool) -> None:
    found = parse_option_line(value, where, forced=forced)
    if isinstance(found, str):
        read.notes.append(Note(LOST, where, f"dhcp-option: {found}"))
    else:
        read.options.append(found)


def _take_range(source: Source, read: Reading, line: Line) -> None:
    found = parse_range(line.value, line.where)
    if isinstance(found, str):
        read.tell(LOST, line, f"dhcp-range {found}")
    else:
        read.spans.append(found)


def _take_leases(source: Source, read: Reading, line: Line) -> None:
    text = source.text(line.value)
    if text is None:
        read.tell(LOST, line, f"{line.value} is not there: no lease is known")
        return
    try:
        read.leases += parse_leases(text)
    except (ValueError, KeyError, TypeError) as problem:
        raise SettingsError(line.value, f"is no leases file: {problem}") from None


def _take_interface(source: Source, read: Reading, line: Line) -> None:
    read.named += ((line, each) for each in split_words(line.value) if each != "lo")


def _take_unserved(source: Source, read: Reading, line: Line) -> None:
    read.unserved += split_words(line.value)


def settle_interfaces(read: Reading) -> None:
    """Find the one interface of the network; what else was served is a note."""
    for line, name in read.named:
        if any(fnmatchcase(name, each) for each in read.unserved):
            read.tell(MAPS, line, f"{name} gets no DHCP: it is no network here")
        elif name.endswith("*"):
            read.tell(LOST, line, f"{name} may be several: name one interface")
        elif name not in read.interfaces and read.interfaces:
            what = f"{name}: a network has one bridge, here {read.interfaces[0]}: take"
            what = f"{what} its lines into a file of their own, and migrate that too"
            read.tell(LOST, line, what)
        else:
            read.interfaces = [name]


def _take_listening(source: Source, read: Reading, line: Line) -> None:
    for word in split_words(line.value):
        try:
            address = ip_address(word.partition("%")[0])
        except ValueError:
            raise SettingsError(line.where, f"{word!r} is no address") from None
        if isinstance(address, IPv4Address) and not address.is_loopback:
            read.listening.append(address)


def _take_ignore(source: Source, read: Reading, line: Line) -> None:
    words = (re.sub("^(tag|net):", "", each) for each in split_words(line.value))
    read.ignoring.append((line, frozenset(plain_tag(each) for each in words)))


def settle_ignored(read: Reading) -> None:
    """Find whom the dhcp-ignore lines silence, once every line has said its tags."""
    clients = read.rules.of_client()
    for line, tags in read.ignoring:
        if tags in KNOWN_ONLY:
            read.strangers = False
        elif tags == BOOTP_NEVER:
            read.bootp = False
        elif {each.lstrip("!") for each in tags} & (clients | BOOTP_NEVER):
            what = "what a client says of itself does not silence us: bind only whom"
            read.tell(LOST, line, f"dhcp-ignore: {what} you answer")
        else:
            read.ignored.append(tags)


def _take_client_rule(source: Source, read: Reading, line: Line) -> None:
    found = parse_client_rule(line.key, line.value, line.where)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key} {found}")
    else:
        read.rules.clients.append(found)


def _take_mac_rule(source: Source, read: Reading, line: Line) -> None:
    found = parse_mac_rule(line.value)
    if found is None:
        read.tell(LOST, line, f"dhcp-mac={line.value} has no key of ours")
    else:
        read.rules.macs.append(found)


def _take_tag_rule(source: Source, read: Reading, line: Line) -> None:
    found = parse_tag_rule(line.value)
    if found is None:
        read.tell(LOST, line, f"tag-if={line.value} has no key of ours")
    else:
        read.rules.further.append(found)


def _take_boot(source: Source, read: Reading, line: Line) -> None:
    service = line.key == "pxe-service"
    found = (parse_service if service else parse_boot)(line.value, line.where)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key} {found}")
    else:
        (read.services if service else read.boots).append(found)


def _take_flag(source: Source, read: Reading, line: Line) -> None:
    table, key, value = _FLAGS[line.key]
    if table == "dhcp" and key == "reply" and line.value:
        what = "is for some alone: set dhcp.reply if all need it"
        read.tell(LOST, line, f"{line.key} {what}")
        return
    (read.dhcp if table == "dhcp" else read.dns)[key] = value


_FLAGS: dict[str, tuple[str, str, Any]] = {
    "dhcp-authoritative": ("dhcp", "authoritative", True),
    "dhcp-rapid-commit": ("dhcp", "rapid_commit", True),
    "dhcp-broadcast": ("dhcp", "reply", "broadcast"),
    "stop-dns-rebind": ("dns", "rebind_protection", True),
}
DHCP_LINES: dict[str, Take] = {
    "dhcp-host": _take_host,
    **dict.fromkeys(("dhcp-hostsfile", "dhcp-hostsdir"), _take_hosts),
    **dict.fromkeys(("dhcp-option", "dhcp-option-force"), _take_option),
    **dict.fromkeys(("dhcp-optsfile", "dhcp-optsdir"), _take_options),
    "dhcp-range": _take_range,
    **dict.fromkeys(("dhcp-leasefile", "leasefile"), _take_leases),
    "interface": _take_interface,
    **dict.fromkeys(("no-dhcp-interface", "no-dhcpv4-interface"), _take_unserved),
    "listen-address": _take_listening,
    "dhcp-ignore": _take_ignore,
    **dict.fromkeys(
        ("dhcp-match", "dhcp-vendorclass", "dhcp-userclass"), _take_client_rule
    ),
    "dhcp-mac": _take_mac_rule,
    "tag-if": _take_tag_rule,
    **dict.fromkeys(("dhcp-boot", "pxe-service"), _take_boot),
    **dict.fromkeys(_FLAGS, _take_flag),
}
"""Who takes a line of that key."""
