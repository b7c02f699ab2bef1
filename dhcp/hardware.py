"""Hardware addresses, as chaddr carries them (RFC 2131 section 2)."""

import re
from dataclasses import dataclass
from typing import Self

ETHERNET = 1

_TEXT = re.compile(
    r"[0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{12}"
)


@dataclass(frozen=True, slots=True, order=True)
class HardwareAddress:
    """An Ethernet address: six octets."""

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != 6:
            raise ValueError(f"{self.octets.hex()!r} is not six octets")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read fa:16:3e:00:00:05, fa-16-3e-00-00-05 or fa163e000005.

        Raises ValueError, which names the text.
        """
        lowered = text.lower()
        if not _TEXT.fullmatch(lowered):
            raise ValueError(f"{text!r} is not a MAC like fa:16:3e:00:00:05")
        return cls(bytes.fromhex(lowered.replace(":", "").replace("-", "")))

    @property
    def usable(self) -> bool:
        """Whether a station can own it: not zero, not broadcast or multicast."""
        return any(self.octets) and not self.octets[0] & 1

    @property
    def digits(self) -> str:
        """Twelve lower-case hex digits, as file names have them."""
        return self.octets.hex()

    def __str__(self) -> str:
        return self.octets.hex(":")
