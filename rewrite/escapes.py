"""How a part of a URL is written into another: lighttpd's `${esc:1}` and the like.

Paths are decoded before the rules see them, queries are not.  So that a "?" or "%" of
a decoded path is not taken for the URL's own, the rules see a mark in its place, which
is put back when the URL that they make has been split and decoded.
"""

import re
from base64 import urlsafe_b64decode
from base64 import urlsafe_b64encode
from collections.abc import Callable
from string import ascii_lowercase
from string import ascii_uppercase
from urllib.parse import quote
from urllib.parse import unquote

_GUARD = str.maketrans({"?": "\x00", "%": "\x01"})
_OPEN = str.maketrans({"\x00": "?", "\x01": "%"})
_ESCAPED = str.maketrans({"\x00": "%3F", "\x01": "%25"})
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_ESCAPE = re.compile(r"(%[0-9A-Fa-f]{2})")
_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_TO_UPPER = str.maketrans(ascii_lowercase, ascii_uppercase)
_ALONE = re.compile(r"%(?![0-9A-Fa-f]{2})")  # a % that is no escape
_NEEDLESS = re.compile(r"/(?:\.?/)*\.\Z|/(?:\.?/)+")  # //, and "." as a name
_LEGAL = "!#$&'()*+,/:;=?@[]~%"


def guard(path: str) -> str:
    """Return a decoded path, in which "?" and "%" are marks."""
    return path.translate(_GUARD) if "?" in path or "%" in path else path


def unguard(text: str) -> str:
    """Put back what guard() marked."""
    return text.translate(_OPEN)


def split(url: str) -> tuple[str, str]:
    """Return path and query of what a rule made: decoded, with no needless slash."""
    path, _, query = url.partition("?")
    if "%" in path:
        path = unquote(path, errors="replace")
    if "//" in path or "/." in path:
        path = _NEEDLESS.sub("/", path)
    return unguard(path), _ALONE.sub("%25", location(query))


def normal(query: str) -> str:
    """Return a query with no needless escape, and hexadecimal digits in upper case."""
    if "%" not in query:
        return query
    return _ESCAPE.sub(lambda found: _needed(found[0].upper()), query)


def location(url: str) -> str:
    """Return what a rule made as a header may say it: no blank, no line end."""
    return quote(url.translate(_ESCAPED), safe=_LEGAL)


def _all(text: str) -> str:
    """Escape all but letters, digits and `-._~`, escapes too."""
    return quote(unguard(text), safe="~")


def _except_escapes(text: str, safe: str) -> str:
    pieces = _ESCAPE.split(text.translate(_ESCAPED))
    return "".join(
        _needed(piece) if place % 2 else quote(piece, safe=safe)
        for place, piece in enumerate(pieces)
    )


def _needed(escape: str) -> str:
    plain = unquote(escape, encoding="latin-1")
    return plain if _UNRESERVED.fullmatch(plain) else escape


def _base64(text: str) -> str:
    return urlsafe_b64encode(unguard(text).encode()).decode().rstrip("=")


def _from_base64(text: str) -> str:
    """Decode as far as it is base64, as lighttpd does: else nothing."""
    found = re.match(r"[A-Za-z0-9_-]*", text)
    octets = found[0] if found is not None else ""
    if len(octets) % 4 == 1:
        return ""
    decoded = urlsafe_b64decode(octets + "=" * (-len(octets) % 4))
    return decoded.decode("utf-8", "replace")


def _lower(text: str) -> str:
    return text.translate(_TO_LOWER)


def _upper(text: str) -> str:
    return text.translate(_TO_UPPER)


ENCODINGS: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
    # of several the first counts, whatever their order
    (("noesc", "noescape"), str),
    (("esc", "escape"), _all),
    (("escnde",), lambda text: _except_escapes(text, "~")),
    (("escpsnde",), lambda text: _except_escapes(text, "/~")),
    (("encb64u",), _base64),
    (("decb64u",), _from_base64),
)
CASES: dict[str, Callable[[str], str]] = {"tolower": _lower, "toupper": _upper}
WORDS = tuple(word for words, _ in ENCODINGS for word in words) + tuple(CASES)


def write(text: str, words: tuple[str, ...]) -> str:
    """Return *text* as the *words* before its name say; ("escpsnde",) is ${1}'s."""
    for names, encode in ENCODINGS:
        if not set(names).isdisjoint(words):
            text = encode(text)
            break
    for name, change in CASES.items():
        if name in words:
            pieces = _ESCAPE.split(text)  # an escape's letters stay
            pieces[::2] = map(change, pieces[::2])
            return "".join(pieces)
    return text
