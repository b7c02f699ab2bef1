"""The bindings in force, made from files and kept when a file is bad.

A change is decided as a whole and then made between two packets.  The last good
binding of a MAC stays while its file cannot be used; where there is none, its MAC is
answered with silence.  When more than half of the bindings (and more than 20) vanish
at once and no command did it, they stay until `metalease accept`.
"""

import os
from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv6Address

from dhcp.bindings import Binding
from dhcp.bindings import BindingTable
from dhcp.hardware import HardwareAddress

from .directory import NAME
from .directory import SUFFIX
from .directory import Content
from .directory import Stamp
from .directory import StateDirectory
from .errors import SettingsError
from .link_local import mac_of
from .records import Record
from .records import parse_record
from .settings import Settings

VANISH_AT_MOST = 20  # bindings that may go at once without a command

Claim = IPv4Address | bytes
"""What two guests cannot both have: an address, or a client-id."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an update did, for the log and for the neighbours."""

    put: tuple[Record, ...] = ()
    gone: tuple[Record, ...] = ()
    problems: tuple[SettingsError, ...] = ()
    """Files that were found bad now."""

    def __bool__(self) -> bool:
        return bool(self.put or self.gone or self.problems)


class State:
    """The bindings of one network, and what is known of their files."""

    def __init__(self, directory: StateDirectory, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings
        self.table = BindingTable()
        self.records: dict[bytes, Record] = {}
        self.problems: dict[str, SettingsError] = {}
        """Files that cannot be used, and why."""
        self.vanished: set[str] = set()
        """Files that are gone although their bindings stay in force."""
        self._waiting: dict[str, Record] = {}
        """Records that contradict one that was here before."""
        self._stamps: dict[str, Stamp] = {}

    def at(self, address: IPv4Address | IPv6Address) -> Record | None:
        """Return the record of the guest that owns *address*."""
        if isinstance(address, IPv6Address):
            return self.records.get(mac_of(address))
        binding = self.table.at(address)
        return None if binding is None else self.records[binding.hardware.octets]

    def load(self) -> Change:
        """Read every file; the older of two that contradict each other wins."""
        stamps = self.directory.stamps()
        return self.update(self.directory.read_all(self.differing(stamps)), stamps)

    def differing(self, stamps: Mapping[str, Stamp]) -> list[str]:
        """Return the files that have come, gone or changed; the oldest come first."""
        known = self._stamps
        fresh = [name for name, stamp in stamps.items() if known.get(name) != stamp]
        fresh.sort(key=lambda name: (stamps[name][2], name))
        return fresh + [name for name in known if name not in stamps]

    def replaced(self, inodes: Mapping[str, int]) -> list[str]:
        """Return the files that have come, gone or been renamed over."""
        known = self._stamps
        fresh = [
            name
            for name, inode in inodes.items()
            if name not in known or known[name][0] != inode
        ]
        return fresh + [name for name in known if name not in inodes]

    def update(
        self,
        contents: Mapping[str, Content],
        stamps: Mapping[str, Stamp],
        *,
        commanded: bool = False,
    ) -> Change:
        """Bring the files in *contents* in force, all of them in one step.

        *commanded* says that an operator's command wrote or removed them.
        """
        contents = self._guarded(contents, commanded)
        for name in contents:
            if name in stamps:
                self._stamps[name] = stamps[name]
            else:
                self._stamps.pop(name, None)
        records, problems = self._parse(contents)
        # what contradicted another binding may be right now
        waiting = {
            name: record
            for name, record in self._waiting.items()
            if name not in contents
        }
        gone = [name for name, content in contents.items() if content is None]
        accepted, refused = self._agree({**waiting, **records}, gone)
        put, left = self._apply(accepted, gone)
        while free := [name for name in refused if not self._holder(refused[name])]:
            more = self._apply({free[0]: refused.pop(free[0])}, ())
            put, left = put + more[0], left + more[1]
        self._waiting = refused
        problems |= {
            name: self._contradiction(name, record) for name, record in refused.items()
        }
        known = self.problems
        kept = {
            name: problem
            for name, problem in known.items()
            if name not in contents and name not in waiting
        }
        self.problems = kept | problems
        self.table.unread = {
            _octets(name) or os.fsencode(name)
            for name in self.problems
            if _octets(name) not in self.records
        }
        fresh = [
            problem
            for name, problem in problems.items()
            if str(problem) != str(known.get(name))
        ]
        return Change(tuple(put), tuple(left), tuple(fresh))

    def accept(self) -> Change:
        """Let the bindings go whose files have vanished."""
        return self.update(dict.fromkeys(self.vanished), {}, commanded=True)

    def _guarded(
        self, contents: Mapping[str, Content], commanded: bool
    ) -> dict[str, Content]:
        """Return *contents* without the files of a mass removal."""
        lost = {
            name
            for name, content in contents.items()
            if content is None and _octets(name) in self.records
        }
        self.vanished.difference_update(contents)
        many = len(self.vanished | lost)
        if commanded or many <= VANISH_AT_MOST or many * 2 <= len(self.records):
            return dict(contents)
        self.vanished |= lost
        for name in lost:
            self._stamps.pop(name, None)
        return {name: each for name, each in contents.items() if name not in lost}

    def _parse(
        self, contents: Mapping[str, Content]
    ) -> tuple[dict[str, Record], dict[str, SettingsError]]:
        records: dict[str, Record] = {}
        problems: dict[str, SettingsError] = {}
        for name, content in contents.items():
            if content is None:
                continue
            try:
                records[name] = self._record(name, content)
            except SettingsError as problem:
                problems[name] = problem
        return records, problems

    def _record(self, name: str, content: str | SettingsError) -> Record:
        if isinstance(content, SettingsError):
            raise content
        path = f"{self.directory.bindings}/{name}"
        if not NAME.fullmatch(name):
            raise SettingsError(
                path, "is no binding's name: 12 lower-case hex digits and .json"
            )
        record = parse_record(content, path, self.settings)
        if record.mac.digits != name.removesuffix(SUFFIX):
            raise SettingsError(
                f"{path}: mac", f"{record.mac} is not the MAC in the file's name"
            )
        return record

    def _agree(
        self, records: Mapping[str, Record], gone: Iterable[str]
    ) -> tuple[dict[str, Record], dict[str, Record]]:
        """Part *records* into those that contradict nobody, and the others.

        One that is refused keeps what it had, so others may be refused for it: asked
        again until nothing changes.
        """
        accepted = dict(records)
        refused: dict[str, Record] = {}
        while True:
            leaving = {_octets(name) for name in (*accepted, *gone)}
            late = self._late(accepted, leaving) or self._rivals(accepted)
            if not late:
                return accepted, refused
            refused |= {name: accepted.pop(name) for name in late}

    def _late(
        self, records: Mapping[str, Record], leaving: Container[bytes | None]
    ) -> list[str]:
        """Return who wants what another has, and keeps."""
        return [
            name
            for name, record in records.items()
            if any(
                held is not None and held.hardware.octets not in leaving
                for _, _, held in self._claims(record)
            )
        ]

    def _rivals(self, records: Mapping[str, Record]) -> list[str]:
        """Return who wants what another wants too, but for who has it or is first."""
        claimed: set[Claim] = set()
        late = []
        for name, record in sorted(records.items(), key=self._is_new):
            wanted = {claim for _, claim, _ in self._claims(record)}
            if wanted & claimed:
                late.append(name)
            else:
                claimed |= wanted
        return late

    def _is_new(self, named: tuple[str, Record]) -> bool:
        held = self.table.at(named[1].ip)
        return held is None or held.hardware != named[1].mac

    def _claims(self, record: Record) -> Iterable[tuple[str, Claim, Binding | None]]:
        """Yield what *record* alone may have, under its key, and who has it now."""
        yield "ip", record.ip, self.table.at(record.ip)
        named = record.binding.client_id
        if named is not None:
            yield "client_id", named, self.table.find(b"", named)

    def _holder(self, record: Record) -> tuple[str, Claim, HardwareAddress] | None:
        """Return what *record* cannot have, under its key, and who has it."""
        for key, claim, held in self._claims(record):
            if held is not None and held.hardware != record.mac:
                return key, claim, held.hardware
        return None

    def _contradiction(self, name: str, record: Record) -> SettingsError:
        found = self._holder(record)
        assert found is not None  # else it would be in force
        key, claim, holder = found
        shown = claim.hex() if isinstance(claim, bytes) else claim
        return SettingsError(
            f"{self.directory.path(name)}: {key}",
            f"{shown} of {record.mac} is bound to {holder} already:"
            " remove one of the two",
        )

    def _apply(
        self, accepted: Mapping[str, Record], gone: Iterable[str]
    ) -> tuple[list[Record], list[Record]]:
        """Make the change; return who was put, and who is gone."""
        left = []
        for name in gone:
            record = self.records.pop(_octets(name) or b"", None)
            if record is not None:
                left.append(record)
        put = []
        for record in accepted.values():
            old = self.records.get(record.mac.octets)
            if old == record:
                continue
            put.append(record)
            if old is not None and old.ip != record.ip:
                left.append(old)
        for record in (*left, *put):
            self.table.remove(record.mac)
        for record in put:
            self.table.put(record.binding)
            self.records[record.mac.octets] = record
        return put, left


def _octets(name: str) -> bytes | None:
    """Return the MAC that a file's name says; None where it is no such name."""
    return bytes.fromhex(name[:12]) if NAME.fullmatch(name) else None
