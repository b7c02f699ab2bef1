"""dnsmasq's dhcp-host: who gets which address, in every form (dnsmasq(8))."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

_MAC = re.compile(r"([0-9A-Fa-f]{1,2}-)?[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f*]{1,2}){5}")
LEASE = re.compile(r"(infinite|[0-9]+[smhdwSMHDW]?)")
_WEEK = 7  # days
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "e": "\x1b"}


@dataclass(frozen=True, slots=True)
class Host:
    """One dhcp-host line, or one line of a dhcp-hostsfile."""

    where: str
    macs: tuple[str, ...] = ()
    client_ids: tuple[str, ...] = ()
    """As written after id:"""
    tags: frozenset[str] = frozenset()
    only_if: tuple[str, ...] = ()
    """tag:, which have to be there before the line counts."""
    address: IPv4Address | None = None
    name: str | None = None
    lease_time: str | None = None
    """As our settings write it."""
    ignored: bool = False
    left: tuple[str, ...] = ()
    """Words that mean nothing to us, as IPv6 addresses."""


def parse_host(text: str, where: str) -> Host:
    """Read what is after dhcp-host=; what is not understood is in `left`."""
    macs: list[str] = []
    ids: list[str] = []
    tags: set[str] = set()
    only_if: list[str] = []
    left: list[str] = []
    address: IPv4Address | None = None
    name: str | None = None
    lease: str | None = None
    ignored = False
    for word in split_words(text):
        kind, colon, rest = word.partition(":")
        if colon and kind == "id":
            ids.append(rest)
        elif colon and kind in ("set", "net"):
            tags.add(rest)
        elif colon and kind == "tag":
            only_if.append(rest)
        elif _MAC.fullmatch(word) and "*" not in word:
            macs.append(plain_mac(word))
        elif word == "ignore":
            ignored = True
        elif _address(word) is not None and address is None:
            address = _address(word)
        elif LEASE.fullmatch(word):
            lease = plain_lease(word)
        elif colon or word.startswith("["):
            left.append(word)  # IPv6, or a MAC with a hole in it
        elif name is None:
            name = word.lower()  # as dnsmasq tells it
        else:
            left.append(word)
    return Host(
        where,
        tuple(macs),
        tuple(ids),
        frozenset(tags),
        tuple(only_if),
        address,
        name,
        lease,
        ignored,
        tuple(left),
    )


def split_words(text: str) -> list[str]:
    """Split at commas that stand outside of quotes and brackets."""
    words = re.findall(rf"(?:{_QUOTED.pattern}|\[[^\]]*\]|[^,])+", text)
    return [_QUOTED.sub(_unquoted, each.strip()) for each in words if each.strip()]


def _unquoted(found: re.Match[str]) -> str:
    r"""Return what is between two quotes: \n is a line's end there, \" a quote."""
    return re.sub(r"\\(.)", lambda it: _ESCAPES.get(it[1], it[1]), found[0][1:-1])


def plain_mac(word: str) -> str:
    """Return a MAC with two digits an octet, without the type of its hardware."""
    octets = word.rpartition("-")[2].split(":")
    return ":".join(each.lower().zfill(2) for each in octets)


def plain_lease(word: str) -> str:
    """Return a lease time as our settings write it; dnsmasq's least is 2 minutes."""
    if word == "infinite":
        return word
    number, unit = (word[:-1], word[-1].lower()) if not word.isdigit() else (word, "s")
    if unit == "w":
        number, unit = str(int(number) * _WEEK), "d"
    if unit == "s" and int(number) < 120:
        number = "120"
    return f"{int(number)}{unit}"


def _address(word: str) -> IPv4Address | None:
    try:
        return IPv4Address(word)
    except ValueError:
        return None
