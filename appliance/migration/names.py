"""Names that dnsmasq answers, as lines of a zone file."""

from ipaddress import IPv4Address
from ipaddress import IPv6Address
from ipaddress import ip_address

from .hosts import split_words

SRV_ORDER = ("target", "port", "priority", "weight")


def zone_lines(key: str, text: str) -> list[str] | str:
    """Return what host-record, cname, srv-host, txt-record, mx-host or ptr-record say.

    A name without a dot at its end is of the network's domain; the reason where the
    line does not map.
    """
    words = split_words(text)
    if len(words) < 2:
        return "needs a name and a value"
    match key:
        case "host-record":
            return _host_record(words)
        case "cname":
            *names, target = words
            if target.isdigit() and len(names) > 1:
                target = names.pop()  # a TTL comes last: ours is 10 seconds
            return [f"{_whole(each)} IN CNAME {_whole(target)}" for each in names]
        case "srv-host":
            return _srv_host(words)
        case "txt-record":
            name, *texts = words
            return [f"{_whole(name)} IN TXT {' '.join(map(_quoted, texts))}"]
        case "ptr-record":
            return [f"{_whole(words[0])} IN PTR {_whole(words[1])}"]
        case "mx-host":
            name, host, *preference = words
            number = preference[0] if preference else "1"
            return [f"{_whole(name)} IN MX {number} {_whole(host)}"]
    return "has no key of ours"


def address_line(name: str, address: IPv4Address | IPv6Address) -> str:
    kind = "A" if address.version == 4 else "AAAA"
    return f"{_whole(name)} IN {kind} {address}"


def _host_record(words: list[str]) -> list[str] | str:
    names: list[str] = []
    addresses: list[IPv4Address | IPv6Address] = []
    for word in words:
        try:
            addresses.append(ip_address(word))
        except ValueError:
            if not word.isdigit():  # a TTL: ours is 10 seconds
                names.append(word)
    if not (names and addresses):
        return "names no address"
    return [address_line(name, each) for name in names for each in addresses]


def _srv_host(words: list[str]) -> list[str] | str:
    name, *rest = words
    given = dict(zip(SRV_ORDER, rest, strict=False))
    numbers = [given.get(each, "0") for each in ("priority", "weight")]
    if not all(each.isdigit() for each in (*numbers, given.get("port", "1"))):
        return "is not NAME,TARGET,PORT,PRIORITY,WEIGHT"
    port = given.get("port", "1")
    return [
        f"{_whole(name)} IN SRV {' '.join(numbers)} {port} {_whole(given['target'])}"
    ]


def _whole(name: str) -> str:
    """Return a name that has a dot as a full one; `with_domain` finishes the others."""
    return name.rstrip(".") + "." if "." in name.rstrip(".") else name.rstrip(".")


def with_domain(line: str, domain: str | None) -> str:
    """Return a line whose names are all full ones."""
    name, head, kind, value = line.split(" ", 3)
    if kind in ("CNAME", "PTR", "MX", "SRV"):
        *before, target = value.split(" ")
        value = " ".join([*before, _full(target, domain)])
    return f"{_full(name, domain)} {head} {kind} {value}"


def _full(name: str, domain: str | None) -> str:
    if name.endswith("."):
        return name
    return f"{name}.{domain}." if domain else f"{name}."


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
