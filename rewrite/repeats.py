"""How often: *, +, ?, {2}, {2,} and {2,3}."""

from .brackets import Fail
from .vocabulary import BRACES

REPEATED_AT_MOST = 1000  # times
SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


def read_repeat(text: str, at: int, fail: Fail) -> tuple[int, int | None, int] | None:
    """Return least, most and where it ends; None where nothing is repeated at *at*."""
    sign = SIGNS.get(text[at : at + 1])
    if sign is not None:
        return (*sign, at + 1)
    found = BRACES.match(text, at)
    if found is None:
        return None
    if max(len(found[1]), len(found[3] or "")) > len(str(REPEATED_AT_MOST)):
        fail(f"more than {REPEATED_AT_MOST} repeats", at)
    least = int(found[1])
    most = least if not found[2] else int(found[3]) if found[3] else None
    if max(least, most or 0) > REPEATED_AT_MOST:
        fail(f"more than {REPEATED_AT_MOST} repeats", at)
    if most is not None and most < least:
        fail("the second number is less than the first", at)
    return least, most, found.end()
