"""The names of one network: its guests', the operator's zone file, our own.

What the operator wrote and what is ours stands: a guest that is called the same has its
address alone (and the PTR that leads to it), so no tenant takes `metadata` from the others.
"""

from collections.abc import Iterable

from dnslib import CLASS
from dnslib import RR
from dnslib import DNSBuffer
from dnslib import DNSError
from dnslib import ZoneParser

from .attachment import METADATA_ADDRESS
from .errors import SettingsError
from .layout import NetworkLayout
from .records import Record
from .resolver.local import ALIASES_AT_MOST
from .resolver.local import LOCALHOST
from .resolver.local import metadata_names
from .resolver.names import NameTable
from .resolver.names import encode_name
from .resolver.names import guest_records
from .resolver.policy import Resolver
from .resolver.upstreams import Routes
from .resolver.wire import LABEL_AT_MOST
from .resolver.wire import NAME_AT_MOST
from .resolver.wire import Type
from .resolver.zones import PRIVATE
from .resolver.zones import Zones
from .settings import Settings
from .state import Change

Named = tuple[bytes, int, bytes]
"""A name, a type, a value."""
# ours to say, or of no zone that we serve
REFUSED = {Type.OPT, Type.TKEY, Type.TSIG, Type.IXFR, Type.AXFR, Type.ANY}


class Naming:
    """Keeps the resolver's names in step with the bindings."""

    def __init__(self, settings: Settings, files: NetworkLayout) -> None:
        """Read the zone file; raises SettingsError."""
        self._domain = settings.network.domain
        self._names = NameTable()
        self._given: dict[bytes, list[Named]] = {}
        """What each guest's MAC has brought."""
        ours = metadata_names(
            METADATA_ADDRESS, settings.network.server_ids, self._domain
        )
        fixed = [*ours, *read_zone(files, self._domain)]
        for name, kind, value in fixed:
            self._names.add(name, kind, value)
        self._names.widen(LOCALHOST)  # RFC 6761 section 6.3
        self._fixed = {(name, kind) for name, kind, _ in fixed}
        subnets = settings.attachment.subnets
        self.resolver = Resolver(
            self._names,
            Zones(self._domain, subnets),
            routes=routes(settings),
            entries=settings.dns.cache,
            rebinding=(*PRIVATE, *subnets) if settings.dns.rebind_protection else (),
        )

    def follow(self, change: Change) -> None:
        """Take the names of guests that went or changed, add those that are now."""
        for record in (*change.gone, *change.put):
            for name, kind, value in self._given.pop(record.mac.octets, ()):
                self._names.remove(name, kind, value)
        for record in change.put:
            given = self._records(record)
            self._given[record.mac.octets] = given
            for name, kind, value in given:
                self._names.add(name, kind, value)

    def _records(self, record: Record) -> list[Named]:
        domain = record.binding.domain or self._domain
        encoded = None if domain is None else encode_name(domain)
        return [
            (name, kind, value)
            for name, kind, value in guest_records(record, encoded)
            if (name, kind) not in self._fixed and (name, Type.CNAME) not in self._fixed
        ]


def routes(settings: Settings) -> Routes:
    """Return who is asked for which names."""
    return Routes.of(settings.dns.upstream, dict(settings.dns.domains))


def read_zone(files: NetworkLayout, domain: str | None) -> list[Named]:
    """Read the operator's names, if there are any; raises SettingsError."""
    try:
        text = files.zone.read_text()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(files.zone, str(problem)) from None
    last = "the beginning"
    found: list[Named] = []
    try:
        for each in ZoneParser(text, origin=domain or ".", ttl=0):
            last = str(each.rname)
            if each.rtype != Type.SOA:  # what is said of a zone here is ours
                found.append(_named(each))
        _check_aliases(found)
    except (DNSError, ValueError, LookupError, AttributeError, TypeError) as problem:
        # dnslib lets more than its own error out of a broken zone
        raise SettingsError(files.zone, f"near {last}: {problem}") from None
    return found


def _named(record: RR) -> Named:
    """Return a zone file's record in octets; raises ValueError."""
    labels = record.rname.label
    name = b"".join(bytes([len(label)]) + label.lower() for label in labels) + b"\0"
    if not all(0 < len(label) <= LABEL_AT_MOST for label in labels):
        raise ValueError("a label has 1 to 63 octets")
    if len(name) > NAME_AT_MOST:
        raise ValueError("a name has at most 255 octets")
    if b"*" in labels:
        raise ValueError("wildcards are not served: write each name")
    if record.rclass != CLASS.IN or record.rtype in REFUSED:
        raise ValueError("is no record of a zone of the class IN")
    buffer = DNSBuffer()
    record.rdata.pack(buffer)
    return name, int(record.rtype), bytes(buffer.data)


def _check_aliases(records: Iterable[Named]) -> None:
    """Raise ValueError where a CNAME is not alone at its name, or leads in a circle."""
    kinds: dict[bytes, set[int]] = {}
    aliases: dict[bytes, bytes] = {}
    for name, kind, value in records:
        if kind == Type.CNAME and name in aliases:
            raise ValueError(f"{_text(name)} has two CNAMEs")
        if kind == Type.CNAME:
            aliases[name] = value.lower()
        kinds.setdefault(name, set()).add(kind)
    for name in aliases:
        if len(kinds[name]) > 1:
            raise ValueError(f"{_text(name)} has a CNAME, and more (RFC 1034 3.6.2)")
        at = name
        for _ in range(ALIASES_AT_MOST):
            if at not in aliases:
                break
            at = aliases[at]
        else:
            raise ValueError(f"{_text(name)} is a CNAME of too many others, or itself")


def _text(name: bytes) -> str:
    labels = []
    while name[0]:
        labels.append(name[1 : 1 + name[0]].decode("ascii", "backslashreplace"))
        name = name[1 + name[0] :]
    return ".".join(labels) or "."
