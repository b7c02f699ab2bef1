"""What a request gets of a resource: the status, the headers, the body.

A directory is 200 with and without its slash, and nothing is ever redirected:
clients that do not follow would take the redirect for the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate

from .listing import encode_listing
from .messages import FileBody
from .messages import Look
from .messages import Request
from .messages import Response

OCTETS = "application/octet-stream"
PLAIN = ("Content-Type", "text/plain")
UNSTORED = ("Cache-Control", "no-store")
ALLOWED = ("GET", "HEAD")
YEAR_10000 = 253402300800  # seconds: no date of a header can say it


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is here."""

    body: bytes | FileBody
    modified: float | None = None
    """Seconds since the epoch; None for one that was made just now."""
    origin: str = ""
    looks: tuple[Look, ...] | None = None
    """Where it was looked for and what was there; None: it may be another next time."""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory: the names in it, those of directories with "/" at the end."""

    names: tuple[str, ...]
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing is here; *answer* is what the rule says for that case."""

    answer: str = "404"


Resource = Document | Directory | Missing


def refuse(status: int, what: str, *headers: tuple[str, str]) -> Response:
    """Return an answer that says *what* is wrong in a line."""
    return Response(status, (PLAIN, *headers), f"{status} {what}\n".encode())


def refuse_method(
    request: Request, allowed: Sequence[str] = ALLOWED
) -> Response | None:
    """Return the refusal of a method that is not *allowed* here (metadata U9)."""
    if request.method in allowed:
        return None
    *others, last = allowed
    what = f"only {', '.join(others)} and {last}"
    return refuse(405, what, ("Allow", ", ".join(allowed)))


def respond(
    resource: Resource,
    content_type: str | None = None,
    more: tuple[tuple[str, str], ...] = (),
    rule: str = "",
) -> Response:
    """Return what a GET of *resource* is answered; HEAD is the same without a body.

    *more* are headers that *rule* adds.
    """
    match resource:
        case Document(body, modified, origin):
            headers = [("Content-Type", content_type or OCTETS)]
            if modified is not None and 0 <= modified < YEAR_10000:
                headers.append(("Last-Modified", formatdate(modified, usegmt=True)))
            headers.append(UNSTORED)
            return Response(200, (*headers, *more), body, origin, rule)
        case Directory(names, origin):
            body = encode_listing(names)
            return Response(200, (PLAIN, UNSTORED, *more), body, origin, rule)
        case Missing("empty"):
            kind = ("Content-Type", content_type or OCTETS)
            return Response(200, (kind, *more), b"", "empty", rule)
        case Missing("204"):
            return Response(204, more, b"", "empty", rule)
        case Missing():
            body = b"404 no such document\n"
            return Response(404, (PLAIN, *more), body, rule=rule)
