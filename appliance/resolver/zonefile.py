"""A zone file (RFC 1035 section 5), as far as an operator adds names with one.

dnslib reads it.  What it would get wrong, or what this server does not do (wildcards,
delegations, signatures), is refused.
"""

from collections.abc import Iterable

from dnslib import CLASS
from dnslib import RR
from dnslib import DNSBuffer
from dnslib import DNSError
from dnslib import ZoneParser

from .local import ALIASES_AT_MOST
from .names import Named
from .names import decode_name
from .wire import LABEL_AT_MOST
from .wire import NAME_AT_MOST
from .wire import Type

SERVED = ("A", "AAAA", "CAA", "CNAME", "MX", "NAPTR", "PTR", "SRV", "TXT")
SRV_WORDS = 4  # priority, weight, port, target


def parse_zone(text: str, origin: str | None) -> list[Named]:
    """Read a zone file's records; raises ValueError, which says near which one."""
    last = "its beginning"
    found: list[Named] = []
    try:
        for each in _Parser(text, origin=origin or ".", ttl=0):
            last = str(each.rname)
            if each.rtype != Type.SOA:  # what is said of a zone here is ours
                found.append(_named(each))
    except (DNSError, ValueError, LookupError, AttributeError, TypeError) as problem:
        # dnslib lets more than its own error out of a broken zone
        raise ValueError(f"near {last}: {problem}") from None
    _check_aliases(found)
    return found


class _Parser(ZoneParser):  # type: ignore[misc] # dnslib has no types
    def parse_rr(self, rr: list[str]) -> RR:
        words = [word for word in rr[1:4] if word in (*SERVED, "SOA")]
        if not words:
            raise ValueError(f"{' '.join(rr)!r}: only {', '.join(SERVED)} are served")
        value = rr.index(words[0], 1) + 1
        if words[0] == "SRV" and len(rr) == value + SRV_WORDS and rr[-1][-1] != ".":
            rr[-1] = str(self.origin.add(rr[-1]))  # dnslib forgets it here
        return super().parse_rr(rr)


def _named(record: RR) -> Named:
    """Return a record in octets; raises ValueError."""
    labels = record.rname.label
    name = b"".join(bytes([len(label)]) + label.lower() for label in labels) + b"\0"
    if not all(0 < len(label) <= LABEL_AT_MOST for label in labels):
        raise ValueError("a label has 1 to 63 octets")
    if len(name) > NAME_AT_MOST:
        raise ValueError("a name has at most 255 octets")
    if b"*" in labels:
        raise ValueError("wildcards are not served: write each name")
    if record.rclass != CLASS.IN:
        raise ValueError("only the class IN is served")
    buffer = DNSBuffer()
    record.rdata.pack(buffer)
    return name, int(record.rtype), bytes(buffer.data)


def _check_aliases(records: Iterable[Named]) -> None:
    """Raise ValueError where a CNAME is not alone at its name, or leads in a circle."""
    kinds: dict[bytes, set[int]] = {}
    aliases: dict[bytes, bytes] = {}
    for name, kind, value in records:
        if kind == Type.CNAME and name in aliases:
            raise ValueError(f"{decode_name(name)} has two CNAMEs")
        if kind == Type.CNAME:
            aliases[name] = value.lower()
        kinds.setdefault(name, set()).add(kind)
    for name in aliases:
        text = decode_name(name)
        if len(kinds[name]) > 1:
            raise ValueError(f"{text} has a CNAME, and more (RFC 1034 section 3.6.2)")
        at = name
        for _ in range(ALIASES_AT_MOST):
            if at not in aliases:
                break
            at = aliases[at]
        else:
            raise ValueError(f"{text} is a CNAME of too many others, or of itself")
