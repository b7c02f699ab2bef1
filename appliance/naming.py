"""The names of one network: its guests', the operator's zone file, our own."""

from dnslib import RR
from dnslib import DNSBuffer
from dnslib import DNSError

from .attachment import METADATA_ADDRESS
from .errors import SettingsError
from .layout import NetworkLayout
from .records import Record
from .resolver.names import NameTable
from .resolver.names import encode_name
from .resolver.names import guest_records
from .resolver.policy import Resolver
from .resolver.policy import metadata_names
from .resolver.upstreams import Routes
from .resolver.zones import PRIVATE
from .resolver.zones import Zones
from .settings import Settings
from .state import Change


class Naming:
    """Keeps the resolver's names in step with the bindings."""

    def __init__(self, settings: Settings, files: NetworkLayout) -> None:
        """Read the zone file; raises SettingsError."""
        self._domain = settings.network.domain
        self._names = NameTable()
        self._given: dict[bytes, list[tuple[bytes, int, bytes]]] = {}
        """What each guest's MAC has brought."""
        servers = settings.network.server_ids
        ours = metadata_names(METADATA_ADDRESS, servers, self._domain)
        for name, kind, value in (*ours, *_zone_records(files, self._domain)):
            self._names.add(name, kind, value)
        self.resolver = Resolver(
            self._names,
            Zones(self._domain, settings.attachment.subnets),
            routes=routes(settings),
            entries=settings.dns.cache,
            rebinding=PRIVATE if settings.dns.rebind_protection else (),
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

    def _records(self, record: Record) -> list[tuple[bytes, int, bytes]]:
        domain = record.binding.domain or self._domain
        encoded = None if domain is None else encode_name(domain)
        return guest_records(record, encoded)


def routes(settings: Settings) -> Routes:
    """Return who is asked for which names."""
    return Routes.of(settings.dns.upstream, dict(settings.dns.domains))


def _zone_records(
    files: NetworkLayout, domain: str | None
) -> list[tuple[bytes, int, bytes]]:
    try:
        text = files.zone.read_text()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(files.zone, str(problem)) from None
    try:
        found = RR.fromZone(text, origin=domain or ".", ttl=0)
        return [_record(each) for each in found]
    except (DNSError, ValueError, KeyError, IndexError, AttributeError) as problem:
        # dnslib lets more than its own error out of a broken zone
        raise SettingsError(files.zone, f"is no zone file: {problem!r}") from None


def _record(record: RR) -> tuple[bytes, int, bytes]:
    buffer = DNSBuffer()
    record.rdata.pack(buffer)
    name = encode_name(str(record.rname))
    return name, int(record.rtype), bytes(buffer.data)
