"""A URL on its way through the rules, and what targets can say of it."""

from typing import NamedTuple

from .asked import Asked
from .escapes import guard


class Url(NamedTuple):
    """A URL on its way: path, decoded, and query, as it came."""

    path: str
    query: str


def facts_of(asked: Asked, url: Url) -> dict[str, str]:
    """Return what ${...} in a target can stand for."""
    host = asked.host
    return {
        **asked.facts,
        "ip": str(asked.remoteip),
        "url.scheme": "http",
        "url.authority": host,
        "url.authority.noport": _without_port(host),
        "url.port": asked.socket.rpartition(":")[2] or "80",
        "url.path": guard(url.path),
        "url.query": url.query,
    }


def _without_port(host: str) -> str:
    name, colon, _ = host.rpartition(":")
    return name if colon and not host.endswith("]") else host
