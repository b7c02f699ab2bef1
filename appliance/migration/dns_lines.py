"""dnsmasq's lines of DNS: each is put into the reading."""

from collections.abc import Iterable
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import ip_address
from ipaddress import summarize_address_range

from ..errors import SettingsError
from ..resolver.zonefile import parse_zone
from .hosts import split_words
from .lines import Line
from .lines import Source
from .lines import named_lines
from .lines import plain_lines
from .names import address_line
from .names import with_domain
from .names import zone_lines
from .plan import CHANGES
from .plan import LOST
from .plan import Note
from .reading import DNS_PORT
from .reading import Reading
from .reading import Take


def _take_domain(source: Source, read: Reading, line: Line) -> None:
    name, *words = split_words(line.value)
    if name == "#":
        read.tell(LOST, line, "domain=# asks /etc/resolv.conf: set network.domain")
        return
    spans = [each for each in words if each != "local"]
    if not spans:
        read.domain = name
        return
    try:
        if len(spans) > 1:
            first, last = map(IPv4Address, spans[:2])
            nets = list(summarize_address_range(first, last))
        else:
            nets = [IPv4Network(spans[0], strict=False)]
    except (ValueError, TypeError):
        read.tell(LOST, line, f"domain={line.value} has no key of ours")
        return
    read.domain_of |= dict.fromkeys(nets, name)


def _take_port(source: Source, read: Reading, line: Line) -> None:
    read.port = line.value
    if line.value not in ("0", DNS_PORT):
        read.tell(CHANGES, line, f"names are answered at port {DNS_PORT}")


def _take_cache(source: Source, read: Reading, line: Line) -> None:
    if not line.value.isdigit():
        raise SettingsError(line.where, f"{line.value!r} is no number")
    read.dns["cache"] = min(int(line.value), 1_000_000)


def _take_server(source: Source, read: Reading, line: Line) -> None:
    """Take server=10.0.0.53, server=/example/10.0.0.53, or address=/name/10.0.0.5."""
    *domains, upstream = line.value.split("/")
    address, _, port = upstream.partition("#")
    try:
        asked = str(IPv4Address(address)) if port in ("", DNS_PORT) else ""
    except ValueError:
        asked = ""
    named = [each for each in domains if each]
    if line.key == "server" and asked:
        if not domains:
            read.dns.setdefault("upstream", []).append(asked)
        for each in named:
            read.domains.setdefault(each, []).append(asked)
    elif line.key in ("local", "server") and named and not upstream:
        what = f"{', '.join(named)} is answered here if it is this network's domain"
        read.tell(CHANGES, line, what)
    elif line.key == "address" and asked and named:
        lines = [address_line(f"{each}.", IPv4Address(asked)) for each in named]
        _add_names(read, line.where, lines)
        what = f"{', '.join(named)} is answered, but not the names below"
        read.tell(CHANGES, line, what)
    else:
        read.tell(LOST, line, f"{line.key}={line.value} has no key of ours")


def _take_names(source: Source, read: Reading, line: Line) -> None:
    for where, text in named_lines(source, line):
        word, *names = text.split()
        try:
            address = ip_address(word)
        except ValueError:
            raise SettingsError(where, f"{word!r} is no address") from None
        _add_names(read, where, [address_line(name, address) for name in names])


def _take_resolv(source: Source, read: Reading, line: Line) -> None:
    """Take the name servers of a resolv.conf as upstreams."""
    if source.text(line.value) is None:
        read.tell(LOST, line, f"{line.value} is not there: set dns.upstream")
        return
    for where, text in plain_lines(source, line.value):
        key, *words = text.split()
        if key == "nameserver" and words:
            _take_server(source, read, Line(where, "server", words[0]))


def _take_servers(source: Source, read: Reading, line: Line) -> None:
    """Take a file of server= lines."""
    for where, text in named_lines(source, line):
        key, _, value = text.partition("=")
        if key.strip() in ("server", "local"):
            _take_server(source, read, Line(where, key.strip(), value.strip()))
        else:
            read.notes.append(Note(LOST, where, f"{text} is no server"))


def _take_record(source: Source, read: Reading, line: Line) -> None:
    found = zone_lines(line.key, line.value)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key}={line.value} {found}")
    else:
        _add_names(read, line.where, found)


def _add_names(read: Reading, where: str, lines: Iterable[str]) -> None:
    """Add lines of a zone file; what could not stand there is a note."""
    for each in lines:
        try:
            parse_zone(with_domain(each, "invalid"), "invalid")
        except ValueError as problem:
            _, _, what = str(problem).partition(": ")  # without its "line 1"
            what = f"{each} cannot be a line of the zone file: {what or problem}"
            read.notes.append(Note(LOST, where, what))
        else:
            read.zone.append(each)


DNS_LINES: dict[str, Take] = {
    "domain": _take_domain,
    "port": _take_port,
    "cache-size": _take_cache,
    **dict.fromkeys(("server", "local", "address"), _take_server),
    "resolv-file": _take_resolv,
    "servers-file": _take_servers,
    **dict.fromkeys(("addn-hosts", "hostsdir"), _take_names),
    **dict.fromkeys(
        ("host-record", "cname", "srv-host", "txt-record", "ptr-record", "mx-host"),
        _take_record,
    ),
}
"""Who takes a line of that key."""
