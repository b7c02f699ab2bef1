"""The names of one network: its guests', the operator's zone file, our own.

What the operator wrote and what is ours stands: a guest that is called the same has
its PTR alone, so that no tenant takes `metadata` from the others.
"""

from .attachment import METADATA_ADDRESS
from .errors import SettingsError
from .files import read_text
from .layout import NetworkLayout
from .records import Record
from .resolver.local import LOCALHOST
from .resolver.local import metadata_names
from .resolver.names import Named
from .resolver.names import NameTable
from .resolver.names import encode_name
from .resolver.names import guest_records
from .resolver.policy import Resolver
from .resolver.upstreams import Routes
from .resolver.wire import Type
from .resolver.zonefile import parse_zone
from .resolver.zones import PRIVATE
from .resolver.zones import Zones
from .settings import Settings
from .state import Change


class Naming:
    """Keeps the resolver's names in step with the bindings."""

    def __init__(self, settings: Settings, files: NetworkLayout) -> None:
        """Read the zone file; raises SettingsError."""
        domain = settings.network.domain
        self._domain = None if domain is None else encode_name(domain)
        self._names = NameTable()
        self._given: dict[bytes, list[Named]] = {}
        """What each guest's MAC has brought."""
        ours = metadata_names(
            METADATA_ADDRESS, settings.network.server_ids, self._domain
        )
        written = read_zone(files, domain)
        self._brought = {"metalease": ours, str(files.zone): written}
        fixed = [*ours, *written]
        for name, kind, value in fixed:
            self._names.add(name, kind, value)
        self._names.widen(LOCALHOST)  # RFC 6761 section 6.3
        self._fixed = {(name, kind) for name, kind, _ in fixed}
        subnets = settings.attachment.subnets
        self.zones = Zones(domain, subnets)
        self.resolver = Resolver(
            self._names,
            self.zones,
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

    def origins(self, name: bytes) -> list[str]:
        """Return who brought *name*, in labels and lower case: files, bindings, we."""
        guests = ((f"binding {mac.hex(':')}", all) for mac, all in self._given.items())
        return [
            origin
            for origin, records in (*self._brought.items(), *guests)
            if any(name == each for each, _, _ in records)
        ]

    def _records(self, record: Record) -> list[Named]:
        own = record.binding.domain
        domain = self._domain if own is None else encode_name(own)
        return [
            (name, kind, value)
            for name, kind, value in guest_records(record, domain)
            if (name, kind) not in self._fixed and (name, Type.CNAME) not in self._fixed
        ]


def routes(settings: Settings) -> Routes:
    """Return who is asked for which names."""
    return Routes.of(settings.dns.upstream, dict(settings.dns.domains))


def read_zone(files: NetworkLayout, domain: str | None) -> list[Named]:
    """Read the operator's names, if there are any; raises SettingsError."""
    try:
        return parse_zone(read_text(files.zone), domain)
    except FileNotFoundError:
        return []
    except ValueError as problem:
        raise SettingsError(files.zone, str(problem)) from None
