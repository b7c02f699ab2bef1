"""Who is called what: the names of a network's guests, and what else is known there.

A name is in labels and lower case. Guests are added and removed one by one, in O(1);
who asks next sees it.
"""

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Protocol

from dhcp.formats import domain_name

from .wire import NAME_AT_MOST
from .wire import Type

REVERSE = domain_name("in-addr.arpa")

Named = tuple[bytes, int, bytes]
"""A name, a type, a value."""
Kinds = dict[int, list[bytes]]
"""Values by type."""


class Host(Protocol):
    """A guest, as far as its name goes."""

    @property
    def ip(self) -> IPv4Address: ...

    @property
    def hostname(self) -> str: ...


def encode_name(text: str) -> bytes:
    """Return *text* in labels and lower case; raises ValueError."""
    return domain_name(text.lower())


def decode_name(name: bytes) -> str:
    """Return *name* as it is written, for people to read."""
    labels = []
    while name[0]:
        labels.append(name[1 : 1 + name[0]].decode("ascii", "backslashreplace"))
        name = parent(name)
    return ".".join(labels) or "."


def reverse_name(address: IPv4Address) -> bytes:
    """Return d.c.b.a.in-addr.arpa of an address (RFC 1035 section 3.5)."""
    return (
        domain_name(".".join(reversed(str(address).split(".")))).removesuffix(b"\0")
        + REVERSE
    )


def join(name: bytes, domain: bytes) -> bytes | None:
    """Return *name* in *domain*; None where that is longer than a name can be."""
    joined = name.removesuffix(b"\0") + domain
    return joined if len(joined) <= NAME_AT_MOST else None


def parent(name: bytes) -> bytes:
    """Return *name* without its first label."""
    return name[1 + name[0] :]


def is_within(name: bytes, zone: bytes) -> bool:
    """Whether *name* is *zone* or below it; both in labels and lower case."""
    if not name.endswith(zone):
        return False
    at, start = 0, len(name) - len(zone)
    while at < start:
        at += 1 + name[at]
    return at == start


class NameTable:
    """Records by name and type: values are RDATA in octets, names in them whole."""

    def __init__(self) -> None:
        self._records: dict[bytes, Kinds] = {}
        self._above: Counter[bytes] = Counter()
        """Names that exist only because something below them does."""
        self._wide: list[bytes] = []

    def find(self, name: bytes) -> Kinds | None:
        """Return what *name* has; None where there is no such name."""
        found = self._records.get(name)
        if found is not None:
            return found
        for wide in self._wide:
            if is_within(name, wide):
                return self._records.get(wide)
        return {} if name in self._above else None

    def widen(self, name: bytes) -> None:
        """Let every name below *name* have what it has."""
        self._wide.append(name)

    def add(self, name: bytes, kind: int, value: bytes) -> None:
        """Add a record; who adds it twice has to remove it twice."""
        kinds = self._records.get(name)
        if kinds is None:
            kinds = self._records[name] = {}
            for above in _ancestors(name):
                self._above[above] += 1
        kinds.setdefault(kind, []).append(value)

    def remove(self, name: bytes, kind: int, value: bytes) -> None:
        """Take a record away; one that is not there is no matter."""
        kinds = self._records.get(name)
        if kinds is None or value not in kinds.get(kind, ()):
            return
        kinds[kind].remove(value)
        if not kinds[kind]:
            del kinds[kind]
        if not kinds:
            del self._records[name]
            for above in _ancestors(name):
                self._above[above] -= 1
                if not self._above[above]:
                    del self._above[above]

    def __len__(self) -> int:
        return len(self._records)


def _ancestors(name: bytes) -> Iterable[bytes]:
    name = parent(name)
    while name and name != b"\0":
        yield name
        name = parent(name)


def guest_records(guest: Host, domain: bytes | None) -> list[Named]:
    """Return the records of one guest: its address, its bare name's, and its name.

    None where name and domain together are longer than a name can be.
    """
    bare = encode_name(guest.hostname)
    full = bare if domain is None else join(bare, domain)
    if full is None:
        return []
    records = [
        (full, int(Type.A), guest.ip.packed),
        (reverse_name(guest.ip), int(Type.PTR), full),
    ]
    if full != bare:
        records.append((bare, int(Type.A), guest.ip.packed))
    return records
