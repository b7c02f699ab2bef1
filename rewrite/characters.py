"""Sets of characters, as PCRE's classes and escapes name them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LAST = 0x10FFFF
ASCII = 128
OTHERS = 1 << ASCII  # the bit of every character that is not ASCII

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Characters:
    """A set, as ranges that are in order and do not touch."""

    ranges: Ranges

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> "Characters":
        joined: list[tuple[int, int]] = []
        for low, high in sorted(ranges):
            if joined and low <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
            else:
                joined.append((low, high))
        return cls(tuple(joined))

    @classmethod
    def only(cls, text: str) -> "Characters":
        return cls.of((ord(each), ord(each)) for each in text)

    def others(self) -> "Characters":
        """Return what is not in it."""
        found, at = [], 0
        for low, high in self.ranges:
            if at < low:
                found.append((at, low - 1))
            at = high + 1
        if at <= LAST:
            found.append((at, LAST))
        return Characters(tuple(found))

    def either_case(self) -> "Characters":
        """Return it with the other case of each letter of ASCII."""
        more = list(self.ranges)
        for low, high in self.ranges:
            for first, last, to in ((65, 90, 32), (97, 122, -32)):
                if low <= last and high >= first:
                    more.append((max(low, first) + to, min(high, last) + to))
        return Characters.of(more)

    @property
    def mask(self) -> int:
        """A bit for each character of ASCII that is in it, and one for the others."""
        bits = 0
        for low, high in self.ranges:
            if low < ASCII:
                bits |= (1 << (min(high, ASCII - 1) + 1)) - (1 << low)
            if high >= ASCII:
                bits |= OTHERS
        return bits

    def __str__(self) -> str:
        """Return it in the language of re."""
        if self.ranges == NOT_NEWLINE.ranges:
            return "."
        if len(self.ranges) == 1 and self.ranges[0][0] == self.ranges[0][1]:
            return re.escape(chr(self.ranges[0][0]))
        inside, sign = self.ranges, ""
        if inside and inside[-1][1] == LAST and inside[0][0] == 0:
            inside, sign = self.others().ranges, "^"
        if not inside:
            return r"[\s\S]" if sign else r"[^\s\S]"
        return f"[{sign}{''.join(map(_range, inside))}]"


def _range(ends: tuple[int, int]) -> str:
    low, high = (f"\\U{each:08x}" if each > 126 else _plain(each) for each in ends)
    return low if ends[0] == ends[1] else f"{low}-{high}"


def _plain(code: int) -> str:
    return chr(code) if chr(code).isalnum() else f"\\x{code:02x}"


NOT_NEWLINE = Characters.only("\n").others()
DIGITS = Characters(((48, 57),))
WORDS = Characters.of(((48, 57), (65, 90), (95, 95), (97, 122)))
SPACES = Characters.only("\t\n\v\f\r ")
HORIZONTAL = Characters.of(
    [
        *((9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E)),
        *((0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
    ]
)
VERTICAL = Characters.of(((10, 13), (0x85, 0x85), (0x2028, 0x2029)))

_NAMED = {"d": DIGITS, "w": WORDS, "s": SPACES, "h": HORIZONTAL, "v": VERTICAL}
ESCAPED = _NAMED | {name.upper(): each.others() for name, each in _NAMED.items()}
CONTROLS = {"a": 7, "e": 27, "f": 12, "n": 10, "r": 13, "t": 9}
POSIX = {
    "alpha": Characters.of(((65, 90), (97, 122))),
    "digit": DIGITS,
    "alnum": Characters.of(((48, 57), (65, 90), (97, 122))),
    "upper": Characters(((65, 90),)),
    "lower": Characters(((97, 122),)),
    "space": SPACES,
    "blank": Characters.only(" \t"),
    "cntrl": Characters.of(((0, 31), (127, 127))),
    "graph": Characters(((33, 126),)),
    "print": Characters(((32, 126),)),
    "punct": Characters.of(((33, 47), (58, 64), (91, 96), (123, 126))),
    "xdigit": Characters.of(((48, 57), (65, 70), (97, 102))),
    "word": WORDS,
    "ascii": Characters(((0, 127),)),
}
