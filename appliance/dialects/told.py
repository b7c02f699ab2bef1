"""What a guest is told of itself, in whatever dialect it asks."""

import json
import re
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass

from ..records import Record
from ..settings import Settings

# of "metalease" in the DNS's name space: a guest's id is the same on every host
IDS = uuid.UUID("c998b25b-d307-53be-ac1d-d1d76a0a8aab")

DIGITS_AT_MOST = 18  # of a number that fits into 63 bits
_NUMBER = re.compile(r"0|[1-9]\d*", re.ASCII)

ZONE = "nova"
"""Availability zone and region, in every dialect: no binding says them."""

Make = Callable[[], bytes]
Tree = Mapping[str, Make]
"""Paths below a guest's directory, and what makes the octets of each."""


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A file that OpenStack's agents put into the guest."""

    where: str
    """Below the guest's directory: content/<number>."""
    path: str
    """In the guest."""


@dataclass(frozen=True, slots=True)
class Told:
    """A guest as its documents describe it."""

    settings: Settings
    record: Record
    instance_id: str
    hostname: str
    """As its binding, or a leaf that was dropped, says it; a leaf may hold dots."""
    seed: Callable[[], bytes]
    """Return fresh random octets: what asks for them is never the same twice."""
    content: tuple[ContentFile, ...] = ()
    user_data: str | None = None
    """As it was dropped, for documents that hold it; None where it is no text."""
    vendor_data: str | None = None

    @property
    def domain(self) -> str | None:
        return self.record.binding.domain or self.settings.network.domain

    @property
    def fqdn(self) -> str:
        """The name with its domain, where there is one."""
        if self.domain is None or "." in self.hostname:
            return self.hostname
        return f"{self.hostname}.{self.domain}"


def instance_id(settings: Settings, record: Record) -> str:
    """Return the id that it was given, or a UUIDv5 of network and MAC.

    What runs once per instance must see the same id at every boot, in every dialect.
    """
    if record.instance_id is not None:
        return record.instance_id
    return str(uuid.uuid5(IDS, f"{settings.name}/{record.mac}"))


def number_of(identity: str) -> int | str:
    """Return an id as the number that it is, or as it is: 007 would become another."""
    is_number = len(identity) <= DIGITS_AT_MOST and _NUMBER.fullmatch(identity)
    return int(identity) if is_number else identity


def encode_json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
