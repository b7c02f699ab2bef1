"""The request target: decoded once, normalised, or refused.

What is left holds no escape, no "//", no "." and no ".." (RFC 3986 section 6.2.2),
so that a rule sees what a file system would see.
"""

import re

from .errors import BadRequest

# with a host, or it is to be refused (RFC 9110 section 4.2.1): not "http://:80/"
_ABSOLUTE = re.compile(
    r"https?://(?:[^/?#@]*@)?[^/?#@:][^/?#@]*(?=[/?#]|$)", re.IGNORECASE
)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*"
_PLAIN = re.compile(rf"/(?:{_SEGMENT}/)*(?:{_SEGMENT})?")  # one way to match: linear
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_target(target: str) -> tuple[str, str]:
    """Return path and query of a request target; raises BadRequest."""
    if not target.startswith("/"):
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise BadRequest(400, "the target is no path")
        target = target[absolute.end() :]
        if not target.startswith("/"):
            target = "/" + target
    path, _, query = target.partition("?")
    if "#" in target:
        raise BadRequest(400, "a fragment in the target")
    if _PLAIN.fullmatch(path):  # as nearly all are
        return path, query
    return _normalise(_decode(path)), query


def _decode(path: str) -> str:
    def octet(found: re.Match[bytes]) -> bytes:
        digits = found[1]
        if digits is None:
            raise BadRequest(400, "a % that is no escape")
        if digits in (b"00", b"2f", b"2F"):
            raise BadRequest(400, f"%{digits.decode()} in the path")
        return bytes.fromhex(digits.decode())

    try:
        decoded = _ESCAPE.sub(octet, path.encode("ascii")).decode("utf-8")
    except UnicodeError:
        raise BadRequest(400, "the path is not UTF-8") from None
    if "\\" in decoded or _CONTROL.search(decoded):
        raise BadRequest(400, "a backslash or control character in the path")
    return decoded


def _normalise(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if not segments:
                raise BadRequest(400, "the path leaves the root")
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    directory = path.endswith(("/", "/.", "/.."))
    return "/" + "/".join(segments) + ("/" if directory and segments else "")
