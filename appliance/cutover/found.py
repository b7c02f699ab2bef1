"""What a cut-over finds, and puts back: values, and their JSON in the journal."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any
from typing import Self

from ..errors import SettingsError


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """A socket that somebody is reached by."""

    kind: str
    """"udp", "tcp", "udp6" or "tcp6"."""
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.kind} {self.address} port {self.port}"


@dataclass(frozen=True, slots=True)
class Program:
    """A process of theirs, and all that it takes to start it again."""

    pid: int
    started: int
    """Ticks after the kernel's start: with *pid* it means one process for ever."""
    parent: int
    name: str
    """dnsmasq or lighttpd."""
    executable: str
    arguments: tuple[str, ...]
    folder: str
    environment: tuple[str, ...]
    """Each as KEY=VALUE."""
    user: int
    """It may have been root at its start, and have become this one by itself."""

    def is_again(self, other: Self) -> bool:
        """Whether *other* is the same program, perhaps in another process."""
        return (self.name, self.arguments) == (other.name, other.arguments)


@dataclass(frozen=True, slots=True)
class End:
    """One end of the pair."""

    index: int
    name: str
    mac: str
    """Hex digits."""
    mtu: int
    up: bool
    alias: str
    master: int


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a link, as the kernel tells it, without its ages."""

    index: int
    family: int
    prefix: int
    scope: int
    flags: int
    attributes: tuple[tuple[int, str], ...]
    """Kind and octets, in hex."""


@dataclass(frozen=True, slots=True)
class Place:
    """The namespace and the pair: all that `up` may change."""

    outer: End
    inner: End
    addresses: tuple[Address, ...]
    """Of every link in the namespace."""
    settings: Mapping[str, str]
    """What /proc/sys/net says there."""
    neighbours: Mapping[str, str]
    """Permanent ones of innerN: address and MAC."""
    named_twice: bool
    """Whether it had our second name already."""
    steered: bool
    """Whether our nftables table was there already."""
    fixed: bool
    """Whether the bridge held our MAC at outerN already."""


@dataclass(frozen=True, slots=True)
class Jump:
    """The rule of ebtables that leads to ZStack's rewriting of the MAC (zstack 2.5)."""

    number: int
    """Its place in PREROUTING, from 1."""
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was so when the cut-over began."""

    network: str
    programs: tuple[Program, ...]
    """Parents before their children."""
    sockets: tuple[Held, ...]
    """By which the programs are reached."""
    place: Place
    jump: Jump | None

    @property
    def roots(self) -> tuple[Program, ...]:
        """Those that were started by somebody else: they start the rest."""
        pids = {each.pid for each in self.programs}
        return tuple(each for each in self.programs if each.parent not in pids)

    def pack(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, octets: bytes, file: object) -> Self:
        """Read a journal; raises SettingsError."""
        try:
            values = json.loads(octets)
            return cls(
                network=values["network"],
                programs=tuple(_program(each) for each in values["programs"]),
                sockets=tuple(Held(**each) for each in values["sockets"]),
                place=_place(values["place"]),
                jump=_jump(values["jump"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as problem:
            what = f"is no journal of a cut-over ({problem}): remove it by hand"
            raise SettingsError(file, what) from None


def _program(values: dict[str, Any]) -> Program:
    lists = {key: tuple(values[key]) for key in ("arguments", "environment")}
    return Program(**{**values, **lists})


def _place(values: dict[str, Any]) -> Place:
    ends = {key: End(**values[key]) for key in ("outer", "inner")}
    addresses = tuple(_address(each) for each in values["addresses"])
    return Place(**{**values, **ends, "addresses": addresses})


def _address(values: dict[str, Any]) -> Address:
    pairs = tuple((kind, octets) for kind, octets in values["attributes"])
    return Address(**{**values, "attributes": pairs})


def _jump(values: dict[str, Any] | None) -> Jump | None:
    return None if values is None else Jump(values["number"], tuple(values["words"]))
