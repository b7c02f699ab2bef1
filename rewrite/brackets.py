r"""Classes in brackets, [^a-z\d[:alpha:]], and characters written as escapes."""

import re
from collections.abc import Callable
from typing import NoReturn

from .characters import CONTROLS
from .characters import ESCAPED
from .characters import LAST
from .characters import POSIX
from .characters import Characters

Fail = Callable[[str, int | None], NoReturn]

_HEXADECIMAL = re.compile(r"\\x(?:\{([0-9A-Fa-f]{1,6})\}|(?!\{)([0-9A-Fa-f]{0,2}))")
_OCTAL = re.compile(r"\\(?:o\{([0-7]{1,7})\}|(0[0-7]{0,2}))")
_CONTROL = re.compile(r"\\c([ -~])")
_POSIX = re.compile(r"\[:(\^?)([^]\[\\]*?):\]")
_NAMED_ALONE = re.compile(r"\[([:.=])[^]\[\\]*?\1\]")
_SURROGATES = range(0xD800, 0xE000)


def read_code(text: str, at: int, fail: Fail) -> tuple[int, int]:
    """Return the character that the escape at *at* means, and where it ends."""
    for form, base in ((_HEXADECIMAL, 16), (_OCTAL, 8)):
        found = form.match(text, at)
        if found is not None:
            code = int(found[1] or found[2] or "0", base)
            if code > LAST or code in _SURROGATES:
                fail("there is no such character", at)
            return code, found.end()
    control = _CONTROL.match(text, at)
    if control is not None:
        return ord(control[1].upper()) ^ 64, control.end()
    letter = text[at + 1 : at + 2]
    if letter in CONTROLS:
        return CONTROLS[letter], at + 2
    if not letter or (letter.isalnum() and letter.isascii()):
        fail("this escape is not known", at)
    return ord(letter), at + 2


def read_class(
    text: str, at: int, fail: Fail, *, either_case: bool
) -> tuple[Characters, int]:
    """Return the class that begins at *at*, and where it ends."""
    begin = at
    if _NAMED_ALONE.match(text, at):
        fail("a class that has a name stands in brackets of its own: [[:alpha:]]", at)
    at += 1
    negated = text.startswith("^", at)
    at += negated
    found: list[tuple[int, int]] = []
    first, quoted = True, False
    while first or quoted or not text.startswith("]", at):
        if at >= len(text):
            fail("this [ has no ]", begin)
        if text.startswith(r"\E", at):
            quoted = False
            at += 2
            continue
        if not quoted and text.startswith(r"\Q", at):
            quoted = True
            at += 2
            continue
        first = False
        some, at = _some(text, at, quoted, fail)
        is_range = text.startswith("-", at) and not text.startswith("]", at + 1)
        if quoted or not is_range:
            found += some.ranges if isinstance(some, Characters) else [(some, some)]
            continue
        last, after = _some(text, at + 1, False, fail)
        if isinstance(some, Characters) or isinstance(last, Characters):
            fail("a range is between two characters: write \\- for the sign", at)
        if last < some:
            fail("this range ends before it begins", at)
        found.append((some, last))
        at = after
    characters = Characters.of(found)
    if either_case:
        characters = characters.either_case()
    return characters.others() if negated else characters, at + 1


def _some(text: str, at: int, quoted: bool, fail: Fail) -> tuple[Characters | int, int]:
    """Return one character, or a set that has a name."""
    if at >= len(text):
        fail("this [ has no ]", None)
    if quoted:
        return ord(text[at]), at + 1
    posix = _POSIX.match(text, at)
    if posix is not None:
        if posix[2] not in POSIX:
            fail(f"{posix[0]} is not known: {', '.join(POSIX)} are", at)
        known = POSIX[posix[2]]
        return known.others() if posix[1] else known, posix.end()
    if text.startswith(("[.", "[="), at):
        fail("[. and [= are not known", at)
    if text[at] != "\\":
        return ord(text[at]), at + 1
    letter = text[at + 1 : at + 2]
    if letter in ESCAPED:
        return ESCAPED[letter], at + 2
    if letter == "b":
        return 8, at + 2
    if letter and letter in "1234567":
        octal = re.compile(r"[0-7]{1,3}").match(text, at + 1)
        assert octal is not None
        return int(octal[0], 8), octal.end()
    return read_code(text, at, fail)
