"""dnsmasq's lines of DNS: each is put into the reading."""

from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import ip_address
from ipaddress import summarize_address_range

from ..errors import SettingsError
from .hosts import split_words
from .lines import Line
from .lines import Source
from .lines import named_lines
from .names import address_line
from .names import zone_lines
from .plan import CHANGES
from .plan import LOST
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
        read.zone += [address_line(f"{each}.", IPv4Address(asked)) for each in named]
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
        read.zone += [address_line(name, address) for name in names]


def _take_record(source: Source, read: Reading, line: Line) -> None:
    found = zone_lines(line.key, line.value)
    if isinstance(found, str):
        read.tell(LOST, line, f"{line.key}={line.value} {found}")
    else:
        read.zone += found


DNS_LINES: dict[str, Take] = {
    "domain": _take_domain,
    "port": _take_port,
    "cache-size": _take_cache,
    **dict.fromkeys(("server", "local", "address"), _take_server),
    **dict.fromkeys(("addn-hosts", "hostsdir"), _take_names),
    **dict.fromkeys(
        ("host-record", "cname", "srv-host", "txt-record", "ptr-record", "mx-host"),
        _take_record,
    ),
}
"""Who takes a line of that key."""
